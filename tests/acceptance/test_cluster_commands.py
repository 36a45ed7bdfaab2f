"""The commands behind `make cluster-up` and `make services-up`, with real servers at ports of their own.

They need Java and Maven, and PostgreSQL and MariaDB (or root, to install them).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bridge.rocketmq.codes import RequestCode, ResponseCode
from tests.servers import local, mariadb, postgresql, probe, rocketmq
from tests.servers.java import find_java, jars
from tests.servers.ports import free_ports
from tests.servers.processes import find
from tests.servers.settings import DOCKER, ROOT, Settings, parse_settings

pytestmark = [pytest.mark.external, pytest.mark.timeout(300)]


class Commands:
    """Runs the commands with folders and ports that are nobody else's."""

    def __init__(self, state: Path) -> None:
        names = (
            "NAMESRV_PORT",
            "BROKER_PORT",
            "PROXY_GRPC_PORT",
            "PROXY_REMOTING_PORT",
            "POSTGRESQL_PORT",
            "MARIADB_PORT",
        )
        ports = {name: str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
        self.variables = ports | {"CLUSTER_STATE": str(state), "CLUSTER_RUNNER": "local"}
        self.states = {str(state)}

    def settings(self, **variables: str) -> Settings:
        return parse_settings(os.environ | self.variables | variables)

    def run(self, *words: str, code: int = 0, **variables: str) -> str:
        """What it said, which must end with that exit code."""
        command = [sys.executable, "-m", "tests.servers", *words]
        environment = os.environ | self.variables | variables
        self.states.add(environment["CLUSTER_STATE"])
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert ran.returncode == code, f"{words} ended with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout + ran.stderr


@pytest.fixture
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Whatever they leave running is stopped."""
    state = tmp_path_factory.mktemp("servers")
    for folder in (state, *state.parents[:2]):
        folder.chmod(0o755)  # the databases' own users must get there
    commands = Commands(state)
    yield commands
    for folder in list(commands.states):
        commands.run("cluster", "down", CLUSTER_STATE=folder)
        commands.run("services", "down", CLUSTER_STATE=folder)


def test_a_cluster_from_start_to_end(commands: Commands) -> None:
    """Up, used, one broker killed and brought back, down, up again with its data, gone."""
    said = commands.run("cluster", "up")
    settings = commands.settings()
    assert f"name server at {settings.name_server}" in said
    assert f"EVERY address of this machine, without credentials: {settings.broker_port + 1}." in said
    assert not probe.missing(settings.name_server, rocketmq.CLUSTER, ["broker-a"])
    assert "started" not in commands.run("cluster", "up")
    assert commands.run("cluster", "status").count("ready") == 2

    make_topic(settings, "orders")
    assert route_code(settings, "orders") == ResponseCode.SUCCESS

    broker = find(settings.state / "broker-a")
    assert broker is not None
    os.kill(broker.pid, signal.SIGKILL)
    assert "broker-a     stopped" in commands.run("cluster", "status", code=1)
    assert "started broker-a" in commands.run("cluster", "up")

    assert commands.run("cluster", "down") == "stopped broker-a, namesrv\n"
    assert commands.run("cluster", "down") == "nothing was running\n"
    assert commands.run("cluster", "status", code=1).count("stopped") == 2
    commands.run("cluster", "up")
    assert route_code(settings, "orders") == ResponseCode.SUCCESS
    commands.run("cluster", "clean")
    assert [path.name for path in settings.state.iterdir()] == ["lock"]


def test_two_brokers_and_a_proxy(commands: Commands) -> None:
    """The proxy joins when it is asked for; RocketMQ's own tool sees both brokers."""
    commands.run("cluster", "up", BROKERS="2")
    settings = commands.settings(BROKERS="2", PROXY="1")
    listed = mqadmin(settings, "clusterList", "-n", settings.name_server)
    assert {"broker-a", "broker-b"} <= set(listed.split())
    said = commands.run("cluster", "up", BROKERS="2", PROXY="1")
    assert "started proxy" in said
    assert "started broker" not in said
    assert probe.listens(f"127.0.0.1:{settings.proxy_grpc_port}")
    assert commands.run("cluster", "status").count("ready") == 4
    assert route_code(settings, "nobody-made-it") == ResponseCode.TOPIC_NOT_EXIST
    assert set(commands.run("cluster", "down").strip()[8:].split(", ")) == {"broker-a", "broker-b", "proxy", "namesrv"}


def test_problems_are_told(commands: Commands, tmp_path: Path) -> None:
    """No Java, no Maven, a broker that cannot start: an error each, with the server's own words."""
    assert "there is no java in JAVA_HOME (/nowhere)" in commands.run("cluster", "up", code=1, JAVA_HOME="/nowhere")
    (tmp_path / "java").symlink_to(find_java())
    empty = {"PATH": str(tmp_path), "CLUSTER_CACHE": str(tmp_path / "cache")}
    assert "there is no mvn in the path" in commands.run("cluster", "up", code=1, **empty)
    assert not local.is_running(commands.settings())
    said = commands.run("cluster", "up", code=1, BROKER_JAVA_OPTS="-XX:NoSuchFlag")
    assert "broker-a ended" in said
    assert "NoSuchFlag" in said


def test_a_cluster_at_anothers_port(commands: Commands, tmp_path: Path) -> None:
    """It does not start, and is not taken for ready because the other one answers."""
    commands.run("cluster", "up")
    other = {"CLUSTER_STATE": str(tmp_path), "BROKER_PORT": str(free_ports(1)[0])}
    said = commands.run("cluster", "up", code=1, **other)
    assert f"port {commands.variables['NAMESRV_PORT']} of namesrv is taken" in said
    assert not local.is_running(commands.settings(**other))


def test_databases_from_start_to_end(commands: Commands) -> None:
    """Up, written to, down, up again with what was written, gone."""
    said = commands.run("services", "up")
    settings = commands.settings()
    urls = (postgresql.url(settings), mariadb.url(settings))
    assert all(url in said for url in urls)
    for url in urls:
        execute(url, "CREATE TABLE kept (n INTEGER)", "INSERT INTO kept VALUES (7)")
    assert commands.run("services", "status").count("ready") == 2
    assert commands.run("services", "down") == "stopped postgresql, mariadb\n"
    commands.run("services", "up")
    assert [execute(url, "SELECT n FROM kept") for url in urls] == [[(7,)], [(7,)]]
    commands.run("services", "clean")
    assert [path.name for path in settings.state.iterdir()] == ["lock"]


def make_topic(settings: Settings, name: str) -> None:
    mqadmin(settings, "updateTopic", "-n", settings.name_server, "-c", rocketmq.CLUSTER, "-t", name)


def route_code(settings: Settings, topic: str) -> int:
    return probe.call(settings.name_server, RequestCode.GET_ROUTEINFO_BY_TOPIC, topic=topic).code


def mqadmin(settings: Settings, *words: str) -> str:
    folder = jars(DOCKER / "pom.xml", settings.cache)
    command = rocketmq.tool_command(find_java(), folder, settings.state / "broker-a", *words)
    environment = os.environ | {"ROCKETMQ_HOME": str(settings.state / "broker-a")}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=True)
    return ran.stdout


def execute(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Rows of the last one."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            for statement in statements:
                result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()
