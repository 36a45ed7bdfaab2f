"""46 cases of RocketMQ EventBridge's transforms, against the ``aliyun`` form.

That product's own runtime treats a record, an event as text and a definition a little differently; each scope below says
how its cases are asked here. Where bridge means something else, the case is named with its reason.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.errors import InvalidTransform
from bridge.model.event import DataForm, Event
from bridge.rules.scope import DocumentScope, Names, Scope
from bridge.rules.transform import compile_transform

DATA = Path(__file__).resolve().parents[3] / "shared" / "conformance"
FILE = DATA / "rocketmq-eventbridge-transform.json"
CASES = json.loads(FILE.read_text("utf-8")) if FILE.is_file() else []
NAMES = Names("rule", "target")

_CLASS = "its connector classes with parameter lists: here a connector's Config struct says what is wanted"
_ROOT = "`$` is the event in every form, never its data"
DIFFERENT = {
    "rmqeb-transform-009": "the bus keeps the event, not the space around its members: ORIGINAL is compact JSON",
    "rmqeb-transform-021": "paths are followed from the event's root; none is ever rewritten",
    "rmqeb-transform-027": _CLASS,
    "rmqeb-transform-028": _CLASS,
    "rmqeb-transform-029": _CLASS,
    "rmqeb-transform-030": _CLASS,
    "rmqeb-transform-031": _CLASS,
    "rmqeb-transform-035": _ROOT,
    "rmqeb-transform-038": "a path with several results gives all of them, and is no constant",
    "rmqeb-transform-041": "ORIGINAL works",
    "rmqeb-transform-042": "INSERT_FIELD works",
    "rmqeb-transform-045": "members that are null stay, as in case 008",
    "rmqeb-transform-047": "what is no path is refused when the rule is made, not taken for a constant",
    "rmqeb-transform-048": "a value from an event is never read for placeholders: it could pull in what it likes",
    "rmqeb-transform-051": "an object is embedded where it is asked for, and the rest of the template stays",
    "rmqeb-transform-053": "numbers keep their digits and slashes stay as they are",
}


def parameters(*scopes: str) -> list:
    return [
        pytest.param(
            case,
            id=case["id"],
            marks=[pytest.mark.xfail(reason=DIFFERENT[case["id"]], strict=True)] if case["id"] in DIFFERENT else [],
        )
        for case in CASES
        if case["scope"] in scopes
    ]


def compile_(transform: dict) -> Any:
    compiled = compile_transform(msgspec.json.encode({"aliyun": transform}))
    assert compiled is not None
    return compiled


def text_of(transform: dict, scope: Scope) -> str | None:
    """The resulting text; an empty payload is no value."""
    return compile_(transform).render(scope, NAMES).body.decode() or None


@pytest.mark.parametrize("case", parameters("whole-event"))
def test_event_as_text(case: dict) -> None:
    """The transform sees a JSON object."""
    text = case.get("event_text", json.dumps(case["event"], ensure_ascii=False)).encode()
    found = text_of(case["transform"], DocumentScope(text, "bus", 0.0))
    if case.get("expected_kind") == "json":
        assert json.loads(found) == case["expected"]
    else:
        assert found == case["expected"]


def test_original_is_the_same_event() -> None:
    """Case 009 compared as JSON: only the space between members differs."""
    for case in CASES:
        if case["id"] == "rmqeb-transform-009":
            scope = DocumentScope(case["event_text"].encode(), "bus", 0.0)
            assert json.loads(text_of(case["transform"], scope)) == json.loads(case["expected"])


@pytest.mark.parametrize("case", parameters("build"))
def test_definition(case: dict) -> None:
    """Legal or refused when the rule is made."""
    if "error" in case["expected"]:
        with pytest.raises(InvalidTransform) as caught:
            compile_(case["transform"])
        assert caught.value.path.startswith("$.aliyun.value")
    else:
        assert len(compile_(case["transform"]).variables) == case["expected"]["variables"]


@pytest.mark.parametrize("case", parameters("connector-record"))
def test_record_of_the_runtime(case: dict) -> None:
    """A record is an event whose data is text; a transform is asked for each field of the output."""
    attributes = {name: value for name, value in case["event"].items() if name != "data"}
    data = case["event"]["data"]
    body = data if isinstance(data, str) else json.dumps(data)
    known = {name: attributes.pop(name, "") for name in ("id", "source", "type")}
    event = Event(**known, attributes=attributes, data=body.encode(), data_form=DataForm.JSON)
    if "error" in case["expected"]:
        with pytest.raises(InvalidTransform):
            text_of(case["transform"]["data"], Scope(event, "bus", 0.0))
    else:
        for field, transform in case["transform"].items():
            assert text_of(transform, Scope(event, "bus", 0.0)) == case["expected"][field]


@pytest.mark.parametrize("case", parameters("source-record"))
def test_record_of_a_source(case: dict) -> None:
    """A mapping of a source's record to attributes: what is not there is left to defaults."""
    scope = DocumentScope(json.dumps(case["event"]).encode(), "bus", 0.0)
    found = {name: text_of(transform, scope) for name, transform in case["transform"].items()}
    data = json.loads(found.pop("data"))
    assert {name: value for name, value in found.items() if value is not None} | {"data": data} == case["expected"]


@pytest.mark.parametrize("case", parameters("class-render", "path-rebase"))
def test_what_bridge_has_in_another_form(case: dict) -> None:
    """Not a transform here; see the reasons."""
    compile_(case["transform"])


def test_every_case_is_asked() -> None:
    """No scope is forgotten, and every difference is a case."""
    scopes = {"whole-event", "build", "connector-record", "source-record", "class-render", "path-rebase"}
    assert {case["scope"] for case in CASES} <= scopes
    assert not CASES or {case["id"] for case in CASES} >= DIFFERENT.keys()
