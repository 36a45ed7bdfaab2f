"""The whole product through its public doors: a bridge in a process of its own."""

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.rocketmq.cluster import Cluster
from bridge.testing.process import BridgeProcess, environ_of_users
from tests.cluster.bus import sweep

STORES = ["lmdb", pytest.param("rocketmq", marks=pytest.mark.external)]
"""Where buses live: every test with a bridge of its own runs on each."""


class Answer(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]


class Door:
    """A bridge as its users see it: HTTP, the command line, files that targets write."""

    def __init__(self, process: BridgeProcess) -> None:
        self.process = process

    def http(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            names.setdefault("content-type", "application/json")
        request = urllib.request.Request(f"http://{self.process.http}{path}", data, names, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as got:
                return _answer(got)
        except urllib.error.HTTPError as got:
            with got:
                return _answer(got)

    def cli(self, *words: str, given: str = "", code: int = 0) -> str:
        """Standard output of a command, which must end with that exit code."""
        command = [sys.executable, "-m", "bridge", "--server", self.process.http, *words]
        place = {"cwd": self.process.folder, "env": environ_of_users()}
        ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False, **place)
        assert ran.returncode == code, f"{words} ended with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def apply(self, *resources: dict[str, Any]) -> list[str]:
        """What was done to each."""
        text = "\n---\n".join(json.dumps(resource) for resource in resources)
        got = self.http("POST", "/v1/apply", text.encode(), content_type="application/yaml")
        assert got.status == 200, got.body
        return [result["action"] for result in got.body["results"]]

    def put(self, bus: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
        got = self.http(
            "POST", f"/v1/buses/{bus}/events", list(events), content_type="application/cloudevents-batch+json"
        )
        assert got.status == 200, got.body
        return got.body["results"]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What a file target wrote so far."""
        path = self.process.folder / name
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def target(self, bus: str, rule: str, target: str) -> dict[str, Any]:
        return self.http("GET", f"/v1/buses/{bus}/rules/{rule}/targets/{target}").body


def _answer(got: Any) -> Answer:
    body = got.read()
    headers = {name.lower(): value for name, value in got.headers.items()}
    is_json = "json" in headers.get("content-type", "")
    return Answer(got.status, json.loads(body) if is_json and body else body, headers)


def until(holds: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true answer; asks again and again, for things that happen in another process."""
    end = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < end, f"still not so after {seconds} s: {holds}"
        time.sleep(0.01)


def event(number: int | str, **members: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": str(number), "source": "/j/7", "type": "light.changed", **members}


def bus(name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": "Bus", "name": name, "spec": spec}


def rule(name: str, bus_name: str, *targets: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"kind": "Rule", "bus": bus_name, "name": name, "spec": {**spec, "targets": list(targets)}}


def to_file(path: str, name: str = "file", **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "file", "config": {"path": path}, **more}


@contextmanager
def serving(store: str, folder: Path) -> Iterator[Door]:
    """A bridge on a store of this kind. On RocketMQ its topics are its own, and gone afterwards."""
    if store == "lmdb":
        with BridgeProcess(folder) as process:
            yield Door(process)
        return
    name_server = os.environ.get("BRIDGE_TEST_ROCKETMQ")
    if not name_server:
        pytest.skip("BRIDGE_TEST_ROCKETMQ names no name server")
    prefix = f"acceptance{secrets.token_hex(4)}"
    environ = {"BRIDGE_ROCKETMQ_TOPIC_PREFIX": prefix}
    try:
        with BridgeProcess(folder, "--store", f"rocketmq://{name_server}", environ=environ) as process:
            yield Door(process)
    finally:
        asyncio.run(_sweep(name_server, prefix))


async def _sweep(name_server: str, prefix: str) -> None:
    async with Cluster([name_server]) as cluster:
        await sweep(cluster, prefix)


class Heirloom:
    """A bridge that test hands to test, without buses and files each time. Where one ended it, the next gets a new one."""

    def __init__(self, make_folder: Callable[[], Path]) -> None:
        self._make_folder = make_folder
        self._process = ExitStack()
        self._door: Door | None = None

    @contextmanager
    def lent(self) -> Iterator[Door]:
        if self._door is None:
            self._door = Door(self._process.enter_context(BridgeProcess(self._make_folder())))
        try:
            yield self._door
            self._clear(self._door)
        except BaseException:
            self.end()  # whatever it is that went wrong, no other test shall meet it
            raise

    def _clear(self, door: Door) -> None:
        if not door.process.running:
            self.end()
            return
        for shown in door.http("GET", "/v1/buses?limit=1000").body["items"]:
            path = f"/v1/buses/{shown['name']}"
            for its in door.http("GET", f"{path}/rules?limit=1000").body["items"]:
                assert door.http("DELETE", f"{path}/rules/{its['name']}").status == 200
            # They outlive their bus, and would be those of the next one of that name.
            assert door.http("POST", f"{path}/dead-letters:purge", {"all": True}).status == 200
            assert door.http("DELETE", path).status == 200
        for path in door.process.folder.iterdir():
            if path.is_dir() and path != door.process.data:
                shutil.rmtree(path)
            elif path.is_file() and path.name != "log":
                path.unlink()

    def end(self) -> None:
        self._process.close()
        self._door = None


@pytest.fixture(scope="session")
def heirloom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heirloom]:
    made = Heirloom(lambda: tmp_path_factory.mktemp("bridge"))
    yield made
    made.end()


@pytest.fixture(params=STORES)
def door(request: pytest.FixtureRequest, heirloom: Heirloom, tmp_path: Path) -> Iterator[Door]:
    """A bridge without buses that no other test uses meanwhile; what it counted, logged and redrove may be older."""
    with heirloom.lent() if request.param == "lmdb" else serving(request.param, tmp_path) as door:
        yield door


@pytest.fixture(params=STORES)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Door]:
    """A bridge that nobody used before."""
    with serving(request.param, tmp_path) as door:
        yield door


@pytest.fixture(scope="module", params=STORES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One bridge for the tests of a module that do not disturb each other."""
    with serving(request.param, tmp_path_factory.mktemp("bridge")) as door:
        yield door
