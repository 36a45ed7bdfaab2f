"""Headers: which are refused, and that a value cannot break out of its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connectors.headers import check_headers, encode_header
from bridge.errors import InvalidConfig


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (["X-A", "a b"], "a b"),
        ([""], ""),
        (["x:y"], "x:y"),
        (["X-\u00fc"], "X-\u00fc"),
        (["Host"], "Host"),
        (["content-LENGTH"], "content-LENGTH"),
        (["Proxy-Authorization"], "Proxy-Authorization"),
        (["X-A", "x-a"], "x-a"),
        (["X-Mine", "Theirs"], "Theirs"),
    ],
)
def test_what_is_refused_is_named(names: list[str], refused: str) -> None:
    """No header at all, one of the connection, one that stands there twice, one that is taken."""
    with pytest.raises(InvalidConfig) as caught:
        check_headers(names, lambda name: "is taken" if name == "theirs" else "")
    assert caught.value.path == f"$.headers.{refused}"


def test_all_others_are_fine() -> None:
    """In any letter case."""
    check_headers(["Authorization", "x-light", "Accept", "ce-id"], lambda name: "")


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("Bearer abc==", "Bearer abc=="),
        ("  a b  ", "a b"),
        ("a\r\nb", "a%0D%0Ab"),
        ("\x00\x7f\x85", "%00%7F%C2%85"),
        ("grün 100%", "gr%C3%BCn 100%"),
        ("\ud800", "%3F"),
        ("", ""),
    ],
)
def test_header_values_are_visible_ascii(value: str, header: str) -> None:
    """What is not is percent-encoded; spaces around it go."""
    assert encode_header(value) == header


@given(st.text())
def test_any_value_is_one_line_of_visible_ascii(value: str) -> None:
    """Encoding it again alters nothing."""
    header = encode_header(value)
    assert header.isascii()
    assert header.isprintable()
    assert encode_header(header) == header
