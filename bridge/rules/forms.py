"""The forms of a transform that are bridge's own, and what every form becomes: a Transform."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar, get_args

import msgspec
from msgspec import Raw

from bridge.errors import InvalidConfig, InvalidTransform
from bridge.model.delivery import Payload
from bridge.model.documents import parse_json
from bridge.rules.jsonpath import compile_path
from bridge.rules.placeholders import AsJson, Placeholder, compile_text
from bridge.rules.scope import Names, Scope, compact
from bridge.rules.template import JSON, Missing, compile_template

T = TypeVar("T")

TEXT = "text/plain; charset=utf-8"
EVENT = "application/cloudevents+json; charset=utf-8"
Render = Callable[[Scope, Names], Payload]
_MISSING: tuple[Missing, ...] = get_args(Missing)


class Transform:
    """A compiled transform."""

    __slots__ = ("render", "variables")

    def __init__(self, render: Render, variables: Mapping[str, AsJson] | None = None) -> None:
        self.render = render
        """Makes the payload for one delivery. Raises InvalidTransform when this event cannot be given this shape."""
        self.variables = dict(variables or {})
        """What it takes from the event, by name."""


def compile_own_path(text: Raw) -> Transform:
    """``path``: the value at a path, in the event's own spelling; null where there is none."""
    path = compile_path(read(text, str))
    if path.steps == ("data",):

        def whole_data(scope: Scope, names: Names) -> Payload:  # noqa: ARG001 - all renderers are called alike
            data = scope.event.data
            raw = scope.raw(path) or b"null"
            return Payload(data if data is not None and scope.event.has_json_data else raw, JSON)

        return Transform(whole_data, {path.text: lambda scope, _: scope.json(path)})
    return Transform(
        lambda scope, _: Payload(scope.raw(path) or b"null", JSON), {path.text: lambda scope, _: scope.json(path)}
    )


def compile_constant(text: Raw) -> Transform:
    """``constant``: any JSON value, the same for every event."""
    payload = Payload(compact(bytes(text)), JSON)
    return Transform(lambda *_: payload)


def compile_json(text: Raw, missing: Raw | None) -> Transform:
    """``template``, and ``missing`` beside it."""
    policy = "null" if missing is None else _read_missing(missing)
    template = compile_template(text, policy, "$.template")
    return Transform(template.payload, _by_name(template.placeholders))


def compile_plain(text: Raw) -> Transform:
    """``text``: plain text, values verbatim."""
    plain = compile_text(read(text, str))
    return Transform(
        lambda scope, names: Payload(plain.render(scope, names).encode(), TEXT), _by_name(plain.placeholders)
    )


def read(text: Raw, kind: type[T]) -> T:
    """A part of a definition. Raises InvalidTransform with the path below it."""
    try:
        return parse_json(bytes(text), kind)
    except InvalidConfig as error:
        raise InvalidTransform(error.reason, path=error.path) from error


def check_json(text: bytes) -> None:
    """Raises InvalidTransform when ``text`` is not one JSON value."""
    try:
        str(text, "utf-8")
        msgspec.json.decode(text, type=Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidTransform(str(error)) from error


def is_json_container(text: str) -> bool:
    """Whether ``text`` is a JSON object or array."""
    try:
        check_json(text.encode())
    except InvalidTransform:
        return False
    return text.strip().startswith(("{", "["))


def check_result(body: bytes, variables: Mapping[str, AsJson], scope: Scope, names: Names) -> None:
    """A payload that promises JSON must be JSON. Raises InvalidTransform that shows what the variables were."""
    try:
        check_json(body)
    except InvalidTransform as error:
        values = {name: value(scope, names) for name, value in variables.items()}
        shown = ", ".join(f"{name} = {'missing' if v is None else v.decode()[:200]}" for name, v in values.items())
        raise InvalidTransform(f"INVALID_JSON: the result is not JSON: {error.reason}; {shown}") from error


@contextmanager
def below(path: str) -> Iterator[None]:
    """Errors inside are below ``path``."""
    try:
        yield
    except InvalidTransform as error:
        error.under(path)
        raise


def _read_missing(text: Raw) -> Missing:
    for policy in _MISSING:
        if bytes(text) == b'"%s"' % policy.encode():
            return policy
    raise InvalidTransform(f"must be one of {', '.join(_MISSING)}", path="$.missing")


def _by_name(placeholders: Sequence[Placeholder]) -> dict[str, AsJson]:
    return {placeholder.name: placeholder.json for placeholder in placeholders}
