"""The fast way answers as the slow way does, or not at all."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bridge.codec.json import _data, parse_each
from bridge.codec.shapes import Shapes
from bridge.errors import InvalidInput
from bridge.model.event import Event

REQUIRED = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def learned(*bodies: bytes) -> Shapes:
    """Shapes that learned from each of these arrays."""
    shapes = Shapes(_data)
    for body in bodies:
        shapes._missed = 0
        shapes.learn(body)
    return shapes


def array(*events: dict) -> bytes:
    return json.dumps(events).encode()


def test_what_fits_is_read() -> None:
    """Ids, keys and events; attributes in the order of the batch that was learned from."""
    body = array(
        REQUIRED | {"subject": "a", "x": 1, "data": {"y": [1]}}, REQUIRED | {"subject": "b", "x": 2, "data": 5}
    )
    rows = learned(body).read(body)
    assert rows is not None
    assert (len(rows), rows.ids(), rows.keys()) == (2, ["1", "1"], ["a", "b"])
    assert rows.events() == parse_each(body)
    assert list(rows.events()[0].attributes) == ["subject", "x"]


def test_what_is_absent_in_some_is_absent() -> None:
    """A shape of events that are not quite alike."""
    body = array(
        REQUIRED, REQUIRED | {"subject": "a", "data": 1}, REQUIRED | {"partitionkey": "k", "data_base64": "AA=="}
    )
    rows = learned(body).read(body)
    assert rows is not None
    assert rows.events() == parse_each(body)
    assert rows.keys() == ["/s", "a", "k"]


def test_other_members_do_not_fit() -> None:
    """Nor other types, an empty array or no array at all."""
    shapes = learned(array(REQUIRED | {"x": "a"}))
    for body in (array(REQUIRED), array(REQUIRED | {"y": "a"}), array(REQUIRED | {"x": 1}), b"[]", b"{}", b"", b"[[[["):
        assert shapes.read(body) is None


def test_many_kinds_of_events_end_up_in_few_shapes() -> None:
    """The one used least is widened; the last used one is asked first."""
    bodies = [array(REQUIRED | {f"x{i}": "a"}) for i in range(10)]
    shapes = learned(*bodies)
    assert len(shapes._shapes) == 4
    for body in bodies:
        rows = shapes.read(body)
        assert rows is None or rows.events() == parse_each(body)
    assert shapes.read(bodies[-1]) is not None
    assert shapes._shapes[0].members.keys() >= {"x9"}


def test_learning_is_rationed() -> None:
    """Making a struct for each of many odd batches would cost more than it saves."""
    shapes = Shapes(_data)
    for i in range(64):
        shapes.learn(array(REQUIRED | {f"x{i}": "a"}))
    assert len(shapes._shapes) == 1


def test_names_may_be_words_of_python() -> None:
    """Or begin with a digit: they never become identifiers as they are."""
    body = array(REQUIRED | {"class": "a", "7up": 7, "none": "x", "lambda": True})
    rows = learned(body).read(body)
    assert rows is not None
    assert rows.events() == parse_each(body)


VALUES = st.sampled_from(
    [None, True, 7, 2**31, -(2**31), 1.5, "", "a", "1.0", "ü", "\x01", "\x7f", "\ufdd0", 'q"\\', {}, [1], "/s", "a b",
     "2026-11-24T08:30:00Z", "2026-11-24 08:30:00Z", "2023-02-29T00:00:00Z", "2026-11-24T08:30:00+01:00",
     "text/plain", "application/json", "AAE=", "AAE"]
)  # fmt: skip
GOOD = {
    "subject": st.sampled_from(["a", "b", "ü"]),
    "time": st.sampled_from(["2026-11-24T08:30:00Z", "2026-11-24t08:30:00.5+01:00"]),
    "datacontenttype": st.sampled_from(["application/json", "text/plain"]),
    "dataschema": st.just("urn:x:y"),
    "data": st.sampled_from(["text", {"a": [1, "x"]}, None]),
    "data_base64": st.just("AAE="),
    "partitionkey": st.sampled_from(["k", 5]),
    "ext": st.sampled_from(["a", True, -3]),
}
NAMES = st.sampled_from([*REQUIRED, *GOOD, "Bad", "data_"])
VALID = st.fixed_dictionaries({}, optional=GOOD).map(lambda members: [*REQUIRED.items(), *members.items()])


@st.composite
def batches(draw: st.DrawFn) -> bytes:
    """Arrays of events that are mostly alike, with a few odd, doubled or lacking members, in any spelling."""
    usual = draw(VALID)
    events = []
    for i in range(draw(st.integers(1, 4))):
        pairs = [(name, value if name != "id" else str(i)) for name, value in usual]
        for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=1)):
            pairs.insert(draw(st.integers(0, len(pairs))), (name, value))
        if draw(st.integers(0, 5)) == 0:
            pairs.pop(draw(st.integers(0, len(pairs) - 1)))
        plain = draw(st.booleans())
        gap = draw(st.sampled_from(["", " ", "\n"]))
        members = [f'"{name}":{gap}{json.dumps(value, ensure_ascii=plain)}' for name, value in pairs]
        events.append("{" + f",{gap}".join(members) + "}")
    return f"[{','.join(events)}]".encode()


def shown(results: list[Event | InvalidInput]) -> list[object]:
    return [(type(r), r.reason, r.path) if isinstance(r, InvalidInput) else r for r in results]


@given(st.lists(VALID, min_size=1, max_size=3), batches(), batches())
def test_the_fast_way_answers_as_the_slow_way(usual: list, first: bytes, second: bytes) -> None:
    """Whatever was learned before, and from whom."""
    teacher = array(*map(dict, usual))
    for shapes in (learned(teacher), learned(teacher, first), learned(first, second)):
        for body in (first, second, teacher):
            slow = parse_each(body)
            rows = shapes.read(body)
            if rows is None:
                continue
            assert rows.events() == slow
            assert rows.ids() == [event.id for event in slow]
            assert rows.keys() == [event.key for event in slow]
            trusted = shapes.trust(body)
            assert trusted is not None
            assert trusted.events() == slow


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_fit_or_do_not(body: bytes) -> None:
    """Without any error; and data that is passed over while reading is JSON all the same."""
    shapes = learned(array(REQUIRED | {"data": 1}))
    text = array(REQUIRED | {"data": 1}).replace(b'"data": 1', b'"data": ' + body)
    rows = shapes.read(text)
    if rows is not None and len(rows) == 1:
        json.loads(rows.events()[0].data)
    assert shapes.read(body) is None or msgspec.json.decode(body)
