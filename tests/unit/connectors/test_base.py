"""Configs are loaded with paths; placeholders are seen."""

from typing import Annotated, Any

import msgspec
import pytest

from bridge.connectors.base import Config, Features, Target, field, has_placeholder, load_config
from bridge.errors import InvalidConfig
from bridge.model.units import Duration


class ExampleConfig(Config, frozen=True, kw_only=True):
    url: Annotated[str, field("Where to.", expression=True)]
    wait: Annotated[Duration, field("How long.")] = Duration(1)


class Example(Target):
    kind = "example"
    Config = ExampleConfig
    features = Features()

    @classmethod
    def check(cls, config: Any) -> None:
        if config.url == "nowhere":
            raise InvalidConfig("leads nowhere", path="$.url")

    async def send(self, deliveries: Any) -> None:
        raise NotImplementedError


def test_a_config_is_its_struct() -> None:
    """Units are understood."""
    assert load_config(Example, msgspec.Raw(b'{"url":"x","wait":"2s"}')) == ExampleConfig(url="x", wait=Duration(2))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b"{}", "$"),
        (b'{"url":1}', "$.url"),
        (b'{"url":"x","wait":"2"}', "$.wait"),
        (b'{"url":"x","wiat":"2s"}', "$.wiat"),
        (b'{"url":"nowhere"}', "$.url"),
        (b"[]", "$"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(text: bytes, path: str) -> None:
    """Types and units by the struct, the rest by ``check``."""
    with pytest.raises(InvalidConfig) as caught:
        load_config(Example, msgspec.Raw(text))
    assert caught.value.path == path


def test_marks_are_kept_for_whoever_reads_them() -> None:
    """In the Meta of the field."""
    marks = field("Where to.", expression=True, escape=str.join, max_length=9)
    assert (marks.description, marks.max_length) == ("Where to.", 9)
    assert marks.extra == {"expression": True, "secret": False, "escape": str.join}
    assert field("x", secret=True).extra_json_schema == {"writeOnly": True}


def test_placeholders_are_seen() -> None:
    """An escaped one counts as well: the text is not final yet."""
    assert [has_placeholder(t) for t in ("a${b}", "$${b}", "$b", "{b}", "")] == [True, True, False, False, False]
