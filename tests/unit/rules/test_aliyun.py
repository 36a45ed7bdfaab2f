"""The forms of Alibaba Cloud EventBridge, beside the conformance cases."""

import json

import msgspec
import pytest

from bridge.errors import InvalidTransform
from bridge.model.delivery import Payload
from bridge.model.event import DataForm, Event
from bridge.rules.scope import Names, Scope
from bridge.rules.transform import compile_transform

NAMES = Names("rule", "target")
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
DATA = b'{"name":"a \\"b\\"\\\\\\n\\ud83d\\ude00","n":9007199254740993,"f":1.10,"t":true,"z":null,"o":{"k": "v"},"a":[],"e":{}}'


def scope(data: bytes | None = DATA, form: DataForm = DataForm.JSON, kind: str | None = None) -> Scope:
    attributes = {"aliyuneventbusname": "demo"} | ({"datacontenttype": kind} if kind else {})
    return Scope(Event("1", "acs.oss", "oss:Put", attributes, data, form), "bus", 0.0)


def render(form: str, value: str | None = None, template: str | None = None, of: Scope | None = None) -> Payload:
    text = msgspec.json.encode({"aliyun": {"form": form, "value": value, "template": template}})
    compiled = compile_transform(text)
    assert compiled is not None
    return compiled.render(of or scope(), NAMES)


def test_original() -> None:
    """The whole event, as a CloudEvent in JSON."""
    assert render("ORIGINAL") == Payload(scope().whole(), "application/cloudevents+json; charset=utf-8")


@pytest.mark.parametrize(
    ("value", "kind"),
    [("I am a constant!", TEXT), ("${not} a $.path", TEXT), ('{"a":1}', JSON), ("[Alert]", TEXT), ("", TEXT)],
)
def test_constant(value: str, kind: str) -> None:
    """The text as it stands; JSON by name when it is an object or array."""
    assert render("CONSTANT", value) == Payload(value.encode(), kind)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("$.data.name", 'a "b"\\\n😀', TEXT),
        ("$.data.n", "9007199254740993", JSON),
        ("$.data.f", "1.10", JSON),
        ("$.data.t", "true", JSON),
        ("$.data.z", "null", JSON),
        ("$.data.o", '{"k":"v"}', JSON),
        ("$.source", "acs.oss", TEXT),
        ("$.aliyuneventbusname", "demo", TEXT),
        ("$.data.o.*", '["v"]', JSON),
        ("$.data.nothing", "", TEXT),
    ],
)
def test_jsonpath(path: str, body: str, kind: str) -> None:
    """A string without its quotes, anything else as JSON; nothing is an empty payload."""
    assert render("JSONPATH", path) == Payload(body.encode(), kind)


@pytest.mark.parametrize(
    ("of", "body"),
    [
        (scope(None), b""),
        (scope(b"null"), b"null"),
        (scope(b'"a \\"text\\""'), b'a "text"'),
        (scope(b"plain", DataForm.TEXT, "text/plain"), b"plain"),
        (scope(b'{"k":1}', DataForm.BINARY, "application/json; charset=utf-8"), b'{"k":1}'),
    ],
)
def test_data_absent_null_string_and_base64(of: Scope, body: bytes) -> None:
    """Data that came as Base64 with a JSON media type is read as JSON."""
    assert render("JSONPATH", "$.data", of=of).body == body
    if body == b'{"k":1}':
        assert render("JSONPATH", "$.data.k", of=of).body == b"1"


@pytest.mark.parametrize(
    ("variables", "template", "body"),
    [
        ({"n": "$.data.n"}, "n is ${n}, ${n}", "n is 9007199254740993, 9007199254740993"),
        ({"v": "$.data.name"}, "v=${v}", 'v=a "b"\\\n😀'),
        ({"v": "$.data.o"}, "v=${v}", 'v={"k":"v"}'),
        ({"v": "$.data.z"}, "v=${v}", "v=null"),
        ({"v": "$.data.x"}, "v=${v} ${v:-d} ${w} ${w:-e}", "v=${v} d ${w} e"),
        ({"v": "$.data.f"}, "v=${v:-d}", "v=1.10"),
        (
            {"v": "Please deal with it", "w": 7, "b": True, "z": None, "p": "$100"},
            "${v}${w}${b}${z}${p}",
            "Please deal with it7truenull$100",
        ),
        ({"v": "x"}, "[Alert] ${v}", "[Alert] x"),
        ({}, "", ""),
    ],
)
def test_text_template(variables: dict, template: str, body: str) -> None:
    """Values verbatim; the placeholder of what is missing stays, or its default stands."""
    assert render("TEMPLATE", json.dumps(variables), template) == Payload(body.encode(), TEXT)


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ('{"a":${n}, "b" : "${f}","c":${o}}', '{"a":9007199254740993, "b" : "1.10","c":{"k":"v"}}'),
        ("[${n},${x:-0}]", "[9007199254740993,0]"),
        ('{"s":"${e}"}', '{"s":"{}"}'),
    ],
)
def test_json_template(template: str, body: str) -> None:
    """A template that is JSON but for its placeholders gives JSON, spelled as it stands."""
    variables = json.dumps({name: f"$.data.{name}" for name in ("n", "f", "o", "e", "x")})
    assert render("TEMPLATE", variables, template) == Payload(body.encode(), JSON)


@pytest.mark.parametrize("template", ['{"a":"${name}"}', '{"a":${x}}', '{"a":"${o}"}', '{"a":${name}}'])
def test_broken_json_is_an_error(template: str) -> None:
    """Values are not escaped, so some break the JSON: dead letter, never sent; the variables are shown."""
    variables = json.dumps({name: f"$.data.{name}" for name in ("name", "o", "x")})
    with pytest.raises(InvalidTransform, match=r"INVALID_JSON: .* name = "):
        render("TEMPLATE", variables, template)


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ('{"a":1,"EB_SYS_EMBED_OBJECT":"${o}"}', '{"a":1,"k":"v"}'),
        ('{"EB_SYS_EMBED_OBJECT": "${o}" , "a":1}', '{"k":"v" , "a":1}'),
        ('{"a":1,"EB_SYS_EMBED_OBJECT":"${e}","b":2}', '{"a":1,"b":2}'),
        ('{"a":1,"EB_SYS_EMBED_OBJECT":"${x}"}', '{"a":1}'),
        ('{"EB_SYS_EMBED_OBJECT":"${n}"}', "{}"),
        ('{"a":{"EB_SYS_EMBED_OBJECT":"${o}","b":2},"c":3}', '{"a":{"k":"v","b":2},"c":3}'),
        ('{"EB_SYS_EMBED_OBJECT":"${undefined}"}', '{"EB_SYS_EMBED_OBJECT":"${undefined}"}'),
    ],
)
def test_embedded_object(template: str, body: str) -> None:
    """The members of an object in the place of the marker; of anything else, nothing."""
    variables = json.dumps({name: f"$.data.{name}" for name in ("o", "e", "x", "n")})
    assert render("TEMPLATE", variables, template) == Payload(body.encode(), JSON)


def test_values_are_not_read_for_placeholders() -> None:
    """An event cannot pull in another variable."""
    of = scope(b'{"t":"${q}"}')
    assert render("TEMPLATE", '{"k":"$.data.t","q":"secret"}', "v=${k}", of).body == b"v=${q}"


@pytest.mark.parametrize(
    ("definition", "path", "message"),
    [
        ({}, "$.aliyun", "form"),
        ({"form": "template"}, "$.aliyun.form", "template"),
        ({"form": "CONSTANT", "more": 1}, "$.aliyun.more", "not known"),
        ({"form": "CONSTANT", "value": "x" * 10_241}, "$.aliyun.value", "length <= 10240"),
        ({"form": "TEMPLATE", "template": "x" * 10_241}, "$.aliyun.template", "length <= 10240"),
        ({"form": "JSONPATH"}, "$.aliyun.value", "must start with"),
        ({"form": "JSONPATH", "value": "data.x"}, "$.aliyun.value", "must start with"),
        ({"form": "JSONPATH", "value": "$.data["}, "$.aliyun.value", "not a JSONPath"),
        ({"form": "TEMPLATE", "value": "{"}, "$.aliyun.value", "not valid JSON"),
        ({"form": "TEMPLATE", "value": '{"a":{"b":"c"}}'}, "$.aliyun.value.a", "objects and arrays are not allowed"),
        ({"form": "TEMPLATE", "value": '{"a":"$.x["}'}, "$.aliyun.value.a", "not a JSONPath"),
    ],
)
def test_illegal_definition(definition: dict, path: str, message: str) -> None:
    """Refused when the rule is made."""
    with pytest.raises(InvalidTransform, match=message) as caught:
        compile_transform(msgspec.json.encode({"aliyun": definition}))
    assert caught.value.path == path
