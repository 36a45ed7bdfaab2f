"""URLs: what is refused, what is encoded, and that a value cannot change where one leads."""

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connectors.urls import check_url, escape_url, parse_url


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("http://h", "http://h/"),
        ("HTTPS://H:8443/a", "https://h:8443/a"),
        ("http://h?x=1", "http://h/?x=1"),
        ("http://h/a%2Fb%7e/?q=%20+&r", "http://h/a%2Fb%7e/?q=%20+&r"),
        ("http://h/a b/ü?q=ä ö", "http://h/a%20b/%C3%BC?q=%C3%A4%20%C3%B6"),
        ("http://h/x?next=../..", "http://h/x?next=../.."),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://[::ffff:127.0.0.1]/", f"http://[{ip_address('::ffff:127.0.0.1')}]/"),  # as the Python writes it
        ("http://a1.1a/", "http://a1.1a/"),
        ("http://\u2460\u2461\u2466.0.0.1/", "http://127.0.0.1/"),
        ("http://light_3.city-hall.example.:80/", "http://light_3.city-hall.example./"),
    ],
)
def test_a_url_stays_as_written_but_for_what_is_illegal(text: str, sent: str) -> None:
    """Nothing is decoded, nothing normalised in path and query."""
    assert str(parse_url(text)) == sent


@pytest.mark.parametrize(
    "text",
    [
        "", "/hooks", "//h/x", "h:80/x", "ftp://h/", "file:///etc/passwd", "http:/h", "http:h", "http://", "http:///x",
        "http://user@h/", "http://user:pw@h/", "http://@h/", "http://h/#x", "http://h/a/../b", "http://h/..",
        "http://h/%2e%2E/b", "http://h/./b", "http://h\\@e/", "http://h/a\r\nX: y", "http://h/\0", "http://h\t/",
        "http://h:99999/", "http://h:x/", "http://[::1/", "http://a b/", "http://a%40b/", "http://a,b/",
        "http://h/\ud800", " http://h/",
        "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/",
        "http://127.0.0.1./", "http://1.2.3.4.5/", "http://a.1/", "http://[1::2::3]/", "http://[::1%]/",
    ],
)  # fmt: skip
def test_what_is_no_url_for_us_is_refused(text: str) -> None:
    """With a reason; so is what would leak credentials, climb out of a path, or be an address only for some."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "${data.url}",
        "http${x}",
        "https://${data.host}/x",
        "https://a.${x}",
        "http://h/${a}/b?c=${d}",
        "http://h/a.${x}",
    ],
)
def test_a_url_with_placeholders_is_judged_by_its_beginning(text: str) -> None:
    """What follows is known at delivery only; so is the host, unless it has ended."""
    url = check_url(text)
    assert (url.host if url is not None else None) == ("h" if text.startswith("http://h/") else None)


@pytest.mark.parametrize(
    "text", ["ftp://${x}/", "/hooks/${x}", "ht!${x}", "http://u@h/${x}", "http://a b/${x}", "ftp://h/"]
)
def test_a_beginning_that_can_never_be_right_is_refused(text: str) -> None:
    """When the rule is made, not when the first event comes."""
    with pytest.raises(ValueError, match=r"\w"):
        check_url(text)


@pytest.mark.parametrize(
    ("before", "value", "text"),
    [
        ("", "https://h/x?y", "https://h/x?y"),
        ("http", "s", "s"),
        ("https://", "h:80", "h:80"),
        ("https://", "u@h/x", "u%40h%2Fx"),
        ("https://h/", "a/../b?c#d", "a%2F..%2Fb%3Fc%23d"),
        ("https://h/?q=", "1&r=2 ü+%", "1%26r%3D2%20%C3%BC%2B%25"),
        ("https://h?q=", "a:b", "a%3Ab"),
        ("/x?u=http://", "h", "h"),
    ],
)
def test_values_are_encoded_for_their_place(before: str, value: str, text: str) -> None:
    """At the beginning, as host, behind it."""
    assert escape_url(before, value) == text


@given(st.text())
def test_a_value_stays_within_its_path_segment(value: str) -> None:
    """Host and query are those of the template, and the server reads the value back; or the URL is refused."""
    filled = "https://city.example/hooks/" + escape_url("https://city.example/hooks/", value) + "/end?a=1"
    try:
        url = parse_url(filled)
    except ValueError:
        assert value in {".", ".."}
        return
    assert (url.host, url.raw_query_string) == ("city.example", "a=1")
    segments = url.raw_path.split("/")
    assert (len(segments), segments[1], segments[3]) == (4, "hooks", "end")
    if value.isascii():
        assert unquote(segments[2]) == value


@given(st.text())
def test_a_value_in_place_of_the_host_brings_no_path_and_no_credentials(host: str) -> None:
    """It is a host, or the URL is refused."""
    try:
        url = parse_url(f"http://{escape_url('http://', host)}/hooks")
    except ValueError:
        return
    assert (url.raw_path, url.raw_user) == ("/hooks", None)


@given(st.text())
def test_any_text_is_a_url_or_refused(text: str) -> None:
    """With a documented error, also behind a good beginning."""
    for candidate in (text, f"http://{text}", f"http://h/{text}"):
        with suppress(ValueError):
            assert str(parse_url(candidate)).isascii()
