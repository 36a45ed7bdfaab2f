"""The processes of a local RocketMQ without containers: command lines, flags and configuration texts. Pure.

What RocketMQ can be told to bind to the loopback is bound there: the name server, a broker's main and fast port. A
broker's HA port and both ports of the proxy always listen on every address, whatever is configured.
"""

import json
from pathlib import Path

from tests.servers.processes import Program
from tests.servers.settings import Settings

CLUSTER = "DefaultCluster"
NAME_SERVER, PROXY = "namesrv", "proxy"
HA, FAST = 1, -2
"""A broker's further ports, counted from its main one."""

SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For processes that do little: less memory and a quicker start, at the price of speed they do not need."""

MAIN_CLASSES = {
    NAME_SERVER: "org.apache.rocketmq.namesrv.NamesrvStartup",
    "broker": "org.apache.rocketmq.broker.BrokerStartup",
    PROXY: "org.apache.rocketmq.proxy.ProxyStartup",
}
MQADMIN = "org.apache.rocketmq.tools.command.MQAdminStartup"


def name_server_program(settings: Settings, java: str, jars: Path) -> Program:
    folder = settings.state / NAME_SERVER
    heap = ("-Xms64m", "-Xmx128m", *SMALL)
    return Program(
        name=NAME_SERVER,
        command=(*_java(java, jars, folder, NAME_SERVER, heap), "-c", str(folder / "namesrv.properties")),
        folder=folder,
        ports={"NAMESRV_PORT": settings.name_server_port},
        environment={"ROCKETMQ_HOME": str(folder)},
    )


def broker_program(settings: Settings, name: str, java: str, jars: Path) -> Program:
    folder, port = settings.state / name, settings.broker_ports()[name]
    heap = ("-Xms256m", "-Xmx512m", "-XX:MaxDirectMemorySize=256m", *settings.broker_java_opts.split())
    return Program(
        name=name,
        command=(*_java(java, jars, folder, "broker", heap), "-c", str(folder / "broker.conf")),
        folder=folder,
        ports={"BROKER_PORT": port, "BROKER_PORT (fast)": port + FAST, "BROKER_PORT (HA)": port + HA},
        environment={"ROCKETMQ_HOME": str(folder)},
    )


def proxy_program(settings: Settings, java: str, jars: Path) -> Program:
    """A process of its own, beside the brokers: it may come and go without them."""
    folder = settings.state / PROXY
    heap = ("-Xms128m", "-Xmx256m", "-XX:MaxDirectMemorySize=256m", *SMALL)
    arguments = ("-pm", "cluster", "-n", settings.name_server, "-pc", str(folder / "rmq-proxy.json"))
    return Program(
        name=PROXY,
        command=(*_java(java, jars, folder, PROXY, heap), *arguments),
        folder=folder,
        ports={"PROXY_GRPC_PORT": settings.proxy_grpc_port, "PROXY_REMOTING_PORT": settings.proxy_remoting_port},
        environment={"ROCKETMQ_HOME": str(folder)},
    )


def name_server_properties(settings: Settings) -> str:
    return _properties({"listenPort": settings.name_server_port, "bindAddress": "127.0.0.1"})


def broker_conf(common: str, settings: Settings, name: str) -> str:
    """docker/broker.conf, and behind it what this one broker is told; the last of two equal keys counts."""
    store = settings.state / name / "store"
    own = {
        "brokerName": name,
        "namesrvAddr": settings.name_server,
        "brokerIP1": "127.0.0.1",
        "bindAddress": "127.0.0.1",
        "listenPort": settings.broker_ports()[name],
        "storePathRootDir": store,
        "storePathCommitLog": store / "commitlog",
    }
    return f"{common.rstrip()}\n\n# This broker\n{_properties(own)}"


def proxy_json(common: str, settings: Settings) -> str:
    """docker/rmq-proxy.json with the ports that were chosen."""
    ports = {"grpcServerPort": settings.proxy_grpc_port, "remotingListenPort": settings.proxy_remoting_port}
    return json.dumps(json.loads(common) | ports, indent=2)


def tool_command(java: str, jars: Path, folder: Path, *arguments: str, main: str = MQADMIN) -> tuple[str, ...]:
    """One of RocketMQ's own programs, such as a benchmark of its; without ``main``: mqadmin. Logs go below ``folder``."""
    return (*_java(java, jars, folder, "tools", ("-Xmx256m",), main), *arguments)


def open_ports(settings: Settings) -> list[int]:
    """Those that listen on every address of this machine."""
    high_availability = [port + HA for port in settings.broker_ports().values()]
    return high_availability + ([settings.proxy_grpc_port, settings.proxy_remoting_port] if settings.proxy else [])


def _java(
    java: str, jars: Path, folder: Path, kind: str, heap: tuple[str, ...], main: str | None = None
) -> tuple[str, ...]:
    log_file = f"-Drmq.logback.configurationFile=rmq.{kind}.logback.xml"
    return (java, *heap, f"-Duser.home={folder}", log_file, "-cp", f"{jars}/*", main or MAIN_CLASSES[kind])


def _properties(values: dict[str, object]) -> str:
    return "".join(f"{key}={_escaped(str(value))}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    """As Java reads a properties file: ISO 8859-1, the rest in escapes of UTF-16."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[k : k + 2]) for k in range(0, len(units), 2)]
    return "".join(chr(code) if code < 0x7F else f"\\u{code:04x}" for code in codes)
