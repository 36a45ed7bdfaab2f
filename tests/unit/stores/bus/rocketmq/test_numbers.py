"""The numbering of partitions, as it is registered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.stores.bus.rocketmq.numbering import Numbering
from bridge.stores.bus.rocketmq.places import Place
from bridge.stores.bus.rocketmq.registry import Registry

BROKEN = Numbering().broken(5, 10)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    made = Registry(f"sqlite:///{tmp_path / 'catalog.db'}")
    await made.open("token")
    yield made
    await made.close()


async def test_a_boot_is_written_down(registry: Registry) -> None:
    """For the partitions of one log, which are numbered as before."""
    await registry.numbers.put_boot("l1", [0, 2], 1000)
    assert await registry.numbers.of("l1") == {0: (Numbering(), 1000), 2: (Numbering(), 1000)}
    assert await registry.numbers.of("l2") == {}


async def test_numbers_and_places_change_together(registry: Registry) -> None:
    """Of one partition: all cursors in it have other places, and what was known of its broker stays."""
    await registry.numbers.put_boot("l1", [0], 1000)
    await registry.places.put("l1", "live", {0: Place("g", 5), 1: Place("g", 6)})
    await registry.places.put("l1", "gone", {0: Place("h", 7)})
    await registry.numbers.renumber("l1", 0, BROKEN, {"live": Place("i", 3)})
    assert await registry.numbers.of("l1") == {0: (BROKEN, 1000)}
    assert await registry.places.within("l1", 0) == {"live": Place("i", 3)}
    assert await registry.places.within("l1", 1) == {"live": Place("g", 6)}


async def test_a_partition_without_cursors_is_numbered_anew(registry: Registry) -> None:
    """Nothing else is known of it then."""
    await registry.numbers.renumber("l1", 3, BROKEN, {})
    assert await registry.numbers.of("l1") == {3: (BROKEN, None)}
