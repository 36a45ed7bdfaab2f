"""What a context attribute may be: CloudEvents 1.0.2, sections 2 and 3. Refuses; never mends."""

import re
from collections.abc import Callable, Collection
from functools import lru_cache

from bridge.codec.times import is_timestamp
from bridge.errors import InvalidEvent
from bridge.model.event import Event, Value

REQUIRED = frozenset({"id", "source", "type", "specversion"})
NAME = re.compile(r"[a-z0-9]+")
_LONGEST = 256  # of a value worth keeping, so that what is kept stays small
# Section 2.1 "String": no control characters, no non-characters, no surrogates that are not a pair.
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
_URI_CHARACTERS = r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_REFERENCE = re.compile(rf"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?!//:){_URI_CHARACTERS}*")
_ABSOLUTE = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:{_URI_CHARACTERS}+")
_TOKEN = r"[A-Za-z0-9!#$&^_.+'*`|~%{}-]+"  # noqa: S105 - the grammar of RFC 2045, no password
_MEDIA_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?: *; *{_TOKEN}=(?:{_TOKEN}|"(?:[^"\\]|\\.)*"))* *(?:; *)?')


def check_event(event: Event) -> Event:
    """Judge an event's attributes and return it. Raises InvalidEvent with the path of the first bad one."""
    check_required("id", event.id)
    check_required("source", event.source)
    check_required("type", event.type)
    if not REQUIRED.isdisjoint(event.attributes):
        raise InvalidEvent("id, source, type and specversion have places of their own")
    for name, value in event.attributes.items():
        check_attribute(name, value)
    return event


def path_of(name: str) -> str:
    """The JSONPath of an attribute. Names come from outside and may be of any length."""
    return f"$.{name[:64]}"


def shown(value: object) -> str:
    """A value in an error's reason."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def check_text(name: str, value: str) -> None:
    """Refuse what no String may hold. Printable ASCII, nearly everything, passes without a search."""
    if not (value.isascii() and value.isprintable()):
        found = _FORBIDDEN.search(value)
        if found:
            raise InvalidEvent(f"character U+{ord(found[0]):04X} is not allowed in an attribute", path=path_of(name))


def check_required(name: str, value: str) -> None:
    """Id, source and type: present, non-empty, clean; a source is a URI-reference."""
    if not value:
        raise InvalidEvent("this attribute is required and must not be empty", path=path_of(name))
    check_text(name, value)
    if name == "source":
        _check(name, value)


def check_version(value: object) -> None:
    if value != "1.0":
        raise InvalidEvent(f"must be 1.0, not {shown(value)}", path="$.specversion")


def check_attribute(name: str, value: Value) -> None:
    """An optional attribute or extension: its name, then its value."""
    if NAME.fullmatch(name) is None or name == "data":
        raise InvalidEvent("attribute names are lower-case letters and digits, and not `data`", path=path_of(name))
    if isinstance(value, str):
        check_text(name, value)
        if name in RULES:
            _check(name, value)
    elif name in RULES:
        raise InvalidEvent("must be text", path=path_of(name))
    elif isinstance(value, int):
        if not -(2**31) <= value < 2**31:
            raise InvalidEvent(f"{shown(value)} does not fit in 32 bits", path=path_of(name))
    elif not isinstance(value, bytes):
        raise InvalidEvent("must be text, bytes, true, false or an integer of 32 bits", path=path_of(name))


def _check(name: str, value: str) -> None:
    (_check_short if len(value) <= _LONGEST else _check_rule)(name, value)


def _check_rule(name: str, value: str) -> None:
    holds, wanted = RULES[name]
    if not holds(value):
        raise InvalidEvent(f"{shown(value)} is not {wanted}", path=path_of(name))


_check_short = lru_cache(maxsize=4096)(_check_rule)
"""Sources and media types repeat; what is refused raises and is not kept."""


class Known(set[str]):
    """Values of one attribute that were found valid; they repeat from event to event. Bounded: forgets all when full."""

    def __init__(self, check: Callable[[str], None], size: int = 4096) -> None:
        super().__init__()
        self._check, self._size = check, size

    def check(self, values: Collection[str]) -> None:
        """Judge values, all at once when none is new. Raises InvalidEvent."""
        if self.issuperset(values):
            return
        for value in values:
            if value not in self:
                self._check(value)
                if len(value) <= _LONGEST:
                    if len(self) >= self._size:
                        self.clear()
                    self.add(value)


SOURCES = Known(lambda value: check_required("source", value))
TYPES = Known(lambda value: check_required("type", value))
MEDIA_TYPES = Known(lambda value: check_attribute("datacontenttype", value))
SCHEMAS = Known(lambda value: check_attribute("dataschema", value))


def is_utf8(text: bytes) -> bool:
    try:
        return text.isascii() or bool(str(text, "utf-8"))
    except UnicodeDecodeError:
        return False


def are_plain(values: Collection[str]) -> bool:
    """Whether all are printable ASCII; for whole columns, which costs a tenth of asking one by one."""
    joined = "".join(values)
    return joined.isascii() and joined.isprintable()


def is_uri(value: object) -> bool:
    """An absolute URI (RFC 3986)."""
    return isinstance(value, str) and _ABSOLUTE.fullmatch(value) is not None


def is_reference(value: object) -> bool:
    """A URI or a relative reference (RFC 3986)."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


RULES: dict[str, tuple[Callable[[str], object], str]] = {
    "source": (is_reference, "a URI-reference (RFC 3986)"),
    "subject": (bool, "a non-empty text"),
    "time": (is_timestamp, "a time as in RFC 3339, such as 2026-11-24T08:30:00Z"),
    "datacontenttype": (_MEDIA_TYPE.fullmatch, "a media type such as application/json"),
    "dataschema": (is_uri, "an absolute URI"),
}
"""Core attributes with a rule of their own: does it hold, and what was wanted."""
