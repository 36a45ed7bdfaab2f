"""Attributes as map entries."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent
from bridge.codec.entries import Entries, check_entry, keep_entry, make_entry, read_entry
from bridge.codec.times import FIRST, LAST, format_time
from bridge.errors import InvalidEvent
from tests.unit.codec.strategies import TIMES

Value = CloudEvent.CloudEventAttributeValue


def entry(name: str, **value) -> bytes:
    return CloudEvent.AttributesEntry(key=name, value=Value(**value)).SerializeToString()


@pytest.mark.parametrize(
    ("encoded", "read"),
    [
        (entry("a", ce_string="x"), ("a", "x")),
        (entry("a", ce_string=""), ("a", "")),
        (entry("a", ce_boolean=False), ("a", False)),
        (entry("a", ce_integer=-5), ("a", -5)),
        (entry("a", ce_bytes=b"\xff"), ("a", b"\xff")),
        (entry("a", ce_uri="urn:x"), ("a", "urn:x")),
        (entry("a", ce_uri_ref="../x"), ("a", "../x")),
        (entry("a", ce_timestamp=Timestamp(seconds=1)), ("a", "1970-01-01T00:00:01Z")),
        (entry("dataschema", ce_uri="urn:x"), ("dataschema", "urn:x")),
        (entry("dataschema", ce_string="urn:x"), ("dataschema", "urn:x")),
    ],
)
def test_every_kind_of_value_is_read(encoded: bytes, read: tuple) -> None:
    """By whoever judges and by whoever trusts."""
    assert check_entry(encoded) == read_entry(encoded) == read
    assert type(read_entry(encoded)[1]) is type(read[1])


@pytest.mark.parametrize(
    ("encoded", "path"),
    [
        (entry("a"), "$.a"),
        (entry("Big", ce_string="x"), "$.Big"),
        (entry("data", ce_integer=1), "$.data"),
        (entry("id", ce_string="x"), "$.id"),
        (entry("specversion", ce_string="1.0"), "$.specversion"),
        (entry("a", ce_string="\x01"), "$.a"),
        (entry("a", ce_uri="relative"), "$.a"),
        (entry("a", ce_uri_ref="a b"), "$.a"),
        (entry("a", ce_timestamp=Timestamp(seconds=LAST + 1)), "$.a"),
        (entry("time", ce_timestamp=Timestamp(seconds=FIRST - 1)), "$.time"),
        (entry("time", ce_timestamp=Timestamp(nanos=1_000_000_000, seconds=1795509000)), "$.time"),
        (entry("time", ce_timestamp=Timestamp(nanos=-1)), "$.time"),
        (entry("time", ce_string="2026-11-24T08:30:00Z"), "$.time"),
        (entry("datacontenttype", ce_uri="text/plain"), "$.datacontenttype"),
        (entry("subject", ce_integer=5), "$.subject"),
        (b"\xff", None),
        (b"\n\x01\xff", None),
    ],
)
def test_bad_entries_are_refused_with_their_path(encoded: bytes, path: str | None) -> None:
    """Names, values, kinds that do not suit a core attribute, and our own two forms."""
    with pytest.raises(InvalidEvent) as caught:
        check_entry(encoded)
    assert caught.value.path == path


@given(st.integers(-(2**40), 2**40), st.integers(-(2**31), 2**31 - 1) | st.integers(2**28, 2**30))
def test_a_time_is_judged_by_its_range(seconds: int, nanos: int) -> None:
    """The quick look agrees with the rule, whatever the length of the numbers."""
    encoded = entry("time", ce_timestamp=Timestamp(seconds=seconds, nanos=nanos))
    if FIRST <= seconds <= LAST and 0 <= nanos < 10**9:
        assert check_entry(encoded)[0] == "time"
        assert read_entry(encoded) == ("time", format_time(seconds, nanos))
    else:
        with pytest.raises(InvalidEvent):
            check_entry(encoded)


@given(TIMES)
def test_the_log_keeps_the_text_of_a_time(text: str) -> None:
    """In any spelling, while others get a Timestamp."""
    assert read_entry(keep_entry("time", text)) == ("time", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-24T09:30:00+01:00", Value(ce_timestamp=Timestamp(seconds=1795509000))),
        ("0001-01-01T00:00:00+01:00", Value(ce_string="0001-01-01T00:00:00+01:00")),
    ],
)
def test_others_get_a_timestamp(text: str, value: Value) -> None:
    """Unless there is none for that instant."""
    assert CloudEvent.AttributesEntry.FromString(make_entry("time", text)).value == value


@pytest.mark.parametrize("value", [True, 1, "1", b"1", "x" * 1000, -(2**31), "ü"])
def test_values_keep_their_type(value: object) -> None:
    """Equal ones as well: True is not 1."""
    for make in (make_entry, keep_entry):
        name, read = read_entry(make("a", value))
        assert (name, read, type(read)) == ("a", value, type(value))


def test_entries_are_kept_within_bounds() -> None:
    """By number and by size; times not at all."""
    entries = Entries(read_entry, size=2)
    for encoded in (
        entry("a", ce_string="1"),
        entry("b", ce_string="x" * 300),
        entry("time", ce_timestamp=Timestamp()),
    ):
        assert entries[encoded] == entries[encoded]
    assert list(entries) == [entry("a", ce_string="1")]
    for i in range(10):
        assert entries[entry("a", ce_integer=i)] == ("a", i)
        assert len(entries) <= 2
