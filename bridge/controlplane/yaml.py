"""YAML text as people mean it: the scalars of JSON and nothing else.

YAML 1.1 turns ``on`` into a truth, ``12:30`` into 750 and an unquoted time into an object of the language. Here a plain
scalar is null, true, false or a number exactly where JSON (or YAML's core schema, for null and the truths) says so;
everything else stays the text it is. Names of members are always text. Documents are composed from the parser's events,
so that every digit survives, names given twice are seen, and aliases cannot unfold into gigabytes.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from yaml.resolver import Resolver

from bridge.controlplane.exact import MAX_DEPTH, format_exact
from bridge.errors import InvalidConfig
from bridge.rules.jsontext import Json, Members
from bridge.rules.numbers import Number, parse_number

MAX_UNFOLDED = 4 * 1024 * 1024
"""Scalars and characters that a text may amount to once its aliases are written out."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS: dict[str, bool | None] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)
_PREFIX = "tag:yaml.org,2002:"
_TAGS: dict[str, type | tuple[type, ...]] = {
    "null": type(None), "bool": bool, "int": Number, "float": Number,
}  # fmt: skip


def parse_yaml(text: str) -> list[Json]:
    """The documents of a YAML text. Raises InvalidConfig with line and column."""
    try:
        return list(_Composer(text).documents())
    except yaml.MarkedYAMLError as error:
        raise _invalid(error.problem or error.context or "unreadable", error.problem_mark) from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise _invalid(str(error).split("\n", 1)[0], None) from error


def _invalid(reason: str, mark: Any) -> InvalidConfig:
    place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    return InvalidConfig(f"not valid YAML: {reason}{place}")


class _Composer:
    """Builds values from events. ``_weight`` grows by what each node amounts to, aliases written out."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._anchors: dict[str, tuple[Json, int]] = {}
        self._weight = 0

    def documents(self) -> Iterator[Json]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                yield self._node(next(self._events), 1)

    def _node(self, event: Any, depth: int) -> Json:
        if depth > MAX_DEPTH:
            raise _invalid(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        before = self._weight
        value = self._value(event, depth)
        if self._weight > MAX_UNFOLDED:
            raise _invalid("its aliases unfold into too much", event.start_mark)
        if event.anchor and not isinstance(event, yaml.AliasEvent):
            self._anchors[event.anchor] = (value, self._weight - before)
        return value

    def _value(self, event: Any, depth: int) -> Json:
        match event:
            case yaml.ScalarEvent():
                self._weight += 1 + len(event.value)
                return _scalar(event)
            case yaml.AliasEvent():
                return self._alias(event)
            case yaml.SequenceStartEvent():
                _check_tag(event, "seq")
                return list(self._elements(depth))
            case _:
                _check_tag(event, "map")
                return Members(self._members(depth))

    def _alias(self, event: Any) -> Json:
        if event.anchor not in self._anchors:
            raise _invalid(f"the alias *{event.anchor} has no anchor before it", event.start_mark)
        value, weight = self._anchors[event.anchor]
        self._weight += weight
        return value

    def _elements(self, depth: int) -> Iterator[Json]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _members(self, depth: int) -> Iterator[tuple[str, Json]]:
        seen: set[str] = set()
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._name(event)
            if name in seen:
                raise _invalid(f"the member {name!r} is given twice", event.start_mark)
            seen.add(name)
            yield name, self._node(next(self._events), depth + 1)

    def _name(self, event: Any) -> str:
        name: Json = None
        if isinstance(event, yaml.ScalarEvent):
            if event.value == "<<" and event.implicit[0]:
                raise _invalid("merging by << is not supported; repeat the members", event.start_mark)
            name = event.value
            if event.anchor:
                self._anchors[event.anchor] = (name, 1 + len(event.value))
        elif isinstance(event, yaml.AliasEvent):
            name = self._alias(event)
        if not isinstance(name, str):
            raise _invalid("the name of a member must be text", event.start_mark)
        self._weight += 1 + len(name)
        return name


def _scalar(event: Any) -> Json:
    text: str = event.value
    if event.tag is None:
        return _resolve(text) if event.implicit[0] else text
    if event.tag in {"!", f"{_PREFIX}str"}:
        return text
    wanted = _TAGS.get(event.tag.removeprefix(_PREFIX))
    value = _resolve(text)
    if wanted is None or not isinstance(value, wanted):
        raise _invalid(f"{_shown(event.tag)} {text[:40]!r} is not understood here", event.start_mark)
    return value


def _check_tag(event: Any, kind: str) -> None:
    if event.tag not in {None, "!", _PREFIX + kind}:
        raise _invalid(f"{_shown(event.tag)} is not understood here", event.start_mark)


def _shown(tag: str) -> str:
    return "the tag " + tag.replace(_PREFIX, "!!")


def _resolve(text: str) -> Json:
    if text in _WORDS:
        return _WORDS[text]
    return parse_number(text) if _NUMBER.fullmatch(text) else text


def format_yaml(value: Json) -> str:
    """Values into YAML that this and any other parser, old or new, reads back the same."""
    events = [yaml.StreamStartEvent(), yaml.DocumentStartEvent(explicit=False)]
    _emit(value, events)
    events += [yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent()]
    text: str = yaml.emit(events, Dumper=yaml.CSafeDumper, allow_unicode=True, width=2**31 - 1)
    return text


def _emit(value: Json, events: list[Any]) -> None:
    match value:
        case Members():
            events.append(yaml.MappingStartEvent(None, None, implicit=True, flow_style=not value))
            for name, member in value:
                events.append(_text(name))
                _emit(member, events)
            events.append(yaml.MappingEndEvent())
        case list():
            events.append(yaml.SequenceStartEvent(None, None, implicit=True, flow_style=not value))
            for element in value:
                _emit(element, events)
            events.append(yaml.SequenceEndEvent())
        case str():
            events.append(_text(value))
        case _:
            events.append(yaml.ScalarEvent(None, None, (True, False), format_exact(value)))


_resolve_old: Callable[[type, str, tuple[bool, bool]], str] = Resolver().resolve
"""What YAML 1.1 makes of a plain scalar."""


def _text(text: str) -> Any:
    style = None
    if "\n" in text:
        style = "|"
    elif _resolve(text) is not text or _resolve_old(yaml.ScalarNode, text, (True, False)) != f"{_PREFIX}str":
        style = "'"
    return yaml.ScalarEvent(None, None, (style is None, True), text, style=style)
