"""A shared, healthy cluster for the tests beside it, and one of its own for those that break it."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.rocketmq.admin import Groups, Topics
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.configs import GroupConfig, TopicConfig
from tests.cluster.own import OwnCluster
from tests.cluster.tools import Tools
from tests.servers.errors import ServerProblem
from tests.servers.java import find_java

VARIABLE, PROXY = "BRIDGE_TEST_ROCKETMQ", "BRIDGE_TEST_ROCKETMQ_PROXY"


def given(variable: str) -> str:
    """Its value; without one the test is skipped."""
    address = os.environ.get(variable)
    if not address:
        pytest.skip(f"{variable} names no server; `make test-cluster` starts one")
    return address


@pytest.fixture
def name_server() -> str:
    return given(VARIABLE)


@pytest.fixture
def proxy(name_server: str) -> str:
    return given(PROXY)


@pytest.fixture
def tools(name_server: str, tmp_path: Path) -> Tools:
    """RocketMQ's own programs. Where there is no Java the test is skipped: the cluster runs in containers."""
    try:
        return Tools(name_server, tmp_path)
    except ServerProblem as problem:
        pytest.skip(str(problem))


@pytest.fixture
async def cluster(name_server: str) -> AsyncIterator[Cluster]:
    async with Cluster([name_server]) as cluster:
        yield cluster


@pytest.fixture
async def topic(cluster: Cluster) -> AsyncIterator[str]:
    """Two queues on one broker."""
    name = f"peers_{secrets.token_hex(6)}"
    await Topics(cluster).create(TopicConfig(name, 2, 2), (await Topics(cluster).masters())[:1])
    yield name
    await Topics(cluster).delete(name)


@pytest.fixture
async def group(cluster: Cluster) -> AsyncIterator[str]:
    name = f"peers_group_{secrets.token_hex(6)}"
    await Groups(cluster).create(GroupConfig(name))
    yield name
    await Groups(cluster).delete(name)


@pytest.fixture(scope="session")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCluster]:
    """One cluster for all tests that break theirs; it starts with the first of them, and each mends it."""
    given(VARIABLE)
    try:
        find_java()
    except ServerProblem as problem:
        pytest.skip(str(problem))
    own = OwnCluster(tmp_path_factory.mktemp("own"))
    try:
        yield own
    finally:
        own.clean()


@pytest.fixture
async def own(brought: OwnCluster) -> OwnCluster:
    """Complete, whatever the test before has done."""
    brought.resume_all()
    await brought.up()
    return brought
