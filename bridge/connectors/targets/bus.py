"""Puts events to another bus of this bridge.

Guarantee: At least once; durable on the other bus when the delivery is done.

Retried: the other bus is overloaded (not before the time it asks for), is missing or cannot store now. An event that it
refuses as invalid or too large is rejected.

The event goes on unaltered but for the extension `bridgehops`, the number of buses it was put to by rules; one that has
made `maxHops` already is rejected as a loop. With a transform, a new event takes its place: `id`, `source`, `type` and
every other attribute are kept, the data is the payload, `datacontenttype` its media type, and `dataschema` is left out,
as it describes the data from before.
"""

from collections.abc import Sequence
from typing import Annotated

from bridge.connectors import base
from bridge.connectors.base import Features, field
from bridge.errors import (
    InvalidConfig,
    InvalidInput,
    NotFound,
    Overloaded,
    PartlyFailed,
    Rejected,
    RejectedKind,
    Retryable,
    StoreError,
    TargetError,
    TooLarge,
)
from bridge.model.delivery import Delivery, Payload
from bridge.model.event import DataForm, Event, Value, is_json
from bridge.model.hops import HOPS, MOST_HOPS, count_hops
from bridge.model.resource import NAME, NAME_RULE


class BusConfig(base.Config, frozen=True, kw_only=True):
    bus: Annotated[str, field("The other bus, by name.")]
    max_hops: Annotated[int, field("How many buses an event may have been put to by rules.", ge=1, le=1000)] = MOST_HOPS

    @property
    def address(self) -> str:
        return self.bus


class BusTarget(base.Target):
    kind = "bus"
    Config = BusConfig
    features = Features(max_batch=1000)

    @classmethod
    def check(cls, config: BusConfig) -> None:
        if NAME.fullmatch(config.bus) is None:
            raise InvalidConfig(f"{config.bus!r} is not a name: {NAME_RULE}", path="$.bus")

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        failures: dict[int, TargetError] = {}
        events: dict[int, Event] = {}
        for index, delivery in enumerate(deliveries):
            hops = count_hops(delivery.event)
            if hops >= self.config.max_hops:
                failures[index] = Rejected(f"loop: put to {hops} buses already")
            else:
                events[index] = make_event(delivery.event, delivery.payload, hops + 1)
        if events:
            failures |= await self._put(events)
        if failures:
            raise failures[0] if len(deliveries) == 1 else PartlyFailed(failures)

    async def _put(self, events: dict[int, Event]) -> dict[int, TargetError]:
        """Put events; returns by the same index what the other bus refused."""
        try:
            refused = await self.host.put(self.config.bus, list(events.values()))
        except Overloaded as error:
            reason = f"bus {self.config.bus}: {error}"
            return dict.fromkeys(events, Retryable(reason, after_s=error.after_s, hold_s=error.after_s))
        except (NotFound, StoreError) as error:
            return dict.fromkeys(events, Retryable(f"bus {self.config.bus}: {error}"))
        indices = list(events)
        return {indices[i]: self._refused(error) for i, error in refused.items()}

    def _refused(self, error: InvalidInput) -> Rejected:
        kind: RejectedKind = "too-large" if isinstance(error, TooLarge) else "rejected"
        return Rejected(f"bus {self.config.bus}: {error}", kind=kind)


def make_event(event: Event, payload: Payload | None, hops: int) -> Event:
    """What the other bus gets."""
    attributes: dict[str, Value] = {**event.attributes, HOPS: hops}
    if payload is None:
        return Event(event.id, event.source, event.type, attributes, event.data, event.data_form)
    attributes.pop("dataschema", None)
    attributes["datacontenttype"] = payload.content_type
    return Event(event.id, event.source, event.type, attributes, payload.body, _form(payload))


def _form(payload: Payload) -> DataForm:
    if is_json(payload.content_type):
        return DataForm.JSON
    try:
        payload.body.decode()
    except UnicodeDecodeError:
        return DataForm.BINARY
    return DataForm.TEXT if payload.content_type.startswith("text/") else DataForm.BINARY
