"""Parked deliveries of one target: they wait durably for their next attempt, and come back to its lane when it is due.

What is parked costs disk, not memory, and survives restarts. A delivery comes back with the payload that was made first,
unless its target was changed since; then it is made anew. In a lane it has a Keeper, this one: only once it was taken or
buried its timer goes. A crash in between gives it once more.

For targets in order by key, all parked deliveries of a key are due together, and whatever comes later of that key joins
them, so that the order stays.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from bridge.codec.chunks import decode_event, encode_event
from bridge.crashpoints import crash_point
from bridge.dataplane.persist import until_stored
from bridge.dataplane.sending import Became, Keeper, Past, Timing, Waiting
from bridge.dataplane.tasks import Spawn
from bridge.errors import BridgeError, NotFound
from bridge.model.delivery import Delivery, Payload
from bridge.model.event import Event
from bridge.model.log import Format, Position
from bridge.stores.deadletters.base import Attempt
from bridge.stores.timers.base import Place, Timer, Timers

log = structlog.get_logger()

MOST_OUT = 500
"""Deliveries that are back in the lane at a time."""
LOOK_EVERY_S = 60.0
"""The longest sleep: a clock may be set forward."""
FORGET_EVERY_S = 0.05
AGAIN_EVERY_S = 1.0
"""How often what is due is looked through from the beginning while some of it is out."""


class Parked(msgspec.Struct, frozen=True, array_like=True):
    """What a timer's body holds. ``payload`` was made first, for the target with that ``digest``."""

    format: int
    event: bytes
    received: float
    digest: str
    payload: Payload | None
    began: float
    tries: int
    attempts: tuple[Attempt, ...]


class Owner(Protocol):
    """The target as it is now: it may change while deliveries are parked."""

    def digest(self) -> str:
        """Changes with what payloads depend on."""

    async def revive(self, parked: Parked, event: Event, position: Position) -> Delivery | None:
        """The delivery as it was; None when it cannot be made again, and was buried, or is not wanted any more."""

    async def put_back(self, waiting: Waiting, keeper: Keeper) -> bool:
        """Into the lane, once there is room; False when the lane was stopped, or ``is_stale``."""


class Parking:
    """``queue``: the name of this target's queue of timers. ``foreign``: what is parked there comes back elsewhere."""

    def __init__(
        self, timers: Timers, queue: str, owner: Owner, spawn: Spawn, timing: Timing, *, foreign: bool = False
    ) -> None:
        self._foreign = foreign
        self._timers = timers
        self._queue = queue
        self._owner = owner
        self._spawn = spawn
        self._timing = timing
        self._keys: set[str] = set()
        self._stale: set[str] = set()
        self._moving: set[str] = set()
        self._turn = asyncio.Lock()
        self._out: set[str] = set()
        self._unreadable: set[str] = set()
        self._gone: dict[str, str] = {}
        self._back = asyncio.Event()
        self._returning: asyncio.Task[None] | None = None
        self._passing: asyncio.Task[None] | None = None
        self._next_look = float("inf")
        self._forgetting = self._shared = False
        self._earlier = 0
        """How often something came to lie where a pass may have been already."""
        self._begun = asyncio.Event()

    async def begin(self, *, by_key: bool, shared: bool = False) -> None:
        """After a start: whatever was parked comes back when it is due. ``shared``: others may park something, too."""
        self._shared = shared
        if by_key:
            self._keys.update(await until_stored(lambda: self._timers.groups(self._queue), "timers", self._queue))
        self._begun.set()
        due = await until_stored(self.next_due, "timers", self._queue)
        if due is not None or shared:
            self._look_at(due if due is not None else float("inf"))

    def begin_empty(self) -> None:
        """Nothing is parked there that would come back here."""
        self._begun.set()

    def keeps(self, key: str) -> bool:
        """See lanes.Park. Before it has begun nobody knows: all are put aside until it has."""
        return key in self._keys or not self._begun.is_set()

    def is_stale(self, delivery: Delivery) -> bool:
        """Whether the key was parked since those that are coming back were looked up: they must wait longer."""
        return delivery.event.key in self._stale

    async def count(self) -> int:
        return await self._timers.count(self._queue)

    async def next_due(self) -> float | None:
        return await self._timers.next_due(self._queue)

    async def park(self, waiting: Sequence[Waiting], key: str | None) -> None:
        """See lanes.Park."""
        if key is not None:
            self._keys.add(key)  # before anything is waited for: the next of the key comes behind
            self._stale.add(key)
            self._moving.add(key)
        try:
            async with self._turn:
                if key is not None:  # first: if it ends in between, what is behind comes later, never before
                    due = max(one.due for one in waiting)
                    await until_stored(
                        lambda: self._timers.move(self._queue, key, due), "parked deliveries", self._queue
                    )
                await self._store([self._timer(one, key or "") for one in waiting])
        finally:  # also when its lane was stopped meanwhile: what was stored by then comes back
            if key is not None:
                self._moving.discard(key)
            self._look_at(min(one.due for one in waiting))

    async def join(self, deliveries: Sequence[Delivery]) -> None:
        """See lanes.Park."""
        await self._begun.wait()
        async with self._turn:
            dues: dict[str, float] = {}
            for key in {delivery.event.key for delivery in deliveries}:
                first = await self._first_of(key)
                dues[key] = first.due if first is not None else self._timing.clock()
                self._keys.add(key)
            self._earlier += 1  # before anybody may find some of them
            await self._store([self._timer(Waiting(d, Past(0.0), dues[d.event.key]), d.event.key) for d in deliveries])
        self._look_at(min(dues.values()))

    async def _store(self, timers: Sequence[Timer]) -> None:
        for timer in timers:
            if self._gone.pop(timer.id, None) is not None:  # it was done with, and is here once more: let it come back
                self._out.discard(timer.id)
        crash_point("park-before-stored")
        await until_stored(lambda: self._timers.add(timers), "parked deliveries", self._queue)
        crash_point("park-stored")

    def _timer(self, waiting: Waiting, group: str) -> Timer:
        delivery, past, due = waiting
        form, event = encode_event(delivery.event)
        parked = Parked(
            form,
            event,
            delivery.received,
            self._owner.digest(),
            delivery.payload,
            past.began,
            past.tries,
            past.attempts,
        )
        body = msgspec.msgpack.encode(parked)
        return Timer(queue=self._queue, id=_id(delivery.position), due=due, body=body, group=group)

    # -- coming back -----------------------------------------------------------------------------------------------

    def _look_at(self, due: float) -> None:
        if self._foreign:
            return
        if self._returning is None or due < self._next_look:
            if self._returning is not None:
                self._returning.cancel()
            self._next_look = due
            self._returning = self._spawn(self._return())

    async def _return(self) -> None:
        """Wait for the next one that is due, and bring back what is; until nothing is parked."""
        me = asyncio.current_task()
        while self._returning is me:
            due = await until_stored(self.next_due, "parked deliveries", self._queue)
            if due is None and not self._shared:
                break
            due = due if due is not None else float("inf")
            self._next_look = due
            wait_s = due - self._timing.clock()
            if wait_s > 0:
                await self._timing.sleep(min(wait_s, LOOK_EVERY_S))
                continue
            self._next_look = float("-inf")
            self._passing = self._spawn(self._try_pass())
            await asyncio.wait((self._passing,))
        if self._returning is me:
            self._returning = None

    async def _try_pass(self) -> None:
        try:
            await self._pass()
        except Exception:
            log.exception("parked deliveries could not be brought back and are tried again", queue=self._queue)
            await self._timing.sleep(AGAIN_EVERY_S)

    async def _pass(self) -> None:
        """Bring back everything that is due, some at a time; end when all of it has become something.

        It looks from the beginning now and then, and at once when something of a key has joined or was given back that may
        lie before where it is: what is behind that must not come first. Meanwhile it waits for nobody: one attempt that
        takes long holds up no other.
        """
        after: Place | None = None
        began, earlier = self._timing.clock(), self._earlier
        while True:
            now = self._timing.clock()
            if not 0 <= now - began < AGAIN_EVERY_S or earlier != self._earlier:
                after, began, earlier = None, now, self._earlier
            self._stale = set(self._moving)
            due = await self._due(now, after)
            if after is not None and earlier != self._earlier:
                continue
            if due:
                after = due[-1].place
                if not await self._bring(due):  # all are out, or not wanted just now
                    await (self._all_back(AGAIN_EVERY_S) if self._out else self._timing.sleep(AGAIN_EVERY_S))
                while len(self._out) >= MOST_OUT // 2:
                    await self._change()
            elif self._out:
                await self._all_back(AGAIN_EVERY_S)
            elif after is None:
                break
            else:
                after = None

    async def _all_back(self, longest_s: float) -> None:
        """Wait until nothing is out, or so long."""
        ends = [asyncio.ensure_future(self._timing.sleep(longest_s)), asyncio.ensure_future(self._until_back())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _until_back(self) -> None:
        while self._out:
            await self._change()

    async def _due(self, now: float, after: Place | None) -> list[Timer]:
        return await until_stored(
            lambda: self._timers.due(self._queue, now, MOST_OUT, after), "parked deliveries", self._queue
        )

    async def _remove(self, ids: Sequence[str]) -> None:
        crash_point("parked-before-forgotten")
        await until_stored(lambda: self._timers.remove(self._queue, ids), "parked deliveries", self._queue)
        crash_point("parked-forgotten")

    async def _change(self) -> None:
        self._back.clear()
        await self._back.wait()

    async def _bring(self, timers: Sequence[Timer]) -> bool:
        """Into the lane, or to the end; whether any of them was."""
        brought = False
        for timer in timers:
            if timer.id in self._out or (read := self._read(timer)) is None:
                continue
            self._out.add(timer.id)
            there = False
            try:
                there = await self._bring_one(timer, *read)
            finally:
                if not there:
                    self._take_back({timer.id: timer.group})
            brought = brought or there
        return brought

    async def _bring_one(self, timer: Timer, parked: Parked, event: Event) -> bool:
        try:
            delivery = await self._owner.revive(parked, event, _position(timer.id))
        except NotFound:  # not now: its rule was disabled
            return False
        if delivery is None:
            self._forget({timer.id: timer.group})
            return True
        past = Past(parked.began, parked.tries, parked.attempts)
        return await self._owner.put_back(Waiting(delivery, past, timer.due), self)

    def _read(self, timer: Timer) -> tuple[Parked, Event] | None:
        """None when it is damaged: it stays where it is, which is told once, and the others go on."""
        if timer.id in self._unreadable:
            return None
        try:
            parked = msgspec.msgpack.decode(timer.body, type=Parked)
            return parked, decode_event(Format(parked.format), parked.event)
        except (msgspec.MsgspecError, BridgeError, ValueError) as error:
            self._unreadable.add(timer.id)
            log.error("a parked delivery cannot be read and stays", queue=self._queue, id=timer.id, reason=str(error))
            return None

    async def done(self, deliveries: Sequence[Delivery], became: Became) -> None:
        """See sending.Keeper."""
        keys = {_id(delivery.position): delivery.event.key for delivery in deliveries}
        if became in ("delivered", "buried"):
            self._forget(keys)
        elif became == "released":
            self._take_back(keys)
        else:
            self._release(keys)

    def _take_back(self, keys: Mapping[str, str]) -> None:
        """By id, with their keys: undone. Of these nothing comes back that is behind, until they are looked up again."""
        self._earlier += 1
        self._stale.update(keys.values())
        self._release(keys)

    def _release(self, ids: Iterable[str]) -> None:
        self._out.difference_update(ids)
        self._back.set()

    def _forget(self, keys: Mapping[str, str]) -> None:
        """By id, with their keys: soon, many at a time. Until then they stay out, so that they do not come back."""
        self._gone.update(keys)
        if self._gone and not self._forgetting:
            self._forgetting = True
            self._spawn(self._forget_soon())

    async def _forget_soon(self) -> None:
        try:
            while self._gone:
                await self._timing.sleep(FORGET_EVERY_S)
                async with self._turn:
                    gone, self._gone = self._gone, {}
                    await self._remove(list(gone))
                    await self._free(self._keys.intersection(gone.values()))
                self._release(gone)
        finally:
            self._forgetting = False

    async def _free(self, keys: Iterable[str]) -> None:
        """Keys of which nothing is parked any more go straight to the lane again."""
        for key in keys:
            if await self._first_of(key) is None:
                self._keys.discard(key)

    async def _first_of(self, key: str) -> Timer | None:
        """The first that is parked of a key."""
        found = await until_stored(
            lambda: self._timers.list(self._queue, 1, group=key), "parked deliveries", self._queue
        )
        return found[0] if found else None

    async def stop(self) -> None:
        """Bring nothing back any more; what is parked stays so."""
        running = [task for task in (self._returning, self._passing) if task is not None]
        self._returning = None
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def drop(self) -> None:
        """The target is gone, and with it what is parked."""
        await self.stop()
        await self._timers.drop(self._queue)


def _id(position: Position) -> str:
    """Text that sorts as the log does."""
    return f"{position.partition:05}:{position.offset:020}"


def _position(timer_id: str) -> Position:
    partition, _, offset = timer_id.partition(":")
    return Position(int(partition), int(offset))
