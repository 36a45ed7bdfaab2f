"""The cluster without containers: a name server, one or two brokers and perhaps the proxy, as processes of this machine.

``up`` starts what does not run yet, so it also brings back a broker that was killed. Each has a folder below the state
folder with its configuration (written anew at each start), data, logs and pid file.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.servers import probe, rocketmq
from tests.servers.java import find_java, jars
from tests.servers.processes import Row, describe, ensure_started, find, stop, wait_until_ready
from tests.servers.settings import BROKER_NAMES, DOCKER, Settings

NAMES = (rocketmq.NAME_SERVER, *BROKER_NAMES, rocketmq.PROXY)
"""In the order of starting."""


def up(settings: Settings) -> None:
    """Ready when this returns: every broker is in the route and answers."""
    java = find_java()
    folder = jars(DOCKER / "pom.xml", settings.cache)
    _start_brokers(settings, java, folder)
    if settings.proxy:
        _start_proxy(settings, java, folder)


def _start_brokers(settings: Settings, java: str, folder: Path) -> None:
    server = rocketmq.name_server_program(settings, java, folder)
    ensure_started(server, {"namesrv.properties": rocketmq.name_server_properties(settings)})
    common = (DOCKER / "broker.conf").read_text("utf-8")
    brokers = [rocketmq.broker_program(settings, name, java, folder) for name in settings.broker_ports()]
    for broker in brokers:
        ensure_started(broker, {"broker.conf": rocketmq.broker_conf(common, settings, broker.name)})
    wait_until_ready([server, *brokers], settings.wait_s, lambda: what_is_missing(settings))


def _start_proxy(settings: Settings, java: str, folder: Path) -> None:
    """After the brokers: without one in the route it would end at once."""
    proxy = rocketmq.proxy_program(settings, java, folder)
    common = (DOCKER / "rmq-proxy.json").read_text("utf-8")
    ensure_started(proxy, {"rmq-proxy.json": rocketmq.proxy_json(common, settings)})
    said = f"the proxy does not listen at port {settings.proxy_grpc_port}"
    wait_until_ready([proxy], settings.wait_s, lambda: "" if probe.listens(proxy.address) else said)


def down(settings: Settings) -> list[str]:
    """Names of those that ran and have ended now: the name server last, since the others take their leave of it."""
    clients = stop([settings.state / name for name in NAMES if name != rocketmq.NAME_SERVER])
    return clients + stop([settings.state / rocketmq.NAME_SERVER])


def clean(settings: Settings) -> list[str]:
    """Stops it, then deletes its data, logs and configuration, and nothing else. Returns the folders deleted."""
    down(settings)
    folders = [settings.state / name for name in NAMES if (settings.state / name).is_dir()]
    for folder in folders:
        shutil.rmtree(folder)
    return [str(folder) for folder in folders]


def is_running(settings: Settings) -> bool:
    """Whether any of its processes lives."""
    return any(find(settings.state / name) for name in NAMES)


def status(settings: Settings) -> Iterator[Row]:
    """Each process that was ever started here, asked as clients ask: the name server for a route, the proxy at its port,
    a broker only once it is in the route.
    """
    server = find(settings.state / rocketmq.NAME_SERVER)
    known = probe.brokers(server.address, rocketmq.CLUSTER).values() if server else ()
    asked = {
        rocketmq.NAME_SERVER: probe.is_name_server,
        **dict.fromkeys(BROKER_NAMES, lambda at: at in known and probe.is_broker(at, rocketmq.CLUSTER)),
        rocketmq.PROXY: probe.listens,
    }
    for name in NAMES:
        if (settings.state / name).is_dir():
            yield describe(settings.state / name, asked[name])


def what_is_missing(settings: Settings) -> str:
    """Nothing once the cluster is ready."""
    names = probe.missing(settings.name_server, rocketmq.CLUSTER, settings.broker_ports())
    return f"no answer from {', '.join(sorted(names))}" if names else ""
