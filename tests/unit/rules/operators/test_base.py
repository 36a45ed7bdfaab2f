"""What all operators share."""

import pytest

from bridge.errors import InvalidPattern
from bridge.rules.jsontext import Members
from bridge.rules.numbers import parse_number
from bridge.rules.operators.base import AWS, Operator, Site, kind_of, member_path, show


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a_b1", "$.a_b1"),
        ("1a", "$['1a']"),
        ("a.b", "$['a.b']"),
        ("", "$['']"),
        ("é", "$['é']"),
        ("it's\\", "$['it\\'s\\\\']"),
    ],
)
def test_paths_of_members(name: str, path: str) -> None:
    """By a dot where RFC 9535 allows it, else quoted."""
    assert member_path("$", name) == path


def test_a_site_refuses_at_its_path() -> None:
    """And names the dialects that have what it refuses."""
    site = Site("aliyun", "$").member("a").element(2)
    with pytest.raises(InvalidPattern) as caught:
        site.require("`x`", AWS)
    assert caught.value.path == "$.a[2]"
    assert caught.value.reason == "`x` is not part of the aliyun dialect (it is of aws and bridge)"
    Site("aws", "$").require("`x`", AWS)


@pytest.mark.parametrize(
    ("value", "kind"),
    [("", "a string"), (True, "true or false"), (parse_number("1"), "a number"), (Members(), "an object"), (None, "null"),
     ([], "a list")],
)  # fmt: skip
def test_kinds_in_words(value: object, kind: str) -> None:
    """For messages."""
    assert kind_of(value) == kind


def test_values_as_json() -> None:
    """As they would be written; numbers with their own characters."""
    assert [show(v) for v in ('a"é', parse_number("5.0"), None, False)] == ['"a\\"é"', "5.0", "null", "false"]


def test_an_operator_says_what_it_is() -> None:
    """The base has neither a meaning nor words."""
    with pytest.raises(NotImplementedError):
        Operator().holds("x")
    with pytest.raises(NotImplementedError):
        _ = Operator().wanted
