"""Dead letters: what a lane or a transform gives up is stored with its reason before it is settled."""

import asyncio
from collections.abc import Sequence

import structlog

from bridge.codec.chunks import encode_event
from bridge.dataplane.lanes import GivenUp
from bridge.dataplane.retry import GiveUp, Reason
from bridge.errors import StoreError
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.stores.deadletters.base import DeadLetter, DeadLetters

log = structlog.get_logger()

LONGEST_WAIT_S = 30.0


class Burial:
    """Buries for one target. A store that fails is asked again until it answers: nothing is settled meanwhile."""

    def __init__(self, store: DeadLetters, clock: Clock, bus: str, rule: str, target: str) -> None:
        self._store = store
        self._clock = clock
        self._names = (bus, rule, target)

    async def __call__(self, given_up: Sequence[GivenUp]) -> None:
        bus, rule, target = self._names
        letters = [self._letter(one) for one in given_up]
        wait_s = 0.5
        while True:
            try:
                await self._store.add(letters)
            except StoreError as error:
                log.error("dead letters cannot be stored", bus=bus, rule=rule, target=target, reason=str(error))
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            else:
                break
        for letter in letters:
            log.warning(
                "an event became a dead letter",
                bus=bus, rule=rule, target=target, event_id=letter.event_id, reason=letter.reason, detail=letter.detail,
            )  # fmt: skip

    def _letter(self, given_up: GivenUp) -> DeadLetter:
        bus, rule, target = self._names
        event, position = given_up.delivery.event, given_up.delivery.position
        form, body = encode_event(event)
        return DeadLetter(
            bus=bus,
            rule=rule,
            target=target,
            partition=position.partition,
            offset=position.offset,
            event_id=event.id,
            reason=given_up.decision.reason,
            detail=given_up.detail,
            time=self._clock(),
            attempts=given_up.attempts,
            format=form,
            event=body,
        )


def transform_failed(delivery: Delivery, reason: str) -> GivenUp:
    """A delivery whose payload could not be made; no attempt was made."""
    return GivenUp(delivery, GiveUp(Reason.TRANSFORM_ERROR), reason, ())
