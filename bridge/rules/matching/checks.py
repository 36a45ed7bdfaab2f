"""What the decoder lets through and the specification does not: looked for in the bytes, before they are decoded.

msgspec checks the whole text, skipped parts included, with two exceptions: skipped strings may be no UTF-8, and nesting
is bounded only by the interpreter's stack. Of members that stand twice in one object it keeps the last; and a name with
dots (``"a.b"``) that spells several names of a path is to it just another name.
"""

import json
import re
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from bridge.rules.document import MAX_DEPTH

SHALLOW = 2 * (MAX_DEPTH + 1)
"""A text of fewer bytes cannot nest more than ``MAX_DEPTH`` levels."""

_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"\\'))
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"[^"]*"')
_PEELINGS = 24
"""How often the innermost brackets are peeled off (one or two levels each time) before brackets are counted."""


class Oddity(Exception):
    """The text needs a closer look."""


def check_text(text: bytes) -> None:
    """Raise Oddity, or UnicodeDecodeError, where the decoder is too lax."""
    if not text.isascii():
        str(text, "utf-8")
    if len(text) >= SHALLOW and text.count(b"[") + text.count(b"{") > MAX_DEPTH and is_deep(text):
        raise Oddity


def is_deep(text: bytes) -> bool:
    """Whether a JSON text nests arrays and objects in more than ``MAX_DEPTH`` levels; of no JSON, it may say either."""
    brackets = text.translate(None, _NOT_STRUCTURE)
    if b"\\" in brackets:
        brackets = _ESCAPE.sub(b"", text).translate(None, _NOT_STRUCTURE)
    brackets = brackets.replace(b'""', b"")
    if b'"' in brackets:
        brackets = _STRING.sub(b"", brackets)
    rest = brackets
    for _ in range(_PEELINGS):
        if not rest:
            return False
        rest = rest.replace(b"[]", b"").replace(b"{}", b"")
    level = 0
    for bracket in brackets:
        level += 1 if bracket in b"[{" else -1
        if level > MAX_DEPTH:
            return True
    return False


def quoted(name: str) -> bytes:
    """A name as it stands in a JSON text that escapes no more than it must."""
    return msgspec.json.encode(name)


def repeats(text: bytes) -> bool:
    """Whether some object in a JSON text has two members of one name; of no JSON, False."""
    return _has_names(text, lambda names: len(set(names)) < len(names))


def dotted(spellings: Collection[str]) -> Callable[[bytes], None]:
    """A function that raises Oddity when a JSON text has a member of one of these names, in whatever object."""

    def check(text: bytes) -> None:
        if _has_names(text, lambda names: not spellings_.isdisjoint(names)):
            raise Oddity

    spellings_ = frozenset(spellings)
    return check


def repeated(names: Collection[str]) -> Callable[[bytes], None]:
    """A function that raises Oddity when an object of a JSON text has two members of one of these names."""
    members = [(text, re.compile(re.escape(text) + rb"\s*:").findall) for text in map(quoted, names)]
    escape = b"\\" if any(name != re.sub(r'[/"\\\x00-\x1f]', "", name) for name in names) else b"\\u"

    def check(text: bytes) -> None:
        several = escape in text or any(text.count(name) > 1 and len(find(text)) > 1 for name, find in members)
        if several and repeats(text):
            raise Oddity

    return check


class _Found(Exception):
    pass


def _has_names(text: bytes, wanted: Callable[[list[str]], bool]) -> bool:
    def look(pairs: list[tuple[str, Any]]) -> None:
        if wanted([name for name, _ in pairs]):
            raise _Found

    try:
        json.JSONDecoder(object_pairs_hook=look, parse_float=len, parse_int=len).decode(text.decode())
    except _Found:
        return True
    except (ValueError, RecursionError):
        return False
    return False


def last_only(text: bytes) -> bytes:
    """The same JSON text, of members of one name only the last; numbers keep their characters."""
    if not repeats(text):
        return text
    decoder = json.JSONDecoder(parse_float=msgspec.Raw, parse_int=msgspec.Raw)
    return msgspec.json.encode(decoder.decode(text.decode()))
