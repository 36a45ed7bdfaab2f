"""Exact values and `exactly`."""

import pytest

from tests.operators import holds, parse, refusal, text_holds


@pytest.mark.parametrize("value", ['"a"', '""', "5", "true", "false", "null", '"10.0.0.7"', "12345678901234567890"])
def test_a_value_equals_itself_and_no_other(value: str) -> None:
    """Never across types: `true` is not 1, not "true", null is not ""."""
    values = ['"a"', '"A"', '""', "5", "1", "0", "true", "false", "null", '"5"', '"true"', '"null"', '"10.0.0.7"']
    values.append("12345678901234567890")
    assert [other for other in values if holds(value, other)] == [value]


@pytest.mark.parametrize(
    ("pattern", "event"), [("5", "5.0"), ("5.0", "5"), ("0", "-0.0"), ("50e-1", "5"), ("1e23", "1E+23")]
)
def test_numbers_are_equal_by_value(pattern: str, event: str) -> None:
    """In any spelling."""
    assert holds(pattern, event)


@pytest.mark.parametrize(("pattern", "event"), [("12345678901234567890", "12345678901234567890.0"), ("1e400", "10e399"),
                                                ("9007199254740993", "9007199254740992")])  # fmt: skip
def test_numbers_beyond_doubles_are_equal_by_their_characters(pattern: str, event: str) -> None:
    """Another spelling is another number."""
    assert not holds(pattern, event)
    assert holds(pattern, pattern)


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        ("10.0.0.7", "010.000.0.07"),
        ("::1", "0:0:0:0:0:0:0:1"),
        ("2001:db8::1", "2001:DB8:0::0001"),
        ("::ffff:a00:7", "10.0.0.7"),
    ],
)
def test_text_that_is_an_address_means_the_address(pattern: str, event: str) -> None:
    """In another spelling too, but not in the aliyun dialect."""
    assert text_holds(f'"{pattern}"', event)
    assert not holds(f'"{pattern}"', f'"{event}"', "aliyun")


def test_an_address_equals_its_own_family_only() -> None:
    """a00:7:: has the same first bytes as 10.0.0.7, and is another address."""
    assert not text_holds('"10.0.0.7"', "a00:7::")
    assert not holds('"10.0.0.7"', "10")


@pytest.mark.parametrize(
    "text", ["10.0.0.256", "10.0.0", "fe80::1%eth0", "::ffff:10.0.0.7", "12:30", "[::1]", "10.0.0.7:80"]
)
def test_other_text_means_itself(text: str) -> None:
    """Also where it resembles an address."""
    assert text_holds(f'"{text}"', text)
    assert "address" not in parse(f'"{text}"').wanted


def test_exactly_is_never_an_address() -> None:
    """It compares characters."""
    assert text_holds('{"exactly":"10.0.0.7"}', "10.0.0.7")
    assert not text_holds('{"exactly":"10.0.0.7"}', "010.0.0.7")


@pytest.mark.parametrize("argument", ["5", "null", "true", '["a"]', '{"a":1}'])
def test_exactly_takes_a_string(argument: str) -> None:
    """Nothing else."""
    path, reason = refusal(f'{{"exactly":{argument}}}')
    assert (path, reason[:26]) == (".exactly", "`exactly` takes a string, ")


def test_exactly_is_not_of_aliyun() -> None:
    """It is named as such."""
    assert "not part of the aliyun dialect" in refusal('{"exactly":"a"}', "aliyun")[1]


@pytest.mark.parametrize(("pattern", "words"), [('"a"', '"a"'), ("5.0", "5.0"), ("null", "null"),
                                                ('"::1"', '"::1" (or another spelling of this address)')])  # fmt: skip
def test_in_words(pattern: str, words: str) -> None:
    """As written."""
    assert parse(pattern).wanted == words
