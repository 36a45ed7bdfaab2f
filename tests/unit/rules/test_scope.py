"""Values of an event by path, as they were written."""

import pytest

from bridge.errors import InvalidEvent, InvalidTransform
from bridge.model.event import DataForm, Event
from bridge.rules.jsonpath import compile_path
from bridge.rules.scope import DocumentScope, Scope, compact, json_to_text

ATTRIBUTES = {"subject": "light-3", "time": "2026-11-24T08:30:00Z", "hops": 2, "urgent": True, "seal": b"\x00\xff"}


def scope(data: bytes | None = None, form: DataForm = DataForm.JSON, **attributes: object) -> Scope:
    return Scope(Event("1", "/s", "t", ATTRIBUTES | attributes, data, form), "traffic", 1.75)


def value(of: Scope, path: str) -> bytes | None:
    return of.json(compile_path(path))


@pytest.mark.parametrize(
    ("path", "json", "text"),
    [
        ("id", b'"1"', "1"),
        ("source", b'"/s"', "/s"),
        ("type", b'"t"', "t"),
        ("specversion", b'"1.0"', "1.0"),
        ("subject", b'"light-3"', "light-3"),
        ("hops", b"2", "2"),
        ("urgent", b"true", "true"),
        ("seal", b'"AP8="', "AP8="),
        ("nothing", None, None),
        ("subject.x", None, None),
        ("$[0]", None, None),
    ],
)
def test_attributes(path: str, json: bytes | None, text: str | None) -> None:
    """The root's members are the attributes by name."""
    assert value(scope(), path) == json
    assert scope().text(compile_path(path)) == text


DATA = b'{"n": 9007199254740993, "f": 1.10, "big": 1e400, "s": "a\\u00e9\\/\\n", "o": {"p": [1, 2.50 ]}, "z": null, "e": ""}'


@pytest.mark.parametrize(
    ("path", "json", "text"),
    [
        ("data.n", b"9007199254740993", "9007199254740993"),
        ("data.f", b"1.10", "1.10"),
        ("data.big", b"1e400", "1e400"),
        ("data.s", b'"a\\u00e9\\/\\n"', "aé/\n"),
        ("data.o", b'{"p":[1,2.50]}', '{"p":[1,2.50]}'),
        ("data.o.p[1]", b"2.50", "2.50"),
        ("data.o.p[-2]", b"1", "1"),
        ("data.o.p[2]", None, None),
        ("data.o.p.x", None, None),
        ("data.o[0]", None, None),
        ("data.z", b"null", "null"),
        ("data.z.x", None, None),
        ("data.e", b'""', ""),
        ("data.x.y", None, None),
        ("data.o.p[*]", b"[1,2.50]", "[1,2.50]"),
        ("data['f','n']", b"[1.10,9007199254740993]", "[1.10,9007199254740993]"),
        ("data[?@ > 9007199254740992]", b"[9007199254740993,1e400]", "[9007199254740993,1e400]"),
        ("data.*.nothing", None, None),
    ],
)
def test_data_keeps_its_digits_and_escapes(path: str, json: bytes | None, text: str | None) -> None:
    """JSON text is cut out of the data, not decoded and written again; inside text it is compact and unescaped."""
    assert value(scope(DATA), path) == json
    assert scope(DATA).text(compile_path(path)) == text


def test_last_of_duplicated_names_wins() -> None:
    """As most JSON parsers have it; on both ways to a value."""
    twice = scope(b'{"a":1,"a":{"b":2},"a":{"b":3,"b":4}}')
    assert value(twice, "data.a.b") == b"4"
    assert value(twice, "data..b") == b"[4]"


def test_raw_keeps_the_space() -> None:
    """The spelling of the event, where it is asked for."""
    assert scope(DATA).raw(compile_path("data.o")) == b'{"p": [1, 2.50 ]}'
    assert scope(DATA).raw(compile_path("data.o.*")) == b"[[1, 2.50 ]]"


def test_paths_to_several_may_select_the_root_and_its_members() -> None:
    """The engine sees attributes and data alike."""
    event = scope(b'{"id":7}')
    assert value(event, "..id") == b'["1",7]'
    assert value(event, "$['id','data']") == b'["1",{"id":7}]'
    assert value(event, "$") == event.whole()


@pytest.mark.parametrize(
    ("data", "form", "kind", "json"),
    [
        (b"hello", DataForm.TEXT, "text/plain", b'"hello"'),
        (b"a,b", DataForm.TEXT, "application/x-unknown", b'"a,b"'),
        (b"hello", DataForm.BINARY, "text/plain; charset=utf-8", b'"hello"'),
        (b"<a/>", DataForm.BINARY, "application/xml", b'"<a/>"'),
        (b"<a/>", DataForm.BINARY, "image/svg+xml", b'"<a/>"'),
        (b"\xff\xfe", DataForm.BINARY, "text/plain", b'"//4="'),
        (b"\x01\x02", DataForm.BINARY, "application/octet-stream", b'"AQI="'),
        (b"\x01\x02", DataForm.PROTO, "application/protobuf", b'"AQI="'),
        (b"{}", DataForm.BINARY, "application/json", b"{}"),
        (b"{}", DataForm.BINARY, "application/vnd.x+json", b"{}"),
        (b" 5 ", DataForm.BINARY, "application/json", b"5"),
    ],
)
def test_data_that_is_not_json(data: bytes, form: DataForm, kind: str, json: bytes) -> None:
    """Text is a string, anything else Base64; below it there is nothing."""
    event = scope(data, form, datacontenttype=kind)
    assert value(event, "data") == json
    assert value(event, "data.x") is None


def test_data_without_type_and_no_data() -> None:
    """By how it arrived; without data there is nothing."""
    assert value(scope(b"{}", DataForm.BINARY), "data") == b'"e30="'
    assert value(scope(None), "data") is None
    assert value(scope(None), "data.x") is None
    assert b"data" not in scope(None).whole()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a":NaN}',
        b'{"a":1,}',
        b'"\\ud800"',
        b'{"a":"\xff"}',
        b"5 x",
        b'{"a":01}',
        b"[" * 200_000 + b"]" * 200_000,  # deeper than the parser of any Python takes
    ],
)
def test_data_that_claims_json_and_is_not(data: bytes) -> None:
    """Whatever is asked of it is an error, each time; the attributes are still there."""
    event = scope(data, DataForm.BINARY, datacontenttype="application/json")
    for path in ("data", "data.a", "data.a.b", "data..a"):
        for _ in range(2):
            with pytest.raises(InvalidTransform, match="claims to be JSON and is not"):
                value(event, path)
    assert value(event, "subject") == b'"light-3"'


def test_values_are_kept() -> None:
    """What one rule looked up, the next one finds."""
    event = scope(DATA)
    assert value(event, "data.o") is value(event, "data.o")
    assert event.whole() is event.whole()
    assert event.keep("x", object) is event.keep("x", object)


def test_document() -> None:
    """Any JSON object can stand for an event."""
    document = DocumentScope(b' {"id": 7, "data": {"x": [1.0]}, "other": {"y": 2}} ', "bus", 0.0)
    assert value(document, "data.x[0]") == b"1.0"
    assert value(document, "other.y") == b"2"
    assert value(document, "id") == b"7"
    assert value(document, "source") is None
    assert value(document, "..y") == b"[2]"
    assert document.whole() == b'{"id":7,"data":{"x":[1.0]},"other":{"y":2}}'
    assert value(DocumentScope(b"{}", "bus", 0.0), "data.x") is None


@pytest.mark.parametrize("text", [b"[]", b"{", b'{"a":"\xff"}', b"[" * 5000])
def test_document_that_is_no_object(text: bytes) -> None:
    """Refused as an event."""
    with pytest.raises(InvalidEvent):
        DocumentScope(text, "bus", 0.0)


def test_received_time() -> None:
    """RFC 3339, UTC, milliseconds."""
    assert scope().received_time == "1970-01-01T00:00:01.750Z"


def test_compact_and_text() -> None:
    """Space between parts goes, space inside strings stays."""
    assert compact(b'{"a" : " x ",\n"b":[ ]}') == b'{"a":" x ","b":[]}'
    assert compact(b"[1,2]") == b"[1,2]"
    assert json_to_text(b'"\\ud83d\\ude00"') == "😀"
    assert json_to_text(b"-0.0") == "-0.0"
