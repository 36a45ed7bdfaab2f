"""IP addresses as text."""

import pytest

from bridge.rules.operators.addresses import Address, parse_address


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.0.0.0", 0), ("10.0.0.7", 0x0A000007), ("010.000.0.0007", 0x0A000007), ("255.255.255.255", 2**32 - 1)],
)
def test_version_four(text: str, number: int) -> None:
    """Four decimal numbers, leading zeros allowed."""
    assert parse_address(text) == Address(4, number)


@pytest.mark.parametrize(("text", "number"), [("::", 0), ("::1", 1), ("2001:DB8::000001", 0x20010DB8 << 96 | 1), ("0000:0::00", 0),
                                              ("1:2:3:4:5:6:7:8", 0x00010002000300040005000600070008)])  # fmt: skip
def test_version_six(text: str, number: int) -> None:
    """Case and compression of zeros do not count."""
    assert parse_address(text) == Address(6, number)


def test_a_mapped_address_is_the_address() -> None:
    """::ffff:a00:7 is 10.0.0.7."""
    assert parse_address("::ffff:a00:7") == parse_address("10.0.0.7")


@pytest.mark.parametrize(
    "text",
    ["", "10", "10.0.0", "10.0.0.256", "10.0.0.1234", "1.2.3.4.5", "10.0.0.7 ", " 10.0.0.7", "-1.0.0.0", "1.2.3.x", "٣.0.0.1",
     "10.0.0.7/8", ":", ":::", "1:2", "12:30", "1:2:3:4:5:6:7:8:9", "g::", "::1%lo", "::10.0.0.7", "[::1]", "12345::", "localhost", "0000010.000.0.07",
     "10.0.0.7\n", "::1\n", "0" * 1_000_000],
)  # fmt: skip
def test_other_text_is_no_address(text: str) -> None:
    """Neither names, ports, scopes, brackets nor embedded dotted quads."""
    assert parse_address(text) is None
