"""Placeholders in a connector's config: the fields marked as expressions are filled in from the event."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import inspect

from bridge.errors import InvalidTransform
from bridge.rules.forms import below
from bridge.rules.placeholders import Escape, compile_text
from bridge.rules.scope import Names, Scope
from bridge.rules.template import path_of

Fill = Callable[[Scope, Names], Any]
"""Makes a value, or the whole config, for one delivery. Raises InvalidTransform when the event cannot fill it."""

Mark = Mapping[str, Any]
"""What the connector said of a field that is an expression: the ``extra`` of its Meta."""


def compile_config(config: msgspec.Struct, config_type: type[msgspec.Struct]) -> Fill | None:
    """What fills in the fields of ``config`` that are marked ``expression``, also inside lists, maps and structs.

    Values go in verbatim, or through the field's ``escape`` mark where it has one; a missing one without default leaves
    nothing. None when nothing holds a placeholder. Raises InvalidTransform with the path below the config.
    """
    fill = _compile_struct(config, inspect.type_info(config_type), mark=None, path="$")
    if fill is None:
        return None

    def guarded(scope: Scope, names: Names) -> Any:
        try:
            return fill(scope, names)
        except (RecursionError, UnicodeError) as error:
            raise InvalidTransform(f"the event cannot fill the config: {error}") from error

    return guarded


def _compile(value: Any, kind: inspect.Type, *, mark: Mark | None, path: str) -> Fill | None:
    kind, own_mark = _resolve(kind, value)
    mark = own_mark or mark
    if isinstance(value, str):
        return _compile_text(value, mark, path) if mark is not None else None
    if isinstance(value, msgspec.Struct):
        return _compile_struct(value, kind, mark=mark, path=path)
    if isinstance(value, Mapping):
        inner = kind.value_type if isinstance(kind, inspect.DictType) else inspect.AnyType()
        members = ((name, _compile(v, inner, mark=mark, path=path_of(path, str(name)))) for name, v in value.items())
        return _combine(members, lambda filled: {**value, **filled})
    if isinstance(value, list | tuple):
        inner = getattr(kind, "item_type", inspect.AnyType())
        items = ((i, _compile(v, inner, mark=mark, path=f"{path}[{i}]")) for i, v in enumerate(value))
        return _combine(items, lambda filled: type(value)(filled.get(i, v) for i, v in enumerate(value)))
    return None


def _resolve(kind: inspect.Type, value: Any) -> tuple[inspect.Type, Mark | None]:
    """The type behind marks and unions that describes ``value``, and its mark."""
    if isinstance(kind, inspect.Metadata):
        inner, mark = _resolve(kind.type, value)
        return inner, mark or (kind.extra if (kind.extra or {}).get("expression") else None)
    if isinstance(kind, inspect.UnionType):
        for member in kind.types:
            inner, mark = _resolve(member, value)
            if isinstance(value, _PYTHON.get(type(inner), ())):
                return inner, mark
    return kind, None


_PYTHON: dict[type[inspect.Type], type | tuple[type, ...]] = {
    inspect.StrType: str,
    inspect.DictType: Mapping,
    inspect.ListType: list,
    inspect.VarTupleType: tuple,
    inspect.StructType: msgspec.Struct,
}


def _compile_struct(value: msgspec.Struct, kind: inspect.Type, *, mark: Mark | None, path: str) -> Fill | None:
    info = kind if isinstance(kind, inspect.StructType) else inspect.type_info(type(value))
    assert isinstance(info, inspect.StructType)
    fields = (
        (f.name, _compile(getattr(value, f.name), f.type, mark=mark, path=f"{path}.{f.encode_name}"))
        for f in info.fields
    )
    return _combine(fields, lambda filled: msgspec.structs.replace(value, **filled))


def _combine(parts: Iterable[tuple[Any, Fill | None]], build: Callable[[dict[Any, Any]], Any]) -> Fill | None:
    """Fill the parts that have something to fill, and build the whole from them."""
    fills = [(name, fill) for name, fill in parts if fill is not None]
    if not fills:
        return None
    return lambda scope, names: build({name: fill(scope, names) for name, fill in fills})


def _compile_text(value: str, mark: Mark, path: str) -> Fill | None:
    with below(path):
        text = compile_text(value)
    if not text.is_constant:
        escape: Escape | None = mark.get("escape")
        return text.render if escape is None else lambda scope, names: text.render_escaped(scope, names, escape)
    return None if text.literal == value else lambda *_: text.literal
