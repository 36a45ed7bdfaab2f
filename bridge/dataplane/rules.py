"""The rules of one bus at work: compiled, each target with its lane, replaced when a definition changes."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import msgspec
import structlog

from bridge.connectors.base import Host, Kinds, Target, load_config
from bridge.dataplane.burial import Burial
from bridge.dataplane.lanes import Bury, Heir, Lane, Settled, Timing
from bridge.dataplane.pipeline import Judge, Lost, Pipeline, Refresh
from bridge.dataplane.routing import CompiledRule, CompiledTarget, Gate, Judgement, Routing
from bridge.dataplane.stats import Meter, TargetStats
from bridge.dataplane.targets import RunningTarget
from bridge.dataplane.tasks import Tasks
from bridge.errors import BridgeError, Retryable
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.model.documents import parse_json
from bridge.model.log import StoredChunk
from bridge.model.resource import Resource
from bridge.model.rule import OWN_CURSORS, RuleSpec, TargetSpec
from bridge.rules.expressions import compile_config
from bridge.rules.filters import PASSES_ALL, Filter, Passes, compile_filter, parse_filter
from bridge.rules.narrowing import narrow
from bridge.rules.pattern import parse_pattern
from bridge.rules.scope import Names, Scope
from bridge.rules.transform import compile_transform
from bridge.stores.bus.base import BusLog
from bridge.stores.deadletters.base import DeadLetters
from bridge.telemetry import Telemetry

log = structlog.get_logger()

LONGEST_END_S = 5.0
"""How long a change of the rules waits for targets that are going."""


class Surroundings(NamedTuple):
    """What all rules of one bridge share."""

    kinds: Kinds
    host: Host
    dead_letters: DeadLetters
    telemetry: Telemetry
    timing: Timing
    clock: Clock
    patience_s: float = 0.25
    """How long a full lane may hold up the live cursor before its target gets its own."""


class Absent(Target):
    """Stands for a target whose connector is not here: every delivery fails, and so is retried and then buried."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        raise Retryable(self._reason)


class LaneEntry(NamedTuple):
    """A lane with what it was made from: another one is made only when that changes. ``target`` outlives lanes."""

    lane: Lane
    target: RunningTarget
    made_from: TargetSpec
    config: Any
    stats: TargetStats


class RuleEntry(NamedTuple):
    """A rule as it was understood: ``compiled`` is None while it is disabled, or broken, which says why."""

    revision: int
    compiled: CompiledRule | None
    lanes: dict[str, LaneEntry]
    matched: Meter
    broken: str | None = None


class RunningRules:
    """Knows the rules of one bus by name; ``routing`` is all enabled ones, compiled."""

    def __init__(self, bus: str, bus_log: BusLog, tasks: Tasks, around: Surroundings) -> None:
        self._bus = bus
        self._log = bus_log
        self._ends: set[asyncio.Task[None]] = set()
        self._behind: frozenset[str] = frozenset()
        self._live: tuple[Pipeline, Refresh] | None = None
        self._tasks = tasks
        self._around = around
        self.entries: dict[str, RuleEntry] = {}
        self.routing = Routing(bus, ())
        self._filters: WeakValueDictionary[bytes, Passes] = WeakValueDictionary()

    async def change(self, changed: Sequence[Resource], deleted: Sequence[str]) -> None:
        """Compile what changed, swap the routing, and let lanes that are not wanted any more hand over."""
        if self._ends:  # of targets whose names may come again
            await asyncio.wait(self._ends, timeout=LONGEST_END_S)
        self._behind = frozenset(await self._log.cursors())
        self._change(changed, deleted)

    def _change(self, changed: Sequence[Resource], deleted: Sequence[str]) -> None:
        """Immediate, so that no event is judged by half of it."""
        before = dict(self.entries)
        for resource in changed:
            known = self.entries.get(resource.name)
            if known is None or known.revision != resource.revision:
                self.entries[resource.name] = self._compile(resource, known)
        for name in deleted:
            self.entries.pop(name, None)
        compiled = [entry.compiled for entry in self.entries.values() if entry.compiled is not None]
        self.routing = Routing(self._bus, compiled, self.routing)
        for name, entry in before.items():
            if self.entries.get(name) is not entry:
                self._retire(name, entry)

    def lanes(self) -> Iterator[Lane]:
        for target in self.targets():
            yield target.lane

    def targets(self) -> Iterator[RunningTarget]:
        for entry in self.entries.values():
            for lane_entry in entry.lanes.values():
                yield lane_entry.target

    async def clean(self) -> None:
        """At the start of a bus: own cursors of targets that are gone are forgotten."""
        known = {target.cursor for target in self.targets()}
        for cursor in await self._log.cursors():
            if cursor.startswith(OWN_CURSORS) and cursor not in known:
                await self._log.delete_cursor(cursor)

    def attach(self, live: Pipeline, refresh: Refresh) -> None:
        """The live cursor begins."""
        self._live = (live, refresh)
        for target in self.targets():
            target.attach(live, refresh)

    async def relieve(self, lane: Lane) -> None:
        """A lane stays full: its target leaves the live cursor."""
        for target in self.targets():
            if target.lane is lane:
                await target.leave()

    def _compile(self, resource: Resource, known: RuleEntry | None) -> RuleEntry:
        matched = known.matched if known else Meter(self._around.clock)
        try:
            spec = parse_json(bytes(resource.spec), RuleSpec)
            if not spec.enabled:
                return RuleEntry(resource.revision, None, {}, matched)
            filter_ = parse_filter(bytes(spec.filter))
            pattern = narrow(parse_pattern(bytes(spec.pattern), spec.dialect), filter_)
            passes = self._passes(bytes(spec.filter), filter_)
            lanes = {t.name: self._lane(resource, t, known) for t in spec.targets}
            targets = tuple(self._target(resource, t, lanes[t.name]) for t in spec.targets)
        except BridgeError as error:  # stored by a version that knew more, or by hand
            log.error(
                "a rule cannot be compiled and is not in force", bus=self._bus, rule=resource.name, reason=str(error)
            )
            return RuleEntry(resource.revision, None, {}, matched, broken=str(error))
        counter = self._around.telemetry.matched.labels(self._bus, resource.name)

        def tell(number: int) -> None:
            counter.inc(number)
            matched.add(number)

        compiled = CompiledRule(resource.name, pattern, targets, tell, passes)
        return RuleEntry(resource.revision, compiled, lanes, matched)

    def _passes(self, text: bytes, filter_: Filter) -> Passes | None:
        """The function of a filter; the same one for all rules that have the same text."""
        if filter_ == PASSES_ALL:
            return None
        known = self._filters.get(text)
        if known is None:
            known = self._filters[text] = compile_filter(filter_)
        return known

    def _lane(self, rule: Resource, spec: TargetSpec, known: RuleEntry | None) -> LaneEntry:
        made_from = msgspec.structs.replace(spec, transform=msgspec.Raw(b"{}"), start="latest")
        kept = known.lanes.get(spec.name) if known else None
        if kept is not None and kept.made_from == made_from:
            return kept
        around = self._around
        target_type = around.kinds.find(spec.kind)
        config = load_config(target_type, spec.config) if target_type is not None else None
        target = (
            target_type(config, around.host)
            if target_type is not None
            else Absent(f"there is no connector of kind {spec.kind} here")
        )
        stats = kept.stats if kept else TargetStats(self._bus, rule.name, spec.name, around.telemetry, around.clock)
        lane = Lane(
            target,
            spec,
            bury=self._burial(rule.name, spec.name),
            spawn=self._tasks.spawn,
            timing=around.timing,
            watcher=stats,
        )
        return LaneEntry(lane, self._running(rule, spec.name, lane, kept), made_from, config, stats)

    def _running(self, rule: Resource, name: str, lane: Lane, kept: LaneEntry | None) -> RunningTarget:
        if kept is not None:
            return kept.target
        starts = rule.status.get("starts", {}).get(name, {})
        names = Names(rule.name, name)
        target = RunningTarget(
            names,
            self._log,
            lane,
            {int(partition): offset for partition, offset in starts.items()},
            judge=self._judge_for(names),
            lost=self._lost(names),
            tasks=self._tasks,
        )
        if target.cursor in self._behind:
            target.resume()
        if self._live is not None:
            target.attach(*self._live)
        return target

    def _lost(self, names: Names) -> Lost:
        counter = self._around.telemetry.lost.labels(self._bus, names.rule, names.target)

        def tell(partition: int, first: int, end: int) -> None:
            counter.inc(end - first)
            log.error(
                "retention deleted events before this target got them",
                bus=self._bus, rule=names.rule, target=names.target, partition=partition, first=first, end=end,
            )  # fmt: skip

        return tell

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

    def _target(self, rule: Resource, spec: TargetSpec, entry: LaneEntry) -> CompiledTarget:
        target_type = self._around.kinds.find(spec.kind)
        return CompiledTarget(
            lane=entry.lane,
            names=Names(rule.name, spec.name),
            config=entry.config,
            fill=compile_config(entry.config, target_type.Config) if target_type is not None else None,
            transform=compile_transform(bytes(spec.transform)),
            gate=entry.target.gate,
            bury=self._burial(rule.name, spec.name),
        )

    def _burial(self, rule: str, target: str) -> Bury:
        return Burial(self._around.dead_letters, self._around.clock, self._bus, rule, target)

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
                self._tasks.spawn(self._replace(old, kept.target.change_lane(kept.lane), name, target))

    async def _end(self, old: LaneEntry, rule: str, target: str) -> None:
        try:
            await old.lane.stop(self._heir(rule, target))
            await old.target.forget()
        except Exception:
            log.exception("a target could not be ended", bus=self._bus, rule=rule, target=target)

    async def _replace(self, old: LaneEntry, oldest: dict[int, int], rule: str, target: str) -> None:
        try:
            await old.lane.stop(self._heir(rule, target))
        except Exception:
            log.exception("a lane could not be ended", bus=self._bus, rule=rule, target=target)
        else:
            old.target.handed_over(oldest)

    def _heir(self, rule: str, target: str) -> Heir:
        """Judges deliveries of a stopped lane by the rule as it is now; what it does not want is settled."""

        async def inherit(deliveries: Sequence[Delivery], settled: Settled) -> None:
            entry = self.entries.get(rule)
            compiled = entry.compiled if entry else None
            heir = next((t for t in compiled.targets if t.names.target == target), None) if compiled else None
            if heir is None:
                settled(len(deliveries))
                return
            made = [
                heir.render(d.event, d.position, d.received, Scope(d.event, self._bus, d.received)) for d in deliveries
            ]
            given_up = [one for one in made if not isinstance(one, Delivery)]
            if given_up:
                await heir.bury(given_up)
                settled(len(given_up))
            await heir.lane.put([one for one in made if isinstance(one, Delivery)], settled)

        return inherit


def _alone(rule: CompiledRule, names: Names) -> CompiledRule:
    """The rule with this target only, past its gate; what it matches was counted by the live cursor."""
    targets = tuple(t._replace(gate=Gate(t.gate.first)) for t in rule.targets if t.names == names)
    return msgspec.structs.replace(rule, targets=targets, matched=lambda _: None)
