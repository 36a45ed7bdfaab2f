"""What goes wrong on RocketMQ, in the words of a bus store; what is tried again, for how long, and who is told."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from bridge.errors import BridgeError, StoreError, StoreUnavailable, TooLarge
from bridge.rocketmq import errors
from bridge.rocketmq.errors import RocketMQError
from bridge.rocketmq.retry import Retry, pause_s

T = TypeVar("T")
log = structlog.get_logger()

PATIENCE_S = 60.0
"""For so long a reader waits for a broker that is down, restarts or is in trouble."""
PACE = Retry(first_s=0.05, last_s=2.0, budget_s=PATIENCE_S)

_HINTS: tuple[tuple[type[RocketMQError], str], ...] = (
    (errors.NoRoute, "either all of its brokers are down, or somebody deleted the topic"),
    (errors.TopicNotFound, "somebody deleted the topic; applying the bus again makes it anew, without its events"),
    (errors.NoPermission, "check rocketmq.access_key and what that user may do: Pub, Sub, Get, Create and Delete"),
    (errors.NotRocketMQ, "is this the address of a name server or broker, and does it want TLS?"),
    (errors.NotSupported, "is this the port of a name server or broker, and not a proxy's?"),
)


def store_error(doing: str, error: RocketMQError) -> BridgeError:
    """What a store raises when RocketMQ raised ``error``. Only what will never pass is no StoreUnavailable."""
    hint = next((text for kind, text in _HINTS if isinstance(error, kind)), None)
    reason = f"{doing}: {error}" + (f" ({hint})" if hint else "")
    if isinstance(error, errors.TooLarge):
        return TooLarge(reason)
    return StoreError(reason) if isinstance(error, errors.Refused) else StoreUnavailable(reason)


class Troubles:
    """What does not work at the moment, by what it is; each change is one line in the log."""

    def __init__(self) -> None:
        self.current: dict[str, str] = {}

    def failed(self, what: str, error: BridgeError) -> None:
        if what not in self.current:
            log.warning("RocketMQ is in trouble; trying again", what=what, reason=error.reason)
        self.current[what] = error.reason

    def works(self, what: str) -> None:
        if self.current and self.current.pop(what, None) is not None:
            log.info("RocketMQ works again", what=what)


class Durability:
    """Whether brokers store as durably as they are asked to; each change is one line in the log. No reason not to be ready:
    the events are stored.
    """

    def __init__(self) -> None:
        self._weak: set[str] = set()

    def is_weak(self, broker: str, reason: str) -> None:
        if broker not in self._weak:
            log.warning("events are stored, but not as durably as the broker is asked to", broker=broker, reason=reason)
            self._weak.add(broker)

    def is_full(self, broker: str) -> None:
        if broker in self._weak:
            log.info("events are stored as durably as the broker is asked to again", broker=broker)
            self._weak.remove(broker)


async def persist(
    work: Callable[[], Awaitable[T]],
    what: str,
    doing: str,
    troubles: Troubles,
    patience_s: float,
    *,
    stubborn: bool = False,
) -> T:
    """Do ``work`` until RocketMQ lets it succeed, for as long as the patience lasts; raises ``store_error`` then.

    At once where another try cannot help; ``stubborn``: only where nobody can change that, as permissions can be given.
    """
    loop = asyncio.get_running_loop()
    deadline, failures = loop.time() + patience_s, 0
    while True:
        try:
            done = await work()
        except RocketMQError as error:
            reason = store_error(doing, error)
            if not isinstance(reason, StoreUnavailable):
                raise reason from error
            troubles.failed(what, reason)
            failures += 1
            pause = pause_s(failures, PACE, random.random())  # noqa: S311 - no secret
            if loop.time() + pause > deadline or not (error.again or stubborn):
                raise reason from error
            await asyncio.sleep(pause)
        else:
            troubles.works(what)
            return done
