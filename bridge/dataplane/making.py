"""From a rule's definition to what runs: the compiled rule, and for each target its lane, parking and running side."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import msgspec
import structlog

from bridge.connectors.base import Host, Kinds, Target, load_config
from bridge.dataplane.aftermath import Exits
from bridge.dataplane.burial import Burial
from bridge.dataplane.burial_bus import BusBurial
from bridge.dataplane.lanes import Lane
from bridge.dataplane.parkings import Parkings
from bridge.dataplane.pipeline import Judge, Lost
from bridge.dataplane.returning import Returning
from bridge.dataplane.routing import CompiledRule, CompiledTarget
from bridge.dataplane.sending import Bury, Timing
from bridge.dataplane.stats import Meter, TargetStats
from bridge.dataplane.targets import RunningTarget
from bridge.dataplane.tasks import Tasks
from bridge.errors import BridgeError, Retryable
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.model.documents import parse_json
from bridge.model.pauses import Resumption, paused, resumptions
from bridge.model.resource import Resource
from bridge.model.rule import Pace, RuleSpec, TargetSpec
from bridge.rules.expressions import compile_config
from bridge.rules.filters import PASSES_ALL, Filter, Passes, compile_filter, parse_filter
from bridge.rules.narrowing import narrow
from bridge.rules.pattern import parse_pattern
from bridge.rules.scope import Names
from bridge.rules.transform import compile_transform
from bridge.stores.bus.base import BusLog
from bridge.stores.deadletters.base import DeadLetters
from bridge.stores.timers.base import Timers
from bridge.telemetry import Telemetry

log = structlog.get_logger()

Retire = Callable[[str, str, str, str], Awaitable[None]]
"""Pauses a target (bus, rule, target) for a reason, where its definition is kept."""


class Surroundings(NamedTuple):
    """What all rules of one bridge share."""

    kinds: Kinds
    host: Host
    dead_letters: DeadLetters
    timers: Timers
    telemetry: Telemetry
    timing: Timing
    clock: Clock
    retire: Retire | None = None
    patience_s: float = 0.25
    """How long a full lane may hold up the live cursor before its target gets its own."""
    drain_s: float = 2.0
    """How long what was read may take to be delivered before partitions move to other instances."""


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
    """A rule as it was understood: ``compiled`` is None while it is disabled, or broken, which says why.

    ``names`` holds its targets by name, also while it is disabled.
    """

    resource: Resource
    compiled: CompiledRule | None
    lanes: dict[str, LaneEntry]
    matched: Meter
    broken: str | None = None
    names: frozenset[str] = frozenset()

    @property
    def resumed(self) -> Mapping[str, Resumption]:
        """Which targets were let go on last, where instances tell each other by the catalog."""
        return resumptions(self.resource)

    def is_same(self, resource: Resource) -> bool:
        """Whether nothing was changed since."""
        return self.is_earlier(resource) and self.resource.revision == resource.revision

    def is_earlier(self, resource: Resource) -> bool:
        """Whether it became what it is now by changes: it was not deleted and made again in between."""
        return self.resource.created == resource.created

    def target(self, name: str) -> CompiledTarget | None:
        targets = self.compiled.targets if self.compiled is not None else ()
        return next((target for target in targets if target.names.target == name), None)


class Counts(NamedTuple):
    """What a rule and its targets have counted."""

    created: float
    matched: Meter
    targets: Mapping[str, TargetStats]


NO_COUNTS: Mapping[str, Counts] = MappingProxyType({})


class RuleMaker:
    """Makes the entries of one bus's rules. ``judge_for`` gives what judges for one target alone, by its rule as it is
    then; ``entries`` are the rules as they are then.
    """

    def __init__(
        self,
        bus: str,
        bus_log: BusLog,
        tasks: Tasks,
        around: Surroundings,
        *,
        entries: Mapping[str, RuleEntry],
        judge_for: Callable[[Names], Judge],
        past: Mapping[str, Counts] = NO_COUNTS,
    ) -> None:
        """``past``: what the rules had counted when the bus was divided anew; it goes on."""
        self._past = past
        self._bus = bus
        self._log = bus_log
        self._tasks = tasks
        self._around = around
        self._entries = entries
        self._judge_for = judge_for
        self._filters: WeakValueDictionary[bytes, Passes] = WeakValueDictionary()

    def make(self, resource: Resource, known: RuleEntry | None) -> RuleEntry:
        """What ``known`` has and did not change is kept."""
        past = self._past.get(resource.name)
        counted = known or (past if past is not None and past.created == resource.created else None)
        matched = counted.matched if counted else Meter(self._around.clock)
        try:
            return self._make(resource, known, matched)
        except BridgeError as error:  # stored by a version that knew more, or by hand
            log.error(
                "a rule cannot be compiled and is not in force", bus=self._bus, rule=resource.name, reason=str(error)
            )
            return RuleEntry(resource, None, {}, matched, broken=str(error))

    def _stats(self, rule: Resource, target: str) -> TargetStats:
        past = self._past.get(rule.name)
        if past is not None and past.created == rule.created and target in past.targets:
            return past.targets[target]
        return TargetStats(self._bus, rule.name, target, self._around.telemetry, self._around.clock)

    def _make(self, resource: Resource, known: RuleEntry | None, matched: Meter) -> RuleEntry:
        spec = parse_json(bytes(resource.spec), RuleSpec)
        names = frozenset(target.name for target in spec.targets)
        if not spec.enabled:
            return RuleEntry(resource, None, {}, matched, names=names)
        filter_ = parse_filter(bytes(spec.filter))
        pattern = narrow(parse_pattern(bytes(spec.pattern), spec.dialect), filter_)
        passes = self._passes(bytes(spec.filter), filter_)
        lanes = {t.name: self._lane(resource, t, known) for t in spec.targets}
        targets = tuple(self._target(resource, t, lanes[t.name]) for t in spec.targets)
        for target in spec.targets:
            lanes[target.name].target.pause(paused(resource, target))
        counter = self._around.telemetry.matched.labels(self._bus, resource.name)

        def tell(number: int) -> None:
            counter.inc(number)
            matched.add(number)

        compiled = CompiledRule(resource.name, pattern, targets, tell, passes)
        return RuleEntry(resource, compiled, lanes, matched, names=names)

    def _passes(self, text: bytes, filter_: Filter) -> Passes | None:
        """The function of a filter; the same one for all rules that have the same text."""
        if filter_ == PASSES_ALL:
            return None
        known = self._filters.get(text)
        if known is None:
            known = self._filters[text] = compile_filter(filter_)
        return known

    def _lane(self, rule: Resource, spec: TargetSpec, known: RuleEntry | None) -> LaneEntry:
        made_from = msgspec.structs.replace(spec, transform=msgspec.Raw(b"{}"), start="latest", paused=False)
        kept = known.lanes.get(spec.name) if known else None
        if kept is not None and kept.made_from == made_from:
            return kept
        around = self._around
        names = Names(rule.name, spec.name)
        target_type = around.kinds.find(spec.kind)
        config = load_config(target_type, spec.config) if target_type is not None else None
        target = (
            target_type(config, around.host)
            if target_type is not None
            else Absent(f"there is no connector of kind {spec.kind} here")
        )
        stats = kept.stats if kept else self._stats(rule, spec.name)
        parking = kept.target.parking if kept else self._parking(names)
        lane = Lane(
            target,
            self._share(spec),
            exits=Exits(self._burial(rule.name, spec), parking, lambda reason: self._retire(names, reason)),
            spawn=self._tasks.spawn,
            timing=around.timing,
            watcher=stats,
        )
        running = kept.target if kept is not None else self._running(rule, names, lane, parking)
        return LaneEntry(lane, running, made_from, config, stats)

    def _share(self, spec: TargetSpec) -> TargetSpec:
        """Of a target's rate, as much as is read here of all partitions, so that all instances together keep to it."""
        if spec.rate is None or not self._log.is_shared:
            return spec
        here = max(1, len(self._log.here))  # dead letters may be redriven where nothing is read
        return msgspec.structs.replace(spec, rate=Pace(spec.rate * here / self._log.partitions))

    def _running(self, rule: Resource, names: Names, lane: Lane, parking: Parkings) -> RunningTarget:
        starts = rule.status.get("starts", {}).get(names.target, {})
        return RunningTarget(
            names,
            self._log,
            lane,
            {int(partition): offset for partition, offset in starts.items()},
            judge=self._judge_for(names),
            lost=self._lost(names),
            tasks=self._tasks,
            parking=parking,
        )

    def _parking(self, names: Names) -> Parkings:
        owner = Returning(self._bus, self._entries, names)
        prefix = retry_queue(self._bus, names.rule, names.target)
        return Parkings(self._around.timers, prefix, owner, self._tasks.spawn, self._around.timing, reads=self._reads)

    def _reads(self, partition: int) -> bool:
        return not self._log.is_shared or partition in self._log.here

    def _retire(self, names: Names, reason: str) -> None:
        """A target wants nothing any more: it is paused where it is defined."""
        if self._around.retire is not None:
            self._tasks.spawn(self._pause(names, reason))

    async def _pause(self, names: Names, reason: str) -> None:
        assert self._around.retire is not None
        log.error("a target is paused", bus=self._bus, rule=names.rule, target=names.target, reason=reason)
        try:
            await self._around.retire(self._bus, names.rule, names.target, reason)
        except BridgeError as error:  # its lane is held all the same
            log.error("a target cannot be paused", rule=names.rule, target=names.target, reason=str(error))

    def _lost(self, names: Names) -> Lost:
        counter = self._around.telemetry.lost.labels(self._bus, names.rule, names.target)

        def tell(partition: int, first: int, end: int) -> None:
            counter.inc(end - first)
            log.error(
                "retention deleted events before this target got them",
                bus=self._bus, rule=names.rule, target=names.target, partition=partition, first=first, end=end,
            )  # fmt: skip

        return tell

    def _target(self, rule: Resource, spec: TargetSpec, entry: LaneEntry) -> CompiledTarget:
        target_type = self._around.kinds.find(spec.kind)
        return CompiledTarget(
            lane=entry.lane,
            names=Names(rule.name, spec.name),
            config=entry.config,
            fill=compile_config(entry.config, target_type.Config) if target_type is not None else None,
            transform=compile_transform(bytes(spec.transform)),
            gate=entry.target.gate,
            bury=self._burial(rule.name, spec),
            digest=_digest(spec),
        )

    def _burial(self, rule: str, spec: TargetSpec) -> Bury:
        around = self._around
        store = Burial(around.dead_letters, around.clock, self._bus, rule, spec.name, spec.retry)
        if spec.dead_letters is None:
            return store
        return BusBurial(around.host, around.timing.sleep, spec.dead_letters.bus, store)


def retry_queue(bus: str, rule: str = "", target: str = "") -> str:
    """How the queues of timers begin that hold what is parked for a target; without names, for all of a bus."""
    return f"retry/{bus}/{rule}/{target}/" if rule else f"retry/{bus}/"


def _digest(spec: TargetSpec) -> str:
    """Changes with whatever a payload depends on."""
    text = b"\0".join((spec.kind.encode(), bytes(spec.config), bytes(spec.transform)))
    return blake2b(text, digest_size=8).hexdigest()
