"""IP addresses as patterns and events spell them. Not an operator: ``cidr`` and exact strings share it."""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

_V4 = re.compile(r"0*([0-9]{1,3})\.0*([0-9]{1,3})\.0*([0-9]{1,3})\.0*([0-9]{1,3})")
_V6 = re.compile(r"[0-9A-Fa-f:]{2,}")
_LEADING_ZEROS = re.compile(r"(?<![0-9A-Fa-f])0+(?=[0-9A-Fa-f])")
_LONGEST_V4 = 15


class Address(NamedTuple):
    """``family`` is 4 or 6; addresses of different families are never equal and share no block."""

    family: int
    number: int


def parse_address(text: str) -> Address | None:
    """The address that a text spells, or None.

    IPv4: four decimal numbers, leading zeros allowed up to 15 characters in all. IPv6: hex digits and colons; no embedded dotted quad, no scope.
    An IPv4-mapped one (``::ffff:a00:7``) is the IPv4 address itself.
    """
    if ":" in text:
        return _parse_v6(text)
    found = _V4.fullmatch(text) if len(text) <= _LONGEST_V4 else None
    if found is None:
        return None
    parts = [int(part) for part in found.groups()]
    return Address(4, int.from_bytes(parts, "big")) if max(parts) <= 255 else None


def _parse_v6(text: str) -> Address | None:
    if _V6.fullmatch(text) is None:
        return None
    try:
        address = IPv6Address(_LEADING_ZEROS.sub("", text))
    except AddressValueError:
        return None
    mapped = address.ipv4_mapped
    return Address(6, int(address)) if mapped is None else Address(4, int(mapped))
