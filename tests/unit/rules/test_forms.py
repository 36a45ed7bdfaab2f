"""The forms that are bridge's own, one by one."""

import pytest

from bridge.errors import InvalidTransform
from bridge.model.delivery import Payload
from bridge.model.event import DataForm, Event
from bridge.rules.forms import below, check_json, check_result, is_json_container
from bridge.rules.scope import Names, Scope
from bridge.rules.transform import compile_transform

NAMES = Names("red-lights", "city-hall")
DATA = b' {"to": "red", "n": 1.10,"o":{"p": [1]}}\n'
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


def scope(data: bytes | None = DATA, form: DataForm = DataForm.JSON, **attributes: str) -> Scope:
    return Scope(Event("1", "/s", "t", {"subject": "light-3"} | attributes, data, form), "traffic", 0.0)


def render(transform: bytes, event: Scope | None = None) -> Payload:
    compiled = compile_transform(transform)
    assert compiled is not None
    return compiled.render(event or scope(), NAMES)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (b"$.data", DATA),
        (b"data", DATA),
        (b"$.data.o", b'{"p": [1]}'),
        (b"data.n", b"1.10"),
        (b"data.to", b'"red"'),
        (b"subject", b'"light-3"'),
        (b"data.nothing", b"null"),
        (b"data.*", b'["red",1.10,{"p": [1]}]'),
    ],
)
def test_path(path: bytes, body: bytes) -> None:
    """The value in the event's own spelling; the whole data byte by byte."""
    assert render(b'{"path":"%s"}' % path) == Payload(body, JSON)


def test_path_to_the_event() -> None:
    """`$` is the whole event as JSON."""
    assert render(b'{"path":"$"}').body == scope().whole()


@pytest.mark.parametrize(
    ("event", "body"),
    [
        (scope(None), b"null"),
        (scope(b"null"), b"null"),
        (scope(b'"text"'), b'"text"'),
        (scope(b"hello", DataForm.TEXT, datacontenttype="text/plain"), b'"hello"'),
        (scope(b"\x01", DataForm.BINARY, datacontenttype="image/png"), b'"AQ=="'),
    ],
)
def test_path_to_data_of_other_kinds(event: Scope, body: bytes) -> None:
    """A payload of this form is JSON in any case."""
    assert render(b'{"path":"$.data"}', event) == Payload(body, JSON)


def test_path_to_broken_data() -> None:
    """Data that claims to be JSON is not passed on as JSON."""
    with pytest.raises(InvalidTransform, match="claims to be JSON"):
        render(b'{"path":"$.data"}', scope(b"{", DataForm.BINARY, datacontenttype=JSON))


@pytest.mark.parametrize(
    ("constant", "body"),
    [(b'"text"', b'"text"'), (b' {"a" : 1.10}', b'{"a":1.10}'), (b"null", b"null"), (b'"${x}"', b'"${x}"')],
)
def test_constant(constant: bytes, body: bytes) -> None:
    """Any JSON, compact, with nothing of the event."""
    assert render(b'{"constant":%s}' % constant) == Payload(body, JSON)


def test_text() -> None:
    """Plain text, values verbatim."""
    payload = render('{"text":"<${data.to}> \\"ü\\" ${data.o} ${nope}"}'.encode())
    assert payload == Payload('<red> "ü" {"p":[1]} '.encode(), TEXT)


def test_template_and_its_variables() -> None:
    """The variables are known by name, for a trial."""
    transform = compile_transform(b'{"template":{"a":"${data.to}","b":"x ${subject} ${data.to}"},"missing":"fail"}')
    assert transform is not None
    assert list(transform.variables) == ["data.to", "subject"]
    assert transform.render(scope(), NAMES) == Payload(b'{"a":"red","b":"x light-3 red"}', JSON)


@pytest.mark.parametrize("missing", [b"1", b'"drop"', b"null"])
def test_missing_is_one_of_three(missing: bytes) -> None:
    """null, omit, fail."""
    with pytest.raises(InvalidTransform, match="one of null, omit, fail") as caught:
        compile_transform(b'{"template":1,"missing":%s}' % missing)
    assert caught.value.path == "$.missing"


@pytest.mark.parametrize(
    ("text", "yes"), [("{}", True), (" [1]", True), ('"a"', False), ("1", False), ("[x]", False), ("", False)]
)
def test_is_json_container(text: str, yes: bool) -> None:
    """An object or an array, and valid."""
    assert is_json_container(text) is yes


@pytest.mark.parametrize("text", [b"", b"{", b'"\xff"', b"1 2", b"[" * 5000])
def test_check_json(text: bytes) -> None:
    """Anything that is not one JSON value is refused."""
    with pytest.raises(InvalidTransform):
        check_json(text)
    check_json(b" [1] ")


def test_check_result_shows_the_variables() -> None:
    """A payload that broke its promise says what went into it."""
    variables = {"a": lambda *_: b'"x\\"y"', "b": lambda *_: None}
    check_result(b"{}", variables, scope(), NAMES)
    with pytest.raises(InvalidTransform, match=r'^INVALID_JSON: .*; a = "x\\"y", b = missing$'):
        check_result(b"{", variables, scope(), NAMES)


def test_below() -> None:
    """Errors get the path of where they stand."""
    with pytest.raises(InvalidTransform) as caught, below("$.a"), below("$.b"):
        raise InvalidTransform("no")
    assert caught.value.path == "$.a.b"
