"""The transforms of Amazon EventBridge, byte by byte: ``{input}``, ``{inputPath}`` or ``{inputTransformer}``.

Paths and reserved variables see the envelope of that product (see ``Envelope``). In a template ``<name>`` outside quotes
becomes a JSON value, inside quotes bare text that is not escaped, an object there loses its double quotes. The result is
minified; one that is not JSON is an error (INVALID_JSON) and never sent.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from bridge.errors import InvalidTransform
from bridge.model.delivery import Payload
from bridge.model.documents import Document
from bridge.rules.envelope import OBJECTS, RESERVED, envelope_of
from bridge.rules.forms import Transform, below, check_json, check_result, read
from bridge.rules.jsonpath import Spelling, compile_path
from bridge.rules.placeholders import AsJson, AsText, Placeholder, Text
from bridge.rules.scope import Names, Scope, json_to_text
from bridge.rules.template import JSON

_Path = Annotated[str, Meta(min_length=1, max_length=256)]
_NAME = re.compile(r"(?!AWS)[A-Za-z0-9_-]{1,256}")
_Text = Annotated[str, Meta(min_length=1, max_length=8_192)]


class _Transformer(Document, frozen=True, kw_only=True):
    input_template: _Text
    input_paths_map: Annotated[dict[str, _Path], Meta(max_length=100)] = msgspec.field(default_factory=dict)


class _Definition(Document, frozen=True, kw_only=True):
    input: Annotated[str, Meta(max_length=8_192)] | None = None
    input_path: _Path | None = None
    input_transformer: _Transformer | None = None


def compile_aws(text: Raw) -> Transform:
    """Read one of the three, or none of them for the whole envelope. Raises InvalidTransform with the path below it."""
    definition = read(text, _Definition)
    given = [x for x in (definition.input, definition.input_path, definition.input_transformer) if x is not None]
    if len(given) > 1:
        raise InvalidTransform("only one of input, inputPath, or inputTransformer must be provided")
    if definition.input is not None:
        with below("$.input"):
            return _compile_input(definition.input)
    if definition.input_transformer is not None:
        with below("$.inputTransformer"):
            return _compile_transformer(definition.input_transformer)
    with below("$.inputPath"):
        return _compile_path(definition.input_path or "$")


def _compile_input(text: str) -> Transform:
    check_json(text.encode())
    payload = Payload(text.encode(), JSON)
    return Transform(lambda *_: payload)


def _compile_path(text: str) -> Transform:
    value = _read_path(text)
    return Transform(lambda scope, names: Payload(value(scope, names) or b"null", JSON), {text: value})


def _read_path(text: str) -> AsJson:
    path = compile_path(text, Spelling.VENDOR)
    return lambda scope, _: envelope_of(scope).json(path)


def _compile_transformer(transformer: _Transformer) -> Transform:
    variables = dict(RESERVED)
    for name, text in transformer.input_paths_map.items():
        with below(f"$.inputPathsMap.{name}"):
            if not _NAME.fullmatch(name):
                raise InvalidTransform(
                    "a variable's name is 1 to 256 of letters, digits, _ and -, not beginning with AWS"
                )
            variables[name] = _read_path(text)
    with below("$.inputTemplate"):
        parts = list(_parts(transformer.input_template, variables))
    used = {part.name: part.json for part in parts if isinstance(part, Placeholder)}
    template = Text(parts)

    def render(scope: Scope, names: Names) -> Payload:
        body = template.render(scope, names).encode()
        check_result(body, used, scope, names)
        return Payload(body, JSON)

    return Transform(render, used)


_HOLE = re.compile(r"<([A-Za-z0-9_.-]+)>")
_TOKEN = re.compile(r'(?P<string>"(?:[^"\\]|\\.)*")|(?P<hole><[A-Za-z0-9_.-]+>)|(?P<space>[ \t\r\n]+)|.', re.DOTALL)


def _parts(template: str, variables: Mapping[str, AsJson]) -> Iterator[str | Placeholder]:
    """Cut a template into constant text and holes, without space between its tokens."""
    _check_template(template)
    last = ""
    for token in _TOKEN.finditer(template):
        if token[0] == ":" and _HOLE.search(last):
            raise InvalidTransform(f"a placeholder cannot be the name of a member (at character {token.start() + 1})")
        last = last if token["space"] else token[0]
        if token["hole"]:
            name = _known(token["hole"][1:-1], variables)
            yield Placeholder(name, variables[name], _as_value(variables[name]))
        elif token["string"]:
            yield from _string_parts(token["string"], variables)
        elif not token["space"]:
            yield token[0]


def _string_parts(string: str, variables: Mapping[str, AsJson]) -> Iterator[str | Placeholder]:
    position = 0
    for found in _HOLE.finditer(string):
        yield string[position : found.start()]
        position = found.end()
        name = _known(found[1], variables)
        if name in OBJECTS:
            raise InvalidTransform(f"<{name}> is an object and cannot stand inside a quoted string")
        yield Placeholder(name, variables[name], _as_bare_text(variables[name]))
    yield string[position:]


def _known(name: str, variables: Mapping[str, AsJson]) -> str:
    if name not in variables:
        raise InvalidTransform(f"invalid placeholder <{name}>; known are {', '.join(variables)}")
    return name


def _check_template(template: str) -> None:
    """With something in the place of each placeholder, of the same length, a template is JSON."""

    def stand_in(token: re.Match[str]) -> str:
        if token["hole"]:
            return '"' + "x" * (len(token[0]) - 2) + '"'
        return _HOLE.sub(lambda found: "x" * len(found[0]), token[0])

    try:
        check_json(_TOKEN.sub(stand_in, template).encode())
    except InvalidTransform as error:
        raise InvalidTransform(f"must be JSON; a plain text is a quoted JSON string ({error.reason})") from error


def _as_value(read_json: AsJson) -> AsText:
    """Outside quotes: the JSON value, an empty string for what is missing."""
    return lambda scope, names: (read_json(scope, names) or b'""').decode()


def _as_bare_text(read_json: AsJson) -> AsText:
    def text(scope: Scope, names: Names) -> str:
        value = read_json(scope, names)
        if value is None:
            return ""
        bare = json_to_text(value)
        return bare.replace('"', "") if value.startswith((b"{", b"[")) else bare

    return text
