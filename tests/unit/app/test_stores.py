"""Which stores the settings mean."""

from pathlib import Path

import pytest

from bridge.app.stores import Stores, are_shared, bus_store, make_stores
from bridge.model.clock import system_clock
from bridge.settings.loading import load_settings
from bridge.settings.sections import Settings
from bridge.stores.bus.lmdb.store import LmdbBusStore
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.bus.rocketmq.store import RocketMqBusStore
from bridge.stores.catalog.memory import MemoryCatalog
from bridge.stores.catalog.sql import SqlCatalog

CLUSTER, SERVER = "rocketmq://127.0.0.1:9876", "postgresql://me@nowhere/x"


def settings(store: str, catalog: str = "") -> Settings:
    return load_settings(None, {}, {"store.url": store, "catalog.url": catalog} if catalog else {"store.url": store})


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("store", "catalog", "shared"),
    [
        ("memory:", "", False),
        ("memory:", SERVER, False),
        ("lmdb:data", "", False),
        ("lmdb:data", SERVER, False),
        (CLUSTER, "", False),
        (CLUSTER, "sqlite:///x.db", False),
        (CLUSTER, SERVER, True),
    ],
)
def test_only_a_cluster_and_a_server_are_shared(store: str, catalog: str, *, shared: bool) -> None:
    """Then, and only then, there is a place where instances know of each other."""
    chosen = settings(store, catalog)
    assert are_shared(chosen) is shared
    assert (make_stores(chosen, system_clock).instances is not None) is shared


def test_each_url_has_its_store() -> None:
    """Nothing is opened by making it."""
    kinds = {"memory:": MemoryBusStore, "lmdb:data": LmdbBusStore, CLUSTER: RocketMqBusStore}
    assert {url: type(bus_store(url, settings(url), system_clock)) for url in kinds} == kinds
    assert not list(Path().iterdir())


def test_in_memory_only_a_catalog_that_is_named_lasts() -> None:
    """The rest is gone with the process."""
    assert isinstance(make_stores(settings("memory:"), system_clock).catalog, MemoryCatalog)
    assert isinstance(make_stores(settings("memory:", "sqlite:///x.db"), system_clock).catalog, SqlCatalog)


async def test_all_are_open_as_long_as_the_block() -> None:
    """In their order, and closed in reverse."""
    seen: list[str] = []

    class Store:
        def __init__(self, name: str) -> None:
            self.name = name

        async def open(self) -> None:
            seen.append(f"open {self.name}")

        async def close(self) -> None:
            seen.append(f"close {self.name}")

    async with Stores(*(Store(name) for name in "abcd"), None).opened():  # type: ignore[arg-type]
        seen.append("block")
    assert seen == [*(f"open {name}" for name in "abcd"), "block", *(f"close {name}" for name in "dcba")]
