"""The http target and TLS: certificates that do not fit, servers that break off, orders that only a trusted one may give.

The certificates are made by the openssl command and, where that cannot make them, by the package cryptography.
"""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.connectors.base import Target
from bridge.connectors.targets.http import HttpConfig, HttpTarget
from bridge.errors import Rejected, Retryable
from bridge.testing.connectors import make_delivery, make_target
from bridge.testing.sink import Answer, HttpSink


class Pair(NamedTuple):
    """A certificate that signs itself, and its key."""

    cert: str
    key: str

    def server(self, **options: Any) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, **options)
        context.load_cert_chain(*self)
        return context


@pytest.fixture(scope="module")
def make_pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")

    def make(name: str) -> Pair:
        folder = tmp_path_factory.mktemp("tls")
        pair = Pair(str(folder / "cert.pem"), str(folder / "key.pem"))
        subprocess.run(
            [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
             "-addext", f"subjectAltName={name}", "-out", pair.cert, "-keyout", pair.key],
            check=True, capture_output=True,
        )  # fmt: skip
        return pair

    return make


@pytest.fixture(scope="module")
def ours(make_pair: Callable[[str], Pair]) -> Pair:
    return make_pair("IP:127.0.0.1")


async def push(target: Target, **changed: Any) -> None:
    await target.send([make_delivery(target, **changed)])


async def failure_of(url: str, **tls: Any) -> Retryable:
    """Why a delivery there fails; it must be tried again, as it may be mended."""
    target = make_target(HttpTarget, url=url, tls=tls, connectTimeout="2s")
    await target.open()
    with pytest.raises(Retryable) as caught:
        await push(target)
    await target.close()
    return caught.value


async def test_a_certificate_for_another_name_is_not_trusted(make_pair: Callable[[str], Pair]) -> None:
    """Though its authority is; no request goes out."""
    other = make_pair("DNS:other.example")
    async with HttpSink(tls=other.server()) as sink:
        failure = await failure_of(sink.url, caFile=other.cert)
        assert "the certificate of 127.0.0.1 is not trusted" in failure.reason
        assert "mismatch" in failure.reason
        assert not sink.received


async def test_a_certificate_that_has_expired_is_not_trusted(tmp_path: Path) -> None:
    """The reason says so."""
    pair = expired(tmp_path)
    async with HttpSink(tls=pair.server()) as sink:
        assert "certificate has expired" in (await failure_of(sink.url, caFile=pair.cert)).reason
        assert not sink.received


def expired(folder: Path) -> Pair:
    x509 = pytest.importorskip("cryptography.x509")
    hazmat = pytest.importorskip("cryptography.hazmat.primitives")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now - timedelta(days=8))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hazmat.hashes.SHA256())
    )
    pair = Pair(str(folder / "cert.pem"), str(folder / "key.pem"))
    Path(pair.cert).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    Path(pair.key).write_bytes(key.private_bytes(*plain))
    return pair


async def test_connections_with_tls_are_kept_and_replaced(ours: Pair) -> None:
    """One handshake for many deliveries; a restart of the server costs no failure."""
    async with HttpSink(tls=ours.server()) as sink:
        target = make_target(HttpTarget, url=sink.url, tls={"caFile": ours.cert})
        await target.open()
        for _ in range(3):
            await push(target)
        assert sink.connections == 1
        sink.drop()
        await sink.until(lambda: not sink.open_connections)
        await push(target)
        assert (sink.connections, len(sink.received)) == (2, 4)
        await target.close()


async def test_our_certificate_must_be_one_that_the_server_trusts(ours: Pair, make_pair: Callable[[str], Pair]) -> None:
    """Without or with the wrong one it refuses, which is tried again and explained; the right one may be in one file."""
    stranger = make_pair("IP:127.0.0.1")
    context = ours.server(cafile=ours.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    both = Path(ours.cert).with_name("both.pem")
    both.write_text(Path(ours.cert).read_text() + Path(ours.key).read_text())
    async with HttpSink(tls=context) as sink:
        for own in ({}, {"certFile": stranger.cert, "keyFile": stranger.key}):
            assert (await failure_of(sink.url, caFile=ours.cert, **own)).reason
        assert not sink.received
        target = make_target(HttpTarget, url=sink.url, tls={"caFile": ours.cert, "certFile": str(both)})
        await target.open()
        await push(target)
        assert len(sink.received) == 1
        await target.close()


@asynccontextmanager
async def rude(answer: bytes) -> AsyncIterator[str]:
    """A server that answers the first bytes of a TLS handshake with these, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\x00\x02\x02\x28", b"\0" * 999]
)
async def test_a_handshake_that_breaks_off_is_tried_again(answer: bytes) -> None:
    """Closed, answered in plain text, refused by an alert, or garbage."""
    async with rude(answer) as url:
        assert "cannot connect" in (await failure_of(url)).reason


async def test_a_trusted_target_may_abort_a_delivery(ours: Pair) -> None:
    """Over https, with a certificate that was checked; unchecked it may not."""
    async with HttpSink(tls=ours.server(), default=Answer(503, {"webhook-delivery": "abort-message"}, b"bad")) as sink:
        for tls, failure in (({"caFile": ours.cert}, Rejected), ({"verify": False}, Retryable)):
            target = make_target(HttpTarget, url=sink.url, tls=tls)
            await target.open()
            with pytest.raises(failure, match="status 503: bad") as caught:
                await push(target)
            assert ("aborted by the target" in str(caught.value)) is (failure is Rejected)
            await target.close()


async def test_a_trusted_target_may_ask_to_be_sent_nothing_more(ours: Pair) -> None:
    """With a delivery that it refuses, or takes: then the next one tells. Unchecked it may not."""
    order = {"webhook-delivery": "disable"}
    async with HttpSink(tls=ours.server()) as sink:
        target = make_target(HttpTarget, url=sink.url, tls={"caFile": ours.cert})
        await target.open()
        sink.script = [Answer(503, order), Answer(204, order)]
        with pytest.raises(Retryable, match=r"asked to be sent nothing more .*: status 503") as caught:
            await push(target)
        assert caught.value.retire
        await push(target)
        with pytest.raises(Retryable, match="asked to be sent nothing more") as caught:
            await push(target)
        assert caught.value.retire
        assert len(sink.received) == 2
        await push(target)  # somebody has resumed it
        assert len(sink.received) == 3
        await target.close()


@pytest.mark.parametrize("path", ["", "/${subject}"])
async def test_others_may_not_ask_for_that(ours: Pair, path: str) -> None:
    """Who is not known by its certificate, and one of many addresses."""
    order = {"webhook-delivery": "disable"}
    async with HttpSink(tls=ours.server()) as sink:
        tls: dict[str, Any] = {"caFile": ours.cert} if path else {"verify": False}
        target = make_target(HttpTarget, url=sink.url + path, tls=tls)
        await target.open()
        config = HttpConfig(url=sink.url)
        sink.script = [Answer(503, order), Answer(204, order)]
        with pytest.raises(Retryable) as caught:
            await push(target, config=config)
        assert not caught.value.retire
        await push(target, config=config)
        await push(target, config=config)
        assert len(sink.received) == 3
        await target.close()
