"""The cheapest code for the mask of a field, and of all fields below an object that is not always one.

Code reads a value at most once, binds it to ``v``, and asks for its class where a table could mistake it (to Python,
``True`` equals 1). A surprise raises TypeError or AttributeError, and whoever runs the code takes another way.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bridge.rules.matching.arrays import Level, Tangled
from bridge.rules.matching.generate import Code, Memo, Term, joined
from bridge.rules.matching.layout import Layout, Place, places
from bridge.rules.matching.tables import EXACT_INTEGER, SHORT_NUMBER, FieldTable


class Field(NamedTuple):
    """A field of a group on its way into code."""

    name: str
    """Part of the names that the code uses: unique in a function."""
    place: Place | None
    table: FieldTable
    memo: Memo | None
    """Masks of values seen; None where values hardly repeat, or are not worth the room."""


def field_term(field: Field, source: str, *, in_data: bool) -> Term:
    """Code for a field's mask, given code for its value."""
    table, i = field.table, field.name
    values: dict[str, Any]
    if table.static is not None:
        return _static_term(field, source, table.static, in_data=in_data)
    values = {f"A{i}": table.absent, f"O{i}": table.of}
    cost = 4
    test = _test(source, table)
    if field.memo is not None:
        values[f"M{i}"] = field.memo
        hit, cost = f"M{i}[v]", 2
    elif table.text_ranges is not None and not table.numbers:
        values |= {f"K{i}": table.text_ranges.keys, f"P{i}": table.text_ranges.masks}
        hit, cost = f"P{i}[B(K{i}, v{'[::-1]' * table.reversed})]", 3
    elif table.number_ranges is not None and not table.texts:
        values |= {f"K{i}": table.number_ranges.keys, f"P{i}": table.number_ranges.masks}
        hit, test, cost = f"P{i}[B(K{i}, v)]", _number_test(i, source), 3
    else:
        values[f"X{i}"] = table.of if table.numbers else table.text
        hit = f"X{i}(v)"
    code = f"({hit} if {test} else A{i} if v is U else O{i}(v))"
    return Term(code, values, cost, table.named, in_data)


def _static_term(field: Field, source: str, static: Mapping[Any, int], *, in_data: bool) -> Term:
    """One look into a dict. A list or an object is no key of a dict: hence the TypeError."""
    table, i, place = field.table, field.name, field.place
    values: dict[str, Any] = {f"S{i}": static.get, f"D{i}": table.default}
    if place is None or not (place.is_object or place.unsteady):
        return Term(f"S{i}({source}, D{i})", values, 0, table.named, in_data)
    values[f"O{i}"] = table.of
    if place.is_raw:
        return Term(f"O{i}({source})", {f"O{i}": table.of}, 1, table.named, in_data)
    code = f"(S{i}(v, D{i}) if (v := {source}).__class__ in KEYS else O{i}(v))"
    return Term(code, values, 1, table.named, in_data)


def _test(source: str, table: FieldTable) -> str:
    """Code that binds ``v`` and says whether it is of a class that the conditions tell apart."""
    if table.texts and table.numbers:
        return f"(c := (v := {source}).__class__) is str or c is int or c is bytes"
    if table.numbers:
        return f"(c := (v := {source}).__class__) is int or c is bytes"
    return f"(v := {source}).__class__ is str"


def _number_test(i: str, source: str) -> str:
    """The same for numbers, with the branch for short fractions in front.

    A short text whose double is neither huge nor tiny is exact. (The product keeps away from both, for either sign.)
    """
    return (
        f"(c := (v := {source}).__class__) is int and -{EXACT_INTEGER} <= v <= {EXACT_INTEGER}"
        f" else P{i}[B(K{i}, f)] if c is bytes and len(v) < {SHORT_NUMBER} and 1e-300 < (f := float(v)) * f < 1e300"
    )


class Below(NamedTuple):
    """Fields on their way into code, and what is known of the objects that they lie in."""

    layout: Layout
    levels: Mapping[int, Level]
    """By the identity of their place."""
    fields: Sequence[Field]


def place_terms(below: Below, root: Place, variable: str, *, in_data: bool) -> list[Term]:
    """Code for the masks of fields below an object, given its name in code.

    Fields below a place that is often no object are one term.
    """
    apart: dict[int, list[Field]] = {}
    unsteady: dict[int, Place] = {}
    terms = []
    for field in below.fields:
        assert field.place is not None
        place = _unsteady(field.place, root)
        if place is None:
            source = below.layout.source(field.place, variable, root)
            terms.append(field_term(field, source, in_data=in_data))
        else:
            unsteady[id(place)] = place
            apart.setdefault(id(place), []).append(field)
    for key, place in unsteady.items():
        source = below.layout.source(place, variable, root)
        terms.append(object_term(below._replace(fields=apart[key]), place, source, in_data=in_data))
    return terms


def object_term(below: Below, place: Place, source: str, *, in_data: bool) -> Term:
    """Code for the mask of fields below a place that may hold an object, an array of them, or something else."""
    level = below.levels[id(place)]
    variable, i = f"w{place.depth}", f"{below.fields[0].name}_{place.depth}"
    terms = sorted(place_terms(below, place, variable, in_data=in_data), key=lambda term: term.cost)
    values: dict[str, Any] = {f"A{i}": level.absent(), f"L{i}": _list_function(below, level)}
    for term in terms:
        values |= term.values
    code = (
        f"(L{i}({variable}) if (c := ({variable} := {source}).__class__) is list"
        f" else A{i} if c in KEYS else ({' & '.join(term.code for term in terms)}))"
    )
    return Term(code, values, 6, joined(term.named for term in terms), in_data)


def _list_function(below: Below, level: Level) -> Any:
    """A function of an array: its elements' masks, ORed."""
    if level.gathered or level.tangled:
        return level.judge
    code = Code()
    code.masks(place_terms(below, level.place, "x", in_data=False), level.every)
    spelled = [place for place in places(level.place) if place.is_dict and place.spellings]
    checks = [
        f"if not {below.layout.source(place, 'x', level.place)}.keys().isdisjoint({code.bind('W', place.spellings)}):"
        " raise Tangled"
        for place in spelled
    ]
    code.lines = [
        f"found = {code.bind('E', level.every & ~level.entered)}",
        "for x in w:",
        "  if x.__class__ is list:",
        "    found |= judge(x)",
        "    continue",
        *(f"  {line}" for line in [*checks, *code.lines]),
        "  found |= m",
        "return found",
    ]
    return code.function("judge", "w", {"Tangled": Tangled})


def _unsteady(place: Place, root: Place) -> Place | None:
    """The outermost place between ``root`` and ``place``, both left out, that is often no object."""
    found = None
    at = place.parent
    while at is not None and at is not root:
        if at.unsteady:
            found = at
        at = at.parent
    return found
