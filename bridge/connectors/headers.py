"""Headers that users add to requests: which are allowed, and how a value becomes one. Pure."""

import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

from bridge.errors import InvalidConfig

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONNECTION = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
}


def check_headers(names: Iterable[str], taken: Callable[[str], str]) -> None:
    """Refuse headers that are none, that come twice, and those that ``taken`` (name in lower case) gives a reason for.

    Raises InvalidConfig with the path below the config, where they stand in ``headers``.
    """
    seen: set[str] = set()
    for name in names:
        lower = name.lower()
        if _TOKEN.fullmatch(name) is None:
            reason = "is not the name of a header"
        elif lower in _CONNECTION or lower.startswith("proxy-"):
            reason = "belongs to the connection and is set by bridge"
        elif lower in seen:
            reason = "stands here twice"
        else:
            reason = taken(lower)
        if reason:
            raise InvalidConfig(reason, path=f"$.headers.{name}")
        seen.add(lower)


def encode_header(value: str) -> str:
    """Percent-encode (UTF-8) what may not stand in a header: all but visible ASCII and spaces."""
    value = value.strip(" \t\r\n")
    if value.isascii() and value.isprintable():
        return value
    return re.sub(r"[^ -~]+", lambda found: quote(found[0], safe="", errors="replace"), value)
