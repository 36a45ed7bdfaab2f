"""Variables that choose ports, folders and brokers."""

import re
from pathlib import Path

import pytest

from tests.servers.errors import ServerProblem
from tests.servers.settings import ROOT, parse_settings


def test_without_variables() -> None:
    """One broker at RocketMQ's own ports, no proxy, everything below the repository and the user's cache."""
    settings = parse_settings({"HOME": "/home/me"})
    assert settings.name_server == "127.0.0.1:9876"
    assert settings.broker_ports() == {"broker-a": 10911}
    assert not settings.proxy
    assert settings.state == ROOT / ".cluster"
    assert settings.cache == Path("/home/me/.cache/bridge-cluster")


def test_variables_choose() -> None:
    """Ports, the number of brokers, folders."""
    given = {"NAMESRV_PORT": "2000", "BROKER_PORT": "3000", "BROKERS": "2", "PROXY": "1", "CLUSTER_STATE": "/a"}
    settings = parse_settings(given | {"XDG_CACHE_HOME": "/c", "POSTGRESQL_PORT": "4000", "MARIADB_PORT": "5000"})
    assert settings.name_server == "127.0.0.1:2000"
    assert settings.broker_ports() == {"broker-a": 3000, "broker-b": 3010}
    assert settings.proxy
    assert (settings.state, settings.cache) == (Path("/a"), Path("/c/bridge-cluster"))
    assert (settings.postgresql_port, settings.mariadb_port) == (4000, 5000)


def test_an_empty_variable_is_none() -> None:
    """As `make BROKERS=` gives it."""
    empty = dict.fromkeys(("BROKERS", "PROXY", "NAMESRV_PORT", "CLUSTER_STATE", "XDG_CACHE_HOME"), "")
    assert parse_settings(empty | {"HOME": "/h"}) == parse_settings({"HOME": "/h"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NAMESRV_PORT", "http"),
        ("NAMESRV_PORT", "80"),
        ("BROKER_PORT", "70000"),
        ("BROKER_PORT", "٣٠٠٠"),
        ("BROKERS", "0"),
        ("BROKERS", "3"),
        ("PROXY", "yes"),
        ("CLUSTER_RUNNER", "podman"),
        ("CLUSTER_WAIT", "1.5"),
        ("MARIADB_PORT", "-1"),
    ],
)
def test_bad_values_are_refused_by_name(name: str, value: str) -> None:
    """With what would be right."""
    with pytest.raises(ServerProblem, match=f"^{name} must be .*{value}"):
        parse_settings({name: value})


def test_every_variable_is_documented() -> None:
    """With its default, in one table; and none that does not exist."""
    page = (ROOT / "docs" / "running-on-rocketmq.md").read_text("utf-8")
    source = (ROOT / "tests" / "servers" / "settings.py").read_text("utf-8")
    known = set(re.findall(r"\"([A-Z_]{5,})\"", source)) - {"XDG_CACHE_HOME"}
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", page, re.MULTILINE))
    assert rows.keys() == known
    ports = {name: int(default) for name, default in rows.items() if name.endswith("_PORT")}
    assert parse_settings({name: str(port) for name, port in ports.items()}) == parse_settings({})
