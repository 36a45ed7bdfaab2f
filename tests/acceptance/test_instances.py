"""Several instances on one RocketMQ cluster and one catalog: whoever is asked, it is one bridge.

``BRIDGE_TEST_ROCKETMQ`` names the name server, the variables of tests/databases the databases (`make test-cluster`).
"""

import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from bridge.testing.process import BridgeProcess
from tests.acceptance.conftest import Door, bus, event, rule, until
from tests.databases import PARAMS, new_database

pytestmark = [pytest.mark.external, pytest.mark.timeout(150)]

ONE = "/v1/buses/{}/rules/r/targets/t"


class Receiver:
    """An http target: takes every event, unless it is told to refuse."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                if receiver.status < 300:
                    receiver.taken.append(self.headers["ce-id"])
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Not to stderr."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def target(self, **more: Any) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        return {"name": "t", "kind": "http", "config": {"url": url}, **more}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@contextmanager
def without(url: str) -> Iterator[None]:
    """Nobody can use this database."""
    address = make_url(url)
    if address.get_backend_name() != "postgresql":
        pytest.skip("only PostgreSQL can be told to let nobody into a database")
    engine = create_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT")

    def say(statement: str) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    say(f"ALTER DATABASE {address.database} WITH ALLOW_CONNECTIONS false")
    try:
        say(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{address.database}'")
        yield
    finally:
        say(f"ALTER DATABASE {address.database} WITH ALLOW_CONNECTIONS true")
        engine.dispose()


class Place:
    """A cluster and a catalog of its own, and the bridges there."""

    def __init__(self, folder: Path, catalog: str, stack: ExitStack) -> None:
        name_server = os.environ.get("BRIDGE_TEST_ROCKETMQ")
        if not name_server:
            pytest.skip("BRIDGE_TEST_ROCKETMQ names no name server")
        self.catalog = catalog
        self._folder = folder
        self._stack = stack
        self._flags = ("--store", f"rocketmq://{name_server}")
        self._environ = {
            "BRIDGE_CATALOG_URL": catalog, "BRIDGE_ROCKETMQ_TOPIC_PREFIX": f"test-{secrets.token_hex(4)}",
        }  # fmt: skip

    def start(self, name: str, *flags: str) -> Door:
        process = BridgeProcess(self._folder / name, *self._flags, *flags, environ=self._environ)
        return Door(self._stack.enter_context(process))


@pytest.fixture(scope="module", params=PARAMS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with new_database(request.param) as url, ExitStack() as stack:
        yield Place(tmp_path_factory.mktemp("instances"), url, stack)


@pytest.fixture(scope="module")
def pair(place: Place) -> tuple[Door, Door]:
    return place.start("a"), place.start("b")


@pytest.fixture
def name(pair: tuple[Door, Door]) -> Iterator[str]:
    """A bus of four partitions, of which each instance reads some."""
    made = f"b{secrets.token_hex(4)}"
    a, b = pair
    a.apply(bus(made, partitions=4))
    until(lambda: shares(b) == [2, 2], 40)
    yield made
    assert b.http("DELETE", f"/v1/buses/{made}?cascade=true").status == 200


def shares(door: Door) -> list[int]:
    """How many partitions each instance reads."""
    return [instance["partitions"] for instance in door.http("GET", "/v1/status").body["instances"]]


def shown(door: Door, name: str) -> dict[str, Any]:
    return next(one for one in door.http("GET", "/v1/status").body["buses"] if one["name"] == name)


def at_work(door: Door, name: str) -> bool:
    return door.http("GET", ONE.format(name)).status == 200


def until_ready(doors: Sequence[Door], seconds: float) -> None:
    """All of them; if not, what each of them says is why."""
    end = time.monotonic() + seconds
    while any(reasons := [door.http("GET", "/readyz").body["reasons"] for door in doors]):
        assert time.monotonic() < end, f"still not ready after {seconds} s: {reasons}"
        time.sleep(0.05)


def events(first: int, number: int) -> list[dict[str, Any]]:
    return [event(f"{n:04}", subject=f"k{n % 13}") for n in range(first, first + number)]


def ids(first: int, number: int) -> set[str]:
    return {f"{n:04}" for n in range(first, first + number)}


def test_a_definition_reaches_all_instances_within_a_second(
    pair: tuple[Door, Door], name: str, receiver: Receiver
) -> None:
    """And is in force everywhere for what is put once it was acknowledged (promise 8)."""
    a, b = pair
    a.apply(rule("r", name, receiver.target()))
    b.put(name, *events(0, 40))
    began = time.monotonic()
    until(lambda: bool(b.http("GET", "/metrics").body) and at_work(b, name), 5)
    assert time.monotonic() - began < 1.5
    until(lambda: set(receiver.taken) == ids(0, 40))
    b.apply(rule("r", name, receiver.target(), pattern={"type": ["nothing"]}))
    a.put(name, *events(40, 40))
    time.sleep(1.5)  # what was not judged by then would be by the next revision
    b.apply(rule("r", name, receiver.target()))
    a.put(name, *events(80, 40))
    until(lambda: ids(80, 40) <= set(receiver.taken))
    assert not set(receiver.taken) & ids(40, 40)


def test_both_share_the_work_and_tell_the_same(pair: tuple[Door, Door], name: str, receiver: Receiver) -> None:
    """Counts of all, whichever is asked; a key's events arrive in order."""
    pair[0].apply(rule("r", name, receiver.target(order="key")))
    for n in range(10):
        pair[n % 2].put(name, *events(n * 30, 30))
    until(lambda: set(receiver.taken) == ids(0, 300), 30)
    for key in range(13):
        of_key = [one for one in receiver.taken if int(one) % 13 == key]
        assert of_key == sorted(of_key)
    until(lambda: all(door.target(name, "r", "t")["delivered"] >= 300 for door in pair), 5)
    for door in pair:
        until(partial(lambda door: shown(door, name)["events"] == 300, door), 10)  # asked of the broker now and then
        found = shown(door, name)
        assert (found["received"], found["lag"], found["reading"], found["unread"]) == (300, 0, [0, 1, 2, 3], [])
        assert "2 instances" in door.cli("status")
    lags = [door.http("GET", "/metrics").body.decode() for door in pair]
    delivered = [
        float(line.split()[-1]) for text in lags for line in text.splitlines()
        if line.startswith("bridge_delivered_total") and name in line
    ]  # fmt: skip
    assert len(delivered) == 2
    assert sum(delivered) >= 300
    assert min(delivered) > 0


def test_a_pause_holds_everywhere(pair: tuple[Door, Door], name: str, receiver: Receiver) -> None:
    """And its end, too."""
    a, b = pair
    a.apply(rule("r", name, receiver.target()))
    a.http("POST", ONE.format(name) + "/pause", {"reason": "they move"})
    until(lambda: b.target(name, "r", "t")["state"] == "paused", 2)
    time.sleep(1)  # an event that is judged by an instance that does not know yet would come
    b.put(name, *events(0, 40))
    until(lambda: all(shown(door, name)["rules"][0]["targets"][0]["lag"] == 40 for door in pair), 10)
    assert receiver.taken == []
    b.http("POST", ONE.format(name) + "/resume")
    until(lambda: set(receiver.taken) == ids(0, 40), 15)


def test_a_blocked_target_goes_on_wherever_it_is_blocked(
    pair: tuple[Door, Door], name: str, receiver: Receiver
) -> None:
    """Told at any instance; behind the event, or with it."""
    a, b = pair
    receiver.status = 400
    strict = {"errorsTolerance": "NONE", "retry": {"schedule": ["10ms"], "maxAttempts": 1}, "concurrency": 1}
    a.apply(rule("r", name, receiver.target(**strict)))
    again = a.http("POST", ONE.format(name) + "/resume", {"skip": True})
    assert (again.status, again.body["code"]) == (404, "NOT_FOUND")
    b.put(name, *events(0, 40))
    until(lambda: all(door.target(name, "r", "t")["state"] == "blocked" for door in pair), 10)
    time.sleep(2)
    assert b.http("POST", ONE.format(name) + "/resume", {"skip": True}).status == 200
    letters = f"/v1/buses/{name}/dead-letters"
    until(lambda: len(a.http("GET", letters).body["items"]) >= 2, 10)
    time.sleep(2)  # each has tried its next event, and has told the other one
    until(lambda: all(door.target(name, "r", "t")["state"] == "blocked" for door in pair), 10)
    receiver.status = 204
    buried = {one["eventId"] for one in a.http("GET", letters).body["items"]}
    time.sleep(1.5)
    assert receiver.taken == []
    assert a.http("POST", ONE.format(name) + "/resume").status == 200
    until(lambda: set(receiver.taken) == ids(0, 40) - buried, 15)


def test_dead_letters_are_one_heap(pair: tuple[Door, Door], name: str, receiver: Receiver) -> None:
    """Seen, redriven and counted from any instance; a redrive is followed, and cancelled, from another one."""
    a, b = pair
    receiver.status = 400
    a.apply(rule("r", name, receiver.target(retry={"schedule": ["10ms"], "maxAttempts": 1})))
    b.put(name, *events(0, 60))
    letters = f"/v1/buses/{name}/dead-letters"
    for door in pair:
        until(partial(lambda door: len(door.http("GET", letters).body["items"]) == 60, door), 20)
    receiver.status = 204
    slow = a.http("POST", f"{letters}:redrive", {"all": True, "rate": "4/s"}).body
    until(lambda: b.http("GET", f"/v1/buses/{name}/redrives/{slow['id']}").status == 200, 5)
    assert [one["id"] for one in b.http("GET", f"/v1/buses/{name}/redrives").body["items"]] == [slow["id"]]
    ended = b.http("POST", f"/v1/buses/{name}/redrives/{slow['id']}/cancel")
    assert (ended.status, ended.body["state"]) == (200, "cancelled")
    until(lambda: a.http("GET", f"/v1/buses/{name}/redrives/{slow['id']}").body["state"] == "cancelled", 5)
    fast = b.http("POST", f"{letters}:redrive", {"all": True}).body
    until(lambda: a.http("GET", f"/v1/buses/{name}/redrives/{fast['id']}").body.get("state") == "done", 20)
    until(lambda: set(receiver.taken) == ids(0, 60))
    assert a.http("GET", letters).body["items"] == []


def test_what_is_parked_comes_back_and_is_counted_once(pair: tuple[Door, Door], name: str, receiver: Receiver) -> None:
    """Whichever instance is asked."""
    a, b = pair
    receiver.status = 503
    a.apply(rule("r", name, receiver.target(retry={"schedule": ["15s"], "maxAttempts": 9})))
    b.put(name, *events(0, 8))  # too few for a breaker
    for door in pair:
        until(partial(lambda door: door.target(name, "r", "t")["parked"] == 8, door), 10)
    receiver.status = 204
    until(lambda: set(receiver.taken) == ids(0, 8), 60)


def test_a_delayed_event_enters_once_whoever_took_it(pair: tuple[Door, Door], name: str, receiver: Receiver) -> None:
    """Within a second or so of its time."""
    a, b = pair
    a.apply(rule("r", name, receiver.target()))
    at = (datetime.now(UTC) + timedelta(seconds=3)).isoformat().replace("+00:00", "Z")
    for n, door in enumerate(pair):
        door.put(name, *(event(f"{n}{i}", subject=f"k{i}", delivertime=at) for i in range(10)))
    assert len(b.http("GET", f"/v1/buses/{name}/delayed-events").body["items"]) == 20
    assert receiver.taken == []
    until(lambda: len(receiver.taken) >= 20, 10)
    time.sleep(1)
    assert sorted(receiver.taken) == sorted(f"{n}{i}" for n in range(2) for i in range(10))


def test_while_the_database_is_away_events_are_taken_and_wait(
    pair: tuple[Door, Door], name: str, receiver: Receiver, place: Place
) -> None:
    """Readiness says so; when it is back each is delivered, by the rules that are in force then."""
    a, b = pair
    a.apply(rule("r", name, receiver.target()))
    b.put(name, *events(0, 20))
    until(lambda: set(receiver.taken) == ids(0, 20), 15)
    with without(place.catalog):
        until(lambda: "catalog" in a.http("GET", "/readyz").body["reasons"], 20)
        a.put(name, *events(20, 20))
        b.put(name, *events(40, 20))
        time.sleep(1)
        assert set(receiver.taken) == ids(0, 20)
    until(lambda: set(receiver.taken) == ids(0, 60), 30)
    until_ready(pair, 20)


@pytest.mark.timeout(240)
def test_instances_come_and_go(place: Place, receiver: Receiver) -> None:
    """Partitions move, nothing is lost, keys keep their order; after a death what it had may come twice."""
    a = place.start("first")
    made = f"b{secrets.token_hex(4)}"
    a.apply(bus(made, partitions=4), rule("r", made, receiver.target(order="key")))
    a.put(made, *events(0, 50))
    b = place.start("second")
    for n in range(50, 150, 10):
        (a, b)[n // 10 % 2].put(made, *events(n, 10))
        time.sleep(0.2)
    until(lambda: set(receiver.taken) == ids(0, 150), 60)
    until(lambda: len([share for share in shares(a) if share]) >= 2, 60)
    before = len(b.http("GET", "/v1/status").body["instances"])
    a.process.stop()
    b.put(made, *events(150, 50))
    until(lambda: set(receiver.taken) == ids(0, 200), 60)
    first_seen = list(dict.fromkeys(receiver.taken))
    for key in range(13):
        of_key = [one for one in first_seen if int(one) % 13 == key]
        assert of_key == sorted(of_key)
    until(lambda: len(b.http("GET", "/v1/status").body["instances"]) == before - 1, 15)
    assert b.http("DELETE", f"/v1/buses/{made}?cascade=true").status == 200
    b.process.stop()
