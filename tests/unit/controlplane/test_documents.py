"""Documents into resources."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.controlplane.documents import JSON, YAML, format_time, media_type, parse_documents, parse_time, view
from bridge.errors import BridgeError, InvalidConfig, InvalidInput, UnsupportedMediaType

RULE = """
kind: Rule
bus: traffic
name: red-lights
description: stops
labels: {team: roads}
spec:
  pattern: {type: [light.changed], data: {speed: [{numeric: [">", 50.10]}]}}
  targets:
  - {name: audit, kind: file, config: {path: out/on.jsonl, from: 12:30}}
"""


def test_a_yaml_document_becomes_a_resource() -> None:
    """Texts stay text, digits stay digits."""
    [rule] = parse_documents(RULE.encode(), YAML)
    assert (rule.kind, rule.bus, rule.name, rule.description) == ("Rule", "traffic", "red-lights", "stops")
    assert rule.labels == {"team": "roads"}
    assert b'"numeric":[">",50.10]' in bytes(rule.spec)
    assert b'"from":"12:30"' in bytes(rule.spec)


def test_json_keeps_the_text_of_the_spec() -> None:
    """Space, digits, and members that a pattern may repeat."""
    spec = b'{ "pattern" : {"a":[1.0], "a":[1e400]} }'
    [rule] = parse_documents(b'{"kind":"Rule","name":"x","spec":%b}' % spec, JSON)
    assert bytes(rule.spec) == spec


def test_several_documents() -> None:
    """A JSON array, YAML documents; stray separators make none."""
    two = b'[{"kind":"Bus","name":"a"},{"kind":"Bus","name":"b"}]'
    assert [r.name for r in parse_documents(two, JSON)] == ["a", "b"]
    assert [r.name for r in parse_documents(b"---\nkind: Bus\nname: a\n---\n# none\n---\nname: b\n---\n", YAML)] == [
        "a",
        "b",
    ]


def test_what_the_server_writes_may_be_sent_back() -> None:
    """Status and times are ignored, the revision is a condition."""
    text = b'{"kind":"Bus","name":"a","revision":3,"created":"x","updated":1,"status":{"starts":{}}}'
    [bus] = parse_documents(text, JSON)
    assert (bus.revision, bus.created, bus.updated, bus.status) == (3, 0.0, 0.0, {})


@pytest.mark.parametrize(
    ("text", "media", "path"),
    [
        ("kind: Bus\nname: a\nspecs: {}", YAML, "$.specs"),
        ("kind: Bus\nname: a\n---\nkind: Bus\nname: b\nlabel: x", YAML, "$[1].label"),
        ("kind: Bus\nname: 5", YAML, "$.name"),
        ("kind: Bus\nname: a\nlabels: {version: 1.0}", YAML, "$.labels.version"),
        ("kind: Bus\nname: a\nrevision: -1", YAML, "$.revision"),
        ("kind: Bus\nname: a\nrevision: x", YAML, "$.revision"),
        ("- kind: Bus", YAML, "$"),
        ("just text", YAML, "$"),
        ('{"kind":"Bus","kind":"Bus"}', JSON, "$.kind"),
        ('{"kind":"Bus","spec":{"limits":{"eventSize":"1B","eventSize":"2B"}}}', JSON, "$.spec.limits.eventSize"),
        ('[{"kind":"Bus"},{"nme":"b"}]', JSON, "$[1].nme"),
        ('[{"kind":"Bus"},7]', JSON, "$[1]"),
    ],
)
def test_bad_documents_are_refused_with_their_path(text: str, media: str, path: str) -> None:
    """The path begins at the document, and names it where there are several."""
    with pytest.raises(InvalidConfig) as caught:
        parse_documents(text.encode(), media)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("text", "media", "reason"),
    [
        (b"", YAML, "there is no definition in it"),
        (b"", JSON, "not valid JSON"),
        (b"[]", JSON, "there is no definition"),
        (b"5", JSON, "a definition is a JSON object"),
        (b'{"a":1', JSON, r"line 1, column 7"),
        (b'{"a":NaN}', JSON, "NaN is no JSON number"),
        (b'{"a":1} x', JSON, "not valid JSON"),
        (b'{"a":"\xff"}', JSON, "not UTF-8"),
        (b"a: \xff", YAML, "not UTF-8"),
        (b'{"name":"\\ud800"}', JSON, "surrogate"),
        (b"a: [" * 200, YAML, "nested deeper"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", JSON, "nested more than"),
    ],
)
def test_what_cannot_be_read_is_refused(text: bytes, media: str, reason: str) -> None:
    """With the parser's reason and place."""
    with pytest.raises(InvalidConfig, match=reason):
        parse_documents(text, media)


def test_media_types() -> None:
    """JSON, the names of YAML, nothing else; no content type is YAML."""
    assert media_type("application/json; charset=utf-8") == JSON
    assert {media_type(name) for name in ("application/yaml", "text/yaml", "application/x-yaml", "")} == {YAML}
    with pytest.raises(UnsupportedMediaType):
        media_type("application/x-www-form-urlencoded")


def test_times() -> None:
    """RFC 3339, to the millisecond, with a zone."""
    assert format_time(1_000_000.5) == "1970-01-12T13:46:40.500Z"
    assert format_time(0) == ""
    assert parse_time("1970-01-12T14:46:40.500+01:00", "$.since") == 1_000_000.5
    for text in ("2026-11-24", "2026-11-24T08:30:00", "soon"):
        with pytest.raises(InvalidInput) as caught:
            parse_time(text, "$.since")
        assert caught.value.path == "$.since"


def test_a_view_is_one_line() -> None:
    """As a line of a stream must be."""
    [bus] = parse_documents(b'{"kind":"Bus","name":"a","spec":{\n"partitions": 1}}', JSON)
    assert bytes(view(bus).spec) == b'{"partitions":1}'


@settings(deadline=None)
@given(st.binary() | st.text(alphabet='{}[]":,\\ue0 -kindam').map(str.encode), st.sampled_from([JSON, YAML]))
def test_any_bytes_are_read_or_refused(body: bytes, media: str) -> None:
    """Nothing but a documented error comes out."""
    with contextlib.suppress(BridgeError):
        parse_documents(body, media)
