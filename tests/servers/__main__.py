"""``python -m tests.servers cluster|services up|down|status|clean``, as the Makefile says it.

Exit code 0: done, and of ``status``: all is ready; 1: it is not, or failed, with the reason on stderr; 2: wrong use.
"""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from tests.servers import compose, local, mariadb, postgresql, rocketmq, services
from tests.servers.errors import ServerProblem
from tests.servers.processes import Row
from tests.servers.settings import Settings, parse_settings


class Runner(Protocol):
    """Processes of this machine (the modules ``local`` and ``services``) or containers."""

    def up(self, settings: Settings) -> None: ...
    def down(self, settings: Settings) -> list[str]: ...
    def clean(self, settings: Settings) -> list[str]: ...
    def status(self, settings: Settings) -> Iterator[Row]: ...


class Kind(NamedTuple):
    """``welcome``: what is said once they are up, given whether they are containers."""

    on_machine: Runner
    in_containers: Runner
    is_running: Callable[[Settings], bool]
    welcome: Callable[[Settings, bool], str]


def choose(kind: Kind, settings: Settings, engine_answers: Callable[[], bool]) -> Runner:
    """What already runs on this machine stays there; else containers where they can be had."""
    if settings.runner == "local" or (settings.runner == "auto" and kind.is_running(settings)):
        return kind.on_machine
    if engine_answers():
        return kind.in_containers
    if settings.runner == "docker":
        raise ServerProblem("CLUSTER_RUNNER=docker, but no Docker engine with compose answers here (try `docker info`)")
    return kind.on_machine


def cluster_welcome(settings: Settings, containers: bool) -> str:
    brokers = ", ".join(f"{name} at 127.0.0.1:{port}" for name, port in settings.broker_ports().items())
    lines = [f"RocketMQ is ready: name server at {settings.name_server}, {brokers}"]
    lines += [f"The gRPC proxy is at 127.0.0.1:{settings.proxy_grpc_port}"] if settings.proxy else []
    lines += [] if containers else [f"Data and logs: {settings.state}", what_is_open(settings)]
    return "\n".join(lines)


def what_is_open(settings: Settings) -> str:
    """The warning about ports that RocketMQ cannot bind to the loopback."""
    whose = "a broker's HA port, nor the proxy's ports" if settings.proxy else "a broker's HA port"
    return (
        f"NOTE: RocketMQ cannot bind {whose} to one address. "
        f"Open on EVERY address of this machine, without credentials: {', '.join(map(str, rocketmq.open_ports(settings)))}. "
        "All other ports are on 127.0.0.1. Where others reach this machine, let its firewall close them."
    )


def services_welcome(settings: Settings, containers: bool) -> str:
    return f"PostgreSQL  {postgresql.url(settings)}\nMariaDB     {mariadb.url(settings)}"


KINDS = {
    "cluster": Kind(local, compose.CLUSTER, local.is_running, cluster_welcome),
    "services": Kind(services, compose.SERVICES, services.is_running, services_welcome),
}


def up(kind: Kind, runner: Runner, settings: Settings) -> int:
    runner.up(settings)
    print(kind.welcome(settings, runner is kind.in_containers))
    return 0


def down(kind: Kind, runner: Runner, settings: Settings) -> int:
    ended = runner.down(settings)
    print(f"stopped {', '.join(ended)}" if ended else "nothing was running")
    return 0


def clean(kind: Kind, runner: Runner, settings: Settings) -> int:
    gone = runner.clean(settings)
    print("\n".join(f"deleted {name}" for name in gone) or "there was nothing to delete")
    return 0


def status(kind: Kind, runner: Runner, settings: Settings) -> int:
    rows = list(runner.status(settings))
    for row in rows:
        print(f"{row.name:<12} {row.state}")
    if not rows:
        print("nothing was started here")
    return 0 if rows and all(row.ready for row in rows) else 1


VERBS = {"up": up, "down": down, "clean": clean, "status": status}


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    if len(arguments) != 2 or arguments[0] not in KINDS or arguments[1] not in VERBS:
        print(__doc__, file=sys.stderr)
        return 2
    kind = KINDS[arguments[0]]
    try:
        settings = parse_settings(environment)
        with _one_at_a_time(settings):
            return VERBS[arguments[1]](kind, choose(kind, settings, compose.engine_answers), settings)
    except ServerProblem as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what has been started stays until it is stopped", file=sys.stderr)
        return 130


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    """Two commands at once would start everything twice; the second waits for the first."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
