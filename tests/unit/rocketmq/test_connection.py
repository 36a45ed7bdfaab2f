"""What a connection writes and what it makes of what it reads, on a transport in memory.

On sockets: tests/contract/test_rocketmq_connection.py.
"""

import asyncio
from typing import Any

import pytest

from bridge.rocketmq.connection import ONE_WAY_MAX_BYTES, Access, Connection, parse_address
from bridge.rocketmq.errors import CannotConnect, ConnectionLost, NotRocketMQ, Refused, TooLarge
from bridge.rocketmq.frames import MAX_FRAME_BYTES, Command, FrameReader, encode


class Transport:
    """Keeps what is written; ``waiting`` bytes pretend to be unread."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.waiting = 0
        self.aborted = self.closing = False
        self.connection: Connection | None = None

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def writelines(self, pieces: list[bytes]) -> None:
        self.writes += pieces

    def set_write_buffer_limits(self, high: int) -> None:
        assert high > 0

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def close(self) -> None:
        self.closing = True
        self.lose(None)

    def abort(self) -> None:
        self.aborted = True
        self.lose(None)

    def lose(self, error: Exception | None) -> None:
        if self.connection is not None:
            connection, self.connection = self.connection, None
            asyncio.get_running_loop().call_soon(connection.connection_lost, error)

    def sent(self) -> list[Command]:
        return list(FrameReader().feed(b"".join(self.writes)))


def connected(transport: Transport, access: Access | None = None, **options: Any) -> Connection:
    connection = Connection("b:1", access or Access(), **options)
    transport.connection = connection
    connection.connection_made(transport)  # type: ignore[arg-type]
    return connection


@pytest.fixture
def transport() -> Transport:
    return Transport()


def calling(connection: Connection, count: int) -> list[asyncio.Future[Command]]:
    return [asyncio.ensure_future(connection.call(n, {"n": str(n)})) for n in range(count)]


async def turn(times: int = 2) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def test_one_turn_of_the_loop_is_one_write(transport: Transport) -> None:
    """Calls and one-way requests that are made together leave together, in order."""
    connection = connected(transport)
    calls = calling(connection, 64)
    await asyncio.sleep(0)
    connection.one_way(99, {})
    await turn()
    assert len(transport.writes) == 1
    assert [command.code for command in transport.sent()] == [*range(64), 99]
    assert len({command.opaque for command in transport.sent()}) == 65
    connection.data_received(b"".join(encode(command.answer(0, command.ext)) for command in transport.sent()))
    assert [(await call).ext["n"] for call in calls] == [str(n) for n in range(64)]
    await connection.close()


async def test_large_bodies_are_written_as_they_are(transport: Transport) -> None:
    """Joining them with what leaves beside them would copy them once more."""
    connection = connected(transport)
    bodies = [bytes(100_000), b"a" * 50_000]
    for body in bodies:
        connection.one_way(7, {}, body)
    await turn()
    assert [command.body for command in transport.sent()] == bodies
    assert all(any(piece is body for piece in transport.writes) for body in bodies)
    await connection.close()


async def test_what_cannot_be_sent_leaves_no_trace(transport: Transport) -> None:
    """A request that is refused here is not half written, and nobody waits for it."""
    connection = connected(transport)
    with pytest.raises(TooLarge):
        await connection.call(1, {}, bytes(MAX_FRAME_BYTES))
    with pytest.raises(Refused):
        await connection.call(1, {"a": "\ud800"})
    await turn()
    assert transport.writes == []
    assert len(connection._waiting) == 0
    await connection.close()


async def test_nonsense_ends_the_connection(transport: Transport) -> None:
    """All that wait get NotRocketMQ, later calls are refused with that reason."""
    connection = connected(transport)
    calls = calling(connection, 2)
    await turn()
    connection.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    for call in calls:
        with pytest.raises(NotRocketMQ, match=r"b:1: b'HTTP/1\.1' is no beginning"):
            await call
    assert transport.aborted
    assert isinstance(connection.ended, NotRocketMQ)
    with pytest.raises(CannotConnect, match="the connection is closed: b'HTTP"):
        await connection.call(1, {})


async def test_answers_before_nonsense_still_count(transport: Transport) -> None:
    """What came first is settled first."""
    connection = connected(transport)
    first, second = calling(connection, 2)
    await turn()
    connection.data_received(encode(transport.sent()[0].answer()) + b"nonsense")
    assert (await first).code == 0
    with pytest.raises(NotRocketMQ):
        await second


async def test_the_system_s_reason_is_told(transport: Transport) -> None:
    """When the connection breaks."""
    connection = connected(transport)
    connection.data_received(encode(Command(40, 1, 2)))
    [call] = calling(connection, 1)
    await turn()
    transport.lose(ConnectionResetError(104, "Connection reset by peer"))
    with pytest.raises(ConnectionLost, match=r"^b:1: the connection broke: Connection reset by peer$"):
        await call


async def test_calls_wait_while_the_server_does_not_read(transport: Transport) -> None:
    """Until it reads again; one-way requests only while little waits."""
    connection = connected(transport)
    connection.pause_writing()
    [call] = calling(connection, 1)
    connection.one_way(9, {})
    await turn(4)
    assert [command.code for command in transport.sent()] == [9]
    connection.resume_writing()
    await turn(4)
    assert [command.code for command in transport.sent()] == [9, 0]
    transport.waiting = ONE_WAY_MAX_BYTES + 1
    with pytest.raises(CannotConnect, match="does not read"):
        connection.one_way(9, {})
    await connection.close()
    with pytest.raises(ConnectionLost):
        await call


async def test_a_call_that_waits_to_be_written_when_the_connection_closes(transport: Transport) -> None:
    """Was not sent, and is told so."""
    connection = connected(transport)
    connection.pause_writing()
    [call] = calling(connection, 1)
    await turn()
    await connection.close()
    with pytest.raises(CannotConnect, match="we closed the connection"):
        await call


async def test_a_bug_in_a_listener_is_reported(transport: Transport) -> None:
    """To the loop's handler; the connection goes on, and the server gets its answer."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))

    def broken(command: Command) -> None:
        raise RuntimeError("a bug")

    connection = connected(transport, on_push=broken)
    connection.data_received(encode(Command(307, 5)))
    await turn()
    assert str(reported[0]["exception"]) == "a bug"
    assert [(answer.code, answer.opaque) for answer in transport.sent()] == [(3, 5)]
    assert not connection.closed
    await connection.close()


async def test_a_cancelled_call_whose_connection_breaks_at_that_moment(transport: Transport) -> None:
    """Leaves no error behind that nobody has seen."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
    connection = connected(transport)
    [call] = calling(connection, 1)
    await turn()
    connection._waiting.fail(lambda: ConnectionLost("gone"))
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled()
    del call
    await connection.close()
    assert reported == []


@pytest.mark.parametrize(
    ("text", "address"), [("a:1", ("a", 1)), ("127.0.0.1:9876", ("127.0.0.1", 9876)), ("[::1]:65535", ("::1", 65535))]
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    """Host and port, IPv6 in brackets."""
    assert parse_address(text) == address


@pytest.mark.parametrize("bad", ["", "a", ":1", "a:", "a:x", "a:-1", "a:65536", "a:²", "http://a", "http://a:80"])
def test_texts_that_are_no_address(bad: str) -> None:
    """Are refused."""
    with pytest.raises(Refused, match="is no address"):
        parse_address(bad)
