"""The registry of logs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.errors import StartError
from bridge.rocketmq.routes import Queue
from bridge.stores.bus.rocketmq.places import Place
from bridge.stores.bus.rocketmq.registry import LogRow, Registry, is_sqlite

ROW = LogRow("l1", "traffic", "bridge-traffic", (Queue("bridge-traffic", "a", 0), Queue("bridge-traffic", "b", 0)))


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    made = Registry(f"sqlite:///{tmp_path / 'catalog.db'}")
    await made.open("token")
    yield made
    await made.close()


async def test_a_log_is_registered_once(registry: Registry) -> None:
    """Who comes second gets the row of the first."""
    assert await registry.add(ROW) == ROW
    assert await registry.add(ROW._replace(id="l2", queues=ROW.queues[:1])) == ROW
    assert await registry.find("traffic") == ROW
    assert await registry.find("other") is None
    assert await registry.all() == [ROW]


async def test_a_log_only_grows(registry: Registry) -> None:
    """The widest row counts; one that is not there any more is leaving."""
    await registry.add(ROW)
    wider = ROW._replace(queues=(*ROW.queues, Queue("bridge-traffic", "a", 1)))
    assert await registry.widen(wider) == wider
    assert await registry.widen(ROW) == wider
    assert (await registry.widen(wider._replace(name="gone"))).leaving
    assert (await registry.widen(wider._replace(id="another"))) == wider


async def test_a_log_leaves_with_its_cursors(registry: Registry) -> None:
    """First it is marked, so that a crash is no way back."""
    await registry.add(ROW)
    await registry.places.put("l1", "live", {0: Place("g", 5)})
    await registry.leave("l1")
    assert await registry.find("traffic") == ROW._replace(leaving=True)
    await registry.remove("l1")
    assert (
        await registry.find("traffic"),
        await registry.places.cursors("l1"),
        await registry.places.groups("l1"),
    ) == (None, [], [])


async def test_the_catalog_is_known_by_one_token(tmp_path: Path) -> None:
    """That of who opened it first."""
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    for token in ("first", "second"):
        registry = Registry(url)
        assert (await registry.open(token))[0] == "first"
        await registry.close()


def test_which_catalogs_can_be_shared() -> None:
    """All but SQLite files."""
    assert is_sqlite("sqlite:///data/catalog.db")
    assert not is_sqlite("postgresql+psycopg://u@h/d")
    with pytest.raises(StartError, match=r"catalog\.url"):
        is_sqlite("nonsense")
