"""Edits of single fields: INSERT_FIELD, UPDATE_FIELD and DELETE_FIELD of RocketMQ EventBridge.

The result is the event as JSON with fields set or taken away; everything else keeps its spelling. New values are always
strings. A field whose parent is not there is passed over.
"""

from typing import Any, Literal

import msgspec
from msgspec import Raw

from bridge.errors import InvalidTransform
from bridge.model.delivery import Payload
from bridge.model.documents import Document
from bridge.rules.forms import Transform, below, read
from bridge.rules.jsonpath import Spelling, Steps, compile_path
from bridge.rules.scope import compact, encode
from bridge.rules.template import JSON

Form = Literal["INSERT_FIELD", "UPDATE_FIELD", "DELETE_FIELD"]
_object = msgspec.json.Decoder(dict[str, Raw]).decode
_array = msgspec.json.Decoder(list[Raw]).decode


class _Edit(Document, frozen=True, kw_only=True):
    field: str
    value: str | None = None


def compile_edits(form: Form, text: str) -> Transform:
    """``text`` is a JSON array of ``{field, value}``. Raises InvalidTransform with the path below it."""
    edits: list[tuple[Steps, bytes | None]] = []
    for index, edit in enumerate(read(Raw(text.encode()), list[_Edit])):
        with below(f"$[{index}]"):
            if form != "DELETE_FIELD" and edit.value is None:
                raise InvalidTransform("a value is needed", path="$.value")
            with below("$.field"):
                edits.append((_steps(edit.field), None if form == "DELETE_FIELD" else encode(edit.value)))

    def edited(whole: bytes) -> bytes:
        try:
            for steps, value in edits:
                whole = _edit(whole, steps, value, form)
        except RecursionError as error:
            raise InvalidTransform("the event is nested too deeply to be edited") from error
        return compact(whole)

    return Transform(lambda scope, _: Payload(edited(scope.whole()), JSON))


def _steps(field: str) -> Steps:
    steps = compile_path(field, Spelling.VENDOR).steps
    if not steps:
        raise InvalidTransform("must lead to one field")
    return steps


def _edit(text: bytes, steps: Steps, value: bytes | None, form: Form) -> bytes:
    """The text of a value with one field below it changed."""
    step, rest = steps[0], steps[1:]
    try:
        level: Any = _object(text) if isinstance(step, str) else _array(text)
    except msgspec.ValidationError:
        return text
    there = step in level if isinstance(step, str) else -len(level) <= step < len(level)
    if there and rest:
        level[step] = Raw(_edit(bytes(level[step]), rest, value, form))
    elif there and value is None:
        del level[step]
    elif value is not None and not rest and (there or (form == "INSERT_FIELD" and isinstance(step, str))):
        level[step] = Raw(value)
    return encode(level)
