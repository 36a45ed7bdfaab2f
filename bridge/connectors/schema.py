"""JSON Schema of a connector's config, as its author would write it: units as text, names in camelCase, marks kept."""

import types
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from bridge.model.units import Duration, Rate, Size

EXAMPLES: dict[type, str] = {Duration: "15s", Size: "1MiB", Rate: "100/s"}

_Struct = type[msgspec.Struct]


def config_schema(config: _Struct) -> dict[str, Any]:
    """JSON Schema (2020-12) of a config; nested structs stand in ``$defs``."""
    shown: dict[_Struct, _Struct] = {}
    schema = msgspec.json.schema(_shown_struct(config, shown))
    definitions = schema["$defs"]
    for struct, stand_in in shown.items():
        properties = definitions[stand_in.__name__]["properties"]
        for f in msgspec.structs.fields(struct):
            if f.default is not msgspec.NODEFAULT:
                properties[f.encode_name]["default"] = spell(f.default)
    own: dict[str, Any] = definitions.pop(config.__name__)
    if definitions:
        own["$defs"] = definitions
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **own}


def spell(value: object) -> object:
    """A value as it stands in JSON: units as text, structs as objects of what differs from the default."""
    if isinstance(value, Duration | Size | Rate):
        fitting = [(factor, unit) for unit, factor in value.units.items() if value >= factor and value % factor == 0]
        factor, unit = max(fitting) if fitting else min((f, u) for u, f in value.units.items())
        return f"{value / factor:.15g}{unit}"
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        return {f.encode_name: spell(v) for f in fields if (v := getattr(value, f.name)) != f.default}
    if isinstance(value, list | tuple):
        return [spell(item) for item in value]
    return value


def _shown_struct(struct: _Struct, shown: dict[_Struct, _Struct]) -> _Struct:
    """A stand-in without units, which msgspec cannot show; its defaults only say that there are some."""
    if struct not in shown:
        hints = get_type_hints(struct, include_extras=True)
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        for f in msgspec.structs.fields(struct):
            hint = _shown(hints[f.name], shown)
            if f.default_factory is not msgspec.NODEFAULT:
                fields.append((f.name, hint, msgspec.field(default_factory=f.default_factory)))
            else:
                fields.append((f.name, hint) if f.required else (f.name, hint, None))
        stand_in = msgspec.defstruct(struct.__name__, fields, rename="camel", kw_only=True, forbid_unknown_fields=True)
        stand_in.__doc__ = struct.__doc__
        shown[struct] = stand_in
    return shown[struct]


def _shown(hint: Any, shown: dict[_Struct, _Struct]) -> Any:
    """A type with structs and units replaced, at any depth."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _shown_struct(hint, shown)
    if hint in EXAMPLES:
        return Annotated[str, msgspec.Meta(examples=[EXAMPLES[hint]])]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        found = _shown(arguments[0], shown)
        for meta in arguments[1:]:
            found = Annotated[found, meta]
        return found
    if origin in {Union, types.UnionType}:
        return Union[tuple(_shown(a, shown) for a in arguments)]  # noqa: UP007 - built from a tuple
    if origin in {dict, list, tuple, set, frozenset}:
        return origin[tuple(_shown(a, shown) for a in arguments)]
    return hint
