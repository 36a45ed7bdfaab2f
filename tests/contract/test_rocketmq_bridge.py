"""A whole bridge on the fake broker: what its settings mean, what it delivers, what /readyz says when something fails."""

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.app.bridge import Bridge
from bridge.controlplane.documents import YAML, parse_documents
from bridge.errors import InvalidConfig, StartError, StoreUnavailable
from bridge.model.event import DataForm, Event
from bridge.rocketmq.auth import Credentials
from bridge.settings.loading import load_settings
from bridge.testing.broker import SENDS, FakeCluster

BUS = "kind: Bus\nname: traffic"
RULE = """\
kind: Rule
bus: traffic
name: all
spec:
  targets:
    - {name: out, kind: file, config: {path: out.jsonl}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(fake: FakeCluster, **more: str) -> Bridge:
    flags = {"store.url": f"rocketmq://{fake.name_server}", "http.listen": "127.0.0.1:0", "grpc.listen": "127.0.0.1:0"}
    return Bridge(load_settings(None, {}, flags | {name.replace("__", "."): value for name, value in more.items()}))


@asynccontextmanager
async def running(fake: FakeCluster, **more: str) -> AsyncIterator[Bridge]:
    async with make(fake, **more).running() as bridge:
        yield bridge


async def apply(bridge: Bridge, *documents: str) -> None:
    await bridge.resources.apply(parse_documents("\n---\n".join(documents).encode(), YAML))


def event(number: int) -> Event:
    return Event(f"{number}", "/s", "t", {"subject": f"{number % 3}"}, b'{"n": %d}' % number, DataForm.JSON)


async def lines(number: int) -> list[str]:
    """The ids in the target's file, once there are so many."""
    file = Path("out.jsonl")
    async with asyncio.timeout(10):
        while not file.exists() or file.read_bytes().count(b"\n") < number:
            await asyncio.sleep(0.01)
    return [json.loads(line)["id"] for line in file.read_text().splitlines()]


async def until_ready(bridge: Bridge) -> None:
    async with asyncio.timeout(10):
        while await bridge.reasons():
            await asyncio.sleep(0.01)


async def test_events_flow_and_a_restart_goes_on() -> None:
    """From put to file, each once; the second process begins where the first one ended."""
    async with FakeCluster() as fake:
        async with running(fake) as bridge:
            await apply(bridge, BUS, RULE)
            for number in range(50):
                assert await bridge.flow.ingress.put_events("traffic", [event(number)]) == {}
            assert sorted(await lines(50), key=int) == [f"{n}" for n in range(50)]
            assert await bridge.reasons() == {}
            (bus,) = (await bridge.status()).buses
            assert (bus.events, bus.lag, bus.partitions) == (50, 0, 1)
        async with running(fake) as bridge:
            fake.brokers[0].put("bridge-traffic", b"from somebody else", 0, {"UNIQ_KEY": "other"})
            await bridge.flow.ingress.put_events("traffic", [event(50)])
            assert sorted((await lines(52))[50:]) == ["50", "other"]


async def test_what_a_broker_crash_repeats_is_little() -> None:
    """Commits of some seconds: those events come again, none is missing."""
    async with FakeCluster() as fake, running(fake) as bridge:
        await apply(bridge, BUS, RULE)
        for number in range(20):
            await bridge.flow.ingress.put_events("traffic", [event(number)])
        await lines(20)
        await fake.restart(crash=True)
        await bridge.flow.ingress.put_events("traffic", [event(20)])
        assert (await lines(21))[20:] == ["20"]


async def test_readiness_follows_the_broker() -> None:
    """It names what is wrong while a broker is away; the service stays up and goes on by itself."""
    async with FakeCluster() as fake, running(fake) as bridge:
        await apply(bridge, BUS, RULE)
        await bridge.flow.ingress.put_events("traffic", [event(0)])
        await lines(1)
        await fake.stop()
        async with asyncio.timeout(10):
            while not any("broker-a" in what for what in await bridge.reasons()):
                await asyncio.sleep(0.02)
        putting = asyncio.ensure_future(bridge.flow.ingress.put_events("traffic", [event(1)]))
        await asyncio.sleep(0.05)
        await fake.start()
        await putting
        assert await lines(2) == ["0", "1"]
        await until_ready(bridge)


async def test_it_starts_before_its_cluster() -> None:
    """Buses wait for it, and readiness says so."""
    async with FakeCluster() as fake:
        async with running(fake) as bridge:
            await apply(bridge, BUS, RULE)
            await bridge.flow.ingress.put_events("traffic", [event(0)])
            await lines(1)
        await fake.stop()
        await fake.stop_name_server()
        async with running(fake) as bridge:
            assert {"store: name server", "bus traffic"} <= (await bridge.reasons()).keys()
            with pytest.raises(StoreUnavailable):
                await bridge.flow.ingress.put_events("traffic", [event(1)])
            await fake.start_name_server()
            await fake.start()
            async with asyncio.timeout(10):
                while True:
                    try:
                        await bridge.flow.ingress.put_events("traffic", [event(1)])
                        break
                    except StoreUnavailable:
                        await asyncio.sleep(0.05)
            assert await lines(2) == ["0", "1"]


async def test_retention_is_the_broker_s() -> None:
    """A bound that nobody keeps is refused."""
    async with FakeCluster() as fake, running(fake) as bridge:
        with pytest.raises(InvalidConfig, match="fileReservedTime"):
            await apply(bridge, f"{BUS}\nspec: {{retention: {{age: 7d}}}}")


async def test_topics_have_the_prefix_and_requests_the_signature() -> None:
    """As [rocketmq] says."""
    given = {"rocketmq__access_key": "key", "rocketmq__secret_key": "secret", "rocketmq__topic_prefix": "Test"}
    async with FakeCluster(credentials=Credentials("key", "secret")) as fake, running(fake, **given) as bridge:
        await apply(bridge, BUS)
        await bridge.flow.ingress.put_events("traffic", [event(0)])
        assert len(fake.brokers[0].messages("Test-traffic")) == 1


async def test_wrong_credentials_are_told() -> None:
    """Applying the bus fails with the broker's own reason; the service stays up."""
    given = {"rocketmq__access_key": "key", "rocketmq__secret_key": "wrong"}
    async with FakeCluster(credentials=Credentials("key", "secret")) as fake, running(fake, **given) as bridge:
        with pytest.raises(StoreUnavailable, match="check signature failed"):
            await apply(bridge, BUS)
        assert any("check signature failed" in reason for reason in (await bridge.reasons()).values())


async def test_a_message_that_is_refused_is_told_to_who_puts_it() -> None:
    """And to nobody else."""
    async with FakeCluster() as fake, running(fake) as bridge:
        await apply(bridge, BUS)
        fake.faults.refuse(16, "no permission", codes=SENDS)
        with pytest.raises(StoreUnavailable, match="no permission"):
            await bridge.flow.ingress.put_events("traffic", [event(0)])
        await bridge.flow.ingress.put_events("traffic", [event(1)])
        await until_ready(bridge)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate that is its own authority, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=broker.example"]
    command += [
        "-addext",
        "subjectAltName=DNS:broker.example",
        "-out",
        folder / "cert.pem",
        "-keyout",
        folder / "key.pem",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return folder


async def test_tls_as_the_settings_say(certificate: Path) -> None:
    """Authority, server name, and a certificate of our own where the broker wants one."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate / "cert.pem")
    tls.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    tls.verify_mode = ssl.CERT_REQUIRED
    given = {
        "rocketmq__tls": "true",
        "rocketmq__tls_ca": f"{certificate / 'cert.pem'}",
        "rocketmq__tls_cert": f"{certificate / 'cert.pem'}",
        "rocketmq__tls_key": f"{certificate / 'key.pem'}",
    }
    async with FakeCluster(tls=tls) as fake:
        async with running(fake, rocketmq__tls_server_name="broker.example", **given) as bridge:
            await apply(bridge, BUS)
            await bridge.flow.ingress.put_events("traffic", [event(0)])
        async with running(fake, **given) as bridge:  # the name in the certificate is not that of the address
            assert "TLS" in (await bridge.reasons())["store: name server"]


async def test_certificates_that_cannot_be_read_stop_the_start() -> None:
    """With their names."""
    async with FakeCluster() as fake:
        with pytest.raises(StartError, match="tls_ca"):
            make(fake, rocketmq__tls="true", rocketmq__tls_ca="nowhere.pem")
