"""Locks of queues: at most one member of a group reads a locked queue.

A broker grants a lock to a client id, keeps it in memory and lets it expire 60 s after its last renewal, whatever
becomes of the client. The holder counts it as lost earlier, so that nobody else can have it before. A broker that
restarts has forgotten all locks.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

from bridge.rocketmq.bodies import LockRequest, format_lock_request, parse_locked
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode
from bridge.rocketmq.presence import Failed, Member
from bridge.rocketmq.problems import failures
from bridge.rocketmq.routes import Queue


class HeldLocks:
    """Which locks one member holds, and since when each is sure. Pure; times in seconds on any one clock."""

    def __init__(self, lost_after_s: float) -> None:
        self._lost_after_s = lost_after_s
        self._sure: dict[Queue, float] = {}

    @property
    def queues(self) -> frozenset[Queue]:
        return frozenset(self._sure)

    def granted(self, queues: Iterable[Queue], asked: float) -> None:
        """``asked``: when the request was sent; the broker counts from later on."""
        self._sure.update(dict.fromkeys(queues, asked))

    def drop(self, queues: Iterable[Queue]) -> None:
        for queue in queues:
            self._sure.pop(queue, None)

    def lost(self, now: float) -> set[Queue]:
        """Whose renewal is too long ago."""
        return {queue for queue, sure in self._sure.items() if now - sure >= self._lost_after_s}


class QueueLocks:
    """The locks of one member. Nothing here raises a RocketMQError: they are returned, by broker."""

    def __init__(
        self, cluster: Cluster, member: Member, *, lost_after_s: float, timeout_s: float, clock: Callable[[], float]
    ) -> None:
        self._cluster = cluster
        self._member = member
        self._timeout_s = timeout_s
        self._clock = clock
        self._held = HeldLocks(lost_after_s)
        self._stray: set[Queue] = set()  # not ours, though a broker may hold them locked for us
        self._turn = asyncio.Lock()  # else a renewal might overtake the unlocking of the same queue

    async def take(self, queues: Collection[Queue]) -> tuple[list[Queue], Failed]:
        """Those of the queues that are the member's now, sorted; others belong to another member."""
        async with self._turn:
            self._stray.update(queues)
            granted, failed = await self._lock(queues)
            self._stray.difference_update([queue for queue in queues if queue.broker not in failed])
            return sorted(granted), failed

    async def renew(self) -> tuple[list[Queue], Failed]:
        """Renew all. Returns what is lost, sorted: granted to another member, or not renewed for too long."""
        async with self._turn:
            held = self._held.queues
            granted, failed = await self._lock(held)
            unheard = self._held.lost(self._clock())
            lost = {queue for queue in held - granted if queue.broker not in failed} | unheard
            self._held.drop(lost)
            self._stray.update(unheard)
            return sorted(lost), failed

    async def give_back(self, queues: Iterable[Queue] = ()) -> Failed:
        """Let others have them at once, and what could not be given back before. Where that fails they expire."""
        async with self._turn:
            held = self._held.queues.intersection(queues)
            self._held.drop(held)
            self._stray.update(held)
            failed = await self._unlock(self._stray)
            self._stray = {queue for queue in self._stray if queue.broker in failed}
            return failed

    async def give_back_all(self) -> Failed:
        """Also those whose taking was cancelled under way."""
        return await self.give_back(self._held.queues)

    async def _lock(self, wanted: Collection[Queue]) -> tuple[set[Queue], Failed]:
        asked, requests = self._clock(), by_broker(wanted)
        calls = [self._call(RequestCode.LOCK_BATCH_MQ, broker, own) for broker, own in requests.items()]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        failed = failures(list(requests), answers)
        listed = {queue for answer in answers if isinstance(answer, bytes) for queue in parse_locked(answer)}
        granted = listed.intersection(wanted)
        self._held.granted(granted, asked)
        return granted, failed

    async def _unlock(self, queues: Iterable[Queue]) -> Failed:
        requests = by_broker(queues)
        calls = [self._call(RequestCode.UNLOCK_BATCH_MQ, broker, own) for broker, own in requests.items()]
        return failures(list(requests), await asyncio.gather(*calls, return_exceptions=True))

    async def _call(self, code: RequestCode, broker: str, queues: Iterable[Queue]) -> bytes:
        body = format_lock_request(LockRequest(self._member.group, self._member.client_id, tuple(queues)))
        return (await self._cluster.call_broker(broker, code, {}, body, timeout_s=self._timeout_s)).body


def by_broker(queues: Iterable[Queue]) -> dict[str, list[Queue]]:
    """The queues of each broker, sorted."""
    found: dict[str, list[Queue]] = defaultdict(list)
    for queue in sorted(queues):
        found[queue.broker].append(queue)
    return dict(found)
