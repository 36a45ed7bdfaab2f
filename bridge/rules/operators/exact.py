"""Exact values: a plain scalar in the list of alternatives, or ``{"exactly": "text"}``."""

from bridge.rules.jsontext import Json, Scalar
from bridge.rules.numbers import Number
from bridge.rules.operators.addresses import Address, parse_address
from bridge.rules.operators.base import AWS, Operator, Site, Unit, parse_text, show


class Equals(Operator, frozen=True):
    """The same string, ``true``, ``false`` or ``null``; never across types."""

    value: str | bool | None

    def holds(self, value: Scalar) -> bool:
        return type(value) is type(self.value) and value == self.value

    @property
    def wanted(self) -> str:
        return show(self.value)


class EqualsNumber(Operator, frozen=True):
    """The same number by value; one that is not comparable, by its characters."""

    number: Number

    def holds(self, value: Scalar) -> bool:
        return isinstance(value, Number) and value.key == self.number.key

    @property
    def wanted(self) -> str:
        return self.number.text


class EqualsAddress(Operator, frozen=True):
    """The same string, or another spelling of the same IP address."""

    text: str
    address: Address

    def holds(self, value: Scalar) -> bool:
        return isinstance(value, str) and (value == self.text or parse_address(value) == self.address)

    @property
    def wanted(self) -> str:
        return f"{show(self.text)} (or another spelling of this address)"


def parse_scalar(value: Scalar, at: Site) -> Operator:
    """A plain scalar. Text that is an IP address means the address, except in the aliyun dialect."""
    if isinstance(value, Number):
        return EqualsNumber(value)
    if isinstance(value, str) and at.dialect != "aliyun":
        address = parse_address(value)
        if address is not None:
            return EqualsAddress(value, address)
    return Equals(value)


def _parse_exactly(argument: Json, at: Site) -> Operator:
    return Equals(parse_text(argument, at, "exactly"))


EXACTLY = Unit("exactly", AWS, _parse_exactly)
