"""JSON Schema of configs: units as text, marks, nested structs."""

from typing import Annotated, Literal

import msgspec
import pytest

from bridge.connectors.base import Config, field
from bridge.connectors.schema import config_schema, spell
from bridge.model.documents import Document
from bridge.model.units import Duration, Rate, Size


class Part(Document, frozen=True, kw_only=True):
    max_size: Annotated[Size, field("How large.")] = Size(2**20)


class Example(Config, frozen=True, kw_only=True):
    url: Annotated[str, field("Where to.", expression=True, min_length=1)]
    password: Annotated[str, field("Never shown.", secret=True)] = ""
    mode: Annotated[Literal["a", "b"], field("Which.")] = "a"
    timeouts: Annotated[tuple[Duration, ...], field("How long.")] = (Duration(1),)
    wait: Annotated[Duration | None, field("How long.")] = Duration(0.2)
    part: Annotated[Part, field("A part.")] = Part(max_size=Size(1))
    parts: Annotated[list[Part], field("Parts.")] = msgspec.field(default_factory=list)
    other: Annotated[Part | None, field("Another.")] = None


SCHEMA = config_schema(Example)


def test_each_field_says_what_it_is() -> None:
    """Description, limits, choices, and whether it must be there."""
    properties = SCHEMA["properties"]
    assert properties["url"] == {"type": "string", "minLength": 1, "description": "Where to.", "x-expression": True}
    assert properties["password"]["writeOnly"] is True
    assert properties["mode"]["enum"] == ["a", "b"]
    assert (SCHEMA["type"], SCHEMA["required"], SCHEMA["additionalProperties"]) == ("object", ["url"], False)


def test_units_are_text_also_within_other_types() -> None:
    """With an example and the default as one would write it."""
    properties = SCHEMA["properties"]
    assert properties["wait"]["default"] == "200ms"
    assert {"type": "string", "examples": ["15s"]} in properties["wait"]["anyOf"]
    assert properties["timeouts"]["items"] == {"type": "string", "examples": ["15s"]}
    assert SCHEMA["$defs"]["Part"]["properties"]["maxSize"]["default"] == "1MiB"


def test_nested_structs_are_defined_once() -> None:
    """And referred to; their defaults hold what differs."""
    assert set(SCHEMA["$defs"]) == {"Part"}
    assert SCHEMA["properties"]["parts"]["items"] == {"$ref": "#/$defs/Part"}
    assert SCHEMA["properties"]["part"]["default"] == {"maxSize": "1B"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Duration(0), "0ms"), (Duration(0.25), "250ms"), (Duration(90), "90s"), (Duration(120), "2m"),
        (Duration(86400), "1d"), (Size(0), "0B"), (Size(1536), "1536B"), (Size(3 * 2**30), "3GiB"), (Rate(100), "100/s"),
        ("x", "x"), (5, 5),
    ],
)  # fmt: skip
def test_values_are_spelled_as_one_would(value: object, text: object) -> None:
    """In the largest unit that fits exactly; what was spelled can be parsed."""
    assert spell(value) == text
    if isinstance(value, Duration | Size):
        assert type(value).parse(text) == value
