"""A transform's definition: exactly one form, nothing unknown, bounded."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidTransform
from bridge.model.event import DataForm, Event
from bridge.rules.scope import Names, Scope
from bridge.rules.transform import MAX_SIZE_BYTES, compile_transform

EVENT = Event("1", "/s", "t", {}, b'{"a":1}', DataForm.JSON)


def test_original_needs_no_work() -> None:
    """The target gets the event itself."""
    assert compile_transform(b'{"original":true}') is None
    assert compile_transform(msgspec.Raw(b' {"original": true} ')) is None


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (b"", None, "not a JSON object"),
        (b"[]", None, "not a JSON object"),
        (b"null", None, "not a JSON object"),
        (b'{"text":"\xff"}', None, "not a JSON object"),
        (b'{"text":"\\ud800"}', None, "not a JSON object"),
        (b"[" * 100, None, "not a JSON object"),
        (b"{}", None, "exactly one form"),
        (b'{"text":"a","path":"$"}', None, "exactly one form .* not 2"),
        (b'{"original":false}', "$.original", "must be true"),
        (b'{"original":true,"missing":"null"}', "$.missing", "beside template only"),
        (b'{"tmplate":{}}', "$.tmplate", "not known here; known are original, path"),
        (b'{"text":7}', "$.text", "expected `str`"),
        (b'{"text":"${"}', "$.text", "at character 1"),
        (b'{"path":"$.["}', "$.path", "at character 3"),
        (b'{"path":null}', "$.path", "expected `str`"),
        (b'{"template":{"a":"${x."}}', "$.template.a", "no closing brace"),
        (b'{"aliyun":{"form":"NOPE"}}', "$.aliyun.form", "NOPE"),
        (b'{"aws":{"nope":1}}', "$.aws.nope", "not known"),
        (b'{"text":"%s"}' % (b"x" * MAX_SIZE_BYTES), None, "too large"),
    ],
)
def test_illegal_definition(text: bytes, path: str | None, message: str) -> None:
    """Refused when the rule is made, with the path of the bad part."""
    with pytest.raises(InvalidTransform, match=message) as caught:
        compile_transform(text)
    assert caught.value.path == path


def test_a_template_that_is_nested_too_deeply() -> None:
    """Refused by the parser, which of newer Pythons takes more, or by ourselves."""
    with pytest.raises(InvalidTransform, match=r"not a JSON object|nested deeper than 100"):
        compile_transform(b'{"template":%s1%s}' % (b"[" * 5000, b"]" * 5000))


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.sampled_from(["${data.a}", "$.data", "<a>", "TEMPLATE", "JSONPATH", "omit", "${", True, 1, None]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["path", "text", "template", "missing", "aliyun", "form", "value", "aws", "input"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=6,
    ).map(msgspec.json.encode)
)
def test_any_bytes_are_a_transform_or_refused(text: bytes) -> None:
    """No definition ends in another error, neither when it is read nor when it is used."""
    with suppress(InvalidTransform):
        transform = compile_transform(text)
        if transform is not None:
            assert transform.render(Scope(EVENT, "bus", 0.0), Names("r", "t")).content_type


FORMS = [
    {"path": "$.data"},
    {"path": "$..x"},
    {"path": "$"},
    {"template": ["${data}", "<${data}>", "${data[0]}", "${event}"]},
    {"text": "${data[0][0]} ${event}"},
    {"aws": {"inputPath": "$.detail[0]"}},
    {"aws": {}},
    {"aliyun": {"form": "JSONPATH", "value": "$.data"}},
    {"aliyun": {"form": "DELETE_FIELD", "value": '[{"field":"$.data[0]"}]'}},
]


@pytest.mark.parametrize("form", FORMS)
def test_nested_data_is_rendered_or_a_typed_error(form: dict) -> None:
    """However deep: decoders give up at different depths, and none of them takes the pipeline down."""
    transform = compile_transform(msgspec.json.encode(form))
    assert transform is not None
    ended = set()
    for depth in [1, *range(300, 1100, 5)]:
        attributes = {"datacontenttype": "application/json"}
        event = Event("1", "/s", "t", attributes, b"[ " * depth + b"]" * depth, DataForm.BINARY)
        try:
            transform.render(Scope(event, "bus", 0.0), Names("r", "t"))
            ended.add("rendered")
        except InvalidTransform:
            ended.add("refused")
    assert "rendered" in ended
