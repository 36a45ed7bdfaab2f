"""Trying a transform without effect: what it would make of an event, and what each of its variables is."""

from typing import Any

import msgspec

from bridge.codec.json import parse_event
from bridge.errors import InvalidEvent, TooLarge
from bridge.model.delivery import Payload
from bridge.model.event import is_json
from bridge.rules.allowance import REGEXP_S, VISITS, allowed
from bridge.rules.forms import EVENT, Transform
from bridge.rules.scope import DocumentScope, Names, Scope
from bridge.rules.transform import compile_transform

TEST = Names("test", "test")
"""The delivery that something is tried for."""
MAX_ANSWER_BYTES = 4 * 2**20


def test_transform(transform: str | bytes, event: str | bytes) -> dict[str, Any]:
    """What a transform makes of ``event``, a CloudEvent in the JSON format or any JSON object.

    Raises InvalidTransform when the transform is not legal or this event cannot be given its shape, InvalidEvent when
    ``event`` is no JSON object.
    """
    return preview(compile_transform(_bytes(transform)), read_scope(event), TEST)


def read_scope(text: str | bytes) -> Scope:
    """A CloudEvent as if it had come to the bus ``default`` at the epoch, or any JSON object. Raises InvalidEvent."""
    body, bus, received = _bytes(text), "default", 0.0
    try:
        return Scope(parse_event(body), bus, received)
    except InvalidEvent as error:
        try:
            return DocumentScope(body, bus, received)
        except InvalidEvent:
            raise error from error.__cause__


def preview(transform: Transform | None, scope: Scope, names: Names) -> dict[str, Any]:
    """``payload`` (JSON, or text), its ``contentType``, and ``variables``: what each one is, null where it is missing.
    ``missing`` names those, if there are any.

    JSON comes back decoded, with numbers that a double would write otherwise as raw JSON: encode it with msgspec.
    Raises as the transform does, and TooLarge where payload and variables are too much to be looked at.
    """
    transform = transform or _ORIGINAL
    with allowed(VISITS, 10 * REGEXP_S):
        body, content_type = transform.render(scope, names)
        size = _check_size(len(body))
        variables = {}
        for name, read in transform.variables.items():
            value = variables[name] = read(scope, names)
            size = _check_size(size + len(value or b""))
    missing = [name for name, value in variables.items() if value is None]
    return {
        "payload": _decode(body) if body and is_json(content_type) else body.decode(),
        "contentType": content_type,
        "variables": {name: None if value is None else _decode(value) for name, value in variables.items()},
    } | ({"missing": missing} if missing else {})


_ORIGINAL = Transform(lambda scope, _: Payload(scope.whole(), EVENT))
test_transform.__test__ = False  # type: ignore[attr-defined]  # its name is a verb, not a test for pytest to collect


def _check_size(size: int) -> int:
    if size > MAX_ANSWER_BYTES:
        raise TooLarge(f"payload and variables together are larger than {MAX_ANSWER_BYTES:,} bytes")
    return size


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def _number(text: str) -> float | msgspec.Raw:
    """A float, or the number as it is written where a float would write it otherwise."""
    number = float(text)
    return number if repr(number) == text else msgspec.Raw(text)


_decode = msgspec.json.Decoder(float_hook=_number).decode
