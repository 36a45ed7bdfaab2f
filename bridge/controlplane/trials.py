"""Trying patterns, transforms and the rules of a bus on one event, without effect.

The event is given as a text, or by its place in a bus. Questions may be hostile: the work is bounded
(``bridge.rules.effort``) and done beside the event loop. What a door makes of an answer (``show``) is done there, too.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from bridge.controlplane.aside import Aside
from bridge.controlplane.paths import below
from bridge.controlplane.stored import Place, Stored, read_stored
from bridge.errors import BridgeError, InvalidInput, NotFound, TooLarge
from bridge.model.documents import parse_json
from bridge.model.resource import Ref, Resource
from bridge.model.rule import Dialect, RuleSpec
from bridge.rules.effort import Effort
from bridge.rules.explain import (
    Candidate,
    Explanation,
    RulesExplanation,
    Sample,
    explain_rule,
    explain_rules,
    read_sample,
    sample_of,
)
from bridge.rules.filters import PASSES_ALL, parse_filter
from bridge.rules.pattern import parse_pattern
from bridge.rules.preview import TEST, preview, read_scope
from bridge.rules.scope import Scope
from bridge.rules.transform import compile_transform
from bridge.stores.bus.base import BusStore
from bridge.stores.catalog.base import Catalog

T = TypeVar("T")
MAX_EVENT_BYTES = 1024 * 1024
"""What is larger would keep too much of the process busy for one question."""
_BYTES_OF_A_STEP = 2
"""Reading so much of a pattern takes as long as a comparison."""
_CHARACTERS_OF_A_STEP = 1_000
"""A condition of a filter on so much text takes as long as reading it once more."""


class PatternTrial(NamedTuple):
    """What is tried: JSON texts. ``filter``: None without one."""

    pattern: bytes = b"{}"
    filter: bytes | None = None
    dialect: Dialect = "bridge"


class Subject(NamedTuple):
    """The event that something is tried on: JSON text of a CloudEvent or of any object, or the place of a stored one."""

    event: bytes | None
    stored: Place | None


class Trials:
    def __init__(self, catalog: Catalog, bus_store: BusStore) -> None:
        self._catalog = catalog
        self._bus_store = bus_store
        self._aside = Aside()

    async def pattern(self, trial: PatternTrial, subject: Subject, show: Callable[[Explanation], T]) -> T:
        """Whether a pattern matches, and a filter lets pass, and why.

        Raises InvalidPattern, InvalidFilter, InvalidInput, NotFound with paths below ``$.pattern``, ``$.filter``,
        ``$.event`` and ``$.stored``; TooLarge for too much work, Overloaded.
        """
        event = await self._find(subject)

        def judge() -> T:
            with below("$.pattern"):
                pattern = parse_pattern(trial.pattern, trial.dialect)
            with below("$.filter"):
                filter_ = None if trial.filter is None else parse_filter(trial.filter)
            sample, effort = _sample(event), Effort()
            effort.spend(_steps_of_filter(trial.filter or b"", sample))
            return show(explain_rule(Candidate("", pattern, filter_), sample, effort))

        return await self._aside.do(judge)

    async def transform(self, transform: bytes, subject: Subject, show: Callable[[dict[str, Any]], T]) -> T:
        """What a transform makes of an event, and its variables.

        Raises InvalidTransform below ``$.transform`` when it is not legal, or this event cannot be given its shape; else
        as ``pattern`` does.
        """
        event = await self._find(subject)

        def judge() -> T:
            with below("$.transform"):
                compiled = compile_transform(transform)
            scope = _scope(event)
            with below("$.transform"):
                return show(preview(compiled, scope, TEST))

        return await self._aside.do(judge)

    async def rules(self, bus: str, subject: Subject, show: Callable[[RulesExplanation], T]) -> T:
        """Which rules of a bus match, which nearly. Raises NotFound for the bus; else as ``pattern`` does."""
        if await self._catalog.find(Ref("Bus", "", bus)) is None:
            raise NotFound(f"there is no Bus {bus}")
        if subject.stored is not None and not subject.stored.bus:
            subject = Subject(None, replace(subject.stored, bus=bus))
        event = await self._find(subject)
        rules = await self._catalog.list("Rule", bus=bus)

        def judge() -> T:
            sample, effort, broken = _sample(event), Effort(), dict[str, str]()
            found = explain_rules(_candidates(rules, sample, effort, broken), sample, effort)
            return show(replace(found, rules=len(rules), broken=broken))

        return await self._aside.do(judge)

    async def _find(self, subject: Subject) -> bytes | Stored:
        text, place = subject
        if (text is None) == (place is None):
            raise InvalidInput("say which event: either `event` or `stored`", path="$")
        if text is not None:
            _check_size(text, "$.event")
            return text
        assert place is not None
        with below("$.stored"):
            if not place.bus:
                raise InvalidInput("say in which bus the event is stored", path="$.bus")
            stored = await read_stored(self._bus_store, place)
        _check_size(stored.event.data or b"", "$.stored")
        return stored


def _check_size(event: bytes, path: str) -> None:
    if len(event) > MAX_EVENT_BYTES:
        raise TooLarge(
            f"an event to try things on has at most {MAX_EVENT_BYTES:,} bytes, not {len(event):,}", path=path
        )


def _sample(event: bytes | Stored) -> Sample:
    if isinstance(event, Stored):
        return sample_of(event.event)
    with below("$.event"):
        return read_sample(event)


def _scope(event: bytes | Stored) -> Scope:
    if isinstance(event, Stored):
        return Scope(*event)
    with below("$.event"):
        return read_scope(event)


def _steps_of_filter(text: bytes, sample: Sample) -> int:
    event = sample.event
    values = (event.id, event.source, event.type, *event.attributes.values())
    characters = sum(len(value) for value in values if isinstance(value, str))
    return len(text) // _BYTES_OF_A_STEP * (1 + characters // _CHARACTERS_OF_A_STEP)


def _candidates(
    rules: Sequence[Resource], sample: Sample, effort: Effort, broken: dict[str, str]
) -> Iterator[Candidate]:
    for rule in rules:
        effort.spend(len(rule.spec) // _BYTES_OF_A_STEP)
        try:
            spec = parse_json(bytes(rule.spec), RuleSpec)
            pattern = parse_pattern(bytes(spec.pattern), spec.dialect)
            filter_ = parse_filter(bytes(spec.filter))
            effort.spend(_steps_of_filter(bytes(spec.filter), sample))
        except TooLarge:
            raise
        except BridgeError as error:  # stored by a version that knew more, or by hand
            broken[rule.name] = str(error)
        else:
            yield Candidate(rule.name, pattern, filter_ if filter_ != PASSES_ALL else None, spec.enabled)
