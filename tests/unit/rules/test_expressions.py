"""Placeholders in a connector's config."""

from typing import Annotated

import msgspec
import pytest

from bridge.errors import InvalidTransform
from bridge.model.documents import Document
from bridge.model.event import DataForm, Event
from bridge.rules.expressions import compile_config
from bridge.rules.scope import Names, Scope

MARK = msgspec.Meta(extra={"expression": True})
NAMES = Names("r", "t")
SCOPE = Scope(Event("1", "/s", "t", {"subject": "light-3"}, b'{"d":"north"}', DataForm.JSON), "traffic", 0.0)


class Login(Document, frozen=True, kw_only=True):
    user_name: Annotated[str, MARK] = ""
    password: str = ""


class Config(Document, frozen=True, kw_only=True):
    url: Annotated[str, MARK, msgspec.Meta(min_length=1)]
    method: str = "POST"
    headers: Annotated[dict[str, str], MARK] = msgspec.field(default_factory=dict)
    labels: dict[str, Annotated[str, MARK]] = msgspec.field(default_factory=dict)
    topics: tuple[Annotated[str, MARK], ...] = ()
    keys: Annotated[list[str], MARK] = msgspec.field(default_factory=list)
    login: Login | None = None
    comment: Annotated[str, MARK] | None = None
    retries: int = 3


class Escaped(Document, frozen=True, kw_only=True):
    url: Annotated[
        str, msgspec.Meta(extra={"expression": True, "escape": lambda before, value: f"<{len(before)}:{value}>"})
    ]


def fill(**members: object) -> Config:
    filler = compile_config(Config(**members), Config)
    assert filler is not None
    return filler(SCOPE, NAMES)


def test_nothing_to_fill() -> None:
    """Constant configs cost nothing per event, and fields without the mark are never read."""
    assert (
        compile_config(Config(url="http://x", method="${subject}", login=Login(password="${subject}")), Config) is None
    )


def test_marked_fields_are_filled() -> None:
    """Text, map values, list items, nested structs; everything else stays."""
    filled = fill(
        url="http://x/${data.d}",
        headers={"x-light": "${subject}", "x-fix": "y"},
        labels={"a": "${bridge.bus}"},
        topics=("t/${type}", "u"),
        keys=["k", "${data.d}"],
        login=Login(user_name="${bridge.rule}", password="${subject}"),
        comment="${data.nothing}",
    )
    assert filled == Config(
        url="http://x/north",
        headers={"x-light": "light-3", "x-fix": "y"},
        labels={"a": "traffic"},
        topics=("t/t", "u"),
        keys=["k", "north"],
        login=Login(user_name="r", password="${subject}"),
        comment="",
    )


def test_literal_is_unescaped() -> None:
    """`$${` is a literal also where nothing else is filled in."""
    assert fill(url="http://x/$${a}").url == "http://x/${a}"


def test_config_is_not_changed() -> None:
    """Each delivery gets a config of its own."""
    config = Config(url="x", headers={"a": "${subject}"})
    filler = compile_config(config, Config)
    assert filler(SCOPE, NAMES).headers == {"a": "light-3"}
    assert config.headers == {"a": "${subject}"}


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"url": "${"}, "$.url"),
        ({"url": "x", "headers": {"x-light": "${a.}"}}, "$.headers['x-light']"),
        ({"url": "x", "topics": ("a", "${bridge.x}")}, "$.topics[1]"),
        ({"url": "x", "login": Login(user_name="${}")}, "$.login.userName"),
    ],
)
def test_error_names_the_member(members: dict, path: str) -> None:
    """Refused when the rule is made."""
    with pytest.raises(InvalidTransform) as caught:
        compile_config(Config(**members), Config)
    assert caught.value.path == path


def test_event_that_cannot_fill_it() -> None:
    """Data that claims to be JSON and is not."""
    event = Event("1", "/s", "t", {"datacontenttype": "application/json"}, b"{", DataForm.BINARY)
    filler = compile_config(Config(url="${data.x}"), Config)
    with pytest.raises(InvalidTransform, match="claims to be JSON"):
        filler(Scope(event, "b", 0.0), NAMES)


def test_values_are_escaped_for_their_place() -> None:
    """Each value goes through the field's mark, with the filled-in text before it; the text around it does not."""
    filler = compile_config(Escaped(url="a/${data.d}/${data.x}"), Escaped)
    assert filler(SCOPE, NAMES).url == "a/<2:north>/<12:>"
