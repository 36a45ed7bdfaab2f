"""JSON documents into structs."""

import pytest

from bridge.errors import InvalidConfig
from bridge.model.bus import BusSpec
from bridge.model.documents import parse, parse_json


def test_units_are_numbers_in_code() -> None:
    """Texts of durations and sizes arrive as numbers."""
    spec = parse_json(b'{"retention":{"age":"7d","size":"10GiB"}}', BusSpec)
    assert (spec.retention.age, spec.retention.size) == (604800, 10 * 2**30)


def test_decoded_values_are_taken_as_well() -> None:
    """A dict gives what its JSON would."""
    assert parse({"partitions": 4}, BusSpec).partitions == 4


@pytest.mark.parametrize(
    ("value", "path"),
    [({"parts": 1}, "$.parts"), ({"limits": {"eventSize": 5}}, "$.limits.eventSize"), ({"partitions": 0}, "$.partitions"),
     ([], "$")],
)  # fmt: skip
def test_errors_name_the_path(value: object, path: str) -> None:
    """Unknown members, wrong types and values beyond limits alike."""
    with pytest.raises(InvalidConfig) as caught:
        parse(value, BusSpec)
    assert caught.value.path == path


def test_text_that_is_no_json_is_refused() -> None:
    """With the parser's reason."""
    with pytest.raises(InvalidConfig, match="not valid JSON"):
        parse_json(b"{", BusSpec)
