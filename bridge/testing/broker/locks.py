"""Queue locks of consumer groups: held by a client id, in memory, for 60 s after each request."""

from collections.abc import Iterable

from bridge.rocketmq.routes import Queue

LIVE_MS = 60_000


class Locks:
    """Times are given by the caller, ms since the epoch. A lock needs no membership and outlives its connection."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, Queue], tuple[str, int]] = {}

    def lock(self, group: str, client_id: str, queues: Iterable[Queue], now_ms: int) -> list[Queue]:
        """Take or renew what is free, expired or the client's own; returns those of the queues it holds now."""
        held = []
        for queue in queues:
            if self.owner(group, queue, now_ms) in {None, client_id}:
                self._held[group, queue] = (client_id, now_ms)
                held.append(queue)
        return held

    def unlock(self, group: str, client_id: str, queues: Iterable[Queue]) -> None:
        """Give up the client's own locks among these; others stay."""
        for queue in queues:
            if self._held.get((group, queue), ("", 0))[0] == client_id:
                del self._held[group, queue]

    def owner(self, group: str, queue: Queue, now_ms: int) -> str | None:
        """Who holds the queue, None if nobody."""
        client_id, since_ms = self._held.get((group, queue), (None, 0))
        return None if now_ms - since_ms > LIVE_MS else client_id

    def any_held(self, group: str, now_ms: int) -> bool:
        """Does the group hold any live lock? Then messages sent to its retry topic become dead letters at once."""
        return any(g == group and now_ms - since <= LIVE_MS for (g, _), (_, since) in self._held.items())

    def clear(self) -> None:
        """What a restart does."""
        self._held.clear()
