"""Placeholders in text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidTransform
from bridge.model.event import DataForm, Event
from bridge.rules import scope as scope_module
from bridge.rules.placeholders import compile_text
from bridge.rules.scope import Names, Scope

EVENT = Event(
    "7",
    "/junction/7",
    "light.changed",
    {"subject": "light-3", "event": "an attribute", "bridge": "another"},
    b'{"from":"amber","to":"re\\"d\\n","n":1.50,"o":{"a": [1]},"z":null,"e}":"brace",":-":"default","items":[1,2,3]}',
    DataForm.JSON,
)
NAMES = Names("red-lights", "city-hall", 2)


def render(text: str) -> str:
    return compile_text(text).render(Scope(EVENT, "traffic", 0.5), NAMES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("${subject}", "light-3"),
        ("${ subject }", "light-3"),
        ("${$.subject}", "light-3"),
        ("a ${data.from} b ${data.to}", 'a amber b re"d\n'),
        ("${data.n} ${data.o} ${data.z}", '1.50 {"a":[1]} null'),
        ("[${data.nothing}]", "[]"),
        ("[${data.nothing:-}]", "[]"),
        ("${data.nothing:-none at all}", "none at all"),
        ("${data.from:-none}", "amber"),
        ("${data.z:-none}", "null"),
        ("${data['e}']}", "brace"),
        ("${data[':-']:-x}", "default"),
        ("${data.items[1:-1]}", "[2]"),
        ("${data.items[1:-1]:-x}", "[2]"),
        ("$${subject}", "${subject}"),
        ("$$${subject}", "$${subject}"),
        ("$ {subject} $5 }", "$ {subject} $5 }"),
        ("${bridge.bus}/${bridge.rule}/${bridge.target}/${bridge.attempt}", "traffic/red-lights/city-hall/2"),
        ("${bridge.receivedTime}", "1970-01-01T00:00:00.500Z"),
        ("${$.event} ${$['bridge']}", "an attribute another"),
    ],
)
def test_text(text: str, expected: str) -> None:
    """Values go in verbatim; what is missing leaves nothing or its default."""
    assert render(text) == expected


def test_whole_event() -> None:
    """${event} is the event in the JSON format."""
    scope = Scope(EVENT, "traffic", 0.0)
    assert compile_text("<${event}>").render(scope, NAMES) == f"<{scope.whole().decode()}>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x ${subject", "placeholder at character 3 has no closing brace"),
        ("x ${a:-b", "placeholder at character 3 has no closing brace"),
        ("x ${data['a}", "placeholder at character 3 has no closing brace"),
        ("${}", "placeholder at character 1: it names nothing"),
        ("${:-x}", "placeholder at character 1: it names nothing"),
        ("ab${data.}", r"placeholder at character 3: 'data.' is not a JSONPath: .* \(at character 6\)"),
        ("${bridge.nope}", "bridge.nope is not known; there are bridge.bus, bridge.rule"),
        ("${bridge}", "bridge is not known"),
        ("${event.data.x}", "event is the whole event"),
        ("${a:-${b}}", "cannot hold a placeholder"),
        ("x${" + "\\'" * 30_000, "placeholder at character 2 is longer than 4096 characters"),
    ],
)
def test_error_says_where(text: str, message: str) -> None:
    """The position is counted from 1."""
    with pytest.raises(InvalidTransform, match=message):
        compile_text(text)


def test_constant_and_single() -> None:
    """What compile_config and the template ask of a text."""
    assert compile_text("$${x}").is_constant
    assert compile_text("$${x}").literal == "${x}"
    assert compile_text("a ${type}").single is None
    single = compile_text("${type}").single
    assert single is not None
    assert single.name == "type"
    assert single.json(Scope(EVENT, "b", 0.0), NAMES) == b'"light.changed"'


@pytest.mark.parametrize(
    ("text", "json"),
    [
        ("${data.o}", b'{"a":[1]}'),
        ('${data.x:-a "b"}', b'"a \\"b\\""'),
        ("${bridge.attempt}", b"2"),
        ("${bridge.rule}", b'"red-lights"'),
    ],
)
def test_as_json(text: str, json: bytes) -> None:
    """A placeholder's value is JSON too; a default is text."""
    assert compile_text(text).single.json(Scope(EVENT, "b", 0.0), NAMES) == json


def test_required() -> None:
    """A placeholder may be asked to have a value; one with a default always has."""
    scope = Scope(EVENT, "b", 0.0)
    assert compile_text("${data.from}-${data.x:-d}").required("$.here").render(scope, NAMES) == "amber-d"
    with pytest.raises(InvalidTransform, match=r"\$\.here: the event has no data\.x"):
        compile_text("a${data.x}").required("$.here").render(scope, NAMES)


@given(st.text(alphabet="$[]{}()'\":-.\\ab0*@?", max_size=30))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    """No text ends in another error, and one without `${` is itself."""
    try:
        compiled = compile_text(text)
    except InvalidTransform:
        assert "${" in text
        return
    rendered = compiled.render(Scope(EVENT, "b", 0.0), NAMES)
    if "${" not in text:
        assert rendered == text


def test_payload_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small text cannot repeat a large event without end."""
    monkeypatch.setattr(scope_module, "MAX_PAYLOAD_SIZE", 1_000)
    with pytest.raises(InvalidTransform, match="the payload would be larger"):
        render("${event}" * 100)
