"""Value tables of the C# SDK: HTTP header values, attribute types, times."""

import pytest

from bridge.codec.attributes import check_text, is_reference, is_uri
from bridge.codec.http import decode_value, encode_value
from bridge.codec.json import parse_event
from bridge.codec.times import is_timestamp
from bridge.errors import InvalidEvent
from tests.conformance.golden import load

SUITE = load("cloudevents-sdk-csharp.json")
HEADERS = SUITE.get("http_header", {"round_trip": [], "decode_only": [], "decode_invalid": []})
TYPES = SUITE.get("types", {})
TIMES = SUITE.get("timestamps", {"valid": [], "invalid": []})


def table(kind: str, column: str) -> list:
    return TYPES.get(kind, {}).get(column, [])


@pytest.mark.parametrize(("value", "header"), HEADERS["round_trip"])
def test_header_values_round_trip(value: str, header: str) -> None:
    """Both ways, exactly."""
    assert encode_value(value) == header
    assert decode_value("x", header.encode()) == value


@pytest.mark.parametrize(("header", "value"), HEADERS["decode_only"])
def test_lenient_header_values(header: str, value: str) -> None:
    """Quoted strings and lower-case escapes."""
    assert decode_value("x", header.encode()) == value


@pytest.mark.parametrize("header", HEADERS["decode_invalid"])
def test_bad_header_values_are_refused(header: str) -> None:
    """Broken escapes and what is not UTF-8."""
    with pytest.raises(InvalidEvent):
        decode_value("x", header.encode())


def parsed(raw: str) -> object:
    """An extension given as raw JSON: the only door through which other types than text come as text."""
    body = f'{{"specversion":"1.0","id":"1","source":"/s","type":"t","ext":{raw}}}'
    return parse_event(body.encode()).attributes["ext"]


@pytest.mark.parametrize(("raw", "value"), table("Boolean", "valid") + table("Integer", "valid"))
def test_booleans_and_integers(raw: str, value: object) -> None:
    """Canonical text."""
    assert parsed(raw) == value


@pytest.mark.parametrize("raw", table("Boolean", "invalid") + [r for r in table("Integer", "invalid") if r != " 10"])
def test_other_booleans_and_integers_are_refused(raw: str) -> None:
    """By range, by grammar. (A space before a number is fine in JSON.)"""
    with pytest.raises(InvalidEvent):
        parsed(raw)


@pytest.mark.parametrize(("encoded", "value"), table("Binary", "valid"))
def test_base64(encoded: str, value: str) -> None:
    """As data."""
    body = f'{{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"{encoded}"}}'
    assert parse_event(body.encode()).data == bytes.fromhex(value)


@pytest.mark.parametrize("encoded", table("Binary", "invalid"))
def test_other_base64_is_refused(encoded: str) -> None:
    """Wrong length or padding."""
    with pytest.raises(InvalidEvent):
        parse_event(f'{{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"{encoded}"}}'.encode())


@pytest.mark.parametrize("value", table("String", "valid"))
def test_strings(value: str) -> None:
    """Any character that is one."""
    check_text("x", value)


@pytest.mark.parametrize(
    "value",
    [*table("String", "invalid"), *("".join(map(chr, pair)) for pair in table("String", "invalid_utf16_pairs"))],
    ids=ascii,
)
def test_other_strings_are_refused(value: str) -> None:
    """Control characters, non-characters, half pairs."""
    with pytest.raises(InvalidEvent):
        check_text("x", value)


def test_uris() -> None:
    """Absolute ones; a reference may be relative."""
    assert all(map(is_uri, table("URI", "valid")))
    assert not any(map(is_uri, table("URI", "invalid")))
    assert all(map(is_reference, table("URI-reference", "valid")))


@pytest.mark.parametrize("text", TIMES["valid"])
def test_times(text: str) -> None:
    """RFC 3339."""
    assert is_timestamp(text)


@pytest.mark.parametrize("text", TIMES["invalid"])
def test_other_times_are_refused(text: str) -> None:
    """Whatever is not."""
    assert not is_timestamp(text)
