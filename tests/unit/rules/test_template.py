"""The safe JSON template."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidTransform
from bridge.model.event import DataForm, Event
from bridge.rules import scope as scope_module
from bridge.rules.scope import Names, Scope
from bridge.rules.template import MAX_DEPTH, compile_template

NAMES = Names("red-lights", "city-hall")
DATA = b'{"s":"q\\"u\\\\o\\nte \\ud83d\\ude00","n":12345678901234567890.10,"o":{"a": [1, null]},"b":false,"z":null}'


def render(template: Any, data: bytes = DATA, missing: str = "null") -> bytes:
    text = template if isinstance(template, bytes) else msgspec.json.encode(template)
    scope = Scope(Event("1", "/s", "t", {"subject": "light-3"}, data, DataForm.JSON), "traffic", 0.0)
    return compile_template(msgspec.Raw(text), missing, "$.template").render(scope, NAMES)


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        ({}, b"{}"),
        ([], b"[]"),
        (b' { "a" : 1.10 , "b":[ true,null ] } ', b'{"a":1.10,"b":[true,null]}'),
        ("${subject}", b'"light-3"'),
        ({"v": "${data.n}"}, b'{"v":12345678901234567890.10}'),
        ({"v": "${data.o}"}, b'{"v":{"a":[1,null]}}'),
        ({"v": "${data.b}", "w": "${data.z}"}, b'{"v":false,"w":null}'),
        ({"v": "${data.s}"}, b'{"v":"q\\"u\\\\o\\nte \\ud83d\\ude00"}'),
        ({"v": "is ${data.n}"}, b'{"v":"is 12345678901234567890.10"}'),
        ({"v": "is ${data.o}"}, b'{"v":"is {\\"a\\":[1,null]}"}'),
        ({"v": "<${data.z}>"}, b'{"v":"<null>"}'),
        ({"v": "a$${b}"}, b'{"v":"a${b}"}'),
        (["${subject}", ["${type}"]], b'["light-3",["t"]]'),
        ({"a b": {"ü": "${subject}"}}, '{"a b":{"ü":"light-3"}}'.encode()),
        (b'{"a":1,"a":"${type}"}', b'{"a":"t"}'),
    ],
)
def test_filling(template: Any, payload: bytes) -> None:
    """A string that is one placeholder becomes the JSON value; elsewhere text, escaped as a whole."""
    assert render(template) == payload


def test_values_inside_text_are_escaped() -> None:
    """Quotes, backslashes, line breaks and characters beyond the BMP survive."""
    assert json.loads(render({"v": "is ${data.s}!"})) == {"v": 'is q"u\\o\nte 😀!'}


TEMPLATE = {"a": "${data.x}", "b": ["${data.x}", 1, {"c": "${data.x}"}], "d": "<${data.x}>", "e": "${data.x:-f}"}


@pytest.mark.parametrize(
    ("missing", "payload"),
    [
        ("null", b'{"a":null,"b":[null,1,{"c":null}],"d":"<>","e":"f"}'),
        ("omit", b'{"b":[1,{}],"d":"<>","e":"f"}'),
    ],
)
def test_missing(missing: str, payload: bytes) -> None:
    """Null, or the member or element is left out; inside text nothing; a default always wins."""
    assert render(TEMPLATE, missing=missing) == payload


def test_omit_keeps_what_is_there() -> None:
    """Only what is missing goes; JSON null is there."""
    template = {"a": "${data.z}", "b": "${subject}", "c": ["${data.x}"], "d": {"e": "x ${type}"}, "f": 1}
    assert render(template, missing="omit") == b'{"a":null,"b":"light-3","c":[],"d":{"e":"x t"},"f":1}'
    assert render("${data.x}", missing="omit") == b"null"


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ({"a": {"b c": ["${data.x}"]}}, "$.template.a['b c'][0]"),
        ({"a": "went to ${data.x}"}, "$.template.a"),
        ("${data.x}", "$.template"),
    ],
)
def test_fail_names_the_place(template: Any, path: str) -> None:
    """The event cannot be given this shape; the place in the template is said."""
    with pytest.raises(InvalidTransform, match=r"the event has no data\.x") as caught:
        render(template, missing="fail")
    assert caught.value.path == path
    assert render({"a": "${data.x:-d}", "b": "${data.z}"}, missing="fail") == b'{"a":"d","b":null}'


@pytest.mark.parametrize(
    ("template", "path", "message"),
    [
        ({"a": ["x", "${data."]}, "$.template.a[1]", "no closing brace"),
        ({"a-b": {"c": "${bridge.x}"}}, "$.template['a-b'].c", "not known"),
        ({"${type}": 1}, "$.template['${type}']", "name cannot hold a placeholder"),
    ],
)
def test_error_names_the_place(template: Any, path: str, message: str) -> None:
    """Refused when the rule is made."""
    with pytest.raises(InvalidTransform, match=message) as caught:
        render(template)
    assert caught.value.path == path


def test_deep_template_is_refused() -> None:
    """Nesting has a bound."""
    assert render(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH) == b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    with pytest.raises(InvalidTransform, match="nested deeper"):
        render(b"[" * (MAX_DEPTH + 1) + b"1" + b"]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("missing", ["null", "omit"])
def test_payload_is_bounded(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small template cannot repeat a large event without end."""
    monkeypatch.setattr(scope_module, "MAX_PAYLOAD_SIZE", 1_000)
    with pytest.raises(InvalidTransform, match="the payload would be larger"):
        render(["${event}"] * 100, missing=missing)
    with pytest.raises(InvalidTransform, match="the payload would be larger"):
        render("${data[*]}", b'["%s"]' % (b"x" * 1_000))


PATHS = ["data", "data.a", "data.a.b", "data[0]", "data..a", "subject", "event", "data.a:-d", "bridge.rule"]
PIECES = st.sampled_from([f"${{{path}}}" for path in PATHS]) | st.sampled_from(
    ["$${", '"', "\\", "\n", "a ", "é😀", "$", "}"]
)
STRINGS = st.lists(PIECES, max_size=4).map("".join)
NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$"), max_size=3)
TEMPLATES = st.recursive(
    STRINGS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
    max_leaves=8,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab") | NAME, inner, max_size=3),
    max_leaves=8,
)
SPACED = st.tuples(JSON, st.sampled_from([None, 1]), st.booleans()).map(
    lambda parts: json.dumps(parts[0], indent=parts[1], ensure_ascii=parts[2]).encode("utf-8", "replace")
)


@given(
    template=TEMPLATES,
    data=st.none() | SPACED | st.binary(max_size=20),
    kind=st.sampled_from([None, "application/json", "text/plain", "application/octet-stream"]),
    form=st.sampled_from([DataForm.BINARY, DataForm.PROTO]),
    subject=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    missing=st.sampled_from(["null", "omit", "fail"]),
)
def test_output_is_always_valid_json(template, data, kind, form, subject, missing) -> None:
    """Whatever the event holds: one JSON value, on one line, or a typed error of this event."""
    attributes = {"subject": subject} | ({"datacontenttype": kind} if kind else {})
    scope = Scope(Event("1", "/s", "t", attributes, data, form), "traffic", 0.0)
    compiled = compile_template(msgspec.Raw(msgspec.json.encode(template)), missing, "$")
    try:
        payload = compiled.render(scope, NAMES)
    except InvalidTransform:
        assert missing == "fail" or kind == "application/json"
        return
    assert b"\n" not in payload
    value = json.loads(payload)
    assert type(value) is type(template) or isinstance(template, str)
    msgspec.json.decode(payload, type=msgspec.Raw)


@given(value=JSON, indent=st.none() | st.integers(0, 2))
def test_value_arrives_as_it_is(value, indent) -> None:
    """A string that is one placeholder is the value, and inside text it is its text."""
    data = json.dumps({"a": value}, indent=indent).encode()
    filled = json.loads(render({"v": "${data.a}", "t": "${data.a}!"}, data), parse_float=str)
    value = json.loads(json.dumps(value), parse_float=str)
    assert filled["v"] == value
    assert filled["t"] == f"{value}!" or json.loads(filled["t"][:-1], parse_float=str) == value
