"""Why a rule matches an event or not, field by field; which rules of a set match it, and which nearly.

The verdict on a pattern is the oracle's. Of several branches the one that matched is explained, else the one that came
closest.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from bridge.codec.json import parse_event
from bridge.errors import InvalidInput
from bridge.model.event import Event
from bridge.model.rule import Dialect
from bridge.rules.attempts import Attempt, Finding, State, nearest_attempt
from bridge.rules.document import Document, event_document, read_document
from bridge.rules.effort import Effort
from bridge.rules.filter_trial import FilterVerdict, explain_filter, read_attributes
from bridge.rules.filters import Filter, compile_filter, parse_filter
from bridge.rules.pattern import Pattern, parse_pattern
from bridge.rules.verdicts import FieldVerdict, verdict

MAX_FIELDS = 100
"""Fields that one answer explains; those that missed come first where there are more."""
MAX_NEARLY = 10
_MISSES_SHOWN = 5
_HINTED = 20
"""Misses for which the nearest one is looked for."""


class Sample(NamedTuple):
    """An event to try things on: as patterns see it, and as filters do."""

    document: Document
    event: Event


class Candidate(NamedTuple):
    """What of a rule decides whether an event goes to its targets."""

    rule: str
    pattern: Pattern
    filter: Filter | None = None
    enabled: bool = True


class _Shown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    pass


class Explanation(_Shown, frozen=True, kw_only=True):
    """``fields`` of the pattern; ``omitted``: how many are not shown. ``filter`` where there is one."""

    matched: bool
    fields: list[FieldVerdict]
    omitted: int = 0
    filter: FilterVerdict | None = None


class NearMiss(_Shown, frozen=True, kw_only=True):
    """A rule that does not match although a part of it does.

    ``missed``: how many fields (and the filter) do not; ``fields``: those, five at most; ``filter`` if it is among them.
    """

    rule: str
    missed: int
    fields: list[FieldVerdict]
    filter: FilterVerdict | None = None
    disabled: bool = False


class RulesExplanation(_Shown, frozen=True, kw_only=True):
    """``rules``: how many were tried. ``nearly``: the ten nearest of those that do not match, nearest first.

    ``disabled``: those that would match if they were enabled. ``broken``: those that cannot be understood, and why.
    """

    rules: int
    matched: list[str]
    nearly: list[NearMiss]
    disabled: list[str] = []
    broken: dict[str, str] = {}


def test_pattern(
    pattern: bytes | str,
    event: bytes | str,
    dialect: Dialect = "bridge",  # noqa: PT028 - the name is the product's verb, no test of ours
    *,
    filter_: bytes | str | None = None,  # noqa: PT028
) -> dict[str, Any]:
    """The answer of ``POST /v1/pattern:test``. ``event``: a CloudEvent in the JSON format, or any JSON object.

    Raises InvalidPattern, InvalidFilter, InvalidInput.
    """
    candidate = Candidate("", parse_pattern(pattern, dialect), None if filter_ is None else parse_filter(filter_))
    answer: dict[str, Any] = msgspec.to_builtins(explain_rule(candidate, read_sample(event)))
    return answer


def read_sample(text: bytes | str) -> Sample:
    """What is a CloudEvent is seen as a bus sees it (its data only where that is JSON); else the object as it stands."""
    body = text.encode() if isinstance(text, str) else text
    try:
        return sample_of(parse_event(body))
    except InvalidInput:
        return Sample(read_document(body), read_attributes(body))


def sample_of(event: Event) -> Sample:
    return Sample(event_document(event), event)


def explain_rule(candidate: Candidate, sample: Sample, effort: Effort | None = None) -> Explanation:
    """Pattern and filter of one rule."""
    explanation = explain(candidate.pattern, sample.document, effort)
    if candidate.filter is None:
        return explanation
    found = explain_filter(candidate.filter, sample.event)
    return msgspec.structs.replace(explanation, matched=explanation.matched and found.matched, filter=found)


def explain(pattern: Pattern, document: Document, effort: Effort | None = None) -> Explanation:
    """Raises TooLarge when it would take more than ``effort``, InvalidInput as ``oracle.matches`` does."""
    attempt = nearest_attempt(pattern, document, effort or Effort())
    findings = attempt.findings
    if len(findings) > MAX_FIELDS:
        findings = sorted(findings, key=lambda finding: finding.state is State.HIT)[:MAX_FIELDS]
    return Explanation(
        matched=attempt.matched,
        fields=_verdicts(findings, document),
        omitted=len(attempt.findings) - len(findings),
    )


def explain_rules(rules: Iterable[Candidate], sample: Sample, effort: Effort | None = None) -> RulesExplanation:
    """Which rules match this event, and which do in a part only. Raises as ``explain`` does."""
    effort = effort or Effort()
    matched: dict[bool, list[str]] = {True: [], False: []}
    near: list[_Near] = []
    count = 0
    for candidate in rules:
        count += 1
        attempt = nearest_attempt(candidate.pattern, sample.document, effort)
        passed = candidate.filter is None or compile_filter(candidate.filter)(sample.event)
        one = _Near(candidate, attempt, passed)
        if not one.missed:
            matched[candidate.enabled].append(candidate.rule)
        elif one.fulfilled:
            near.append(one)
        if len(near) > 10 * MAX_NEARLY:
            near = _nearest(near)
    nearly = [_near_miss(one, sample) for one in _nearest(near)]
    return RulesExplanation(rules=count, matched=matched[True], nearly=nearly, disabled=matched[False])


class _Near(NamedTuple):
    candidate: Candidate
    attempt: Attempt
    passed: bool
    """Whether the filter, if any, let the event pass."""

    @property
    def missed(self) -> int:
        return self.attempt.misses + (not self.passed)

    @property
    def fulfilled(self) -> int:
        """Conditions that hold."""
        return len(self.attempt.findings) - self.attempt.misses + (self.passed and self.candidate.filter is not None)


def _nearest(near: list[_Near]) -> list[_Near]:
    """Few misses first, then much that holds."""
    return sorted(near, key=lambda one: (one.missed, -one.fulfilled, one.candidate.rule))[:MAX_NEARLY]


def _near_miss(near: _Near, sample: Sample) -> NearMiss:
    candidate = near.candidate
    missed = [finding for finding in near.attempt.findings if finding.state is not State.HIT]
    return NearMiss(
        rule=candidate.rule,
        missed=near.missed,
        fields=_verdicts(missed[:_MISSES_SHOWN], sample.document),
        filter=explain_filter(candidate.filter, sample.event) if candidate.filter and not near.passed else None,
        disabled=not candidate.enabled,
    )


def _verdicts(findings: Sequence[Finding], document: Document) -> list[FieldVerdict]:
    verdicts, hinted = [], 0
    for finding in findings:
        hinted += finding.state is State.MISS
        verdicts.append(verdict(finding, document, hint=hinted <= _HINTED))
    return verdicts
