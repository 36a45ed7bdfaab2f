"""Which cursors there are, and where their positions are kept."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.stores.bus.rocketmq.places import Place, Places
from bridge.stores.bus.rocketmq.registry import Registry


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[Places]:
    made = Registry(f"sqlite:///{tmp_path / 'catalog.db'}")
    await made.open("token")
    yield made.places
    await made.close()


async def test_cursors_have_places(places: Places) -> None:
    """By name and partition; what is put again counts."""
    await places.put("l1", "live", {0: Place("g", 5), 1: Place("g", 6)})
    await places.put("l1", "live", {1: Place("h", 7)})
    await places.put("l1", "a/b\0", {0: Place("i", 2**62)})
    await places.put("l2", "other", {0: Place("j", 0)})
    assert await places.of("l1", "live") == {0: Place("g", 5), 1: Place("h", 7)}
    assert await places.of("l1", "none") == {}
    assert (await places.cursors("l1"), await places.groups("l1")) == (["a/b\0", "live"], ["g", "h", "i"])


async def test_a_forgotten_cursor_says_which_groups_it_leaves(places: Places) -> None:
    """Those that no partition of it uses any more."""
    await places.put("l1", "live", {0: Place("g", 5), 1: Place("g", 6), 2: Place("h", 7)})
    assert await places.forget("l1", "live", [0, 2]) == {"h"}
    assert await places.of("l1", "live") == {1: Place("g", 6)}
    assert await places.forget("l1", "live", None) == {"g"}
    assert await places.forget("l1", "live", None) == set()
    assert await places.cursors("l1") == []


async def test_a_partition_has_the_places_of_all_cursors(places: Places) -> None:
    """By cursor, those of one log."""
    await places.put("l1", "live", {0: Place("g", 5), 1: Place("g", 6)})
    await places.put("l1", "other", {1: Place("h", 7)})
    await places.put("l2", "live", {1: Place("i", 8)})
    assert await places.within("l1", 1) == {"live": Place("g", 6), "other": Place("h", 7)}
    assert await places.within("l1", 2) == {}
