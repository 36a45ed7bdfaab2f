"""``make test-cluster``: the tests that need servers (marker ``external``), with the servers they need.

RocketMQ with its gRPC proxy, PostgreSQL and MariaDB are started where they do not run yet, and stopped again if they did
not. Whoever has servers elsewhere names them: ``BRIDGE_TEST_ROCKETMQ`` and ``BRIDGE_TEST_ROCKETMQ_PROXY`` (host:port),
``BRIDGE_TEST_POSTGRESQL``, ``BRIDGE_TEST_MARIADB`` (SQLAlchemy URLs of a user who may make databases). Words behind the
command go to pytest. A test that is skipped for want of a server fails the run, and so does a missing tool.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from tests.servers import compose, local, mariadb, postgresql, rocketmq, services
from tests.servers.__main__ import KINDS, choose
from tests.servers.errors import ServerProblem
from tests.servers.processes import find, stop
from tests.servers.settings import ROOT, Settings, parse_settings

VARIABLES: Mapping[str, Mapping[str, Callable[[Settings], str]]] = {
    "cluster": {
        "BRIDGE_TEST_ROCKETMQ": lambda settings: settings.name_server,
        "BRIDGE_TEST_ROCKETMQ_PROXY": lambda settings: f"127.0.0.1:{settings.proxy_grpc_port}",
    },
    "services": {"BRIDGE_TEST_POSTGRESQL": postgresql.url, "BRIDGE_TEST_MARIADB": mariadb.url},
}
HANGS_S = 600
"""A test of this many seconds ends the run: servers need longer than our own code does."""
NAMES = (*(name for name in local.NAMES if name != rocketmq.NAME_SERVER), rocketmq.NAME_SERVER, *services.STOPS)
"""In the order of stopping."""


def main(words: list[str], environment: Mapping[str, str]) -> int:
    """The exit code of pytest; 1 when the servers cannot be had."""
    try:
        settings = replace(parse_settings(environment), proxy=True)
        with ExitStack() as stack:
            found: dict[str, str] = {}
            for kind in VARIABLES:
                if not any(environment.get(variable) for variable in VARIABLES[kind]):
                    stack.enter_context(started(kind, settings))
                    found |= {variable: place(settings) for variable, place in VARIABLES[kind].items()}
            return run(words, dict(environment) | found)
    except ServerProblem as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def run(words: list[str], environment: Mapping[str, str]) -> int:
    options = ["-m", "external", "-p", "tests.cluster.skips", "-o", f"faulthandler_timeout={HANGS_S}"]
    command = [sys.executable, "-m", "pytest", *options, *words]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


@contextmanager
def started(kind: str, settings: Settings) -> Iterator[None]:
    """Servers of a kind, ready; at the end those that were not there before are stopped."""
    runner = choose(KINDS[kind], settings, compose.engine_answers)
    in_containers = runner is KINDS[kind].in_containers
    before = {row.name for row in runner.status(settings)} if in_containers else running(settings)
    try:
        runner.up(settings)
        yield
    finally:
        if not in_containers:
            stop_others(settings, before)
        elif not before:
            runner.down(settings)


def running(settings: Settings) -> set[str]:
    return {name for name in NAMES if find(settings.state / name)}


def stop_others(settings: Settings, spared: set[str]) -> None:
    for name in NAMES:
        if name not in spared:
            stop([settings.state / name], services.STOPS.get(name, signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
