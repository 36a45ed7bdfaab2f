"""`bridge copy`: the events of buses from one store to another, with no bridge in between."""

from collections.abc import Callable, Sequence
from functools import partial

from bridge.app.stores import bus_store, opened
from bridge.model.clock import system_clock
from bridge.settings.sections import Settings
from bridge.stores.copying import Copied, Told, copy_bus


async def copy(
    source: Settings, target: Settings, buses: Sequence[str], begin: Callable[[str, int], Told]
) -> list[Copied]:
    """Copy buses (none named: all) from one store to another, see ``stores.copying``; ``begin`` is told each one's name."""
    one, other = (bus_store(settings.store.url, settings, system_clock) for settings in (source, target))
    async with opened(one), opened(other):
        return [await copy_bus(one, other, name, partial(begin, name)) for name in buses or one.logs()]
