"""JSON as RocketMQ's servers write it: keys may be numbers or whole objects, without quotes. Pure.

Names of arguments, bodies and their members are RocketMQ's. The strict reader is tried first; ours only when it refuses.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bridge.rocketmq.errors import Malformed

_BLANKS = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?\d+")
_raw_decode = json.JSONDecoder().raw_decode
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def loads(body: bytes | str) -> Any:
    """Read JSON whose keys may be bare integers (they become text) or objects (they become their text, see ``Key``).

    Raises ValueError (and RecursionError for thousands of nested values).
    """
    text = body if isinstance(body, str) else body.decode()
    try:
        return json.loads(text)
    except ValueError:
        value, position = _value(text, _skip(text, 0))
        if _skip(text, position) != len(text):
            raise
        return value


def dumps(value: Any) -> bytes:
    """Compact standard JSON."""
    return _dumps(value).encode()


def dumps_object_keys(table: Mapping[str, Any]) -> bytes:
    """An object whose keys are written as they are, without quotes: numbers, or objects as text."""
    return b"{%b}" % b",".join(key.encode() + b":" + dumps(value) for key, value in table.items())


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever a body of the wrong shape makes of the code inside is Malformed. Also a decorator."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise Malformed(f"{what} that cannot be read: {type(error).__name__} {error}"[:200]) from error


def _skip(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    assert match
    return match.end()


def _value(text: str, position: int) -> tuple[Any, int]:
    opening = text[position : position + 1]
    if opening == "{":
        return _object(text, position)
    if opening == "[":
        return _array(text, position)
    return _raw_decode(text, position)


def _array(text: str, position: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    position = _skip(text, position + 1)
    while text[position : position + 1] != "]":
        item, position = _value(text, position)
        items.append(item)
        position = _next(text, position, "]")
    return items, position + 1


def _object(text: str, position: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    position = _skip(text, position + 1)
    while text[position : position + 1] != "}":
        key, position = _key(text, position)
        position = _skip(text, position)
        if text[position : position + 1] != ":":
            raise ValueError(f"a colon is missing at {position}")
        members[key], position = _value(text, _skip(text, position + 1))
        position = _next(text, position, "}")
    return members, position + 1


def _next(text: str, position: int, closing: str) -> int:
    """Where the next member begins, or the bracket that closes."""
    position = _skip(text, position)
    if text[position : position + 1] == ",":
        return _skip(text, position + 1)
    if text[position : position + 1] != closing:
        raise ValueError(f"a comma or {closing} is missing at {position}")
    return position


def _key(text: str, position: int) -> tuple[str, int]:
    if text[position : position + 1] == "{":
        end = _object(text, position)[1]
        return text[position:end], end
    number = _NUMBER.match(text, position)
    if number:
        return number.group(), number.end()
    if text[position : position + 1] != '"':
        raise ValueError(f"a key is missing at {position}")
    key, end = _raw_decode(text, position)
    return str(key), end
