"""Dead letters: what a lane or a transform gives up is kept with its reason before it is settled.

It is kept in the store of dead letters, or put to the bus that its target names for them (``bridge.dataplane.burial_bus``).
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import structlog

from bridge.codec.chunks import encode_event
from bridge.connectors.base import Config
from bridge.crashpoints import crash_point
from bridge.dataplane.persist import until_stored
from bridge.dataplane.retry import GiveUp, Reason
from bridge.dataplane.sending import GivenUp
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.model.retry import resolve
from bridge.model.rule import Retry
from bridge.stores.deadletters.base import DeadLetter, DeadLetters

log = structlog.get_logger()

DEFAULT = Retry()
_SPANS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


class Names(NamedTuple):
    """Whose dead letters they are."""

    bus: str
    rule: str
    target: str


class Burial:
    """Buries for one target. A store that fails is asked again until it answers: nothing is settled meanwhile."""

    def __init__(
        self, store: DeadLetters, clock: Clock, bus: str, rule: str, target: str, retry: Retry = DEFAULT
    ) -> None:
        """``retry``: the policy by which deliveries are given up."""
        self.names = Names(bus, rule, target)
        self._store = store
        self._clock = clock
        self._policy = describe_policy(retry)

    async def __call__(self, given_up: Sequence[GivenUp]) -> None:
        letters = [self._letter(one) for one in given_up]
        crash_point("letter-before-stored")
        await until_stored(lambda: self._store.add(letters), "dead letters", "/".join(self.names))
        crash_point("letter-stored")
        for one in given_up:
            tell(self.names, one)

    def _letter(self, given_up: GivenUp) -> DeadLetter:
        delivery = given_up.delivery
        form, body = encode_event(delivery.event)
        return DeadLetter(
            **self.names._asdict(),
            partition=delivery.position.partition,
            offset=delivery.position.offset,
            event_id=delivery.event.id,
            reason=given_up.decision.reason,
            detail=given_up.detail,
            time=self._clock(),
            attempts=given_up.attempts,
            tries=given_up.tries,
            received=delivery.received,
            address=address_of(delivery),
            policy=self._policy,
            payload_hash=sha256(delivery.payload.body).hexdigest() if delivery.payload is not None else "",
            format=form,
            event=body,
        )


def tell(names: Names, given_up: GivenUp, to: str = "the store") -> None:
    log.warning(
        "an event became a dead letter", **names._asdict(), event_id=given_up.delivery.event.id,
        reason=given_up.decision.reason, detail=given_up.detail, to=to,
    )  # fmt: skip


def address_of(delivery: Delivery) -> str:
    """Where it was sent to; empty where its connector does not say."""
    return delivery.config.address if isinstance(delivery.config, Config) else ""


def describe_policy(retry: Retry) -> str:
    """A retry policy in a few words: its name, and what ends it."""
    policy = resolve(retry)
    name = retry.policy or ("own schedule" if retry.schedule is not None else "default")
    return f"{name}: at most {policy.max_attempts} attempts within {_span(policy.max_age_s)}"


def _span(seconds: float) -> str:
    """A length of time in the largest unit that divides it."""
    for length, unit in _SPANS:
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"


def transform_failed(delivery: Delivery, reason: str) -> GivenUp:
    """A delivery whose payload could not be made; no attempt was made."""
    return GivenUp(delivery, GiveUp(Reason.TRANSFORM_ERROR), reason)
