"""A CloudEvent under the names of Amazon EventBridge."""

import json

import pytest

from bridge.model.event import DataForm, Event
from bridge.rules.envelope import RESERVED, envelope_of, object_of
from bridge.rules.jsonpath import Spelling, compile_path
from bridge.rules.scope import DocumentScope, Names, Scope

NAMES = Names("r", "t")
EVENT = Event("1", "/s", "t", {"subject": "x", "account": "123", "region": "eu-1"}, b'{"a": {"b":1.10}}', DataForm.JSON)
SCOPE = Scope(EVENT, "traffic", 0.0)


@pytest.mark.parametrize(
    ("path", "json"),
    [
        ("$.version", b'"0"'),
        ("$.detail-type", b'"t"'),
        ("$.detail", b'{"a":{"b":1.10}}'),
        ("$.detail.a.b", b"1.10"),
        ("$.detail.a.*", b"[1.10]"),
        ("$.account", b'"123"'),
        ("$.region", b'"eu-1"'),
        ("$.time", b'"1970-01-01T00:00:00Z"'),
        ("$.resources", b"[]"),
        ("$.resources[0]", None),
        ("$.data.a.b", b"1.10"),
        ("$.data..b", b"[1.10]"),
        ("$.subject", b'"x"'),
        ("$..b", b"[1.10]"),
        ("$.nothing", None),
    ],
)
def test_members(path: str, json: bytes | None) -> None:
    """The envelope's names, and the event's own beside them."""
    assert envelope_of(SCOPE).json(compile_path(path, Spelling.VENDOR)) == json


def test_text_is_as_json_says() -> None:
    """An extension that the envelope shows otherwise is shown so as text too."""
    scope = Scope(Event("1", "/s", "t", {"resources": "arn:x", "version": 3}), "traffic", 0.0)
    envelope = envelope_of(scope)
    assert envelope.text(compile_path("resources")) == '["arn:x"]'
    assert envelope.text(compile_path("version")) == "3"
    assert envelope.text(compile_path("detail")) is None
    assert "detail" not in json.loads(envelope.whole())


def test_one_envelope_per_event() -> None:
    """Made once and kept with the event; a document is one already."""
    assert envelope_of(SCOPE) is envelope_of(SCOPE)
    document = DocumentScope(b"{}", "b", 0.0)
    assert envelope_of(document) is document


def test_rule_arn() -> None:
    """With the bus, unless it is the default one."""
    arn = RESERVED["aws.events.rule-arn"]
    assert arn(SCOPE, NAMES) == b'"arn:aws:events:eu-1:123:rule/traffic/r"'
    assert arn(Scope(EVENT, "default", 0.0), NAMES) == b'"arn:aws:events:eu-1:123:rule/r"'


def test_event_without_detail_keeps_other_members() -> None:
    """A replayed event has one more."""
    document = DocumentScope(b'{"id":"1","replay-name":"n","detail":{},"detail-type":"t"}', "b", 0.0)
    assert RESERVED["aws.events.event"](document, NAMES) == b'{"id":"1","detailType":"t","replay-name":"n"}'
    assert object_of(document, ("id", "nothing")) == b'{"id":"1"}'
