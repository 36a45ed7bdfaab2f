"""The http target against servers that behave badly, on real sockets."""

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bridge.connectors.base import Target
from bridge.connectors.targets.http import HttpConfig, HttpTarget
from bridge.errors import PartlyFailed, Rejected, Retryable
from bridge.model.delivery import Payload
from bridge.testing.clock import ManualClock
from bridge.testing.connectors import FakeHost, make_delivery, make_event, make_target
from bridge.testing.sink import Act, Answer, HttpSink, Received, silent

Script = Sequence[Answer | Act]


def raw(data: bytes, *, close: bool = True) -> Act:
    """Sends bytes as they stand."""

    async def act(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if close:
            writer.close()

    return act


def endless(first: bytes, again: bytes) -> Act:
    """Sends bytes without end, as fast as they are taken."""

    async def act(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()

    return act


@pytest.fixture
async def sink() -> AsyncIterator[HttpSink]:
    async with HttpSink() as made:
        yield made


@pytest.fixture
async def target(sink: HttpSink) -> AsyncIterator[Target]:
    made = make_target(HttpTarget, url=f"{sink.url}/hooks")
    await made.open()
    async with asyncio.timeout(20):
        yield made
    await made.close()


async def push(target: Target, offset: int = 0, **changed: Any) -> None:
    await target.send([make_delivery(target, offset=offset, **changed)])


async def test_a_delivery_goes_out_as_a_binary_cloudevent(sink: HttpSink, target: Target) -> None:
    """Attributes are headers, data is the body, and no header is added that says anything else."""
    await push(target, 7, event=make_event("7", b'{"a":1}', subject="light 3"))
    (request,) = sink.received
    assert (request.method, request.target, request.body) == ("POST", "/hooks", b'{"a":1}')
    assert {n: v for n, v in request.headers.items() if n not in {"host", "user-agent"}} == {
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-length": "7",
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "7",
        "ce-source": "/junction/7",
        "ce-type": "light.changed",
        "ce-subject": "light%203",
    }


async def test_an_event_without_data_has_no_body_and_no_content_type(sink: HttpSink, target: Target) -> None:
    """Otherwise aiohttp would say application/octet-stream."""
    await push(target, event=make_event(data=None))
    assert sink.received[0].headers["content-length"] == "0"
    assert "content-type" not in sink.received[0].headers


async def test_a_batch_is_one_request_and_its_failure_is_that_of_all(sink: HttpSink) -> None:
    """Payloads between the events go alone; after a failure that may pass the rest waits."""
    target = make_target(HttpTarget, url=sink.url, mode="batched")
    await target.open()
    payload = Payload(b"hello", "text/plain")
    batch = [make_delivery(target, offset=i, payload=payload if i == 2 else None) for i in range(5)]
    await target.send(batch)
    assert [r.headers["content-type"].partition(";")[0] for r in sink.received] == [
        "application/cloudevents-batch+json",
        "text/plain",
        "application/cloudevents-batch+json",
    ]
    assert [[e["id"] for e in json.loads(r.body)] for r in sink.received[::2]] == [["0", "1"], ["3", "4"]]
    sink.script = [Answer(), Answer(400), Answer(503)]
    with pytest.raises(PartlyFailed) as caught:
        await target.send(batch)
    assert {i: type(f) for i, f in caught.value.failures.items()} == {2: Rejected, 3: Retryable, 4: Retryable}
    sink.received.clear()
    sink.script = [Answer(503)]
    with pytest.raises(PartlyFailed) as caught:
        await target.send(batch)
    assert (sorted(caught.value.failures), len(sink.received)) == ([0, 1, 2, 3, 4], 1)
    await target.close()


async def test_events_with_other_urls_or_headers_are_other_requests(sink: HttpSink) -> None:
    """In batched mode neighbours with equal config share a request."""
    target = make_target(HttpTarget, url=sink.url + "/${data.x}", mode="batched")
    await target.open()
    urls = ["a", "a", "b", "a"]
    await target.send(
        [make_delivery(target, offset=i, config=HttpConfig(url=f"{sink.url}/{u}")) for i, u in enumerate(urls)]
    )
    assert [(r.target, len(json.loads(r.body))) for r in sink.received] == [("/a", 2), ("/b", 1), ("/a", 1)]
    await target.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(sink: HttpSink, target: Target, status: int) -> None:
    """Not even to the same server; the reason names where it should have gone."""
    sink.script = [Answer(status, {"Location": "http://169.254.169.254/latest"})]
    with pytest.raises(Rejected, match=rf"status {status}.*169\.254\.169\.254"):
        await push(target)
    assert len(sink.received) == 1


async def test_cookies_are_neither_kept_nor_sent(sink: HttpSink, target: Target) -> None:
    """Two deliveries know nothing of each other."""
    sink.script = [Answer(200, {"Set-Cookie": "session=1; Path=/"})]
    await push(target, 0)
    await push(target, 1)
    assert "cookie" not in sink.received[1].headers


async def test_connections_are_kept_and_used_again(sink: HttpSink, target: Target) -> None:
    """As many as there were requests at one time."""
    for i in range(5):
        await push(target, i)
    assert sink.connections == 1
    await asyncio.gather(*(push(target, i) for i in range(4)))
    assert sink.connections <= 4


async def test_a_failing_answer_s_text_is_shown_and_cut(sink: HttpSink, target: Target) -> None:
    """At most 1,024 bytes, on one line; the connection stays."""
    sink.script = [Answer(500, {}, b"no\r\n\x1b[31mroom\xff " + b"x" * 50_000)]
    with pytest.raises(Retryable) as caught:
        await push(target)
    assert caught.value.reason.startswith("status 500: no \ufffd[31mroom\ufffd xxx")
    assert len(caught.value.reason) < 1100
    await push(target)
    assert sink.connections == 1


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("length", [b"Content-Length: 1073741824", b"Transfer-Encoding: chunked"])
async def test_an_answer_of_a_gibibyte_is_cut(sink: HttpSink, target: Target, status: int, length: bytes) -> None:
    """The status counts; the connection is closed long before the end, and the next delivery is fine."""
    piece = b"x" * 65536
    chunk = b"10000\r\n" + piece + b"\r\n" if b"chunked" in length else piece
    sink.script = [endless(b"HTTP/1.1 %d X\r\n%s\r\n\r\n" % (status, length), chunk)]
    if status == 200:
        await push(target)
    else:
        with pytest.raises(Retryable, match="status 500: x"):
            await push(target)
    await push(target, 1)
    await sink.until(lambda: sink.open_connections == 1)


async def test_compressed_answers_are_not_unpacked(sink: HttpSink, target: Target) -> None:
    """So none can unfold to gigabytes, and a broken one is no error."""
    sink.script = [Answer(200, {"Content-Encoding": "gzip"}, b"no gzip at all")]
    await push(target)


@pytest.mark.parametrize(
    "answer",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc No\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 99999 No\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Half: a he",
        b"",
    ],
    ids=lambda answer: answer[:40].decode("latin-1"),
)
async def test_a_broken_answer_is_tried_again(sink: HttpSink, target: Target, answer: bytes) -> None:
    """By the policy, and each attempt is one request: the connection was new."""
    sink.script = [raw(answer)]
    with pytest.raises(Retryable):
        await push(target)
    assert len(sink.received) == 1
    await push(target, 1)


@pytest.mark.parametrize("header", [b"X-More: again\r\n", b"x" * 8192, b"\0" * 100])
async def test_never_ending_headers_are_cut(sink: HttpSink, target: Target, header: bytes) -> None:
    """They end as a broken answer, by number or by size."""
    sink.script = [endless(b"HTTP/1.1 200 OK\r\n", header)]
    with pytest.raises(Retryable):
        await push(target)


@pytest.mark.parametrize("drop", [b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n"])
async def test_headers_that_drip_are_ended_by_the_lane_s_time_out(sink: HttpSink, target: Target, drop: bytes) -> None:
    """Each byte comes in time, the end never does; nothing of it is left for the next delivery."""

    async def drip(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(drop)
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    sink.script = [drip]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await push(target)
    await push(target, 1)
    assert [r.connection for r in sink.received] == [1, 2]


async def test_an_answer_that_nobody_asked_for_is_no_answer(sink: HttpSink, target: Target) -> None:
    """More than one answer to a request, at once or later: none is taken for that to another request."""
    two = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 2
    sink.script = [raw(two, close=False), Answer(400)]
    await push(target, 0)
    with pytest.raises(Rejected, match="status 400"):
        await push(target, 1)
    again = asyncio.Event()

    async def later(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(Answer().encode())
        await again.wait()
        writer.write(Answer().encode())

    sink.script = [later, Answer(400)]
    await push(target, 2)
    again.set()
    await asyncio.sleep(0.05)  # until it has arrived; before, nobody could tell it from the answer to come
    with pytest.raises(Rejected, match="status 400"):
        await push(target, 3)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\nx",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=lambda answer: answer[:40].decode("latin-1"),
)
async def test_an_answer_in_any_form_counts_by_its_status(sink: HttpSink, target: Target, answer: bytes) -> None:
    """Old, closing, without a length, cut short; the next delivery is not disturbed by the rest."""
    sink.script = [raw(answer)]
    await push(target, 0)
    await push(target, 1)
    assert [r.headers["ce-id"] for r in sink.received] == ["0", "1"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=["chunks", "204 with a body"],
)
async def test_a_good_status_before_what_is_no_http_is_not_trusted(
    sink: HttpSink, target: Target, answer: bytes
) -> None:
    """Rather twice than never."""
    sink.script = [raw(answer)]
    with pytest.raises(Retryable, match="broken answer"):
        await push(target, 0)
    await push(target, 1)


async def test_a_protocol_that_was_not_asked_for_is_tried_again(sink: HttpSink, target: Target) -> None:
    """101 is no success; its connection is not used again."""
    sink.script = [raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", close=False)]
    with pytest.raises(Retryable):
        await push(target)
    await push(target, 1)
    assert [r.connection for r in sink.received] == [1, 2]


async def test_a_body_that_breaks_off_or_drags_on_does_not_change_the_status(
    sink: HttpSink, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server said 2xx before; waiting for more would only make a duplicate."""
    sink.script = [raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), raw(b"HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\nhalf")]  # fmt: skip
    await push(target)
    with pytest.raises(Retryable, match="status 500: half"):
        await push(target)
    monkeypatch.setattr("bridge.connectors.web.DRAIN_S", 0.05)

    async def drag(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await silent(request, reader, writer)

    sink.script = [drag]
    await push(target)


async def test_an_interim_answer_is_not_the_answer(sink: HttpSink, target: Target) -> None:
    """100 and 103 come before the one that counts."""
    sink.script = [raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n")]
    with pytest.raises(Rejected, match="status 400"):
        await push(target)


async def test_a_keep_alive_connection_closed_by_the_server_is_no_failure(sink: HttpSink, target: Target) -> None:
    """The request goes out again at once on a new connection."""
    await push(target, 0)
    sink.script = [raw(b"")]  # takes the request on the old connection and closes it without a word
    await push(target, 1)
    assert [r.connection for r in sink.received] == [1, 1, 2]
    assert sink.received[2].body == sink.received[1].body


async def test_it_is_replaced_once_and_not_for_ever(sink: HttpSink, target: Target) -> None:
    """When the new connection fails as well, it is a failure."""
    await push(target, 0)
    sink.script = [raw(b""), raw(b"")]
    with pytest.raises(Retryable, match="closed before an answer"):
        await push(target, 1)
    assert len(sink.received) == 3


async def test_half_an_answer_on_an_old_connection_is_a_failure(sink: HttpSink, target: Target) -> None:
    """The server had begun to handle it; whether to repeat is the policy's business."""
    await push(target, 0)
    sink.script = [raw(b"HTTP/1.1 200 OK\r\nX-Ha")]
    with pytest.raises(Retryable):
        await push(target, 1)
    assert len(sink.received) == 2


async def test_a_restarted_server_costs_no_failure(sink: HttpSink, target: Target) -> None:
    """All kept connections are dead at once."""
    await asyncio.gather(*(push(target, i) for i in range(8)))
    sink.drop()
    await sink.until(lambda: not sink.open_connections)
    await asyncio.gather(*(push(target, i) for i in range(8)))


async def test_long_bodies_are_sent_whole_also_the_second_time(sink: HttpSink, target: Target) -> None:
    """Beyond what aiohttp writes in one piece; repeated after a closed keep-alive connection."""
    await push(target, 0)
    sink.script = [raw(b"")]
    data = b'"' + b"x" * (3 * 2**20) + b'"'
    await push(target, 1, event=make_event("1", data))
    assert [len(r.body) for r in sink.received[1:]] == [len(data), len(data)]


async def test_a_server_that_is_not_there_is_tried_again(sink: HttpSink) -> None:
    """Nobody listens; no such name."""
    for url in (f"http://127.0.0.1:{_free_port()}/", "http://nowhere.invalid/"):
        target = make_target(HttpTarget, url=url)
        await target.open()
        with pytest.raises(Retryable, match="cannot connect"):
            await push(target)
        await target.close()


async def test_a_connection_that_takes_too_long_is_tried_again(sink: HttpSink) -> None:
    """Here a TLS handshake that never ends; the time is connectTimeout, not that of the whole send."""
    target = make_target(HttpTarget, url=sink.url.replace("http:", "https:"), connectTimeout="50ms")
    await target.open()
    with pytest.raises(Retryable, match="no connection in time"):
        await push(target)
    await target.close()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


async def test_a_cancelled_send_closes_its_connection(sink: HttpSink, target: Target) -> None:
    """What comes late for one request can never be taken for the answer to another."""
    sink.script = [silent]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await push(target)
    await sink.until(lambda: not sink.open_connections)
    await push(target, 1)
    assert [r.connection for r in sink.received] == [1, 2]


async def test_retry_after_in_both_forms(sink: HttpSink) -> None:
    """A date counts from the clock of the bridge."""
    clock = ManualClock(784111777.0)  # Sun, 06 Nov 1994 08:49:37 GMT
    target = make_target(HttpTarget, FakeHost(clock), url=sink.url)
    await target.open()
    wishes: list[float | None] = []
    for value in ("120", "Sun, 06 Nov 1994 08:50:37 GMT", "soon", None):
        sink.script = [Answer(429, {"Retry-After": value} if value else {})]
        with pytest.raises(Retryable) as caught:
            await push(target)
        wishes.append(caught.value.after_s)
    assert wishes == [120.0, 60.0, None, None]
    await target.close()


async def test_header_values_cannot_break_out(sink: HttpSink) -> None:
    """Line breaks, control characters and non-ASCII are percent-encoded, in added headers and in the media type."""
    target = make_target(HttpTarget, url=sink.url, mode="payload", headers={"X-Light": "${subject}"})
    await target.open()
    config = HttpConfig(url=sink.url, mode="payload", headers={"X-Light": "a\r\nX-Evil: 1\0\x7fü %41"})
    await push(target, config=config, payload=Payload(b"x", "text/plain;\r\nX-Evil: 2"))
    (request,) = sink.received
    assert request.headers["x-light"] == "a%0D%0AX-Evil: 1%00%7F%C3%BC %41"
    assert request.headers["content-type"] == "text/plain;%0D%0AX-Evil: 2"
    assert "x-evil" not in request.headers
    await target.close()


async def test_the_url_goes_out_as_it_was_filled_in(sink: HttpSink) -> None:
    """What is encoded stays encoded; what may not stand in a URL is encoded; a query stays a query."""
    target = make_target(HttpTarget, url=sink.url + "/${data.x}")
    await target.open()
    for below in ("/a%2Fb%20c?d=%26+e", "/é /x?ü", "?q", ""):
        await push(target, config=HttpConfig(url=sink.url + below))
    assert [r.target for r in sink.received] == ["/a%2Fb%20c?d=%26+e", "/%C3%A9%20/x?%C3%BC", "/?q", "/"]
    for bad in ("ftp://127.0.0.1/", "/hooks", "http://", f"{sink.url}/a/../b", "http://127.0.0.1\r\n/"):
        with pytest.raises(Rejected, match="not usable"):
            await push(target, config=HttpConfig(url=bad))
    await target.close()


async def test_other_methods_and_payload_mode(sink: HttpSink) -> None:
    """The payload alone, with its media type or the one that a header gives; without a transform the data alone."""
    headers = {"Authorization": "Bearer abc", "Content-Type": "application/x-light"}
    target = make_target(HttpTarget, url=sink.url, mode="payload", method="PUT", headers=headers)
    await target.open()
    await push(target, payload=Payload(b"hello", "text/plain"))
    await push(target, event=make_event(data=b"[1]"))
    assert [(r.method, r.body, r.headers["content-type"]) for r in sink.received] == [
        ("PUT", b"hello", "application/x-light"),
        ("PUT", b"[1]", "application/x-light"),
    ]
    assert sink.received[0].headers["authorization"] == "Bearer abc"
    assert not any(name.startswith("ce-") for name in sink.received[1].headers)
    await target.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


async def test_certificates_are_checked_unless_told_otherwise(certificate: tuple[Path, Path]) -> None:
    """Not trusted: tried again, as it may be mended; trusted by caFile; not looked at by verify: false."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    async with HttpSink(tls=context) as sink:
        for tls, fine in (({}, False), ({"caFile": str(certificate[0])}, True), ({"verify": False}, True)):
            target = make_target(HttpTarget, url=sink.url, tls=tls)
            await target.open()
            if fine:
                await push(target)
            else:
                with pytest.raises(Retryable, match=r"certificate of 127\.0\.0\.1 is not trusted"):
                    await push(target)
            await target.close()
    assert len(sink.received) == 2


async def test_our_own_certificate_is_shown_to_servers_that_ask(certificate: tuple[Path, Path]) -> None:
    """Without it the server refuses."""
    cert, key = map(str, certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=cert)
    context.load_cert_chain(cert, key)
    context.verify_mode = ssl.CERT_REQUIRED
    async with HttpSink(tls=context) as sink:
        for tls, fine in (({"caFile": cert}, False), ({"caFile": cert, "certFile": cert, "keyFile": key}, True)):
            target = make_target(HttpTarget, url=sink.url, tls=tls)
            await target.open()
            if fine:
                await push(target)
            else:
                with pytest.raises(Retryable):
                    await push(target)
            await target.close()
    assert len(sink.received) == 1


async def test_tls_files_that_cannot_be_read_are_a_failure_to_open(tmp_path: Path) -> None:
    """They may appear later; closing what never opened is fine."""
    (tmp_path / "junk.pem").write_text("junk")
    for tls in ({"caFile": "nowhere.pem"}, {"caFile": str(tmp_path / "junk.pem")}):
        target = make_target(HttpTarget, url="https://127.0.0.1/", tls=tls)
        with pytest.raises(Retryable, match="TLS files"):
            await target.open()
        await target.close()
