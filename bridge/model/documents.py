"""JSON documents into structs: the one decoder behind resources, connector configs and settings.

Errors are InvalidConfig with the JSONPath of the bad part; unknown members are refused by the structs themselves
(``forbid_unknown_fields``).
"""

import re
from typing import Any, TypeVar

import msgspec

from bridge.errors import InvalidConfig
from bridge.model.units import UNITS

T = TypeVar("T")


class Document(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True
):
    """Base of everything that users write: camelCase members, unknown ones refused."""


def parse(value: object, kind: type[T]) -> T:
    """Turn decoded JSON (dict, list, scalars) into ``kind``; raises InvalidConfig with the path."""
    try:
        return msgspec.convert(value, kind, dec_hook=_parse_unit)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error


def parse_json(text: bytes | str, kind: type[T]) -> T:
    """Turn JSON text into ``kind``; raises InvalidConfig with the path, or without one when it is no JSON."""
    try:
        return msgspec.json.decode(text, type=kind, dec_hook=_parse_unit)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"not valid JSON: {error}") from error


def _parse_unit(kind: type, value: object) -> Any:
    if issubclass(kind, UNITS):
        try:
            return kind.parse(value)
        except InvalidConfig as error:
            raise ValueError(error.reason) from error
    raise NotImplementedError(kind)


def _invalid(error: msgspec.ValidationError) -> InvalidConfig:
    text = str(error)
    reason, _, path = text.rpartition(" - at `")
    path = path.removesuffix("`") if reason else "$"
    reason = reason or text
    unknown = re.search(r"unknown field `(.+)`$", reason)
    if unknown:
        return InvalidConfig("this member is not known here", path=f"{path}.{unknown[1]}")
    return InvalidConfig(reason[:1].lower() + reason[1:], path=path)
