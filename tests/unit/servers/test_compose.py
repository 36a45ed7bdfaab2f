"""The containers' side of the commands: what docker is told. A script stands in the place of docker."""

from pathlib import Path

import pytest
import yaml

from tests.servers import compose
from tests.servers.errors import ServerProblem
from tests.servers.settings import DOCKER, Settings

FILE = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))


def settings(tmp_path: Path, **fields: object) -> Settings:
    return Settings(state=tmp_path, cache=tmp_path, **fields)  # type: ignore[arg-type]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a docker that writes down its arguments and does what the text says."""

    def make(text: str) -> Path:
        heard = tmp_path / "heard"
        (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$*" >> {heard}\n{text}\n')
        (tmp_path / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return heard

    return make


def test_services_and_volumes_are_those_of_the_file() -> None:
    """Every service belongs to the cluster or to the databases."""
    assert {*compose.CLUSTER.names, *compose.SERVICES.names} == set(FILE["services"])
    assert {*compose.CLUSTER.volumes, *compose.SERVICES.volumes} == set(FILE["volumes"])
    assert FILE["name"] == compose.PROJECT


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, ("network", "namesrv", "broker-a")),
        ({"brokers": 2, "proxy": True}, ("network", "namesrv", "broker-a", "broker-b", "proxy")),
    ],
)
def test_only_what_is_wanted_is_started(tmp_path: Path, fields: dict[str, object], wanted: tuple[str, ...]) -> None:
    """The second broker and the proxy when asked for; bridge never by this way."""
    assert compose.CLUSTER.wanted(settings(tmp_path, **fields)) == wanted


def test_ports_are_handed_over(tmp_path: Path) -> None:
    """Those of the proxy are published as they are only with the proxy: 0 lets the system choose."""
    told = compose.variables(settings(tmp_path, broker_port=3000, broker_java_opts="-Xmx1g"))
    assert (told["BROKER_PORT"], told["BROKER_B_PORT"], told["BROKER_JAVA_OPTS"]) == ("3000", "3010", "-Xmx1g")
    assert told["PROXY_GRPC_PUBLISHED"] == told["PROXY_REMOTING_PUBLISHED"] == "0"
    with_proxy = compose.variables(settings(tmp_path, proxy=True, proxy_grpc_port=2001))
    assert (with_proxy["PROXY_GRPC_PUBLISHED"], with_proxy["PROXY_REMOTING_PUBLISHED"]) == ("2001", "8082")


def test_every_variable_of_the_file_is_known(tmp_path: Path) -> None:
    """None has two names; BRIDGE_HTTP_PORT and BRIDGE_GRPC_PORT are for who starts the profile by hand."""
    text = (DOCKER / "compose.yaml").read_text("utf-8")
    used = {part.partition(":-")[0] for part in text.split("${")[1:]}
    assert used == {*compose.variables(settings(tmp_path)), "BRIDGE_HTTP_PORT", "BRIDGE_GRPC_PORT"}


def test_services_are_started_and_waited_for(tmp_path: Path, docker) -> None:
    """By name, so that their profile need not be."""
    heard = docker("")
    compose.SERVICES.up(settings(tmp_path))
    assert heard.read_text().endswith("--profile * up --detach --wait postgresql mariadb\n")


def test_down_removes_only_its_own(tmp_path: Path, docker) -> None:
    """And names those that there were."""
    heard = docker('case "$*" in *ps*) printf "namesrv\\tUp 2 minutes (healthy)\\nmariadb\\tUp (healthy)\\n" ;; esac')
    assert compose.CLUSTER.down(settings(tmp_path)) == ["namesrv"]
    assert heard.read_text().endswith("rm --stop --force network namesrv broker-a broker-b proxy bridge\n")


def test_clean_deletes_its_volumes(tmp_path: Path, docker) -> None:
    """And no other's."""
    heard = docker("")
    assert compose.CLUSTER.clean(settings(tmp_path)) == ["bridge-cluster_rocketmq"]
    assert heard.read_text().endswith("volume rm --force bridge-cluster_rocketmq\n")


def test_status_is_the_containers_health(tmp_path: Path, docker) -> None:
    """As Docker tells it."""
    docker('printf "namesrv\\tUp 2 minutes (healthy)\\nbroker-a\\tUp 1 second (health: starting)\\n"')
    assert list(compose.CLUSTER.status(settings(tmp_path))) == [
        ("namesrv", "Up 2 minutes (healthy)", True),
        ("broker-a", "Up 1 second (health: starting)", False),
    ]


def test_a_docker_that_fails(tmp_path: Path, docker) -> None:
    """Has said why itself; the command is named."""
    docker("exit 1")
    with pytest.raises(ServerProblem, match=r"`docker compose .* up .*` failed"):
        compose.SERVICES.up(settings(tmp_path))


@pytest.mark.parametrize(("text", "answers"), [("", True), ("test $1 = compose", False), ("test $1 = info", False)])
def test_an_engine_is_asked_for(docker, text: str, answers: bool) -> None:
    """A client without its compose plugin is of no use, nor is one without an engine."""
    docker(text)
    assert compose.engine_answers() is answers


def test_no_client_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an error."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not compose.engine_answers()
