"""``cidr``: the string is an IP address inside a block, of the same family."""

import re

from bridge.rules.jsontext import Json, Scalar
from bridge.rules.operators.addresses import parse_address
from bridge.rules.operators.base import ALIYUN, AWS, BOTH, Operator, Site, Unit, parse_text, show

_BITS = re.compile(r"[0-9]{1,3}")


class Cidr(Operator, frozen=True):
    """Addresses ``first`` to ``last`` (both inside) of ``family`` 4 or 6."""

    text: str
    family: int
    first: int
    last: int

    def holds(self, value: Scalar) -> bool:
        address = parse_address(value) if isinstance(value, str) else None
        return address is not None and address.family == self.family and self.first <= address.number <= self.last

    @property
    def wanted(self) -> str:
        return f"an address in {show(self.text)}"


def _parse(argument: Json, at: Site) -> Operator:
    text = parse_text(argument, at, "cidr")
    address_text, slash, bits_text = text.partition("/")
    address = parse_address(address_text)
    if address is None or (slash and _BITS.fullmatch(bits_text) is None):
        at.refuse(f"{show(text)} is no block of addresses: write `10.0.0.0/24` or `2001:db8::/32`")
    if address.family == 6:
        at.require("an IPv6 block", AWS)
    if not slash:
        at.require("an address without `/` and a number of bits", ALIYUN)
        return Cidr(text, address.family, address.number, address.number)
    width = 32 if address.family == 4 else 128
    bits = int(bits_text)
    if bits >= width:
        at.refuse(f"an IPv{address.family} block has 0 to {width - 1} bits; write one address as an exact string")
    size = 1 << (width - bits)
    first = address.number // size * size
    return Cidr(text, address.family, first, first + size - 1)


CIDR = Unit("cidr", BOTH, _parse)
