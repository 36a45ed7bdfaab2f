"""JSON text as YAML, with nothing lost: every digit, the order of members, names given twice."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml
from yaml.resolver import Resolver

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BREAK = re.compile("[\x85\u2028\u2029]")
"""Line breaks for YAML that are none for JSON: only double quotes keep them."""
_TEXT, _PREFIX = "tag:yaml.org,2002:str", "tag:yaml.org,2002:"
_resolve: Callable[[type, str, tuple[bool, bool]], str] = Resolver().resolve
"""What YAML 1.1 sees in a text without quotes."""


class _Number(NamedTuple):
    text: str


class _Members(NamedTuple):
    pairs: list[tuple[str, Any]]


_decode = json.JSONDecoder(object_pairs_hook=_Members, parse_int=_Number, parse_float=_Number).decode


def yaml_of(text: bytes) -> str:
    """A JSON text as a YAML document that old and new parsers read alike."""
    value: str = yaml.serialize(
        _node(_decode(text.decode())), Dumper=yaml.SafeDumper, allow_unicode=True, width=2**31 - 1
    )
    return value.removesuffix("...\n")


def _node(value: Any) -> yaml.Node:
    match value:
        case _Members(pairs):
            members = [(_scalar(name), _node(member)) for name, member in pairs]
            return yaml.MappingNode(f"{_PREFIX}map", members, flow_style=not members)
        case _Number(text):
            return _plain(text)
        case list():
            elements = [_node(element) for element in value]
            return yaml.SequenceNode(f"{_PREFIX}seq", elements, flow_style=not elements)
        case str():
            return _scalar(value)
        case _:
            return _plain(json.dumps(value))


def _plain(text: str) -> yaml.ScalarNode:
    """Without quotes: a tag is left out where it is what a parser would guess, so it says what YAML 1.1 guesses."""
    return yaml.ScalarNode(_guess(text), text)


def _scalar(text: str) -> yaml.ScalarNode:
    """Text, quoted where YAML 1.1 (``on``) or JSON's numbers (``1e5``) would see something else."""
    if _BREAK.search(text):
        return yaml.ScalarNode(_TEXT, text, style='"')
    if "\n" in text:
        return yaml.ScalarNode(_TEXT, text, style="|")
    quoted = _NUMBER.fullmatch(text) or _guess(text) != _TEXT
    return yaml.ScalarNode(_TEXT, text, style="'" if quoted else None)


def _guess(text: str) -> str:
    return _resolve(yaml.ScalarNode, text, (True, False))
