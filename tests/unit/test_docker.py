"""The files of docker/: read as compose and the shells of the containers would."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.servers import rocketmq
from tests.servers.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
SERVICES = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))["services"]
DOCKERFILE = (DOCKER / "Dockerfile").read_text("utf-8")
POM = (DOCKER / "pom.xml").read_text("utf-8")
JAVA = {
    "namesrv": rocketmq.name_server_program,
    "broker-a": lambda *given: rocketmq.broker_program(given[0], "broker-a", *given[1:]),
    "broker-b": lambda *given: rocketmq.broker_program(given[0], "broker-b", *given[1:]),
    "proxy": rocketmq.proxy_program,
}


def config(*profiles: str, **variables: str) -> dict:
    """What `docker compose config` makes of the file."""
    words = [word for profile in profiles for word in ("--profile", profile)]
    command = ["docker", "compose", "--file", str(DOCKER / "compose.yaml"), *words, "config", "--format", "json"]
    ran = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)["services"]


def has_compose() -> bool:
    if not shutil.which("docker"):
        return False
    return (
        subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=60, check=False).returncode == 0
    )


@pytest.fixture(scope="module")
def compose() -> None:
    if not has_compose():
        pytest.skip("no docker compose here")


def test_compose_takes_the_file(compose: None) -> None:
    """Without a profile it is the cluster of one broker."""
    assert set(config()) == {"network", "namesrv", "broker-a"}


@pytest.mark.parametrize(
    ("profile", "more"),
    [
        ("bridge", {"bridge", "postgresql"}),
        ("services", {"postgresql", "mariadb"}),
        ("proxy", {"proxy"}),
        ("two", {"broker-b"}),
    ],
)
def test_compose_knows_the_profiles(compose: None, profile: str, more: set[str]) -> None:
    """Each adds what it says."""
    assert set(config(profile)) == {"network", "namesrv", "broker-a"} | more


def test_compose_takes_other_ports(compose: None) -> None:
    """One port inside and outside, since it is what the broker tells its clients."""
    services = config("bridge", BROKER_PORT="3000", NAMESRV_PORT="2000")
    ports = {(port["host_ip"], port["published"], port["target"]) for port in services["network"]["ports"]}
    assert {("127.0.0.1", "3000", 3000), ("127.0.0.1", "2000", 2000)} <= ports
    assert services["broker-a"]["environment"]["PORT"] == "3000"
    assert services["broker-a"]["environment"]["NAMESRV"] == "127.0.0.1:2000"
    assert services["bridge"]["environment"]["BRIDGE_STORE_URL"] == "rocketmq://127.0.0.1:2000"


def test_every_port_is_published_on_the_loopback() -> None:
    """None of them has a lock; the HA port is not published at all."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 9
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not [port for port in ports if "10912" in port]


def test_every_service_is_pinned_and_watched() -> None:
    """A version in the image's name; a health check in the file, or in the image that is ours."""
    for name, service in SERVICES.items():
        assert name == "bridge" or re.search(r":\d", service["image"]), name
        assert name == "bridge" or "healthcheck" in service, name
    assert "HEALTHCHECK" in DOCKERFILE


def test_rocketmq_is_the_version_of_the_pom() -> None:
    """With containers and without they run the same."""
    version = re.search(r"<rocketmq\.version>(.+)</", POM)[1]
    assert {SERVICES[name]["image"] for name in ("network", *JAVA)} == {f"apache/rocketmq:{version}"}


@pytest.mark.parametrize("name", JAVA)
def test_containers_run_what_processes_run(name: str, tmp_path: Path) -> None:
    """The same main class with the same flags and the same configuration, but for folders and the bound address.

    The shell text of the container is run here, with a java that prints what it is given.
    """
    words, files = run_entrypoint(name, tmp_path)
    program = JAVA[name](Settings(state=Path("/state"), cache=Path("/c"), brokers=2), "java", Path("/jars"))
    ours = [word for word in program.command[1:] if not word.startswith("-Duser.home")]
    theirs = [word for word in words if not word.startswith("-Duser.home")]
    assert len(theirs) == len(ours)
    assert [word for word in theirs if "/" not in word] == [word for word in ours if "/" not in word]
    assert files == expected_files(name)


def run_entrypoint(name: str, tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """What java is given, and the configuration file that it finds."""
    service = SERVICES[name]
    text = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", service["entrypoint"][2]).replace("$$", "$")
    text = re.sub(r"(?<![\w/])/(data|config|tmp)(?=/)", rf"{tmp_path}/\1", text)
    for folder in ("data", "config", "tmp"):
        (tmp_path / folder).mkdir()
    for file in ("broker.conf", "rmq-proxy.json"):
        shutil.copy(DOCKER / file, tmp_path / "config")
    (tmp_path / "java").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    (tmp_path / "java").chmod(0o755)
    given = {key: re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", str(value)) for key, value in service["environment"].items()}
    environment = given | {"PATH": f"{tmp_path}:/usr/bin:/bin", "ROCKETMQ_HOME": "/rocketmq"}
    ran = subprocess.run(
        [*service["entrypoint"][:2], text], env=environment, capture_output=True, text=True, timeout=20, check=True
    )
    words = ran.stdout.splitlines()
    return words, properties(Path(words[-1]).read_text("utf-8"), str(tmp_path))


def properties(text: str, folder: str) -> dict[str, str]:
    if text.startswith("{"):
        return json.loads(text)
    lines = [line for line in text.replace(folder, "").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def expected_files(name: str) -> dict[str, str]:
    """What a process is told, in the container's folders and at all addresses of the container."""
    settings = Settings(state=Path("/data"), cache=Path("/c"), brokers=2)
    if name == "proxy":
        return json.loads(rocketmq.proxy_json((DOCKER / "rmq-proxy.json").read_text("utf-8"), settings))
    if name == "namesrv":
        told = properties(rocketmq.name_server_properties(settings), "")
    else:
        told = properties(rocketmq.broker_conf((DOCKER / "broker.conf").read_text("utf-8"), settings, name), "")
    del told["bindAddress"]
    return told


def test_image_of_bridge_is_not_run_by_root() -> None:
    """A user of its own, set before anything is started."""
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["bridge"]
    assert DOCKERFILE.index("USER bridge") < DOCKERFILE.index("ENTRYPOINT")


def test_image_of_bridge_is_built_from_what_is_there() -> None:
    """Each file that is copied exists and is sent to the engine; each extra that is installed is declared."""
    copied = [word for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()]
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = re.search(r"'\.\[(.*)\]'", DOCKERFILE)[1].split(",")
    assert set(extras) <= set(project["optional-dependencies"])


def test_profile_of_bridge_uses_the_catalog_of_its_neighbour() -> None:
    """User, password and database are those that PostgreSQL is made with."""
    given = SERVICES["postgresql"]["environment"]
    login = f"{given['POSTGRES_USER']}:{given['POSTGRES_PASSWORD']}@postgresql:5432/{given['POSTGRES_DB']}"
    assert SERVICES["bridge"]["environment"]["BRIDGE_CATALOG_URL"] == f"postgresql+psycopg://{login}"
