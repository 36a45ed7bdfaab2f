"""What is legal in a pattern and still looks like a mistake: it can never match, always matches, or is misspelt.

Judged against CloudEvents: attributes are strings, true, false or integers, required ones are never absent, and only
``data`` has fields inside.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

from bridge.rules.contradictions import accepts_text, is_contradiction, is_tautology
from bridge.rules.operators.base import Operator
from bridge.rules.operators.exact import Equals
from bridge.rules.operators.exists import Absent
from bridge.rules.pattern import Branch, Field, Pattern

CORE = ("id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema", "data")
_REQUIRED = frozenset({"id", "source", "type", "specversion"})
_TEXT = frozenset(CORE) - {"data"}
_EXTENSIONS = frozenset(
    {"partitionkey", "traceparent", "tracestate", "sequence", "sequencetype", "dataref", "sampledrate"}
)
"""Documented extensions: close to nothing, and never a typo."""
_AWS = {"detail": "data", "detail-type": "type"}
_NAME = re.compile(r"[a-z0-9]+")
_CUTOFF = 0.81
"""Similarity from which a name counts as a typo: `sorce` for `source`, but not `idx` for `id`."""


class Remark(NamedTuple):
    """A warning: ``path`` is the JSONPath in the pattern, ``$`` where the whole is meant."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def lint(pattern: Pattern) -> list[Remark]:
    """Warnings about a legal pattern, none of them twice. The pattern ``{}`` is taken to be meant as it stands."""
    remarks = [
        Remark(origin, "has no effect: a later list for the same field replaces it") for origin in pattern.unused
    ]
    fields = list({id(field): field for branch in pattern.branches for field in branch.fields}.values())
    for field in fields:
        remarks += _name_remarks(field)
        remarks += _alternative_remarks(field)
    if fields and any(all(_always(field) for field in branch.fields) for branch in pattern.branches):
        remarks.append(Remark("$", "always matches: every event passes"))
    if all(_is_dead(branch) for branch in pattern.branches):
        remarks.append(Remark("$", "can never match: no event passes"))
    return list(dict.fromkeys(remarks))


def _is_dead(branch: Branch) -> bool:
    return any(all(_never(field, operator) for operator in field.alternatives) for field in branch.fields)


def _attribute(field: Field) -> str:
    return field.path.partition(".")[0]


def _name_remarks(field: Field) -> Iterator[Remark]:
    name, dot, inside = field.path.partition(".")
    if name in CORE or name in _EXTENSIONS:
        if dot and name != "data":
            yield Remark(
                field.origin, f"`{name}` is an attribute and has no fields inside; did you mean `data.{inside}`?"
            )
        return
    meant = _AWS.get(name) or _closest(name)
    question = f"; did you mean `{meant}`?" if meant else ""
    if _NAME.fullmatch(name) is None:
        yield Remark(field.origin, f"no attribute is named `{name}`: names are lower-case letters and digits{question}")
    elif dot:
        hint = f"{meant}.{inside}" if meant else f"data.{field.path}"
        yield Remark(
            field.origin, f"only `data` has fields inside, not an attribute such as `{name}`; did you mean `{hint}`?"
        )
    elif meant:
        yield Remark(field.origin, f"`{name}` would be an extension attribute{question}")


def _closest(name: str) -> str | None:
    close = get_close_matches(name.lower(), CORE, n=1, cutoff=_CUTOFF)
    return close[0] if close else None


def _alternative_remarks(field: Field) -> Iterator[Remark]:
    for index, operator in enumerate(field.alternatives):
        why = _why_never(field, operator)
        if why:
            yield Remark(f"{field.origin}[{index}]", f"can never match: {why}")


def _never(field: Field, operator: Operator) -> bool:
    return not _is_attribute_name(field) or _why_never(field, operator) is not None


def _is_attribute_name(field: Field) -> bool:
    """Whether an event can have a value there at all, by the name. Absence is possible everywhere."""
    name, dot, _ = field.path.partition(".")
    fits = name == "data" or (not dot and _NAME.fullmatch(name) is not None)
    return fits or any(isinstance(operator, Absent) for operator in field.alternatives)


def _why_never(field: Field, operator: Operator) -> str | None:
    name = _attribute(field)
    if is_contradiction(operator):
        return "no value satisfies all of it"
    if field.path != name:
        return None
    if name in _REQUIRED and isinstance(operator, Absent):
        return f"every event has `{name}`"
    if name in _TEXT and not isinstance(operator, Absent) and not accepts_text(operator):
        return f"`{name}` is always text"
    if name in _REQUIRED and isinstance(operator, Equals) and operator.value == "":
        return f"`{name}` is never empty"
    if name == "specversion" and not isinstance(operator, Absent) and not operator.holds("1.0"):
        return '`specversion` is always "1.0"'
    return None


def _always(field: Field) -> bool:
    operators = field.alternatives
    present = any(is_tautology(operator, text=field.path in _TEXT) for operator in operators)
    absent = any(isinstance(operator, Absent) for operator in operators) or field.path in _REQUIRED
    return (present and absent) or (field.path == "specversion" and any(o.holds("1.0") for o in operators))
