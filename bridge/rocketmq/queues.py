"""Which queue a message goes to. Pure."""

from collections.abc import Sequence
from zlib import crc32

from bridge.rocketmq.routes import Queue


def by_key(queues: Sequence[Queue], key: str | bytes) -> Queue:
    """The queue of a key: same list and same key, same queue, so messages of one key keep their order.

    Give it a list that is stored with the topic, not a route's: a route loses the queues of a broker that is down, and
    every key would move.
    """
    return queues[crc32(key if isinstance(key, bytes) else key.encode()) % len(queues)]


class Rotation:
    """One queue after the other, but none of a broker that failed a moment ago while there are others."""

    def __init__(self) -> None:
        self._turn = 0
        self._avoided: dict[str, float] = {}

    def avoid(self, broker: str, until: float) -> None:
        """Take no queue of this broker before ``until``, if possible."""
        self._avoided[broker] = until

    def next(self, queues: Sequence[Queue], now: float) -> Queue:
        """``queues`` is not empty; ``now`` is on the clock of ``avoid``."""
        self._turn += 1
        if self._avoided:
            self._forget(now)
            queues = self._good(queues) or queues
        return queues[self._turn % len(queues)]

    def has_other(self, queues: Sequence[Queue], now: float) -> bool:
        """Whether ``next`` would find a queue of a broker that is not avoided."""
        self._forget(now)
        return bool(self._good(queues))

    def _good(self, queues: Sequence[Queue]) -> list[Queue]:
        return [queue for queue in queues if queue.broker not in self._avoided]

    def _forget(self, now: float) -> None:
        for broker in [broker for broker, until in self._avoided.items() if until <= now]:
            del self._avoided[broker]
