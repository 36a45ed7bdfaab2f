"""`bridge serve --workers N`: several processes of one machine behind one address."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest
from bridge._proto.bridge.v1.events_pb2_grpc import EventsStub
from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent
from bridge.testing.process import BridgeProcess
from tests.acceptance.conftest import Door, bus, rule, to_file, until
from tests.acceptance.test_instances import Place, events, ids, shares
from tests.databases import new_database


@pytest.mark.parametrize(
    "flags", [[], ["--store", "memory:"], ["--store", "rocketmq://127.0.0.1:9"]], ids=["lmdb", "memory", "sqlite"]
)
def test_workers_that_could_share_nothing_are_refused(tmp_path: Path, flags: list[str]) -> None:
    """In a sentence that says what it takes; nothing is made."""
    with pytest.raises(RuntimeError, match="it ended with 1:\nbridge cannot start: workers share their buses"):
        BridgeProcess(tmp_path, "--workers", "2", *flags).start()
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Door]:
    """Two workers on the cluster, with a bus of four partitions and a rule that writes a file."""
    with new_database("postgresql") as url, ExitStack() as stack:
        door = Place(tmp_path, url, stack).start("workers", "--workers", "2", "--log-format", "json")
        door.apply(bus("b", partitions=4), rule("r", "b", to_file("out", "t")))
        until(lambda: shares(door) == [2, 2], 40)
        yield door
        if door.process.running:
            assert door.http("DELETE", "/v1/buses/b?cascade=true").status == 200
            assert door.process.stop() == 0
            assert not workers(door)


def workers(door: Door) -> list[int]:
    """Pids of those that live."""
    found = subprocess.run(
        ["ps", "-e", "-o", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    log = door.process.log()
    pids = [int(line.split()[0]) for line in found if "bridge.app.workers" in line]
    return [pid for pid in pids if f'"pid": {pid},' in log]


@pytest.mark.external
@pytest.mark.timeout(180)
def test_workers_share_the_work_behind_one_address(served: Door) -> None:
    """By HTTP and gRPC; the metrics are those of all, each time."""
    assert len(workers(served)) == 2
    for n in range(20):
        served.put("b", *events(n * 10, 10))
    for n in range(20):
        with grpc.insecure_channel(served.process.grpc, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            made = [CloudEvent(id=f"{n:04}", source="/s", spec_version="1.0", type="t") for n in range(200, 205)]
            EventsStub(channel).PutEvents(PutEventsRequest(bus="b", events=made), timeout=20)
    until(lambda: {line["id"] for line in served.lines("out")} == ids(0, 205), 20)
    text = served.http("GET", "/metrics").body.decode()
    received = [float(x.split()[-1]) for x in text.splitlines() if x.startswith("bridge_received_total{")]
    assert len(received) == 2
    assert (sum(received), min(received) > 0) == (300.0, True)


@pytest.mark.external
@pytest.mark.timeout(180)
def test_whatever_worker_is_asked_next_it_knows(served: Door) -> None:
    """A rule of a bus that was just made, an event for it, its status: each at another one, as it happens."""
    for n in range(8):
        name = f"n{n}"
        served.apply(bus(name))
        served.apply(rule("r", name, to_file(name, "t")))
        served.put(name, *events(0, 3))
        assert served.target(name, "r", "t")["name"] == "t"
        served.http("POST", f"/v1/buses/{name}/rules/r/targets/t/pause")
        assert served.target(name, "r", "t")["state"] == "paused"
        served.http("POST", f"/v1/buses/{name}/rules/r/targets/t/resume")
        until(lambda name=name: len(served.lines(name)) == 3, 20)
        assert served.http("DELETE", f"/v1/buses/{name}?cascade=true").status == 200
        assert served.http("GET", f"/v1/buses/{name}").status == 404


@pytest.mark.external
@pytest.mark.timeout(240)
def test_a_worker_that_is_killed_is_replaced(served: Door) -> None:
    """The other one serves meanwhile; once RocketMQ has let go of its partitions, all is delivered."""
    served.put("b", *events(0, 50))
    first, second = workers(served)
    os.kill(first, signal.SIGKILL)
    put = [n for n in range(50, 150) if _put(served, n)]
    assert len(put) > 50, "a connection that the dead one had is lost, others are not"
    until(lambda: len(workers(served)) == 2, 30)
    assert second in workers(served)
    until(lambda: {line["id"] for line in served.lines("out")} >= ids(0, 50) | {f"{n:04}" for n in put}, 120)


def _put(door: Door, number: int) -> bool:
    try:
        door.put("b", *events(number, 1))
    except OSError:
        return False
    return True


@pytest.mark.external
def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """Also by workers of another bridge, with which the system would share it."""
    with new_database("postgresql") as url, ExitStack() as stack:
        place = Place(tmp_path, url, stack)
        first = place.start("first", "--workers", "1")
        with pytest.raises(RuntimeError, match=f"cannot listen on {first.process.http} for HTTP"):
            place.start("second", "--workers", "2", "--http", first.process.http)


BROKEN = """
import asyncio, sys
from bridge.dataplane.retention import Retention
async def run(self):
    await asyncio.sleep(1)
    raise ZeroDivisionError("a bug")
Retention.run = run
from bridge.cli.main import main
main()
"""


def test_a_bridge_of_which_a_part_has_failed_ends(tmp_path: Path) -> None:
    """With 1, so that whoever watches it starts it again; half a bridge would be no use to anybody."""
    with BridgeProcess(tmp_path, "--log-format", "json", program=("-c", BROKEN)) as process:
        assert process.wait() == 1
        assert '"event": "a part of the service failed"' in process.log()
        assert "ZeroDivisionError: a bug" in process.log()


def test_one_worker_is_a_bridge(tmp_path: Path) -> None:
    """As without the flag, on any store."""
    with BridgeProcess(tmp_path, "--workers", "1") as process:
        assert Door(process).http("GET", "/healthz").status == 200
