"""Rules: everything in one is tried out before it is stored, so that the data plane meets no rule it cannot run.

A target that is new, or whose rule is enabled again, starts at the ends of the bus's log, taken before the rule is
written: every event that is acknowledged after the rule was lies behind them (promise 8). The positions stand in the
rule's status: ``{"starts": {"<target>": {"<partition>": offset}}}``. Beside them stand the targets that were paused or resumed at
run time (``bridge.model.pauses``); a new spec changes nothing of that.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from msgspec.structs import replace

from bridge.connectors.base import Kinds, load_config
from bridge.controlplane.buses import ends
from bridge.controlplane.kinds import Kind
from bridge.controlplane.paths import below
from bridge.controlplane.secrets import mask_rule, unmask_rule
from bridge.crashpoints import crash_point
from bridge.errors import InvalidConfig
from bridge.model.documents import parse_json
from bridge.model.pauses import entries, resumptions, with_entries, with_resumptions
from bridge.model.resource import Ref, Resource
from bridge.model.retry import check_retry
from bridge.model.rule import RuleSpec, TargetSpec, own_cursor
from bridge.model.times import parse_time
from bridge.rules.expressions import compile_config
from bridge.rules.filter_lint import lint_filter
from bridge.rules.filters import parse_filter
from bridge.rules.lint import Remark, lint
from bridge.rules.pattern import parse_pattern
from bridge.rules.transform import compile_transform
from bridge.stores.bus.base import BusLog, BusStore

Starts = dict[str, dict[str, int]]
"""Target to partition to offset; JSON wants text for names."""


EDGES = ("latest", "earliest")


class Rules(Kind):
    name = "Rule"
    plural = "rules"
    in_bus = True
    Spec = RuleSpec

    def __init__(self, kinds: Kinds, bus_store: BusStore) -> None:
        self._kinds = kinds
        self._bus_store = bus_store

    def check(self, resource: Resource) -> list[str]:
        with below("$.spec"):
            return self._check_spec(parse_json(resource.spec, RuleSpec))

    def _check_spec(self, spec: RuleSpec) -> list[str]:
        with below("$.pattern"):
            pattern = parse_pattern(bytes(spec.pattern), spec.dialect)
        with below("$.filter"):
            filter_ = parse_filter(bytes(spec.filter))
        names: set[str] = set()
        for index, target in enumerate(spec.targets):
            with below(f"$.targets[{index}]"):
                if target.name in names:
                    raise InvalidConfig("another target of this rule has this name", path="$.name")
                names.add(target.name)
                self._check_target(target)
        return [*_warnings("$.spec.pattern", lint(pattern)), *_warnings("$.spec.filter", lint_filter(filter_))]

    def _check_target(self, target: TargetSpec) -> None:
        kind = self._kinds.find(target.kind)
        if kind is None:
            raise InvalidConfig(self._unknown(target.kind), path="$.kind")
        with below("$.config"):
            config = load_config(kind, target.config)
            self._kinds.check(kind, config)
            compile_config(config, kind.Config)
        with below("$.transform"):
            compile_transform(target.transform)
        with below("$.retry"):
            check_retry(target.retry)
        if target.start not in EDGES and parse_time(target.start) is None:
            reason = f"{target.start[:100]!r} is neither latest, earliest, nor a time such as 2026-11-24T08:30:00Z"
            raise InvalidConfig(reason, path="$.start")

    def _unknown(self, kind: str) -> str:
        for description in self._kinds.describe():
            if description.kind == kind:
                return f"the connector {kind} is not available here; install {description.install}"
        close = get_close_matches(kind, self._kinds.kinds(), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        return f"there is no kind of target {kind!r}; {hint}known: {', '.join(self._kinds.kinds())}"

    def mask(self, resource: Resource) -> Resource:
        spec = mask_rule(resource.spec, self._kinds)
        return replace(resource, spec=spec) if spec is not resource.spec else resource

    def unmask(self, resource: Resource, stored: Resource | None) -> Resource:
        with below("$.spec"):
            spec = unmask_rule(resource.spec, stored.spec if stored else None, self._kinds)
        return replace(resource, spec=spec) if spec is not resource.spec else resource

    def needs(self, resource: Resource) -> Mapping[str, Ref]:
        """The buses that dead letters go to."""
        if b"deadLetters" not in bytes(resource.spec):
            return {}
        places = [target.dead_letters for target in _spec(resource).targets]
        return {
            f"$.spec.targets[{index}].deadLetters.bus": Ref("Bus", "", place.bus)
            for index, place in enumerate(places)
            if place is not None
        }

    async def prepare(self, before: Resource | None, after: Resource) -> Resource:
        """Note where each target starts."""
        if before is after:
            return after
        kept = _kept_starts(before, after)
        log = self._bus_store.log(after.bus)
        starts = dict(kept)
        for target in _spec(after).targets:
            if target.name not in kept:
                positions = await _begin(log, own_cursor(after.name, target.name), target.start)
                crash_point("rule-prepared")
                starts[target.name] = {str(partition): offset for partition, offset in positions.items()}
        names = {target.name for target in _spec(after).targets}
        stays = replace(after, status={"starts": {name: at for name, at in starts.items() if name in names}})
        if before is None:
            return stays
        resumed = {name: entry for name, entry in resumptions(before).items() if name in names}
        pauses = {name: entry for name, entry in entries(before).items() if name in names}
        return with_entries(with_resumptions(stays, resumed), pauses)


async def _begin(log: BusLog, cursor: str, start: str) -> dict[int, int]:
    """Where a new target begins. In the past, it has its own cursor before it is defined, so that it is known to be behind."""
    if start == "latest":
        await log.delete_cursor(cursor)  # of a target of that name whose end was cut short
        return ends(log)
    if start == "earliest":
        positions = {partition: log.bounds(partition).first for partition in range(log.partitions)}
    else:
        time = parse_time(start)
        assert time is not None, "checked before"
        positions = {partition: await log.offset_at(partition, time) for partition in range(log.partitions)}
    await log.commit(cursor, positions)
    return positions


def _warnings(path: str, remarks: Iterable[Remark]) -> list[str]:
    return [f"{path}{remark.path[1:]}: {remark.reason}" for remark in remarks]


def _kept_starts(before: Resource | None, after: Resource) -> Starts:
    """The start positions of targets that stay; none when the rule is new or is enabled again."""
    if before is None or (_spec(after).enabled and not _spec(before).enabled):
        return {}
    starts: dict[str, Any] = before.status.get("starts", {})
    return starts


def _spec(resource: Resource) -> RuleSpec:
    return parse_json(resource.spec, RuleSpec)
