"""The rules of one bus at work: replaced when a definition changes, without losing what is under way."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import structlog

from bridge.crashpoints import crash_point
from bridge.dataplane.lanes import Heir, Lane
from bridge.dataplane.making import NO_COUNTS, Counts, LaneEntry, RuleEntry, RuleMaker, Surroundings, retry_queue
from bridge.dataplane.pipeline import Judge, Pipeline, Refresh
from bridge.dataplane.routing import CompiledRule, CompiledTarget, Gate, Judgement, Routing
from bridge.dataplane.sending import Keeper, Settled
from bridge.dataplane.starting import past_starts
from bridge.dataplane.targets import RunningTarget
from bridge.dataplane.tasks import Tasks
from bridge.errors import NotFound
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.log import Position, StoredChunk
from bridge.model.resource import Resource
from bridge.model.rule import OWN_CURSORS
from bridge.rules.scope import Names, Scope
from bridge.stores.bus.base import BusLog
from bridge.stores.timers.base import Load

log = structlog.get_logger()

LIVE = "live"
"""The name of the cursor that serves all targets that keep up."""

LONGEST_END_S = 5.0
"""How long a change of the rules waits for targets that are going."""


class RunningRules:
    """Knows the rules of one bus by name; ``routing`` is all enabled ones, compiled."""

    def __init__(
        self, bus: str, bus_log: BusLog, tasks: Tasks, around: Surroundings, past: Mapping[str, Counts] = NO_COUNTS
    ) -> None:
        """``past``: what the rules had counted before the bus was divided anew."""
        self._bus = bus
        self._log = bus_log
        self._ends: set[asyncio.Task[None]] = set()
        self._live: tuple[Pipeline, Refresh] | None = None
        self._tasks = tasks
        self._timers = around.timers
        self.entries: dict[str, RuleEntry] = {}
        self.routing = Routing(bus, ())
        self._maker = RuleMaker(bus, bus_log, tasks, around, entries=self.entries, judge_for=self._judge_for, past=past)

    async def change(self, changed: Sequence[Resource], deleted: Sequence[str]) -> None:
        """Compile what changed, swap the routing, and let lanes that are not wanted any more hand over."""
        await self._until_ended()
        again = [r.name for r in changed if (known := self.entries.get(r.name)) is not None and not known.is_earlier(r)]
        if again:  # deleted and made again since somebody looked: nothing of them is kept
            self._change([], again, frozenset())
            await self._until_ended()
        await self._secure_starts(changed)
        self._change(changed, deleted, await self._behind())

    async def _until_ended(self) -> None:
        """Targets that go may have names that come again."""
        if self._ends:
            await asyncio.wait(self._ends, timeout=LONGEST_END_S)

    async def _secure_starts(self, changed: Sequence[Resource]) -> None:
        """A target that begins in the past has its cursor before its rule is written; but one of the same name that was
        just ending here may have taken it along.
        """
        if self._live is None:  # at the start of a bus: whoever has no cursor has caught up before
            return
        for resource in changed:
            for cursor, starts in past_starts(resource, self.entries.get(resource.name)):
                known = await self._log.cursor(cursor)
                lost = {p: starts[p] for p in self._log.here if p in starts and p not in known}
                if lost:
                    await self._log.commit(cursor, lost)

    async def _behind(self) -> frozenset[str]:
        """The own cursors that there are for partitions that are read here."""
        names = await self._log.cursors()
        if not self._log.is_shared:
            return frozenset(names)
        own = [name for name in names if name.startswith(OWN_CURSORS)]
        return frozenset([name for name in own if self._log.here & (await self._log.cursor(name)).keys()])

    def _change(self, changed: Sequence[Resource], deleted: Sequence[str], behind: frozenset[str]) -> None:
        """Immediate, so that no event is judged by half of it. ``behind``: the cursors of targets that are."""
        before = dict(self.entries)
        for resource in changed:
            known = self.entries.get(resource.name)
            if known is None or not known.is_same(resource):
                self.entries[resource.name] = self._maker.make(resource, known)
        for name in deleted:
            self.entries.pop(name, None)
        compiled = [entry.compiled for entry in self.entries.values() if entry.compiled is not None]
        self.routing = Routing(self._bus, compiled, self.routing)
        for name, entry in self.entries.items():
            if before.get(name) is not entry:
                self._begin(entry, before.get(name), behind)
        crash_point("rules-swapped")
        for name, entry in before.items():
            if self.entries.get(name) is not entry:
                self._retire(name, entry)
                self._resume(name, entry)

    def _resume(self, name: str, before: RuleEntry) -> None:
        """Let blocked targets go on that somebody resumed, perhaps at another instance, since this rule was ``before``."""
        entry = self.entries.get(name)
        if entry is None:
            return
        for target, asked in entry.resumed.items():
            if asked != before.resumed.get(target) and target in entry.lanes:
                self._tasks.spawn(self._unblock(entry.lanes[target].target, skip=asked.skip))

    async def _unblock(self, target: RunningTarget, *, skip: bool) -> None:
        try:
            await target.unblock(skip=skip)
        except NotFound:  # nothing blocks it here
            return
        except Exception:
            log.exception("a target cannot go on", bus=self._bus, rule=target.names.rule, target=target.names.target)

    def _begin(self, entry: RuleEntry, before: RuleEntry | None, behind: frozenset[str]) -> None:
        """Start the targets that are new."""
        for name, lane_entry in entry.lanes.items():
            kept = before.lanes.get(name) if before is not None else None
            target = lane_entry.target
            if kept is not None and kept.target is target:
                continue
            if target.cursor in behind:
                target.resume()
            if self._live is not None:
                target.attach(*self._live)
            lane_entry.lane.expect()  # until it is known which keys are parked
            self._tasks.spawn(self._begin_parking(lane_entry))

    async def _begin_parking(self, entry: LaneEntry) -> None:
        by_key = entry.made_from.order == "key"
        try:
            await entry.target.parking.begin(self._log.here, by_key=by_key, shared=self._log.is_shared)
        finally:
            entry.lane.inherited()

    def counts(self) -> dict[str, Counts]:
        """What was counted so far."""
        return {
            name: Counts(
                entry.resource.created, entry.matched, {target: lane.stats for target, lane in entry.lanes.items()}
            )
            for name, entry in self.entries.items()
        }

    def lanes(self) -> Iterator[Lane]:
        for target in self.targets():
            yield target.lane

    def targets(self) -> Iterator[RunningTarget]:
        for entry in self.entries.values():
            for lane_entry in entry.lanes.values():
                yield lane_entry.target

    def find(self, rule: str, target: str) -> RunningTarget:
        """Raises NotFound."""
        entry = self.entries.get(rule)
        if entry is None or target not in entry.lanes:
            raise NotFound(f"there is no target {self._bus}/{rule}/{target} at work")
        return entry.lanes[target].target

    async def clean(self) -> None:
        """At the start of a bus: own cursors and parked deliveries of targets that are gone are forgotten.

        Of a log that is shared only the deliveries of partitions that are read here. A cursor that nobody knows may be
        that of a rule which another instance is about to write; and one that stays is made anew with its target.
        """
        if not self._log.is_shared:
            await self._clean_cursors()
        for queue in await self._timers.queues(retry_queue(self._bus)):
            *_, rule, target, partition = queue.split("/")
            if self._is_gone(rule, target) and (not self._log.is_shared or int(partition) in self._log.here):
                await self._timers.drop(queue)

    async def _clean_cursors(self) -> None:
        known = {target.cursor for target in self.targets()}
        for cursor in await self._log.cursors():
            if cursor.startswith(OWN_CURSORS) and cursor not in known:
                await self._log.delete_cursor(cursor)

    def _is_gone(self, rule: str, target: str) -> bool:
        """Whether a target is not defined any more. One of a disabled rule is; of a broken one nobody knows."""
        entry = self.entries.get(rule)
        return entry is None or (entry.broken is None and target not in entry.names)

    async def parked(self) -> dict[Names, Load]:
        """What waits durably for its next attempt, by target; of all partitions, also those that others read."""
        found: dict[Names, Load] = {}
        for queue, load in (await self._timers.loads(retry_queue(self._bus))).items():
            *_, rule, target, _ = queue.split("/")
            before = found.get(Names(rule, target), Load(0, float("inf")))
            both = Load(before.timers + load.timers, min(before.next_due, load.next_due))
            found[Names(rule, target)] = both
        return found

    async def extend(self) -> None:
        """Targets that are behind know of all partitions that are read here, before the live cursor reads them."""
        live = await self._log.cursor(LIVE)
        while lacking := [target for target in self.targets() if target.lacks(self._log.here)]:
            for target in lacking:
                await target.extend(self._log.here, live)

    def attach(self, live: Pipeline, refresh: Refresh) -> None:
        """The live cursor begins."""
        self._live = (live, refresh)
        for target in self.targets():
            target.attach(live, refresh)

    async def relieve(self, lane: Lane) -> None:
        """A lane stays full: its target leaves the live cursor."""
        target = next((target for target in self.targets() if target.lane is lane), None)
        if target is not None:  # outside of the search: the rules may change meanwhile
            await target.leave()

    async def redeliver(
        self, rule: str, target: str, events: Sequence[tuple[Event, Position, float]], keeper: Keeper
    ) -> None:
        """Events (with their position and when they were received) once more to one target, by its rule as it is now,
        past its pattern. Waits while the lane is full. Raises NotFound.
        """
        entry = self.entries.get(rule)
        found = entry.target(target) if entry is not None else None
        if found is None:
            raise NotFound(f"there is no target {self._bus}/{rule}/{target} at work")
        deliveries = await self._render(found, events, keeper)
        await found.lane.put(deliveries, _no_cursor, keeper)

    async def _render(
        self, target: CompiledTarget, events: Sequence[tuple[Event, Position, float]], keeper: Keeper | None = None
    ) -> list[Delivery]:
        """Deliveries of events; what cannot be rendered is buried."""
        made = [
            target.render(event, position, received, Scope(event, self._bus, received))
            for event, position, received in events
        ]
        given_up = [one for one in made if not isinstance(one, Delivery)]
        if given_up:
            await target.bury(given_up)
            if keeper is not None:
                await keeper.done([one.delivery for one in given_up], "buried")
        return [one for one in made if isinstance(one, Delivery)]

    def _judge_for(self, names: Names) -> Judge:
        """Judges for one target alone, by its rule as it is then; compiled once for each revision."""
        compiled: dict[CompiledRule, Routing] = {}

        def judge(partition: int, offset: int, chunks: Sequence[StoredChunk]) -> Judgement:
            entry = self.entries.get(names.rule)
            if entry is None or entry.compiled is None:
                return Judgement({}, [])
            if entry.compiled not in compiled:
                compiled.clear()
                compiled[entry.compiled] = Routing(self._bus, [_alone(entry.compiled, names)])
            return compiled[entry.compiled].judge(partition, offset, chunks)

        return judge

    def _retire(self, name: str, entry: RuleEntry) -> None:
        """End the lanes of an old revision that the new one did not keep."""
        now = self.entries.get(name)
        for target, old in entry.lanes.items():
            kept = now.lanes.get(target) if now else None
            if kept is None:
                end = self._tasks.spawn(self._end(old, name, target))
                self._ends.add(end)
                end.add_done_callback(self._ends.discard)
            elif kept.lane is not old.lane:
                oldest = kept.target.change_lane(kept.lane)
                kept.lane.expect()
                self._tasks.spawn(self._replace(old, kept.lane, oldest))

    async def _end(self, old: LaneEntry, rule: str, target: str) -> None:
        try:
            await old.lane.stop(_nobody)
            crash_point("lane-stopped")
            await old.target.forget(parked=self._is_gone(rule, target))
            crash_point("target-forgotten")
        except Exception:
            log.exception("a target could not be ended", bus=self._bus, rule=rule, target=target)

    async def _replace(self, old: LaneEntry, lane: Lane, oldest: dict[int, int]) -> None:
        target = old.target
        try:
            await old.lane.stop(self._heir(target.names, lane))
            crash_point("lane-stopped")
        except Exception:
            log.exception(
                "a lane could not be ended", bus=self._bus, rule=target.names.rule, target=target.names.target
            )
        else:
            target.handed_over(oldest)
        finally:
            lane.inherited()

    def _heir(self, names: Names, lane: Lane) -> Heir:
        """Judges deliveries of a stopped lane by the rule as it is now; what it does not want is settled."""

        async def inherit(deliveries: Sequence[Delivery], settled: Settled) -> None:
            entry = self.entries.get(names.rule)
            heir = entry.target(names.target) if entry is not None else None
            if heir is None:
                settled(len(deliveries))
                return
            made = await self._render(heir, [(d.event, d.position, d.received) for d in deliveries])
            if len(made) < len(deliveries):
                settled(len(deliveries) - len(made))
            await lane.inherit(made, settled)

        return inherit


async def _nobody(deliveries: Sequence[Delivery], settled: Settled) -> None:
    """The heir of a target that is gone: nobody wants its deliveries any more."""
    settled(len(deliveries))


def _alone(rule: CompiledRule, names: Names) -> CompiledRule:
    """The rule with this target only, past its gate; what it matches was counted by the live cursor."""
    targets = tuple(t._replace(gate=Gate(t.gate.first)) for t in rule.targets if t.names == names)
    return msgspec.structs.replace(rule, targets=targets, matched=lambda _: None)


def _no_cursor(number: int) -> None:
    """Settled: nobody but the keeper needs to know."""
