"""What the servers can be told, by variables of the environment or of ``make``. Pure, but for reading a mapping."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.errors import ServerProblem

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
BROKER_NAMES = ("broker-a", "broker-b")
BROKER_STEP = 10
"""The second broker's ports are those of the first plus this."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``state`` holds data, logs and pid files; ``cache`` what was downloaded. Ports are on 127.0.0.1."""

    state: Path
    cache: Path
    runner: str = "auto"
    wait_s: float = 90
    name_server_port: int = 9876
    broker_port: int = 10911
    brokers: int = 1
    proxy: bool = False
    proxy_grpc_port: int = 8081
    proxy_remoting_port: int = 8082
    broker_java_opts: str = ""
    postgresql_port: int = 15432
    mariadb_port: int = 13306

    @property
    def name_server(self) -> str:
        return f"127.0.0.1:{self.name_server_port}"

    def broker_ports(self) -> dict[str, int]:
        """Each broker's name and its main port; it also takes the next one (HA), and the second one before it (fast)."""
        return {name: self.broker_port + BROKER_STEP * k for k, name in enumerate(BROKER_NAMES[: self.brokers])}


def parse_settings(environment: Mapping[str, str]) -> Settings:
    """Raises ServerProblem with the variable's name. An empty variable counts as none, as ``make X=`` gives it."""
    given = {name: value for name, value in environment.items() if value}
    caches = Path(given.get("XDG_CACHE_HOME") or Path(given.get("HOME", "/")) / ".cache")
    return Settings(
        state=Path(given.get("CLUSTER_STATE") or ROOT / ".cluster").absolute(),
        cache=Path(given.get("CLUSTER_CACHE") or caches / "bridge-cluster").absolute(),
        runner=_one_of(given, "CLUSTER_RUNNER", ("auto", "docker", "local")),
        wait_s=_number(given, "CLUSTER_WAIT", Settings.wait_s, 1, 3600),
        name_server_port=_port(given, "NAMESRV_PORT", Settings.name_server_port),
        broker_port=_port(given, "BROKER_PORT", Settings.broker_port),
        brokers=_number(given, "BROKERS", Settings.brokers, 1, len(BROKER_NAMES)),
        proxy=_one_of(given, "PROXY", ("0", "1")) == "1",
        proxy_grpc_port=_port(given, "PROXY_GRPC_PORT", Settings.proxy_grpc_port),
        proxy_remoting_port=_port(given, "PROXY_REMOTING_PORT", Settings.proxy_remoting_port),
        broker_java_opts=given.get("BROKER_JAVA_OPTS", ""),
        postgresql_port=_port(given, "POSTGRESQL_PORT", Settings.postgresql_port),
        mariadb_port=_port(given, "MARIADB_PORT", Settings.mariadb_port),
    )


def _port(given: Mapping[str, str], name: str, default: int) -> int:
    return _number(given, name, default, 1024, 65_500)


def _number(given: Mapping[str, str], name: str, default: float, low: int, high: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise ServerProblem(f"{name} must be a number from {low} to {high}, not {text!r}")
    return int(text)


def _one_of(given: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = given.get(name, choices[0])
    if text not in choices:
        raise ServerProblem(f"{name} must be one of {', '.join(choices)}, not {text!r}")
    return text
