"""`cidr`."""

import pytest

from tests.operators import holds, parse, refusal, text_holds


@pytest.mark.parametrize(
    ("block", "inside", "outside"),
    [
        ("10.0.0.0/24", ["10.0.0.0", "10.0.0.255", "010.0.0.7", "::ffff:a00:7"], ["10.0.1.0", "9.255.255.255", "a00:7::"]),
        ("10.0.0.7/31", ["10.0.0.6", "10.0.0.7"], ["10.0.0.5", "10.0.0.8"]),
        ("10.0.0.7/24", ["10.0.0.0", "10.0.0.255"], ["10.0.1.0"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1", "5"]),
        ("32.0.0.0/8", ["32.1.2.3"], ["2001:db8::1"]),
        ("2001:db8::/32", ["2001:DB8::1", "2001:db8:ffff::"], ["2001:db9::", "10.0.0.1"]),
        ("::1/127", ["::", "::1"], ["::2"]),
        ("::/0", ["::", "ffff::"], ["10.0.0.1", "x"]),
    ],
)  # fmt: skip
def test_addresses_inside_and_outside(block: str, inside: list[str], outside: list[str]) -> None:
    """The block that contains the written address, within its family."""
    alternative = f'{{"cidr":"{block}"}}'
    assert [text for text in inside if not text_holds(alternative, text)] == []
    assert [text for text in outside if text_holds(alternative, text)] == []


@pytest.mark.parametrize("value", ["5", "null", "true", '"10.0.0.x"', '""', '"10.0.0.1/24"'])
def test_what_is_no_address_is_outside(value: str) -> None:
    """Without an error."""
    assert not holds('{"cidr":"0.0.0.0/0"}', value)


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("5", "takes a string"),
        ('["10.0.0.0/8"]', "takes a string"),
        ('"foo"', "is no block"),
        ('"foo/8"', "is no block"),
        ('"10.0.0.0/"', "is no block"),
        ('"10.0.0.0/8/8"', "is no block"),
        ('"10.0.0.0/x"', "is no block"),
        ('"10.0.0.0/-1"', "is no block"),
        ('"10.0.0.0/+1"', "is no block"),
        ('"10.0.0.256/8"', "is no block"),
        ('"10.0.0.0/32"', "0 to 31 bits"),
        ('"::1/128"', "0 to 127 bits"),
    ],
)
def test_what_is_refused(argument: str, reason: str) -> None:
    """With the forms that are right."""
    path, why = refusal(f'{{"cidr":{argument}}}')
    assert path == ".cidr"
    assert reason in why


def test_an_address_without_bits_is_that_address() -> None:
    """As RocketMQ EventBridge has it; not in the aws dialect."""
    assert text_holds('{"cidr":"10.0.0.7"}', "10.0.0.7")
    assert not text_holds('{"cidr":"10.0.0.7"}', "10.0.0.6")
    assert "not part of the aws dialect" in refusal('{"cidr":"10.0.0.7"}', "aws")[1]


def test_version_six_is_not_of_aliyun() -> None:
    """It is named as such."""
    assert "an IPv6 block is not part of the aliyun dialect" in refusal('{"cidr":"::/64"}', "aliyun")[1]


def test_in_words() -> None:
    """As written."""
    assert parse('{"cidr":"10.0.0.0/8"}').wanted == 'an address in "10.0.0.0/8"'
