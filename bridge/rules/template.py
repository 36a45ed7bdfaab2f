"""The safe JSON template: read once as JSON, filled by a serialiser, so what comes out is JSON whatever the event says.

A string that is exactly one placeholder becomes the JSON value. Inside a longer string values are inserted as text, and
the string is escaped as a whole. Of members with the same name the last one counts.
"""

import re
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Raw

from bridge.errors import InvalidTransform
from bridge.model.delivery import Payload
from bridge.rules.jsonpath import Path, quoted
from bridge.rules.placeholders import AsJson, Placeholder, compile_text
from bridge.rules.scope import FEW, Names, Scope, check_total, encode

Missing = Literal["null", "omit", "fail"]
"""What becomes of a string that is one placeholder when the event has no such value."""
_Piece = bytes | AsJson | Placeholder

JSON = "application/json"
MAX_DEPTH = 100
_value = msgspec.json.Decoder(dict[str, Raw] | list[Raw] | str).decode


class Template:
    """A compiled template: constant JSON text with holes between."""

    __slots__ = ("_fills", "_paths", "_skeleton", "placeholders")

    def __init__(self, pieces: Sequence[_Piece], placeholders: Sequence[Placeholder] = ()) -> None:
        joined = _join(pieces)
        self.placeholders = placeholders
        self._skeleton = [piece if isinstance(piece, bytes) else b"null" for piece in joined]
        self._paths = [(index, piece) for index, piece in enumerate(joined) if isinstance(piece, Path)]
        self._fills = [(index, piece) for index, piece in enumerate(joined) if not isinstance(piece, bytes | Path)]

    def render(self, scope: Scope, names: Names) -> bytes:
        """One line of JSON. Raises InvalidTransform for what is missing and must not be, and for broken data."""
        parts = self._skeleton.copy()
        json = scope.json
        for index, path in self._paths:
            value = json(path)
            if value is not None:
                parts[index] = value
        for index, fill in self._fills:
            value = fill(scope, names)
            if value is not None:
                parts[index] = value
        if len(parts) > FEW:
            check_total(parts)
        return b"".join(parts)

    def payload(self, scope: Scope, names: Names) -> Payload:
        return Payload(self.render(scope, names), JSON)


def compile_template(text: Raw, missing: Missing, path: str) -> Template:
    """Read a template, which is valid JSON and lies at ``path``. Raises InvalidTransform with the path inside it."""
    compiler = _Compiler(missing)
    return Template(compiler.pieces(text, path, 0), compiler.placeholders)


class _Compiler:
    def __init__(self, missing: Missing) -> None:
        self._missing = missing
        self.placeholders: list[Placeholder] = []

    def pieces(self, text: Raw, path: str, depth: int) -> list[_Piece]:
        """The pieces of one value; a string that is one placeholder is that placeholder alone."""
        if depth > MAX_DEPTH:
            raise InvalidTransform(f"nested deeper than {MAX_DEPTH}", path=path)
        try:
            value = _value(text)
        except msgspec.ValidationError:
            return [bytes(text)]  # a number, true, false or null, as written
        if isinstance(value, str):
            return [self._text(value, path)]
        if isinstance(value, list):
            items = [(b"", self.pieces(item, f"{path}[{index}]", depth + 1)) for index, item in enumerate(value)]
            return self._container(b"[", items, b"]")
        members = []
        for name, member in value.items():
            if "${" in name:
                raise InvalidTransform("a member's name cannot hold a placeholder", path=path_of(path, name))
            members.append((encode(name) + b":", self.pieces(member, path_of(path, name), depth + 1)))
        return self._container(b"{", members, b"}")

    def _text(self, value: str, path: str) -> _Piece:
        try:
            text = compile_text(value)
        except InvalidTransform as error:
            raise error.under(path) from error.__cause__
        if text.is_constant:
            return encode(text.literal)
        self.placeholders += text.placeholders
        if self._missing == "fail":
            text = text.required(path)
        return text.single or (lambda scope, names: encode(text.render(scope, names)))

    def _container(self, start: bytes, items: list[tuple[bytes, list[_Piece]]], end: bytes) -> list[_Piece]:
        if self._missing == "omit" and any(isinstance(pieces[0], Placeholder) for _, pieces in items):
            return [_omitting(start, items, end)]
        flat: list[_Piece] = [start]
        for index, (key, pieces) in enumerate(items):
            flat += [b"," + key if index else key, *pieces]
        return [*flat, end]


def path_of(path: str, name: str) -> str:
    """The path of a member."""
    return f"{path}.{name}" if re.fullmatch(r"[A-Za-z_]\w*", name) else f"{path}[{quoted(name)}]"


def _omitting(start: bytes, items: list[tuple[bytes, list[_Piece]]], end: bytes) -> AsJson:
    """An object or array that leaves out what is missing."""
    entries = [(key, *_entry(pieces)) for key, pieces in items]

    def fill(scope: Scope, names: Names) -> bytes:
        filled = []
        json = scope.json
        for key, value, path, read in entries:
            found = json(path) if path is not None else value if read is None else read(scope, names)
            if found is not None:
                filled.append(key + found)
        if len(filled) > FEW:
            check_total(filled)
        return start + b",".join(filled) + end

    return fill


def _entry(pieces: list[_Piece]) -> tuple[bytes | None, Path | None, AsJson | None]:
    """A constant, a path to the value, or what reads it."""
    first = pieces[0]
    if isinstance(first, Placeholder):
        return None, first.path, first.json
    joined = _join(pieces)
    if len(joined) == 1 and isinstance(joined[0], bytes):
        return joined[0], None, None
    return None, None, Template(pieces).render


def _join(pieces: Sequence[_Piece]) -> list[bytes | Path | AsJson]:
    """Neighbouring constant pieces into one; of a placeholder, what reads it."""
    joined: list[bytes | Path | AsJson] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, Placeholder):
            joined.append(piece.path or piece.json)
        elif isinstance(piece, bytes) and isinstance(last, bytes):
            joined[-1] = last + piece
        else:
            joined.append(piece)
    return joined
