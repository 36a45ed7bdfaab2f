"""What a connector needs around it in a test: a host, and deliveries to send."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from bridge.connectors.base import Reach, Target, load_config
from bridge.errors import BridgeError, InvalidInput, NotFound
from bridge.model.delivery import Delivery, Payload
from bridge.model.event import DataForm, Event, Value
from bridge.model.log import Position
from bridge.testing.clock import ManualClock


class FakeHost:
    """Keeps what is put to its buses. ``failing``: raised by the next puts until it is None again."""

    def __init__(
        self, clock: Callable[[], float] | None = None, buses: Sequence[str] = (), reach: Reach = Reach.LOOPBACK
    ) -> None:
        self.clock = clock or ManualClock()
        self.reach = reach
        self.buses: dict[str, list[Event]] = {bus: [] for bus in buses}
        self.failing: BridgeError | None = None
        self.refused: dict[str, InvalidInput] = {}
        """By id, the events that every bus refuses."""

    async def put(self, bus: str, events: Sequence[Event]) -> Mapping[int, InvalidInput]:
        if self.failing is not None:
            raise self.failing
        if bus not in self.buses:
            raise NotFound(f"there is no bus {bus}")
        refused = {i: self.refused[event.id] for i, event in enumerate(events) if event.id in self.refused}
        self.buses[bus] += [event for i, event in enumerate(events) if i not in refused]
        return refused


def make_target(kind: type[Target], host: FakeHost | None = None, /, **config: Any) -> Target:
    """A target from its config as users write it (camelCase members), checked."""
    return kind(load_config(kind, msgspec.json.encode(config)), host or FakeHost())


def make_event(id: str = "1", data: bytes | None = b'{"speed":61}', **attributes: Value) -> Event:  # noqa: A002
    """A small event with JSON data; attributes beyond the required ones by name, ``source`` and ``type`` too."""
    source, kind = str(attributes.pop("source", "/junction/7")), str(attributes.pop("type", "light.changed"))
    form = DataForm.JSON if data is not None else DataForm.BINARY
    return Event(id, source, kind, attributes, data, form)


def make_delivery(
    target: Target, event: Event | None = None, payload: Payload | None = None, *, offset: int = 0, config: Any = None
) -> Delivery:
    """``config`` stands for the target's own with placeholders filled in."""
    return Delivery(event or make_event(str(offset)), Position(0, offset), payload, config or target.config, 0.0)
