"""Connections on real sockets: a small server on loopback that speaks the remoting protocol, and misbehaves on demand."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.rocketmq.auth import Credentials, sign
from bridge.rocketmq.connection import Access, Connection
from bridge.rocketmq.errors import (
    Busy,
    CallTimeout,
    CannotConnect,
    ConnectionLost,
    NotRocketMQ,
    Refused,
)
from bridge.rocketmq.frames import Command, FrameReader, encode

Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
QUICK = Access(call_timeout_s=5.0, connect_timeout_s=5.0)


@asynccontextmanager
async def serving(served: Served, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """``served`` is run for each connection, which is closed when it returns."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await served(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def connected(served: Served, access: Access = QUICK, **options) -> AsyncIterator[Connection]:
    async with serving(served) as address:
        connection = await Connection.open(address, access, **options)
        try:
            yield connection
        finally:
            await connection.close()


async def requests(reader: asyncio.StreamReader) -> AsyncIterator[Command]:
    frames = FrameReader()
    while data := await reader.read(65536):
        for command in frames.feed(data):
            yield command


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every request with its own arguments and body."""
    async for command in requests(reader):
        if not command.is_one_way:
            writer.write(encode(command.answer(0, command.ext, body=command.body)))


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads on and on, and never answers."""
    while await reader.read(65536):
        pass


async def test_a_call_is_answered() -> None:
    """Arguments and body come back."""
    async with connected(echo) as connection:
        answer = await connection.call(30, {"topic": "t", "ü": "漢\x01"}, b"body")
        assert (answer.code, answer.ext, answer.body) == (0, {"topic": "t", "ü": "漢\x01"}, b"body")


async def test_many_calls_at_a_time_with_answers_in_any_order() -> None:
    """64 calls wait at once; each gets its own answer, though the server turns them round."""

    async def reversing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: list[Command] = []
        async for command in requests(reader):
            waiting.append(command)
            if len(waiting) == 64:
                writer.write(b"".join(encode(asked.answer(0, asked.ext)) for asked in reversed(waiting)))

    async with connected(reversing) as connection:
        answers = await asyncio.gather(*(connection.call(1, {"n": str(n)}) for n in range(64)))
        assert [answer.ext["n"] for answer in answers] == [str(n) for n in range(64)]


async def test_a_body_of_several_megabytes() -> None:
    """A large request and its large answer come through whole, beside small ones."""
    large = bytes(range(256)) * 16384
    async with connected(echo) as connection:
        small, big = await asyncio.gather(connection.call(1, {"small": "1"}), connection.call(1, {}, large))
        assert small.ext == {"small": "1"}
        assert big.body == large


async def test_other_codes_are_errors_unless_accepted() -> None:
    """An answer that is not accepted raises its error, with the server's words and address."""

    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for command in requests(reader):
            writer.write(encode(command.answer(2, remark="[TIMEOUT_CLEAN_QUEUE]broker busy")))

    async with connected(busy) as connection:
        with pytest.raises(Busy, match=r"127\.0\.0\.1:\d+: .*broker busy \(answer 2\)"):
            await connection.call(310, {})
        assert (await connection.call(310, {}, accept=(0, 2))).code == 2


async def test_no_answer_in_time() -> None:
    """A call that is not answered fails after its timeout, and the connection goes on."""
    async with connected(silent) as connection:
        with pytest.raises(CallTimeout, match=r"no answer within 0\.01 s") as caught:
            await connection.call(1, {}, timeout_s=0.01)
        assert caught.value.maybe_done
        assert not connection.closed


async def test_a_late_answer_is_nobody_elses() -> None:
    """The answer to a call that timed out is passed over; the next call gets its own."""

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first: Command | None = None
        async for command in requests(reader):
            if first is None:
                first = command
            else:
                writer.write(encode(first.answer(0, first.ext)) + encode(command.answer(0, command.ext)))

    async with connected(late) as connection:
        with pytest.raises(CallTimeout):
            await connection.call(1, {"n": "1"}, timeout_s=0.01)
        assert (await connection.call(1, {"n": "2"})).ext == {"n": "2"}


async def test_a_cancelled_call_leaves_the_others_alone() -> None:
    """Cancelling one call neither closes the connection nor mixes up answers."""
    async with connected(echo) as connection:
        cancelled = asyncio.ensure_future(connection.call(1, {"n": "1"}))
        other = asyncio.ensure_future(connection.call(1, {"n": "2"}))
        await asyncio.sleep(0)
        cancelled.cancel()
        assert (await other).ext == {"n": "2"}
        assert cancelled.cancelled()


async def test_the_server_goes_away_with_calls_in_flight() -> None:
    """All waiting calls fail at once; whether they were done is not known. New calls are refused."""

    async def leaving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for command in requests(reader):
            if command.code == 1:
                writer.write(encode(command.answer()))
            elif command.ext["n"] == "9":
                return

    async with connected(leaving) as connection:
        await connection.call(1, {})
        calls = [connection.call(2, {"n": str(n)}) for n in range(10)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert all(type(error) is ConnectionLost and error.maybe_done for error in errors)
        assert "the server closed the connection" in str(errors[0])
        assert connection.closed
        with pytest.raises(CannotConnect, match="the connection is closed"):
            await connection.call(1, {})
        with pytest.raises(CannotConnect):
            connection.one_way(1, {})


async def test_a_server_that_closes_at_once_is_named_suspicious() -> None:
    """The error asks whether RocketMQ listens there, and whether it wants TLS."""

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)

    async with connected(closing) as connection:
        with pytest.raises(ConnectionLost, match="never said anything: does RocketMQ listen there"):
            await connection.call(1, {})
        assert not connection.heard


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",  # HTTP/2: a gRPC proxy
        b"\x00\x00\x00\x10\x00\x00\x00\x0c{}{}{}{}{}{}",
    ],
    ids=["http", "ssh", "http/2", "no header"],
)
async def test_something_else_answers(greeting: bytes) -> None:
    """A server that speaks another protocol is told apart at its first bytes, and the connection is given up."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(greeting)
        await reader.read()

    async with connected(other) as connection:
        with pytest.raises(NotRocketMQ) as caught:
            await connection.call(1, {})
        assert not caught.value.again
        assert caught.value.address == connection.address
        assert connection.closed


async def test_nobody_listens() -> None:
    """A refused connection says so; nothing was sent."""
    async with serving(echo) as address:
        pass
    with pytest.raises(CannotConnect, match="connection refused") as caught:
        await Connection.open(address)
    assert caught.value.again
    assert not caught.value.maybe_done


async def test_an_unknown_host_and_a_bad_address() -> None:
    """A host without an address cannot be reached; a text that is no address is refused."""
    with pytest.raises(CannotConnect):
        await Connection.open("no-such-host.invalid:1")
    for bad in ("", "host", "host:", "host:x", ":1", "host:65536", "host:١"):
        with pytest.raises(Refused):
            await Connection.open(bad)


async def test_pushes_are_handed_on_and_answered() -> None:
    """Requests of the server reach the listener; those that want an answer get one, by default "not supported"."""
    heard: list[Command] = []
    answers: list[Command] = []
    done = asyncio.Event()

    async def pushing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode(Command(40, 1, 2, {"consumerGroup": "g"})))
        writer.write(encode(Command(307, 1)) + encode(Command(221, 2)))
        async for command in requests(reader):
            answers.append(command)
            if len(answers) == 2:
                done.set()

    def listen(command: Command) -> Command | None:
        heard.append(command)
        return command.answer(0, {"state": "fine"}) if command.code == 221 else None

    async with connected(pushing, on_push=listen):
        await asyncio.wait_for(done.wait(), 5)
    assert [command.code for command in heard] == [40, 307, 221]
    assert [(a.code, a.opaque, a.is_response) for a in answers] == [(3, 1, True), (0, 2, True)]
    assert answers[1].ext == {"state": "fine"}


async def test_a_push_is_no_answer() -> None:
    """A request of the server with the opaque of one of our calls does not settle it."""

    async def confusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for command in requests(reader):
            writer.write(encode(Command(40, command.opaque, 2)) + encode(command.answer(0, {"real": "1"})))

    async with connected(confusing) as connection:
        assert (await connection.call(1, {})).ext == {"real": "1"}


async def test_requests_are_signed() -> None:
    """With credentials, every request carries the signature over all it holds."""
    credentials = Credentials("admin", "adminsecret", "token")
    access = Access(credentials=credentials)
    async with connected(echo, access) as connection:
        ext = dict((await connection.call(310, {"b": "t"}, b"body")).ext)
        assert ext["AccessKey"] == "admin"
        assert ext["SecurityToken"] == "token"
        assert ext["Signature"] == sign(ext, b"body", credentials)


async def test_an_idle_connection_is_kept_alive() -> None:
    """After a silence a heartbeat is sent, which any answer settles."""
    beat = asyncio.Event()

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for command in requests(reader):
            writer.write(encode(command.answer(3)))
            assert command.code == 34
            beat.set()

    async with connected(answering, Access(keep_alive_s=0.01)) as connection:
        await asyncio.wait_for(beat.wait(), 5)
        assert not connection.closed


async def test_a_server_without_a_sign_of_life_is_given_up() -> None:
    """When not even the heartbeat is answered, waiting calls fail long before their own timeouts."""
    access = Access(keep_alive_s=0.02, call_timeout_s=0.02)
    async with connected(silent, access) as connection:
        with pytest.raises(ConnectionLost, match="no sign of life"):
            await connection.call(11, {}, timeout_s=30)
        assert connection.closed


async def test_closing_sends_what_was_asked_for_before() -> None:
    """A one-way request in the same turn as the close still leaves."""
    got = asyncio.Event()

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for command in requests(reader):
            assert (command.code, command.is_one_way) == (15, True)
            got.set()

    async with connected(listening) as connection:
        connection.one_way(15, {"commitOffset": "7"})
        await connection.close()
        await asyncio.wait_for(got.wait(), 5)


async def test_closing_fails_what_waits() -> None:
    """Calls in flight fail as lost when we close ourselves; closing twice is fine; listeners hear it once."""
    closed: list[str] = []
    async with connected(silent) as connection:
        connection.on_close(lambda: closed.append("heard"))
        call = asyncio.ensure_future(connection.call(1, {}))
        await asyncio.sleep(0)
        await connection.close()
        await connection.close()
        with pytest.raises(ConnectionLost, match="we closed the connection"):
            await call
        connection.on_close(lambda: closed.append("late"))
    assert closed == ["heard", "late"]


async def test_a_server_that_does_not_read() -> None:
    """What it does not read piles up only so far: calls wait and then fail unsent, one-way requests are refused."""
    release = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        await release.wait()

    async with connected(deaf) as connection:
        big = bytes(2**22)
        calls = [asyncio.ensure_future(connection.call(1, {}, big, timeout_s=30)) for _ in range(4)]
        while connection._writable.is_set():
            await asyncio.sleep(0)
        with pytest.raises(CannotConnect, match="this was not sent"):
            await connection.call(1, {}, timeout_s=0.01)
        with pytest.raises(CannotConnect, match="does not read"):
            connection.one_way(1, {})
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        release.set()


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context, and the file of the authority that signed its certificate: itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
         "-addext", "subjectAltName=IP:127.0.0.1,DNS:broker.example", "-out", cert, "-keyout", key],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context, cert


@pytest.mark.parametrize("server_name", [None, "broker.example"])
async def test_calls_over_tls(server_tls: tuple[ssl.SSLContext, Path], server_name: str | None) -> None:
    """With a trusted certificate for the address, or for the name that was given."""
    tls = ssl.create_default_context(cafile=server_tls[1])
    async with serving(echo, server_tls[0]) as address:
        connection = await Connection.open(address, Access(tls=tls, server_name=server_name))
        assert (await connection.call(1, {}, bytes(2**21))).body == bytes(2**21)
        await connection.close()


async def test_a_certificate_that_does_not_fit(server_tls: tuple[ssl.SSLContext, Path]) -> None:
    """For another name, or of an authority we do not trust: nothing is sent, and the reason is named."""
    trusting = ssl.create_default_context(cafile=server_tls[1])
    async with serving(echo, server_tls[0]) as address:
        with pytest.raises(CannotConnect, match=r"TLS: .*other\.example"):
            await Connection.open(address, Access(tls=trusting, server_name="other.example"))
        with pytest.raises(CannotConnect, match="TLS: self-signed certificate"):
            await Connection.open(address, Access(tls=ssl.create_default_context()))


async def test_tls_to_a_server_without_it() -> None:
    """A plain server answers the handshake with nonsense, or not at all."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    tls = ssl.create_default_context()
    for served in (plain, closing):
        async with serving(served) as address:
            with pytest.raises(CannotConnect):
                await Connection.open(address, Access(tls=tls))
    async with serving(silent) as address:
        with pytest.raises(CannotConnect, match=r"no connection within 0\.05 s"):
            await Connection.open(address, Access(tls=tls, connect_timeout_s=0.05))


async def test_a_plain_connection_to_a_server_that_wants_tls(server_tls: tuple[ssl.SSLContext, Path]) -> None:
    """It closes without a word; the error asks about TLS. (What it may send first is no frame either.)"""
    async with serving(echo, server_tls[0]) as address:
        connection = await Connection.open(address, QUICK)
        with pytest.raises((ConnectionLost, NotRocketMQ)):
            await connection.call(1, {})
        await connection.close()
