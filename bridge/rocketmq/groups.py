"""Membership in a consumer group: members share the queues of their topics, and take over from each other.

Every member sends heartbeats to the brokers, asks them who else is there, works out everyone's share by the same rule
(``allocation``) and moves towards its own: first it gives up, then it takes over. A lock on each queue keeps two members
from reading it at once while they do not yet agree.

Handing over, in this order: the old member stops pulling, finishes or drops its work, commits, unlocks; the new one
locks, reads the committed offset, pulls. A member that dies keeps its locks for up to 60 s. A broker that restarts
forgets all locks, so for a moment two members may read one queue: duplicates, never loss.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from bridge.rocketmq.allocation import allocate, change
from bridge.rocketmq.bell import Bell
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode
from bridge.rocketmq.errors import RocketMQError
from bridge.rocketmq.frames import Command
from bridge.rocketmq.locks import QueueLocks
from bridge.rocketmq.presence import Member, Presence
from bridge.rocketmq.problems import Problems
from bridge.rocketmq.routes import Queue, Route

_LOG = logging.getLogger("bridge.rocketmq")


class Owner(Protocol):
    """Who reads the queues of a member. Errors of these methods end the membership: handle what may fail."""

    async def assigned(self, queues: Sequence[Queue]) -> None:
        """Begin to read these queues, at the committed offsets. Returns soon; the reading goes on elsewhere."""

    async def revoked(self, queues: Sequence[Queue]) -> None:
        """Stop pulling these queues, finish or drop what is under way, commit. They are given to others on return.

        May be called again for queues whose call was cancelled, and for queues that were lost meanwhile.
        """

    def lost(self, queues: Sequence[Queue]) -> None:
        """Others may read these queues already: stop at once and commit nothing.

        May come while ``assigned`` or ``revoked`` is at work on the same queues.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """Seconds, all of them. Brokers drop a member after 120 s without heartbeat, and a lock after 60 s."""

    heartbeat_s: float = 30.0
    rebalance_s: float = 20.0
    renew_s: float = 20.0
    lost_after_s: float = 30.0  # without renewal
    again_s: float = 1.0  # when something failed, or a lock is still another member's
    settle_s: float = 2.0  # after a broker came back: until the others are back too
    timeout_s: float = 3.0


class Membership:
    """One member; ``run`` is its life."""

    def __init__(
        self,
        cluster: Cluster,
        member: Member,
        owner: Owner,
        *,
        locks: bool = True,
        cadence: Cadence = Cadence(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``member.client_id`` is unique (see ``unique.client_id``). Without ``locks`` two members may read one queue
        during each change.
        """
        self._cluster = cluster
        self._member = member
        self._owner = owner
        self._cadence = cadence
        self._clock = clock
        self._with_locks = locks
        self._presence = Presence(cluster, member, cadence.timeout_s)
        self._locks = QueueLocks(
            cluster, member, lost_after_s=cadence.lost_after_s, timeout_s=cadence.timeout_s, clock=clock
        )
        self._problems = Problems(f"group {member.group}")
        self._owned: set[Queue] = set()
        self._heartbeat, self._rebalance, self._renewal = Bell(), Bell(), Bell()
        self._settled_at = -float("inf")

    @property
    def owned(self) -> frozenset[Queue]:
        """The queues that this member reads, or is about to."""
        return frozenset(self._owned)

    @property
    def problems(self) -> Mapping[str, RocketMQError]:
        """What does not work at the moment, by what and where; empty when all is well."""
        return self._problems.current

    async def run(self) -> None:
        """Be a member until cancelled; then give everything up and leave, so that others need not wait.

        Raises only what ``owner`` raises. What fails at brokers is tried again, logged, and shown in ``problems``.
        """
        with ExitStack() as listening:
            listening.callback(self._cluster.on_push(self._pushed))
            listening.callback(self._cluster.on_route(self._routed))
            listening.callback(self._cluster.on_connect(self._connected))
            try:
                await self._send_heartbeat()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._repeat(self._send_heartbeat, self._heartbeat, self._cadence.heartbeat_s))
                    tasks.create_task(self._repeat(self._share_out, self._rebalance, self._cadence.rebalance_s))
                    if self._with_locks:
                        tasks.create_task(self._repeat(self._renew, self._renewal, self._cadence.renew_s))
            finally:
                await self._leave()

    async def _repeat(self, work: Callable[[], Awaitable[bool]], bell: Bell, every_s: float) -> None:
        """Do the work when its time has come, when the bell rings, and soon again when it was not all right."""
        while True:
            fine = await work()
            await bell.wait(every_s if fine else min(every_s, self._cadence.again_s))

    def _pushed(self, address: str, command: Command) -> None:
        changed = command.code == RequestCode.NOTIFY_CONSUMER_IDS_CHANGED
        if changed and command.ext.get("consumerGroup") == self._member.group:
            self._rebalance.ring()

    def _routed(self, route: Route) -> None:
        if route.topic in self._member.topics:
            self._heartbeat.ring()
            self._rebalance.ring()

    def _connected(self, address: str) -> None:
        """A broker forgets members whose connection closed, and all locks when it restarts."""
        if self._owned:
            self._settled_at = self._clock() + self._cadence.settle_s
        self._heartbeat.ring()
        self._renewal.ring()

    async def _send_heartbeat(self) -> bool:
        return self._problems.note("heartbeat", await self._presence.send_heartbeat())

    async def _share_out(self) -> bool:
        """Move towards our share; whether we have it, and know that it is right."""
        if self._clock() < self._settled_at:
            return False
        members, failed = await self._presence.members()
        sure = self._problems.note("members", failed)
        if self._member.client_id not in members:  # what we hold we keep: the locks tell when it is lost
            self._heartbeat.ring()
            return False
        queues, failed = await self._presence.queues()
        if not self._problems.note("queues", failed):
            return False
        share = allocate(queues, members, self._member.client_id)
        revoked, gained = change(self._owned, share)
        if revoked:
            await self._give_up(revoked)
        await self._take_over(gained)
        return sure and self._owned == set(share)

    async def _give_up(self, queues: Sequence[Queue]) -> None:
        await self._owner.revoked(queues)
        self._owned.difference_update(queues)
        if not self._problems.note("unlocking", await self._locks.give_back(queues)):
            self._renewal.ring()

    async def _take_over(self, queues: Sequence[Queue]) -> None:
        taken: Sequence[Queue] = queues
        if self._with_locks:
            taken, failed = await self._locks.take(queues)
            self._problems.note("locking", failed)
        if taken:
            self._owned.update(taken)
            await self._owner.assigned(taken)

    async def _renew(self) -> bool:
        """Whether all our locks are sure and all others given back; the owner is told of those that are lost."""
        lost, failed = await self._locks.renew()
        if lost:
            _LOG.warning("group %s: lost the locks of %s: others may read them", self._member.group, _names(lost))
            self._owned.difference_update(lost)
            self._owner.lost(lost)
            self._rebalance.ring()
        returned = self._problems.note("unlocking", await self._locks.give_back())
        return self._problems.note("renewing locks", failed) and returned

    async def _leave(self) -> None:
        try:
            if self._owned:
                await self._owner.revoked(sorted(self._owned))
        finally:
            self._owned.clear()
            self._problems.note("unlocking", await self._locks.give_back_all())
            self._problems.note("leaving", await self._presence.leave())


def _names(queues: Sequence[Queue]) -> str:
    return ", ".join(f"{queue.topic}/{queue.broker}/{queue.id}" for queue in queues)
