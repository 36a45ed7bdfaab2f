"""URLs of targets: which are allowed, and how a value is put into one without changing where it leads. Pure."""

import re
from functools import lru_cache
from urllib.parse import quote, unquote

from yarl import URL

from bridge.connectors.addresses import find_literal
from bridge.connectors.base import has_placeholder

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._~-]+)?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_LEGAL = ":/?#[]@!$&'()*+,;=-._~%"
"""RFC 3986: what stands in a URL as it is, beside letters and digits."""
_WANTED = "must begin with http:// or https://"


def escape_url(before: str, value: str) -> str:
    """Percent-encode a value for a URL: an ``Escape`` of config fields.

    Behind the host everything is encoded that is not a letter, a digit or one of ``-._~``, so a value stays within its
    path segment or query value. In place of the host a colon stays, for a port. At the very beginning the value brings
    its own scheme and host and goes in as it is.
    """
    scheme, separator, rest = before.partition("://")
    if not separator or re.search(r"[/?#]", scheme):
        return value
    return quote(value, safe="" if re.search(r"[/?#]", rest) else ":", errors="replace")


@lru_cache(maxsize=1024)
def parse_url(text: str) -> URL:
    """An absolute http or https URL; path and query stay as written, but what is illegal in them is encoded.

    Raises ValueError with the reason.
    """
    if _FORBIDDEN.search(text):
        raise ValueError("must not hold control characters or backslashes")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        raise ValueError(_WANTED)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    below = rest[len(authority) :]
    if "@" in authority:
        raise ValueError("must not hold a user or password; send them in a header")
    if "#" in below:
        raise ValueError("must not hold a fragment (#), which is never sent")
    if any(unquote(segment) in {".", ".."} for segment in below.partition("?")[0].split("/")):
        raise ValueError("must not hold the path segments . or ..")
    server = URL(f"{scheme}://{authority}")
    if not server.raw_host or not _is_host(server.raw_host):
        raise ValueError("names no valid host")
    slash = "" if below.startswith("/") else "/"
    return URL(f"{server.scheme}://{server.raw_authority}{slash}{quote(below, safe=_LEGAL)}", encoded=True)


def _is_host(host: str) -> bool:
    """Whether it is a name, or an address in its usual form: not one of those that only some systems take for one
    (``127.1``, ``2130706433``, ``0x7f000001``), so that everybody who judges an address sees the same.
    """
    if _HOST.fullmatch(host) is None:
        return False
    number = ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None
    return not number or find_literal(host) is not None


def check_url(text: str) -> URL | None:
    """Judge a URL at definition; of one with placeholders, what stands before the first. Raises ValueError.

    Returns as much of it as is certain; None when its host is not.
    """
    if not has_placeholder(text):
        return parse_url(text)
    fixed = text.partition("${")[0]
    scheme, separator, rest = fixed.partition("://")
    if not separator:
        if fixed and not any(wanted.startswith(fixed.lower()) for wanted in ("http://", "https://")):
            raise ValueError(_WANTED)
    elif "/" in rest:
        return parse_url(fixed[: fixed.rindex("/") + 1])
    elif scheme.lower() not in {"http", "https"}:
        raise ValueError(_WANTED)
    return None
