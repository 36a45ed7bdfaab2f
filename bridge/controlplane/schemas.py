"""JSON Schema (2020-12) of our structs, as users write them: units are text, raw parts any JSON."""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

from msgspec import inspect

from bridge.model.units import Duration, Rate, Size

Schema = dict[str, Any]
UNITS: dict[type, Schema] = {
    Duration: {"type": "string", "description": "A duration.", "examples": ["200ms", "30s", "15m", "12h", "7d"]},
    Size: {"type": "string", "description": "A size.", "examples": ["256KiB", "10GiB"]},
    Rate: {"type": "string", "description": "A rate.", "examples": ["100/s", "6000/m"]},
}
_LIMITS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "pattern": "pattern",
}  # fmt: skip


class Schemas:
    """Collects ``components``: each struct once, under its name."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of a type; structs by reference."""
        return self._of(inspect.type_info(kind))

    def _of(self, kind: inspect.Type) -> Schema:
        match kind:
            case inspect.Metadata():
                return self._of(kind.type) | (kind.extra_json_schema or {})
            case inspect.StructType():
                return self._struct(kind)
            case inspect.CustomType():
                return _unit(kind.cls)
            case inspect.IntType() | inspect.FloatType() | inspect.StrType():
                return {"type": _name(kind)} | _limits(kind) | _lengths(kind, "Length")
            case inspect.BoolType():
                return {"type": "boolean"}
            case inspect.NoneType():
                return {"type": "null"}
            case inspect.LiteralType():
                return {"enum": list(kind.values)}
            case inspect.ListType() | inspect.VarTupleType():
                return {"type": "array", "items": self._of(kind.item_type)} | _lengths(kind, "Items")
            case inspect.DictType():
                return {"type": "object", "additionalProperties": self._of(kind.value_type)}
            case inspect.UnionType():
                return {"anyOf": [self._of(one) for one in kind.types]}
            case _:
                return {}

    def _struct(self, kind: inspect.StructType) -> Schema:
        name = kind.cls.__name__
        if name not in self.components:
            schema: Schema = {"type": "object"}
            self.components[name] = schema
            if kind.cls.__doc__:
                schema["description"] = cleandoc(kind.cls.__doc__)
            schema["properties"] = {field.encode_name: self._of(field.type) for field in kind.fields}
            required = [field.encode_name for field in kind.fields if field.required]
            schema |= {"required": required} if required else {}
            schema |= {"additionalProperties": False} if kind.forbid_unknown_fields else {}
        return {"$ref": f"#/components/schemas/{name}"}


def _unit(kind: type) -> Schema:
    """A unit, or one with limits."""
    schema = next(UNITS[base] for base in kind.__mro__ if base in UNITS)
    limits = [f"at {end} {limit}" for end in ("least", "most") if (limit := getattr(kind, end))]
    if not limits:
        return schema
    return schema | {"description": f"{schema['description'].removesuffix('.')}, {' and '.join(limits)}."}


def _name(kind: inspect.Type) -> str:
    return {inspect.IntType: "integer", inspect.FloatType: "number"}.get(type(kind), "string")


def _limits(kind: inspect.Type) -> Schema:
    found = {name: getattr(kind, ours, None) for ours, name in _LIMITS.items()}
    return {
        name: value.replace(r"\Z", "$")
        if isinstance(value, str)
        else value  # the end of a text, in the regex of JSON Schema
        for name, value in found.items()
        if value is not None
    }


def _lengths(kind: inspect.Type, of: str) -> Schema:
    found: Iterable[tuple[str, Any]] = ((end, getattr(kind, f"{end}_length", None)) for end in ("min", "max"))
    return {f"{end}{of}": value for end, value in found if value is not None}
