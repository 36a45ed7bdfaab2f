"""A bus's rules, compiled: from a batch of events to deliveries by lane. Rebuilt when a rule changes, never per event."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from bridge.codec.chunks import events_of
from bridge.dataplane.burial import transform_failed
from bridge.dataplane.lanes import Lane
from bridge.dataplane.sending import Bury, GivenUp
from bridge.errors import InvalidInput
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.log import Position, StoredChunk
from bridge.rules.filters import Passes
from bridge.rules.matcher import Matcher, compile_matcher
from bridge.rules.pattern import Pattern
from bridge.rules.scope import Names, Scope
from bridge.rules.transform import Transform

Fill = Callable[[Scope, Names], Any]
"""Fills the placeholders of a target's config from an event."""


class Gate:
    """Which events a cursor hands to a target: none while ``closed``, else per partition from ``starts`` on."""

    __slots__ = ("closed", "first", "starts")

    def __init__(self, first: dict[int, int]) -> None:
        """``first``: per partition the first event that the target may get at all."""
        self.first = self.starts = first
        self.closed = False


class CompiledTarget(NamedTuple):
    """What turns a matching event into a delivery for one target.

    ``fill`` is None for a config without placeholders, ``transform`` None for the event as it is; ``digest`` changes with
    what payloads depend on.
    """

    lane: Lane
    names: Names
    config: Any
    fill: Fill | None
    transform: Transform | None
    gate: Gate
    bury: Bury
    digest: str = ""

    def render(self, event: Event, position: Position, received: float, scope: Scope) -> Delivery | GivenUp:
        config, payload = self.config, None
        try:
            if self.fill is not None:
                config = self.fill(scope, self.names)
            if self.transform is not None:
                payload = self.transform.render(scope, self.names)
        except InvalidInput as error:
            return transform_failed(Delivery(event, position, None, self.config, received), str(error))
        return Delivery(event, position, payload, config, received)


class CompiledRule(msgspec.Struct, frozen=True, eq=False):
    """A rule that is enabled. ``matched`` is told how many events it matched.

    ``passes`` is its filter, asked about the events that match the pattern; None without one. Rules with the same filter
    have the same function, so that it is asked once.
    """

    name: str
    pattern: Pattern
    targets: tuple[CompiledTarget, ...]
    matched: Callable[[int], None]
    passes: Passes | None = None


class Failures(NamedTuple):
    """What could not be made for a lane, and who buries it."""

    lane: Lane
    bury: Bury
    given_up: list[GivenUp]


class Judgement(NamedTuple):
    """Deliveries by lane, and what cannot be delivered."""

    deliveries: dict[Lane, list[Delivery]]
    failures: list[Failures]


Hits = list[tuple[int, Event]]
"""Offsets and events."""


class Routing:
    """All enabled rules of a bus; immutable, replaced by one reference."""

    def __init__(self, bus: str, rules: Iterable[CompiledRule], before: "Routing | None" = None) -> None:
        """``before``: what this replaces, so that the matcher compiles only what changed."""
        self._bus = bus
        self.rules = tuple(rules)
        self._matcher = self._compile(before)
        filters = Counter(rule.passes for rule in self.rules if rule.passes is not None)
        self._filtered = bool(filters)
        self._shared = {passes for passes, rules in filters.items() if rules > 1}

    def _compile(self, before: "Routing | None") -> Matcher[CompiledRule]:
        if before is None:
            return compile_matcher((rule, rule.pattern) for rule in self.rules)
        old, new = set(before.rules), set(self.rules)
        return before._matcher.changed(removed=old - new, added=[(rule, rule.pattern) for rule in new - old])  # noqa: SLF001

    def judge(self, partition: int, offset: int, chunks: Sequence[StoredChunk]) -> Judgement:
        """Match and render every event from ``offset`` on."""
        judgement = Judgement({}, [])
        if not self.rules:
            return judgement
        for chunk in chunks:
            scopes: dict[int, Scope] = {}
            for rule, hits in self._match(chunk, offset).items():
                rule.matched(len(hits))
                for target in rule.targets:
                    self._render(judgement, target, partition, chunk.time, hits, scopes)
        return judgement

    def _match(self, chunk: StoredChunk, offset: int) -> dict[CompiledRule, Hits]:
        events = events_of(chunk, offset)
        found: dict[CompiledRule, Hits] = {}
        for pair, rules in zip(enumerate(events, max(chunk.offset, offset)), self._matcher.match(events), strict=True):
            for rule in rules:
                if rule in found:
                    found[rule].append(pair)
                else:
                    found[rule] = [pair]
        if self._filtered:
            self._filter(found)
        return found

    def _filter(self, found: dict[CompiledRule, Hits]) -> None:
        """Take out what the rules' filters do not let pass. A filter of several rules sees each event once."""
        verdicts: dict[Passes, dict[int, bool]] = {}
        for rule, hits in list(found.items()):
            passes = rule.passes
            if passes is None:
                continue
            if passes not in self._shared:
                kept = [pair for pair in hits if passes(pair[1])]
            else:
                seen = verdicts.setdefault(passes, {})
                new = [pair for pair in hits if pair[0] not in seen]
                seen.update((offset, passes(event)) for offset, event in new)
                kept = [pair for pair in hits if seen[pair[0]]]
            if kept:
                found[rule] = kept
            else:
                del found[rule]

    def _render(
        self,
        judgement: Judgement,
        target: CompiledTarget,
        partition: int,
        received: float,
        hits: Hits,
        scopes: dict[int, Scope],
    ) -> None:
        if target.gate.closed:
            return
        start = target.gate.starts.get(partition, 0)
        if start > hits[0][0]:
            hits = [pair for pair in hits if pair[0] >= start]
            if not hits:
                return
        deliveries = judgement.deliveries.setdefault(target.lane, [])
        if target.fill is None and target.transform is None:
            config = target.config
            deliveries += [
                Delivery(event, Position(partition, offset), None, config, received) for offset, event in hits
            ]
            return
        given_up: list[GivenUp] = []
        for offset, event in hits:
            scope = scopes.get(offset)
            if scope is None:
                scope = scopes[offset] = Scope(event, self._bus, received)
            made = target.render(event, Position(partition, offset), received, scope)
            if isinstance(made, Delivery):
                deliveries.append(made)
            else:
                given_up.append(made)
        if given_up:
            judgement.failures.append(Failures(target.lane, target.bury, given_up))
