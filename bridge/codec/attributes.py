"""What a context attribute may be: CloudEvents 1.0.2, sections 2 and 3. Refuses; never mends."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from bridge.errors import InvalidEvent
from bridge.model.event import Value

NAME = re.compile(r"[a-z0-9]+")
# Section 2.1 "String": no control characters, no non-characters, no surrogates that are not a pair.
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
_URI_CHARACTERS = r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_REFERENCE = re.compile(rf"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?!//:){_URI_CHARACTERS}*")
_ABSOLUTE = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:{_URI_CHARACTERS}+")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-](\d\d):(\d\d))")
_TOKEN = r"[A-Za-z0-9!#$&^_.+'*`|~%{}-]+"  # noqa: S105 - the grammar of RFC 2045, no password
_MEDIA_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?:\s*;\s*{_TOKEN}=(?:{_TOKEN}|"(?:[^"\\]|\\.)*"))*\s*;?\s*')


def check_text(name: str, value: str) -> None:
    """Refuse what no String may hold. Printable ASCII, nearly everything, passes without a search."""
    if not (value.isascii() and value.isprintable()):
        found = _FORBIDDEN.search(value)
        if found:
            raise InvalidEvent(f"character U+{ord(found[0]):04X} is not allowed in an attribute", path=f"$.{name}")


def check_required(name: str, value: str) -> None:
    """Id, source and type: present, non-empty, clean; a source is a URI-reference."""
    if not value:
        raise InvalidEvent("this attribute is required and must not be empty", path=f"$.{name}")
    check_text(name, value)
    if name == "source":
        _check(name, value)


def check_version(value: object) -> None:
    if value != "1.0":
        raise InvalidEvent(f"must be 1.0, not {value!r}", path="$.specversion")


def check_attribute(name: str, value: Value) -> None:
    """An optional attribute or extension: its name, then its value."""
    if NAME.fullmatch(name) is None or name == "data":
        raise InvalidEvent("attribute names are lower-case letters and digits, and not `data`", path=f"$.{name}")
    if isinstance(value, str):
        check_text(name, value)
    elif isinstance(value, int) and not isinstance(value, bool) and not -(2**31) <= value < 2**31:
        raise InvalidEvent(f"{value} does not fit in 32 bits", path=f"$.{name}")
    if name in RULES:
        if not isinstance(value, str):
            raise InvalidEvent("must be text", path=f"$.{name}")
        _check(name, value)


@lru_cache(maxsize=4096)
def _check(name: str, value: str) -> None:
    """Cached: sources and media types repeat; what is refused raises and is not kept."""
    holds, wanted = RULES[name]
    if not holds(value):
        raise InvalidEvent(f"{value!r} is not {wanted}", path=f"$.{name}")


def is_timestamp(value: str) -> bool:
    """RFC 3339, section 5.6: seconds and offset are required, the date must exist; leap seconds are allowed."""
    found = _TIME.fullmatch(value)
    if found is None or not value.isascii():
        return False
    date, hour, minute, second, offset_hour, offset_minute = found.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60 or int(offset_hour or 0) > 23:
        return False
    try:
        datetime.fromisoformat(date)
    except ValueError:
        return False
    return int(offset_minute or 0) <= 59


RULES: dict[str, tuple[Callable[[str], object], str]] = {
    "source": (_REFERENCE.fullmatch, "a URI-reference (RFC 3986)"),
    "subject": (bool, "a non-empty text"),
    "time": (is_timestamp, "a time as in RFC 3339, such as 2026-11-24T08:30:00Z"),
    "datacontenttype": (_MEDIA_TYPE.fullmatch, "a media type such as application/json"),
    "dataschema": (_ABSOLUTE.fullmatch, "an absolute URI"),
}
"""Core attributes with a rule of their own: does it hold, and what was wanted."""
