"""Events: keys and media types."""

import pytest

from bridge.model.event import DataForm, Event, is_json


@pytest.mark.parametrize(
    ("attributes", "key"),
    [
        ({"partitionkey": "k", "subject": "s"}, "k"),
        ({"partitionkey": 7}, "7"),
        ({"subject": "s"}, "s"),
        ({}, "/source"),
    ],
)
def test_key_is_partitionkey_then_subject_then_source(attributes: dict, key: str) -> None:
    """The partition follows from the first of the three that is there."""
    assert Event("1", "/source", "t", attributes).key == key


@pytest.mark.parametrize("kind", ["application/json", "APPLICATION/JSON; charset=utf-8", "a/b+json", "x/json"])
def test_json_media_types(kind: str) -> None:
    """Any */json and */*+json declares JSON, in any case, with parameters."""
    assert is_json(kind)


@pytest.mark.parametrize("kind", ["text/plain", "application/jsonp", "json", "application/json+xml"])
def test_other_media_types(kind: str) -> None:
    """Nothing else does."""
    assert not is_json(kind)


def test_data_is_json_by_content_type_else_by_form() -> None:
    """Without a content type, only data that arrived as JSON is JSON."""
    assert Event("1", "/s", "t", {}, b"1", DataForm.JSON).has_json_data
    assert not Event("1", "/s", "t", {}, b"1").has_json_data
    assert Event("1", "/s", "t", {"datacontenttype": "application/json"}, b"1").has_json_data
    assert not Event("1", "/s", "t", {"datacontenttype": "application/json"}).has_json_data
