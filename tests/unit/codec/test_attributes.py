"""What an attribute may be."""

import pytest

from bridge.codec.attributes import (
    Known,
    are_plain,
    check_attribute,
    check_event,
    check_required,
    check_version,
    is_timestamp,
    is_utf8,
)
from bridge.errors import InvalidEvent
from bridge.model.event import Event


@pytest.mark.parametrize(
    "value",
    ["2026-11-24T08:30:00Z", "2026-11-24t08:30:00.123456789z", "2024-02-29T00:00:00+05:30", "1990-12-31T23:59:60Z"],
)
def test_times_of_rfc_3339(value: str) -> None:
    """Any precision, any offset, leap days and seconds."""
    assert is_timestamp(value)


@pytest.mark.parametrize(
    "value",
    ["2026-11-24", "2026-11-24T08:30Z", "2026-11-24T08:30:00", "2026-11-24T08:30:00+05", "2023-02-29T00:00:00Z",
     "2026-11-24T24:00:00Z", "2026-11-24T08:30:00Z\n", "2026-13-01T00:00:00Z", "٢026-11-24T08:30:00Z"],
)  # fmt: skip
def test_other_times_are_refused(value: str) -> None:
    """Seconds and a full offset are required and the date must exist."""
    with pytest.raises(InvalidEvent) as caught:
        check_attribute("time", value)
    assert caught.value.path == "$.time"


@pytest.mark.parametrize(
    ("name", "value"),
    [("subject", ""), ("datacontenttype", "xyz"), ("dataschema", "/relative"), ("Big", "x"), ("data", "x"), ("a\n", "x"),
     ("count", 2**31), ("text", "a\x01"), ("text", "\ufdd0"), ("text", "\ud800"), ("subject", 5), ("a_b", "x")],
)  # fmt: skip
def test_bad_attributes_are_refused_with_their_path(name: str, value) -> None:
    """Names, ranges, characters and the core attributes' own rules."""
    with pytest.raises(InvalidEvent) as caught:
        check_attribute(name, value)
    assert caught.value.path == f"$.{name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("subject", "grüße"), ("datacontenttype", 'text/plain; charset="utf-8"'), ("dataschema", "urn:x:y"), ("flag", True),
     ("count", -(2**31)), ("blob", b"\x00"), ("emoji", "🚦")],
)  # fmt: skip
def test_good_attributes_pass(name: str, value) -> None:
    """Unicode, parameters, every type."""
    check_attribute(name, value)


@pytest.mark.parametrize("source", ["/junction/7", "urn:uuid:1", "https://a.example/b?c=%20#d", "x"])
def test_a_source_is_a_uri_reference(source: str) -> None:
    """Relative or absolute."""
    check_required("source", source)


@pytest.mark.parametrize("source", ["", "a b", "%zz", "<x>", "ü"])
def test_other_sources_are_refused(source: str) -> None:
    """Spaces, broken escapes and characters outside RFC 3986."""
    with pytest.raises(InvalidEvent):
        check_required("source", source)


def test_only_version_1_0() -> None:
    """As text, exactly."""
    check_version("1.0")
    for value in ("0.3", "1", 1.0, None):
        with pytest.raises(InvalidEvent):
            check_version(value)


def test_an_event_is_judged_attribute_by_attribute() -> None:
    """The first bad one is named; the four required ones have places of their own."""
    good = Event("1", "/s", "t", {"subject": "a", "flag": True})
    assert check_event(good) is good
    for bad in (Event("1", "", "t", {}), Event("1", "/s", "t", {"type": "t"}), Event("1", "/s", "t", {"time": "now"})):
        with pytest.raises(InvalidEvent):
            check_event(bad)


def test_errors_stay_short() -> None:
    """However long the name or value that was sent."""
    for name, value in (("x" * 10_000 + "_", "a"), ("datacontenttype", "x" * 10_000), ("n", 10**4000)):
        with pytest.raises(InvalidEvent) as caught:
            check_attribute(name, value)
        assert len(str(caught.value)) < 300


def test_judging_takes_time_in_proportion() -> None:
    """A media type that almost is one would take minutes otherwise."""
    for value in ("a/b" + " " * 200_000 + "x", "a/b" + "; " * 100_000 + "x", 'a/b;x="' + "\\" * 200_000):
        with pytest.raises(InvalidEvent):
            check_attribute("datacontenttype", value)


def test_known_values_are_judged_once_and_kept_within_bounds() -> None:
    """Long ones each time; a bad one is not kept."""
    judged = []

    def check(value: str) -> None:
        judged.append(value)
        if value == "bad":
            raise InvalidEvent(path="$.type")

    known = Known(check, size=2)
    known.check(["a", "b"])
    known.check(["b", "a"])
    assert judged == ["a", "b"]
    known.check(["c", "x" * 300])
    known.check(["x" * 300])
    assert judged == ["a", "b", "c", "x" * 300, "x" * 300]
    assert len(known) <= 2
    for _ in range(2):
        with pytest.raises(InvalidEvent):
            known.check(["c", "bad"])


def test_plain_columns() -> None:
    """Printable ASCII and nothing else."""
    assert are_plain([])
    assert are_plain(["a b", "~"])
    assert not are_plain(["a", "\x7f"])
    assert not are_plain(["ü"])
    assert is_utf8("ü".encode())
    assert is_utf8(b"")
    assert not is_utf8(b"\xff")
