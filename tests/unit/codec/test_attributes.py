"""What an attribute may be."""

import pytest

from bridge.codec.attributes import check_attribute, check_required, check_version, is_timestamp
from bridge.errors import InvalidEvent


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
