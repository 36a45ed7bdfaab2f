"""Placeholders ``${…}``: what they name, and text with holes that an event fills.

``${path}`` is a JSONPath from the event's root, ``${path:-text}`` has a default, ``$${`` is a literal ``${``. Reserved:
``${event}``, the whole event as JSON, and ``${bridge.bus}``, ``.rule``, ``.target``, ``.attempt``, ``.receivedTime``.
``${$.event}`` and ``${$.bridge}`` are the attributes of these names.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from bridge.errors import InvalidTransform
from bridge.rules.jsonpath import MAX_LENGTH, Path, compile_path
from bridge.rules.scope import FEW, Names, Scope, check_total, encode

T = TypeVar("T")

AsJson = Callable[[Scope, Names], bytes | None]
"""A placeholder's value as compact JSON text; None when the event has none."""
AsText = Callable[[Scope, Names], str | None]
"""The same as plain text: a string itself, anything else as compact JSON."""
Escape = Callable[[str, str], str]
"""Makes a value fit for its place: (the text before the placeholder, filled in; the value)."""


class Placeholder:
    """One ``${…}``. ``name`` is what stands inside it, without the default."""

    __slots__ = ("json", "name", "path", "text")

    def __init__(self, name: str, json: AsJson, text: AsText, path: Path | None = None) -> None:
        """``path``: where the value lies when it comes straight from the event, as a shortcut."""
        self.name = name
        self.path = path
        self.json = json
        self.text = text

    def required(self, path: str) -> "Placeholder":
        """The same, but raising InvalidTransform with ``path`` where the event has no such value."""
        missing = InvalidTransform(f"the event has no {self.name}", path=path)
        return Placeholder(self.name, _or_raise(self.json, missing), _or_raise(self.text, missing))


class Text:
    """Text with placeholders. Values go in verbatim; a missing one without default leaves nothing."""

    __slots__ = ("_parts", "_paths", "_reads", "_skeleton", "literal", "placeholders")

    def __init__(self, parts: Sequence[str | Placeholder]) -> None:
        holes = [(index, part) for index, part in enumerate(parts) if isinstance(part, Placeholder)]
        self.placeholders = [placeholder for _, placeholder in holes]
        self.literal = "".join([part for part in parts if isinstance(part, str)])
        """The text without the placeholders' values."""
        self._parts = parts
        self._skeleton = [part if isinstance(part, str) else "" for part in parts]
        self._paths = [(index, hole.path) for index, hole in holes if hole.path is not None]
        self._reads = [(index, hole.text) for index, hole in holes if hole.path is None]

    @property
    def is_constant(self) -> bool:
        return not self.placeholders

    @property
    def single(self) -> Placeholder | None:
        """The placeholder that is the whole text."""
        return self.placeholders[0] if len(self._skeleton) == 1 and self.placeholders else None

    def required(self, path: str) -> "Text":
        """The same, but every placeholder without default must have a value."""
        return Text([part.required(path) if isinstance(part, Placeholder) else part for part in self._parts])

    def render(self, scope: Scope, names: Names) -> str:
        """Raises InvalidTransform when the event's data claims to be JSON and is not."""
        parts = self._skeleton.copy()
        for index, path in self._paths:
            parts[index] = scope.text(path) or ""
        for index, read in self._reads:
            parts[index] = read(scope, names) or ""
        if len(parts) > FEW:
            check_total(parts)
        return "".join(parts)

    def render_escaped(self, scope: Scope, names: Names, escape: Escape) -> str:
        """The same, but each value goes through ``escape`` together with the text before it."""
        done = ""
        for part in self._parts:
            done += part if isinstance(part, str) else escape(done, part.text(scope, names) or "")
        return done


def compile_text(text: str) -> Text:
    """Read text with placeholders. Raises InvalidTransform with the position of what is wrong, from 1."""
    parts: list[str | Placeholder] = []
    literal, position = "", 0
    while (hole := _HOLE.search(text, position)) is not None:
        literal += text[position : hole.start()]
        position = hole.end()
        if hole[0] == "$${":
            literal += "${"
            continue
        if literal:
            parts.append(literal)
            literal = ""
        placeholder, position = _placeholder(text, hole.start())
        parts.append(placeholder)
    literal += text[position:]
    return Text([*parts, literal] if literal else parts)


_HOLE = re.compile(r"\$\$\{|\$\{")
# Inside a placeholder, quoted names and brackets may hold braces and `:-`.
_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|:-|[^'"\[\](){}:]+|.""", re.DOTALL)


def _placeholder(text: str, start: int) -> tuple[Placeholder, int]:
    """The placeholder at ``start``, and where it ends."""
    end, default = _end_of_name(text, start), None
    name, after = text[start + 2 : end].strip(), end + 1
    if text.startswith(":-", end):
        close = text.find("}", end)
        if close < 0:
            raise _unclosed(start)
        default, after = text[end + 2 : close], close + 1
        if "${" in default:
            raise InvalidTransform(f"the default at character {end + 3} is plain text and cannot hold a placeholder")
    try:
        return _compile(name, default), after
    except InvalidTransform as error:
        raise InvalidTransform(f"placeholder at character {start + 1}: {error.reason}") from error


def _end_of_name(text: str, start: int) -> int:
    """Where the closing brace or the default begins."""
    depth, position, limit = 0, start + 2, start + 2 + MAX_LENGTH
    while (token := _TOKEN.match(text, position, limit)) is not None:
        if token[0] in {"}", ":-"} and depth == 0:
            return position
        if token[0] in {"[", "(", "{"}:
            depth += 1
        elif token[0] in {"]", ")", "}"}:
            depth -= 1
        position = token.end()
    if position == limit:
        raise InvalidTransform(f"the placeholder at character {start + 1} is longer than {MAX_LENGTH} characters")
    raise _unclosed(start)


def _unclosed(start: int) -> InvalidTransform:
    return InvalidTransform(f"the placeholder at character {start + 1} has no closing brace; a literal ${{ is $${{")


def _compile(name: str, default: str | None) -> Placeholder:
    found = _find(name)
    if default is None:
        return found
    return Placeholder(name, _or_default(found.json, encode(default)), _or_default(found.text, default))


def _find(name: str) -> Placeholder:
    if not name:
        raise InvalidTransform("it names nothing; write a path such as ${data.id}")
    if name in _RESERVED:
        return _RESERVED[name]
    head = re.split(r"[.\[]", name, maxsplit=1)[0].strip()
    if head == "bridge":
        known = ", ".join(reserved for reserved in _RESERVED if reserved != "event")
        raise InvalidTransform(f"{name} is not known; there are {known}")
    if head == "event":
        raise InvalidTransform("event is the whole event, and paths start inside it: ${data.id}, not ${event.data.id}")
    path = compile_path(name)
    return Placeholder(name, lambda scope, _: scope.json(path), lambda scope, _: scope.text(path), path)


def _reserved(name: str, read: Callable[[Scope, Names], str | int]) -> Placeholder:
    return Placeholder(
        name, lambda scope, names: encode(read(scope, names)), lambda scope, names: str(read(scope, names))
    )


_RESERVED = {
    placeholder.name: placeholder
    for placeholder in (
        Placeholder("event", lambda scope, _: scope.whole(), lambda scope, _: scope.whole().decode()),
        _reserved("bridge.bus", lambda scope, _: scope.bus),
        _reserved("bridge.rule", lambda _, names: names.rule),
        _reserved("bridge.target", lambda _, names: names.target),
        _reserved("bridge.attempt", lambda _, names: names.attempt),
        _reserved("bridge.receivedTime", lambda scope, _: scope.received_time),
    )
}


def _or_default(read: Callable[[Scope, Names], T | None], default: T) -> Callable[[Scope, Names], T]:
    def value(scope: Scope, names: Names) -> T:
        found = read(scope, names)
        return default if found is None else found

    return value


def _or_raise(read: Callable[[Scope, Names], T | None], missing: InvalidTransform) -> Callable[[Scope, Names], T]:
    def value(scope: Scope, names: Names) -> T:
        found = read(scope, names)
        if found is None:
            raise InvalidTransform(missing.reason, path=missing.path)
        return found

    return value
