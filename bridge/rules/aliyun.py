"""The transforms of Alibaba Cloud EventBridge and RocketMQ EventBridge, byte by byte: ``{form, value, template}``.

Values go into a template verbatim, not escaped; the placeholder of a missing one stays as it stands. A template that is
JSON but for its placeholders promises JSON: a result that is not is an error (INVALID_JSON) and never sent.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from msgspec import Meta, Raw

from bridge.errors import InvalidTransform
from bridge.model.delivery import Payload
from bridge.model.documents import Document
from bridge.rules.fields import compile_edits
from bridge.rules.forms import EVENT, TEXT, Transform, below, check_result, is_json_container, read
from bridge.rules.jsonpath import Spelling, compile_path
from bridge.rules.placeholders import Placeholder, Text
from bridge.rules.scope import Names, Scope, json_to_text
from bridge.rules.template import JSON

_Limited = Annotated[str, Meta(max_length=10_240)] | None
_HOLE = r"\$\{(?P<name>[^{}]*?)(?::-(?P<default>[^{}]*))?\}"
_EMBED = r'(?P<before>,\s*)?"EB_SYS_EMBED_OBJECT"\s*:\s*"\$\{(?P<object>[^{}]*)\}"(?P<after>\s*,)?'
_PARTS = re.compile(f"{_EMBED}|{_HOLE}")


class _Definition(Document, frozen=True, kw_only=True):
    form: Literal["ORIGINAL", "JSONPATH", "CONSTANT", "TEMPLATE", "INSERT_FIELD", "UPDATE_FIELD", "DELETE_FIELD"]
    value: _Limited = None
    template: _Limited = None


def compile_aliyun(text: Raw) -> Transform:
    """Read ``{form, value, template}``. Raises InvalidTransform with the path below it."""
    definition = read(text, _Definition)
    value = definition.value or ""
    match definition.form:
        case "ORIGINAL":
            return Transform(lambda scope, _: Payload(scope.whole(), EVENT))
        case "CONSTANT":
            payload = Payload(value.encode(), _media_type(value))
            return Transform(lambda *_: payload)
        case "JSONPATH":
            with below("$.value"):
                return _compile_jsonpath(value)
        case "TEMPLATE":
            with below("$.value"):
                variables = _read_variables(value)
            return _compile_template(definition.template or "", variables)
        case form:
            with below("$.value"):
                return compile_edits(form, value)


def _media_type(text: str) -> str:
    return JSON if is_json_container(text) else TEXT


def _compile_jsonpath(value: str) -> Transform:
    """The value as text, a string without its quotes; an empty payload where there is none."""
    if not _is_path(value):
        raise InvalidTransform(f"{value[:80]!r} is not a JSONPath: it must start with $")
    path = compile_path(value, Spelling.VENDOR)

    def render(scope: Scope, names: Names) -> Payload:  # noqa: ARG001 - all renderers are called alike
        found = scope.json(path)
        if found is None:
            return Payload(b"", TEXT)
        return Payload(json_to_text(found).encode(), TEXT if found.startswith(b'"') else JSON)

    return Transform(render, {value: lambda scope, _: scope.json(path)})


def _is_path(value: str) -> bool:
    return value == "$" or value.startswith(("$.", "$["))


def _read_variables(value: str) -> dict[str, Placeholder]:
    """``value`` of a template: the text of a flat JSON object, each member a path or a constant."""
    members = read(Raw(value.encode() or b"{}"), dict[str, Raw])
    return {name: _variable(name, bytes(raw)) for name, raw in members.items()}


def _variable(name: str, raw: bytes) -> Placeholder:
    with below(f"$.{name}"):
        if raw.startswith((b"{", b"[")):
            raise InvalidTransform("must be a path or a constant; objects and arrays are not allowed here")
        constant = json_to_text(raw)
        if raw.startswith(b'"') and _is_path(constant):
            path = compile_path(constant, Spelling.VENDOR)
            return Placeholder(name, lambda scope, _: scope.json(path), lambda scope, _: scope.text(path))
    return Placeholder(name, lambda *_: raw, lambda *_: constant)


def _compile_template(template: str, variables: Mapping[str, Placeholder]) -> Transform:
    text = Text(list(_parts(template, variables)))
    promises_json = is_json_container(_PARTS.sub(_stand_in, template))
    by_name = {variable.name: variable.json for variable in variables.values()}

    def render(scope: Scope, names: Names) -> Payload:
        body = text.render(scope, names).encode()
        if promises_json:
            check_result(body, by_name, scope, names)
        return Payload(body, JSON if promises_json else TEXT)

    return Transform(render, by_name)


def _stand_in(found: re.Match[str]) -> str:
    """What makes JSON of a template that is JSON but for its placeholders."""
    return "0" if found["object"] is None else f'{found["before"] or ""}"":0{found["after"] or ""}'


def _parts(template: str, variables: Mapping[str, Placeholder]) -> Iterator[str | Placeholder]:
    position = 0
    for found in _PARTS.finditer(template):
        yield template[position : found.start()]
        position = found.end()
        if found["object"] is not None:
            variable = variables.get(found["object"])
            yield found[0] if variable is None else _embedded(found, variable)
        else:
            variable = variables.get(found["name"])
            stays = found["default"] if found["default"] is not None else found[0]
            yield stays if variable is None else _or(variable, stays)
    yield template[position:]


def _or(variable: Placeholder, stays: str) -> Placeholder:
    def text(scope: Scope, names: Names) -> str:
        value = variable.text(scope, names)
        return stays if value is None else value

    return Placeholder(variable.name, variable.json, text)


def _embedded(found: re.Match[str], variable: Placeholder) -> Placeholder:
    """``"EB_SYS_EMBED_OBJECT": "${name}"`` becomes the members of the object; of anything else, nothing."""
    before, after = found["before"] or "", found["after"] or ""

    def text(scope: Scope, names: Names) -> str:
        value = variable.json(scope, names) or b""
        members = value[1:-1].decode() if value.startswith(b"{") else ""
        return before + members + after if members else ("," if before and after else "")

    return Placeholder(variable.name, variable.json, text)
