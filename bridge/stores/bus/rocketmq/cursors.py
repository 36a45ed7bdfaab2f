"""The cursors of a log on RocketMQ: consumer groups, whose committed offsets brokers keep.

A broker holds commits in memory for some seconds before its disk has them. So what must not be forgotten is in the
registry: that there is a cursor, and where it began. A commit for a broker that cannot be reached waits (``untold``) and
is told to it later: who reads goes on meanwhile.

Brokers know offsets of queues; who asks here gets and gives those of partitions (``numbering``).

What this process knows of a position may be void all at once: an operator has reset the group, others read the partition
now. The cursor must be read again then, and what is committed before that is not kept.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from bridge.errors import StoreUnavailable
from bridge.rocketmq.admin import Groups
from bridge.rocketmq.configs import GroupConfig
from bridge.rocketmq.consumer import Puller
from bridge.rocketmq.errors import GroupNotFound, RocketMQError
from bridge.rocketmq.offsets import Offsets
from bridge.stores.bus.base import Offsets as Positions
from bridge.stores.bus.base import check_cursor_name
from bridge.stores.bus.rocketmq.ends import Reading
from bridge.stores.bus.rocketmq.names import cursor_group
from bridge.stores.bus.rocketmq.numbering import Numbering
from bridge.stores.bus.rocketmq.partition import Partition
from bridge.stores.bus.rocketmq.places import Place
from bridge.stores.bus.rocketmq.registry import LogRow, Registry
from bridge.stores.bus.rocketmq.trouble import store_error
from bridge.stores.bus.rocketmq.untold import Untold

log = structlog.get_logger()

MAIN = "live"
"""The cursor whose group is called as the topic."""
Mark = tuple[str, int]
"""A cursor and a partition."""


class Cursors:
    def __init__(
        self,
        row: LogRow,
        registry: Registry,
        reading: Reading,
        partitions: Sequence[Partition],
        here: Callable[[], frozenset[int]],
        token: Callable[[], str],
    ) -> None:
        """``partitions`` may grow; ``here`` are those that must be known; ``token`` makes names that never were."""
        self._row = row
        self._registry = registry
        self._reading = reading
        self._partitions = partitions
        self._here = here
        self._token = token
        self._places: dict[str, dict[int, Place]] = {}
        self._ended = 0  # how often places were forgotten
        self._seen: dict[Mark, int] = {}  # the partition's epoch when the position was last read, or committed first
        self._reset: set[Mark] = set()  # positions that an operator has set
        self._told: set[Mark] = set()  # void ones whose reader knows that
        self._untold = Untold(reading, partitions)
        self._kept: set[tuple[str, str]] = set()  # which brokers keep something for which group

    async def get(self, name: str) -> dict[int, int]:
        """Partitions that are not here and whose broker does not answer are left out."""
        check_cursor_name(name)
        places = await self._look_up(name)
        found = await asyncio.gather(*[self._position(name, number, place) for number, place in places.items()])
        return {number: offset for number, offset in zip(places, found, strict=True) if offset is not None}

    async def set(self, name: str, positions: Positions) -> None:
        check_cursor_name(name)
        kept = {
            number: self._partitions[number].numbering.inner(offset)
            for number, offset in positions.items()
            if not self._is_void(name, number)
        }
        places = self._places.get(name)
        if places is None or not kept.keys() <= places.keys():
            places = await self._begin(name, kept)
        await self._commit_all(name, {number: places[number].group for number in kept}, kept)

    async def names(self) -> list[str]:
        return await self._registry.places.cursors(self._row.id)

    async def delete(self, name: str, partitions: Iterable[int] | None = None) -> None:
        check_cursor_name(name)
        unused = await self._registry.places.forget(self._row.id, name, partitions)
        self._ended += 1
        self._places.pop(name, None)
        self._kept = {(broker, group) for broker, group in self._kept if group not in unused}
        numbers = range(len(self._partitions)) if partitions is None else partitions
        for number in numbers:
            self._seen.pop((name, number), None)
            self._valid((name, number))
        for group in unused - {self._row.topic}:
            for number in range(len(self._partitions)):
                self._untold.forget(group, number)
            self._reading.chores.run(self._delete_group(group))

    def was_reset(self, name: str, partition: Partition) -> None:
        """An operator has set where the cursor is: it must be read again."""
        log.warning("an operator has reset the group of a cursor", cursor=name, partition=partition.name)
        self._reset.add((name, partition.number))

    async def close(self) -> None:
        """Tell brokers what they have not been told, if they are there."""
        await self._untold.close()

    # Reading

    async def _look_up(self, name: str) -> dict[int, Place]:
        """Where a cursor is kept; remembered unless one has ended meanwhile: a commit to a place that is gone is lost."""
        ended = self._ended
        places = await self._registry.places.of(self._row.id, name)
        if ended == self._ended:
            self._places[name] = places
        return places

    async def _position(self, name: str, number: int, place: Place) -> int | None:
        partition, here = self._partitions[number], number in self._here()
        try:
            offset = await self._committed(place, partition, patient=here)
        except RocketMQError:
            return None
        if here and offset > partition.end and (name, number) not in self._seen:  # another process was further
            await partition.reach(offset)
            place = (await self._registry.places.of(self._row.id, name)).get(number, place)
            offset = await self._committed(place, partition, patient=True)
        self._seen[name, number] = partition.epoch
        self._valid((name, number))
        return partition.numbering.outer(offset)

    async def _committed(self, place: Place, partition: Partition, *, patient: bool) -> int:
        untold = self._untold.find(place.group, partition.number)
        if untold is not None:
            return untold

        async def ask() -> int | None:
            try:
                return await Offsets(self._reading.cluster, place.group).committed(partition.queue)
            except GroupNotFound:
                return None

        doing = f"cannot read a cursor in {partition.name}"
        committed = await (self._reading.persist(ask, partition.name, doing) if patient else ask())
        return place.start if committed is None else committed

    async def positions(self, number: int) -> dict[str, int]:
        """Of all cursors in a partition, as offsets of its queue. Raises StoreUnavailable."""
        places = await self._registry.places.within(self._row.id, number)
        partition = self._partitions[number]
        found = await asyncio.gather(*[self._committed(place, partition, patient=True) for place in places.values()])
        return dict(zip(places, found, strict=True))

    async def move(self, number: int, numbering: Numbering, positions: Mapping[str, int]) -> None:
        """The partition is numbered anew, and its cursors are there now, with groups that never were."""
        before = await self._registry.places.within(self._row.id, number)
        places = {
            name: Place(cursor_group(self._row.topic, name, self._token()), offset)
            for name, offset in positions.items()
        }
        await self._registry.numbers.renumber(self._row.id, number, numbering, places)
        self.forget_places()
        for place in before.values():
            self._untold.forget(place.group, number)

    def forget_places(self) -> None:
        """They may be others now: ask the registry again."""
        self._ended += 1
        self._places.clear()

    # Committing

    def _valid(self, mark: Mark) -> None:
        self._reset.discard(mark)
        self._told.discard(mark)

    def _is_void(self, name: str, number: int) -> bool:
        """Whether the cursor must be read again first. Raises StoreUnavailable, once, where its reader cannot know that."""
        mark, partition = (name, number), self._partitions[number]
        if mark in self._told:
            return True
        seen = self._seen.setdefault(mark, partition.epoch)
        if seen == partition.epoch and mark not in self._reset:
            return False
        if partition.quiet and mark not in self._reset:
            return True
        self._told.add(mark)
        raise StoreUnavailable(f"{partition.name}: what is known of the cursor {name} does not hold any more")

    async def _begin(self, name: str, positions: Positions) -> dict[int, Place]:
        """The places of a cursor, with those where it is new: they are written down before any broker hears of them."""
        ended = self._ended
        places = await self._registry.places.of(self._row.id, name)
        new = positions.keys() - places.keys()
        if new:
            group = await self._group(name, new, places)
            begun = {number: Place(group, positions[number]) for number in sorted(new)}
            await self._registry.places.put(self._row.id, name, begun)
            places |= begun
        if ended == self._ended:
            self._places[name] = places
        return places

    async def _group(self, name: str, new: Iterable[int], places: Mapping[int, Place]) -> str:
        """One group for a cursor, unless a broker still knows a position of it in a partition where it is new."""
        fresh = cursor_group(self._row.topic, name, self._token())
        group = self._row.topic if name == MAIN else next((place.group for place in places.values()), fresh)
        if group == fresh:
            return fresh
        offsets = Offsets(self._reading.cluster, group)
        try:
            old = await asyncio.gather(*[offsets.committed(self._partitions[number].queue) for number in new])
        except GroupNotFound:
            return group
        except RocketMQError:
            return fresh
        return group if all(offset is None for offset in old) else fresh

    async def _commit_all(self, name: str, groups: Mapping[int, str], offsets: Mapping[int, int]) -> None:
        """At once, but for the first one of a group to each broker: of several first ones it might keep one alone."""
        first = {(self._partitions[number].queue.broker, group): number for number, group in groups.items()}
        alone = {number: place for place, number in first.items() if place not in self._kept}
        for numbers in (alone, offsets.keys() - alone.keys()):
            await asyncio.gather(*[self._commit(name, number, groups[number], offsets[number]) for number in numbers])
        self._kept.update(alone.values())

    async def _commit(self, name: str, number: int, group: str, offset: int) -> None:
        partition = self._partitions[number]
        if self._untold.find(group, number) is not None:
            self._untold.keep(group, number, offset)
            return
        try:
            kept = await self._tell(name, number, group, offset)
        except RocketMQError as error:
            reason = store_error(f"cannot commit a cursor in {partition.name}", error)
            if not isinstance(reason, StoreUnavailable):
                raise reason from error
            self._reading.troubles.failed(partition.name, reason)
            self._untold.keep(group, number, offset)
            return
        if not kept:
            self.was_reset(name, partition)
            await self._take_reset(group, partition)
            self._is_void(name, number)

    async def _tell(self, name: str, number: int, group: str, offset: int) -> bool:
        """Whether the broker keeps it; not where an operator has reset the group."""
        queue = self._partitions[number].queue
        try:
            return await Offsets(self._reading.cluster, group).commit(queue, offset)
        except GroupNotFound:
            group = await self._found_again(name, number, group, offset)
            await Groups(self._reading.cluster).create(GroupConfig(group), [queue.broker])
            return await Offsets(self._reading.cluster, group).commit(queue, offset)

    async def _found_again(self, name: str, number: int, group: str, offset: int) -> str:
        """A group that its broker does not know: it is new, or another process has made another one of this cursor."""
        places = await self._look_up(name)
        if number not in places:
            places = await self._begin(name, {number: offset})
        found = places[number].group
        if found != group:
            log.info("a cursor is kept by another group now", cursor=name, group=found)
        return found

    async def _take_reset(self, group: str, partition: Partition) -> None:
        """A pull tells the group where it was set to; commits are void before."""
        doing = f"cannot read where a group was reset to in {partition.name}"
        puller = Puller(self._reading.cluster, group, partition.queue)
        await self._reading.persist(lambda: puller.fetch(0, 1, 0), partition.name, doing)

    # Groups

    async def _delete_group(self, group: str) -> None:
        """What cannot be deleted now stays behind and harms nobody: no group is ever called like it."""
        try:
            await Groups(self._reading.cluster).delete(group)
        except RocketMQError as error:
            log.info("the group of a deleted cursor stays at its broker", group=group, reason=str(error))
