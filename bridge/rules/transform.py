"""A transform: how an event becomes the payload of a target. Exactly one form; compiled once, rendered per event."""

from collections.abc import Callable

import msgspec
from msgspec import Raw

from bridge.errors import InvalidTransform
from bridge.rules.aliyun import compile_aliyun
from bridge.rules.aws import compile_aws
from bridge.rules.forms import Transform, below, compile_constant, compile_json, compile_own_path, compile_plain

__all__ = ["MAX_SIZE_BYTES", "Transform", "compile_transform"]

MAX_SIZE_BYTES = 64 * 1024
_members = msgspec.json.Decoder(dict[str, Raw]).decode


def compile_transform(text: bytes | Raw) -> Transform | None:
    """Read a transform; None is ``original``: the target gets the event itself. Raises InvalidTransform with the path."""
    members = _read(bytes(text))
    forms = [name for name in members if name in _FORMS]
    for name in members:
        if name not in _FORMS and not (name == "missing" and forms == ["template"]):
            hint = "stands beside template only" if name == "missing" else f"known are {', '.join(_FORMS)}"
            raise InvalidTransform(f"this member is not known here; {hint}", path=f"$.{name}")
    if len(forms) != 1:
        raise InvalidTransform(f"exactly one form is wanted of {', '.join(_FORMS)}, not {len(forms)}")
    form = forms[0]
    if form == "template":
        return compile_json(members["template"], members.get("missing"))
    with below(f"$.{form}"):
        return _FORMS[form](members[form])


def _read(text: bytes) -> dict[str, Raw]:
    if len(text) > MAX_SIZE_BYTES:
        raise InvalidTransform(f"{len(text)} bytes are too large; at most {MAX_SIZE_BYTES}")
    try:
        str(text, "utf-8")
        return _members(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidTransform(f"not a JSON object: {error}") from error


def _original(text: Raw) -> None:
    if bytes(text) != b"true":
        raise InvalidTransform("must be true; for another form leave it out")


_FORMS: dict[str, Callable[[Raw], Transform | None]] = {
    "original": _original,
    "path": compile_own_path,
    "constant": compile_constant,
    "template": lambda text: compile_json(text, None),
    "text": compile_plain,
    "aliyun": compile_aliyun,
    "aws": compile_aws,
}
