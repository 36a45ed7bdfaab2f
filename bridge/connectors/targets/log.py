"""Writes one line to bridge's own log for each event: to look at, and to try rules with.

Guarantee: At least once to the log's stream; what becomes of the line there is not followed.

Retried: nothing; a line that is below the level of the log is done, too.

The line holds the event's attributes and what a transform made, else its data, as text cut at `maxData`.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Annotated, Literal

import structlog

from bridge.connectors import base
from bridge.connectors.base import Features, field
from bridge.errors import InvalidConfig
from bridge.model.delivery import Delivery
from bridge.model.units import Size

log = structlog.get_logger()


class LogConfig(base.Config, frozen=True, kw_only=True):
    level: Annotated[Literal["debug", "info", "warning", "error"], field("The level of the lines.")] = "info"
    message: Annotated[str, field("What the lines say.", expression=True)] = "event"
    max_data: Annotated[Size, field("How much of the data or payload stands in a line; 0B: nothing.")] = Size(1024)


class LogTarget(base.Target):
    kind = "log"
    Config = LogConfig
    features = Features(max_batch=100)

    @classmethod
    def check(cls, config: LogConfig) -> None:
        if not config.message:
            raise InvalidConfig("must not be empty", path="$.message")

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        write = getattr(log, self.config.level)
        for delivery in deliveries:
            write(delivery.config.message, **describe(delivery, self.config.max_data))


def describe(delivery: Delivery, max_data: int) -> dict[str, object]:
    """The fields of the line; attributes of the event bear its prefix, so that none hides a field of the log's own."""
    event = delivery.event
    fields: dict[str, object] = {
        "event_id": event.id,
        "event_source": event.source,
        "event_type": event.type,
        "partition": delivery.position.partition,
        "offset": delivery.position.offset,
    }
    for name, value in event.attributes.items():
        fields[f"event_{name}"] = b64encode(value).decode() if isinstance(value, bytes) else value
    shown = delivery.payload.body if delivery.payload is not None else event.data
    if shown is not None and max_data:
        fields["payload" if delivery.payload is not None else "data"] = shown[:max_data].decode("utf-8", "replace")
    return fields
