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
from bridge.dataplane.routing import CompiledRule, CompiledTarget, Routing
from bridge.dataplane.stats import Meter, TargetStats
from bridge.errors import BridgeError, Retryable
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.model.documents import parse_json
from bridge.model.resource import Resource
from bridge.model.rule import RuleSpec, TargetSpec
from bridge.rules.expressions import compile_config
from bridge.rules.filters import PASSES_ALL, Filter, Passes, compile_filter, parse_filter
from bridge.rules.narrowing import narrow
from bridge.rules.pattern import parse_pattern
from bridge.rules.scope import Names, Scope
from bridge.rules.transform import compile_transform
from bridge.stores.deadletters.base import DeadLetters
from bridge.telemetry import Telemetry

log = structlog.get_logger()


class Surroundings(NamedTuple):
    """What all rules of one bridge share."""

    kinds: Kinds
    host: Host
    dead_letters: DeadLetters
    telemetry: Telemetry
    timing: Timing
    clock: Clock


class Absent(Target):
    """Stands for a target whose connector is not here: every delivery fails, and so is retried and then buried."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        raise Retryable(self._reason)


class LaneEntry(NamedTuple):
    """A lane with what it was made from: another one is made only when that changes."""

    lane: Lane
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

    def __init__(self, bus: str, group: asyncio.TaskGroup, around: Surroundings) -> None:
        self._bus = bus
        self._group = group
        self._around = around
        self.entries: dict[str, RuleEntry] = {}
        self.routing = Routing(bus, ())
        self._filters: WeakValueDictionary[bytes, Passes] = WeakValueDictionary()

    def change(self, changed: Sequence[Resource], deleted: Sequence[str]) -> None:
        """Compile what changed, swap the routing, and let lanes that are not wanted any more hand over."""
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
        for entry in self.entries.values():
            for lane_entry in entry.lanes.values():
                yield lane_entry.lane

    def _compile(self, resource: Resource, known: RuleEntry | None) -> RuleEntry:
        matched = known.matched if known else Meter(self._around.clock)
        try:
            spec = parse_json(bytes(resource.spec), RuleSpec)
            if not spec.enabled:
                return RuleEntry(resource.revision, None, {}, matched)
            filter_ = parse_filter(bytes(spec.filter))
            pattern = narrow(parse_pattern(bytes(spec.pattern), spec.dialect), filter_)
            passes = self._passes(bytes(spec.filter), filter_)
            lanes = {t.name: self._lane(resource.name, t, known) for t in spec.targets}
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

    def _lane(self, rule: str, spec: TargetSpec, known: RuleEntry | None) -> LaneEntry:
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
        stats = kept.stats if kept else TargetStats(self._bus, rule, spec.name, around.telemetry, around.clock)
        lane = Lane(
            target,
            spec,
            bury=self._burial(rule, spec.name),
            spawn=self._group.create_task,
            timing=around.timing,
            watcher=stats,
        )
        return LaneEntry(lane, made_from, config, stats)

    def _target(self, rule: Resource, spec: TargetSpec, entry: LaneEntry) -> CompiledTarget:
        starts = rule.status.get("starts", {}).get(spec.name, {})
        target_type = self._around.kinds.find(spec.kind)
        return CompiledTarget(
            lane=entry.lane,
            names=Names(rule.name, spec.name),
            config=entry.config,
            fill=compile_config(entry.config, target_type.Config) if target_type is not None else None,
            transform=compile_transform(bytes(spec.transform)),
            starts={int(partition): offset for partition, offset in starts.items()},
            bury=self._burial(rule.name, spec.name),
        )

    def _burial(self, rule: str, target: str) -> Bury:
        return Burial(self._around.dead_letters, self._around.clock, self._bus, rule, target)

    def _retire(self, name: str, entry: RuleEntry) -> None:
        """End the lanes of an old revision that the new one did not keep."""
        now = self.entries.get(name)
        for target, old in entry.lanes.items():
            kept = now.lanes.get(target) if now else None
            if kept is None or kept.lane is not old.lane:
                self._group.create_task(self._end(old.lane, name, target))

    async def _end(self, lane: Lane, rule: str, target: str) -> None:
        try:
            await lane.stop(self._heir(rule, target))
        except Exception:
            log.exception("a lane could not be ended", bus=self._bus, rule=rule, target=target)

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
