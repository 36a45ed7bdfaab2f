"""Trying a transform without effect: what it would make of an event, and what each of its variables is."""

from typing import Any

import msgspec

from bridge.codec.json import parse_event
from bridge.errors import InvalidEvent
from bridge.model.delivery import Payload
from bridge.model.event import is_json
from bridge.rules.forms import EVENT, Transform
from bridge.rules.scope import DocumentScope, Names, Scope
from bridge.rules.transform import compile_transform

_NAMES = Names("test", "test")


def test_transform(transform: str | bytes, event: str | bytes) -> dict[str, Any]:
    """What a transform makes of ``event``, a CloudEvent in the JSON format or any JSON object.

    Raises InvalidTransform when the transform is not legal or this event cannot be given its shape, InvalidEvent when
    ``event`` is no JSON object.
    """
    return preview(compile_transform(_bytes(transform)), _scope(_bytes(event), "default", 0.0), _NAMES)


def preview(transform: Transform | None, scope: Scope, names: Names) -> dict[str, Any]:
    """``payload`` (JSON, or text), its ``contentType``, and ``variables``: what each one is, null where it is missing.

    JSON comes back decoded, with numbers that a double would write otherwise as raw JSON: encode it with msgspec.
    """
    transform = transform or _ORIGINAL
    body, content_type = transform.render(scope, names)
    variables = {name: read(scope, names) for name, read in transform.variables.items()}
    return {
        "payload": _decode(body) if body and is_json(content_type) else body.decode(),
        "contentType": content_type,
        "variables": {name: None if value is None else _decode(value) for name, value in variables.items()},
    }


_ORIGINAL = Transform(lambda scope, _: Payload(scope.whole(), EVENT))
test_transform.__test__ = False  # type: ignore[attr-defined]  # its name is a verb, not a test for pytest to collect


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def _scope(text: bytes, bus: str, received: float) -> Scope:
    try:
        return Scope(parse_event(text), bus, received)
    except InvalidEvent as error:
        try:
            return DocumentScope(text, bus, received)
        except InvalidEvent:
            raise error from error.__cause__


def _number(text: str) -> float | msgspec.Raw:
    """A float, or the number as it is written where a float would write it otherwise."""
    number = float(text)
    return number if repr(number) == text else msgspec.Raw(text)


_decode = msgspec.json.Decoder(float_hook=_number).decode
