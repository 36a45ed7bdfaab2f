"""The transforms of Amazon EventBridge: what its documentation and recorded answers say."""

import json

import msgspec
import pytest

from bridge.errors import InvalidTransform
from bridge.model.delivery import Payload
from bridge.model.event import DataForm, Event
from bridge.rules.scope import DocumentScope, Names, Scope
from bridge.rules.transform import compile_transform

NAMES = Names("my-rule", "my-target")
JSON = "application/json"
DETAIL = {
    "instance-id": "i-1",
    "state": "running",
    "n": 7,
    "yes": True,
    "none": None,
    "o": {"k": ["v", 1]},
    "tags": [{"t": "a"}, {"t": "b"}],
}
EVENT = Event(
    "e1", "my.source", "Instance State", {"time": "2026-11-24T08:30:00Z"}, msgspec.json.encode(DETAIL), DataForm.JSON
)
ENVELOPE = {
    "version": "0",
    "id": "e1",
    "detail-type": "Instance State",
    "source": "my.source",
    "account": "123",
    "time": "2026-11-24T08:30:00Z",
    "region": "eu-1",
    "resources": ["arn:x"],
    "detail": DETAIL,
}
AS_EVENT = Scope(EVENT, "my-bus", 1_764_000_000.5)
AS_ENVELOPE = DocumentScope(json.dumps(ENVELOPE).encode(), "my-bus", 1_764_000_000.5)


def compile_(**definition: object):
    compiled = compile_transform(msgspec.json.encode({"aws": definition}))
    assert compiled is not None
    return compiled


def transformed(template: str, scope: Scope = AS_EVENT, **paths: str) -> str:
    definition = {"inputPathsMap": paths, "inputTemplate": template}
    payload = compile_(inputTransformer=definition).render(scope, NAMES)
    assert payload.content_type == JSON
    return payload.body.decode()


def test_input_is_a_constant() -> None:
    """JSON text, byte by byte, with nothing of the event."""
    assert compile_(input='{"a" : "<b>"}').render(AS_EVENT, NAMES) == Payload(b'{"a" : "<b>"}', JSON)


@pytest.mark.parametrize("scope", [AS_EVENT, AS_ENVELOPE])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("$.detail.state", '"running"'),
        ("$.detail.instance-id", '"i-1"'),
        ("$['detail']['instance-id']", '"i-1"'),
        ("$.detail-type", '"Instance State"'),
        ("$.detail.n", "7"),
        ("$.detail.o", '{"k":["v",1]}'),
        ("$.detail.o.k[1]", "1"),
        ("$.detail.tags[*].t", '["a","b"]'),
        ("$.detail.o.*", '[["v",1]]'),
        ("$.detail.none", "null"),
        ("$.detail.nothing", "null"),
        ("$.source", '"my.source"'),
    ],
)
def test_input_path_is_sent_as_json(scope: Scope, path: str, body: str) -> None:
    """A string arrives with its quotes, an object as an object; for workflows as for any target."""
    assert compile_(inputPath=path).render(scope, NAMES) == Payload(body.encode(), JSON)


def test_none_of_the_three_is_the_envelope() -> None:
    """The whole envelope; a CloudEvent has one too."""
    assert json.loads(compile_().render(AS_ENVELOPE, NAMES).body) == ENVELOPE
    assert json.loads(compile_().render(AS_EVENT, NAMES).body) == ENVELOPE | {
        "account": "",
        "region": "",
        "resources": [],
    }


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ('{"instance" : <i>, "state": <s>}', '{"instance":"i-1","state":"running"}'),
        ('{"s": "is <s>, <s>"}', '{"s":"is running, running"}'),
        ('{"s": "<s>"}', '{"s":"running"}'),
        ('{"n": <n>, "y": <y>, "z": <z>}', '{"n":7,"y":true,"z":null}'),
        ('{"n": "<n> <y> <z>"}', '{"n":"7 true null"}'),
        ('{"o": <o>, "t": <t>}', '{"o":{"k":["v",1]},"t":["a","b"]}'),
        ('{"o": "<o>"}', '{"o":"{k:[v,1]}"}'),
        ('{"m": <m>, "in": "[<m>]"}', '{"m":"","in":"[]"}'),
        ('"Event of <s> type"', '"Event of running type"'),
        ('"say \\"<s>\\""', '"say \\"running\\""'),
        ('"{ <s>"', '"{ running"'),
        ('"/<s>"', '"/running"'),
        ("<s>", '"running"'),
        ("<m>", '""'),
        ('[\n  <n>,\n  "a  b"\n]', '[7,"a  b"]'),
        ('{"a": "1 < 2", "b": "<>"}', '{"a":"1 < 2","b":"<>"}'),
        ('["a", <s>, ": b"]', '["a","running",": b"]'),
    ],
)
def test_input_transformer(template: str, body: str) -> None:
    """The table of substitutions: outside quotes JSON, inside bare text; output is minified."""
    paths = {
        "i": "$.detail.instance-id",
        "s": "$.detail.state",
        "n": "$.detail.n",
        "y": "$.detail.yes",
        "m": "$.detail.x",
    }
    more = {"z": "$.detail.none", "o": "$.detail.o", "t": "$.detail.tags[*].t"}
    assert transformed(template, **paths, **more) == body


def test_reserved_variables() -> None:
    """They need no map; the two objects are without and with the detail."""
    assert transformed('[<aws.events.rule-name>, "<aws.events.rule-arn>"]') == (
        '["my-rule","arn:aws:events:::rule/my-bus/my-rule"]'
    )
    assert transformed("<aws.events.event.ingestion-time>") == '"2025-11-24T16:00:00Z"'
    event = json.loads(transformed("<aws.events.event>", AS_ENVELOPE))
    expected = {
        "detailType" if name == "detail-type" else name: value for name, value in ENVELOPE.items() if name != "detail"
    }
    assert event == expected
    assert list(event) == ["id", "account", "detailType", "time", "source", "region", "resources", "version"]
    assert json.loads(transformed('{"e": <aws.events.event.json>}', AS_ENVELOPE)) == {"e": ENVELOPE}
    assert list(json.loads(transformed("<aws.events.event>"))) == list(event)


@pytest.mark.parametrize(
    ("value", "outside", "inside"),
    [
        ('"a\\"b"', '"a\\"b"', None),
        ('"a\\\\b"', '"a\\\\b"', '"a\\b"'),
        ('"a\\nb"', '"a\\nb"', None),
        ('"\\ud83d\\ude00"', '"\\ud83d\\ude00"', '"😀"'),
        ("9007199254740993", "9007199254740993", '"9007199254740993"'),
        ("1.10", "1.10", '"1.10"'),
        ("1e400", "1e400", '"1e400"'),
    ],
)
def test_odd_values(value: str, outside: str, inside: str | None) -> None:
    """As JSON they are safe; inside quotes they are not escaped, and what breaks the JSON is an error."""
    scope = Scope(Event("1", "/s", "t", {}, b'{"v":%s}' % value.encode(), DataForm.JSON), "b", 0.0)
    assert transformed("<v>", scope, v="$.detail.v") == outside
    if inside is None:
        with pytest.raises(InvalidTransform, match=r"INVALID_JSON: .*v = "):
            transformed('"<v>"', scope, v="$.detail.v")
    else:
        assert transformed('"<v>"', scope, v="$.detail.v") == inside


def test_data_that_is_not_json() -> None:
    """The detail is then a string, and an error where it claims to be JSON."""
    text = Scope(Event("1", "/s", "t", {"datacontenttype": "text/plain"}, b"hi", DataForm.TEXT), "b", 0.0)
    assert transformed("[<d>, <x>]", text, d="$.detail", x="$.detail.x") == '["hi",""]'
    broken = Scope(Event("1", "/s", "t", {"datacontenttype": JSON}, b"{", DataForm.BINARY), "b", 0.0)
    with pytest.raises(InvalidTransform, match="claims to be JSON"):
        transformed("<x>", broken, x="$.detail.x")


@pytest.mark.parametrize(
    ("definition", "path", "message"),
    [
        ({"input": "1", "inputPath": "$"}, "$.aws", "only one of input, inputPath, or inputTransformer"),
        ({"inputPath": "$", "inputTransformer": {"inputTemplate": "1"}}, "$.aws", "only one of"),
        ({"input": "{"}, "$.aws.input", "truncated"),
        ({"input": '"' + "x" * 8_191 + '"'}, "$.aws.input", "length <= 8192"),
        ({"input": {"a": 1}}, "$.aws.input", "expected `str"),
        ({"inputPath": "$." + "x" * 255}, "$.aws.inputPath", "length <= 256"),
        ({"inputPath": "$.detail["}, "$.aws.inputPath", "not a JSONPath"),
        ({"inputTransformer": {}}, "$.aws.inputTransformer", "inputTemplate"),
        ({"inputTransformer": {"inputTemplate": ""}}, "$.aws.inputTransformer.inputTemplate", "length >= 1"),
        (
            {"inputTransformer": {"inputTemplate": '"%s"' % ("x" * 8_191)}},
            "$.aws.inputTransformer.inputTemplate",
            "8192",
        ),
    ],
)
def test_illegal_definition(definition: dict, path: str, message: str) -> None:
    """Refused when the rule is made, as PutTargets does."""
    with pytest.raises(InvalidTransform, match=message) as caught:
        compile_(**definition)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("template", "paths", "member", "message"),
    [
        ("<nope>", {}, "inputTemplate", "invalid placeholder <nope>"),
        ('"a <aws.events.nope>"', {}, "inputTemplate", "invalid placeholder <aws.events.nope>"),
        ("plain <a>", {"a": "$.id"}, "inputTemplate", "must be JSON; a plain text is a quoted JSON string"),
        ('{"a": <a>', {"a": "$.id"}, "inputTemplate", "must be JSON"),
        ("{<a>: 1}", {"a": "$.id"}, "inputTemplate", "name of a member"),
        ('{"x<a>" : 1}', {"a": "$.id"}, "inputTemplate", "name of a member"),
        ('"<aws.events.event>"', {}, "inputTemplate", "cannot stand inside a quoted string"),
        ('"<aws.events.event.json>"', {}, "inputTemplate", "cannot stand inside a quoted string"),
        ("1", {"AWSx": "$.id"}, "inputPathsMap.AWSx", "not beginning with AWS"),
        ("1", {"a.b": "$.id"}, "inputPathsMap.a.b", "letters, digits"),
        ("1", {"a": "$.x["}, "inputPathsMap.a", "not a JSONPath"),
        ("1", {f"n{i}": "$.id" for i in range(101)}, "inputPathsMap", "length <= 100"),
    ],
)
def test_illegal_template(template: str, paths: dict, member: str, message: str) -> None:
    """An undefined placeholder, a name that is not allowed, a template that is no JSON."""
    with pytest.raises(InvalidTransform, match=message) as caught:
        transformed(template, **paths)
    assert caught.value.path == f"$.aws.inputTransformer.{member}"
