"""The same servers in containers, where a Docker engine answers: ``docker/compose.yaml``, and little of ours around it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.servers.errors import ServerProblem
from tests.servers.local import what_is_missing
from tests.servers.processes import Row, wait_until_ready
from tests.servers.settings import BROKER_NAMES, BROKER_STEP, DOCKER, Settings

PROJECT = "bridge-cluster"
ENGINE_WAIT_S = 20


def engine_answers() -> bool:
    """Whether containers can be started here: a client, its compose plugin and an engine behind them."""
    return bool(shutil.which("docker")) and _succeeds("docker", "compose", "version") and _succeeds("docker", "info")


@dataclass(frozen=True)
class Containers:
    """Some services of the compose file and the volumes that hold their data."""

    names: tuple[str, ...]
    volumes: tuple[str, ...]
    wanted: Callable[[Settings], tuple[str, ...]]
    missing: Callable[[Settings], str]

    def up(self, settings: Settings) -> None:
        """Ready when this returns."""
        _compose(settings, "up", "--detach", "--wait", *self.wanted(settings))
        wait_until_ready((), settings.wait_s, lambda: self.missing(settings))

    def down(self, settings: Settings) -> list[str]:
        """Names of those that there were."""
        there = [row.name for row in self.status(settings)]
        _compose(settings, "rm", "--stop", "--force", *self.names)
        return there

    def clean(self, settings: Settings) -> list[str]:
        """Stops them and deletes their volumes, whose names it returns."""
        self.down(settings)
        volumes = [f"{PROJECT}_{volume}" for volume in self.volumes]
        _run(["docker", "volume", "rm", "--force", *volumes], {}, quiet=True)
        return volumes

    def status(self, settings: Settings) -> Iterator[Row]:
        """Every container that was started and not removed."""
        said = _compose(settings, "ps", "--all", "--format", "{{.Service}}\t{{.Status}}", quiet=True)
        for name, _, state in (line.partition("\t") for line in said.splitlines()):
            if name in self.names:
                yield Row(name, state, ready="(healthy)" in state)


def wanted_brokers(settings: Settings) -> tuple[str, ...]:
    return "network", "namesrv", *settings.broker_ports(), *(("proxy",) if settings.proxy else ())


CLUSTER = Containers(
    names=("network", "namesrv", *BROKER_NAMES, "proxy", "bridge"),
    volumes=("rocketmq",),
    wanted=wanted_brokers,
    missing=what_is_missing,
)
SERVICES = Containers(
    names=("postgresql", "mariadb"),
    volumes=("postgresql", "mariadb"),
    wanted=lambda _: ("postgresql", "mariadb"),
    missing=lambda _: "",
)


def variables(settings: Settings) -> dict[str, str]:
    """What docker/compose.yaml is told. The proxy's ports are published as they are only when it is wanted."""
    ports = {
        "NAMESRV_PORT": settings.name_server_port,
        "BROKER_PORT": settings.broker_port,
        "BROKER_B_PORT": settings.broker_port + BROKER_STEP,
        "PROXY_GRPC_PORT": settings.proxy_grpc_port,
        "PROXY_REMOTING_PORT": settings.proxy_remoting_port,
        "PROXY_GRPC_PUBLISHED": settings.proxy_grpc_port if settings.proxy else 0,
        "PROXY_REMOTING_PUBLISHED": settings.proxy_remoting_port if settings.proxy else 0,
        "POSTGRESQL_PORT": settings.postgresql_port,
        "MARIADB_PORT": settings.mariadb_port,
    }
    return {name: str(port) for name, port in ports.items()} | {"BROKER_JAVA_OPTS": settings.broker_java_opts}


def _compose(settings: Settings, *words: str, quiet: bool = False) -> str:
    """Every profile is named, so that what was started behind one is found and stopped too."""
    command = ["docker", "compose", "--project-name", PROJECT, "--file", str(DOCKER / "compose.yaml"), "--profile", "*"]
    return _run([*command, *words], variables(settings), quiet=quiet)


def _run(command: list[str], environment: Mapping[str, str], *, quiet: bool) -> str:
    """What Docker says goes to the terminal, progress above all; raises ServerProblem when it fails."""
    out = subprocess.PIPE if quiet else None
    ran = subprocess.run(command, env=os.environ | dict(environment), stdout=out, text=True, check=False)
    if ran.returncode:
        raise ServerProblem(f"`{' '.join(command)}` failed; what it said stands above")
    return ran.stdout or ""


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=ENGINE_WAIT_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
