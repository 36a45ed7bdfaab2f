"""Documents and events as input."""

import pytest

from bridge.model.event import DataForm, Event
from bridge.rules.matching.branches import conjunctions
from bridge.rules.matching.engine import Tally
from bridge.rules.matching.groups import Item
from bridge.rules.matching.inputs import DocumentEngine, EventEngine
from bridge.rules.matching.layout import SPELLINGS, WIDE
from bridge.rules.pattern import parse_pattern


def items(*patterns: str) -> list[Item]:
    found = []
    for serial, pattern in enumerate(patterns):
        for branch in parse_pattern(pattern).branches:
            found += [Item(serial, serial, conjunction, branch) for conjunction in conjunctions(branch) or []]
    return found


def event_engine(*patterns: str, repeated: bool = False) -> EventEngine:
    return EventEngine.of(items(*patterns), Tally(), repeated=repeated)


def event(data: bytes | None = None, form: DataForm = DataForm.JSON, **attributes: str | int | bool | bytes) -> Event:
    return Event("1", "/s", "light.changed", attributes, data, form)


@pytest.mark.parametrize(
    ("pattern", "given", "expected"),
    [
        ('{"type":["light.changed"]}', event(), True),
        ('{"type":[{"prefix":"light."}],"data":{"to":["red"]}}', event(b'{"to":"red"}'), True),
        ('{"data":{"to":["red"]}}', event(b'{"to":"red"}', DataForm.BINARY), False),
        ('{"data":{"to":["red"]}}', event(b'{"to":"red"}', DataForm.BINARY, datacontenttype="a/b+json"), True),
        ('{"data":{"to":["red"]}}', event(b'{"to":"red"}', datacontenttype="text/plain"), False),
        ('{"data":[5]}', event(b"5.0"), True),
        ('{"data":["x"]}', event(b'["y",["x"]]'), True),
        ('{"data":{"x":[1],"y":[{"exists":false}]}}', event(b'[{"x":1},{"y":2}]'), True),
        ('{"data":{"b":[{"exists":false}],"x":[1]}}', event(b'[{"x":1},{"b":2}]'), False),
        ('{"data":[{"exists":false}]}', event(), True),
        ('{"data":{"x":[{"exists":false}]}}', event(b"[]"), True),
        ('{"speed":[5]}', event(speed=5), True),
        ('{"urgent":[true]}', event(urgent=True), True),
        ('{"urgent":[1]}', event(urgent=True), False),
        ('{"raw":["AAE="]}', event(raw=b"\x00\x01"), True),
        ('{"specversion":["1.0"]}', event(), True),
    ],
)
def test_events_are_seen_as_the_specification_says(pattern: str, given: Event, expected: bool) -> None:
    """Attributes by name, data where it says that it is JSON."""
    assert event_engine(pattern).run([given]) == [(0,) if expected else ()]


def test_data_that_is_no_json_has_no_fields_and_is_counted() -> None:
    """Attributes still match."""
    found = event_engine('{"data":{"a":[1]}}', '{"type":["light.changed"]}', '{"data":{"a":[{"exists":false}]}}')
    assert found.run([event(b'{"a":1')]) == [(1, 2)]
    assert found.tally.broken_data == 1


def test_data_that_nobody_needs_is_not_decoded() -> None:
    """So it is not found to be broken either."""
    found = event_engine('{"type":["other"],"data":{"a":[1]}}')
    assert found.run([event(b'{"a":1')]) == [()]
    assert found.tally.broken_data == 0


def test_data_is_decoded_once() -> None:
    """However many groups ask for it."""
    rules = [f'{{"data":{{"k":["v{n}"],"n":[{{"prefix":"x{n}"}}]}}}}' for n in range(100)]
    found = event_engine(*rules, *(f'{{"data":{{"n":[{{"prefix":"{n}"}}]}}}}' for n in range(100)))
    decode, calls = found.decode, []
    found.decode = lambda text: calls.append(text) or decode(text)
    given = event(b'{"k":"v7","n":"x7"}')
    assert found.run([given]) == [(7,)]
    assert len(calls) == 1


@pytest.mark.parametrize("width", [1, SPELLINGS + 2, WIDE + 2])
def test_names_with_dots_are_noticed_however_objects_are_decoded(width: int) -> None:
    """As structs, as structs with a search, as dicts."""
    patterns = [f'{{"data":{{"w":{{"f{n}":[1]}}}}}}' for n in range(width)]
    assert event_engine(*patterns).run([event(b'{"w.f0":1}'), event(b'{"w":{"f0":1}}')]) == [(0,), (0,)]
    documents = DocumentEngine.of(items(*patterns), Tally(), repeated=False)
    assert documents.run([b'{"data.w":{"f0":1}}', b'{"data":[{"w.f0":1}]}', b'{"data":{"w":{"f0":1}}}']) == [(0,)] * 3


@pytest.mark.parametrize(("repeated", "expected"), [(True, (0, 1)), (False, (1,))])
def test_repeated_names_in_data(repeated: bool, expected: tuple) -> None:
    """Both count, or the last."""
    found = event_engine('{"data":{"a":[1]}}', '{"data":{"a":[2]}}', repeated=repeated)
    assert found.run([event(b'{"a":1,"a":2}')]) == [expected]


def test_names_without_end_leave_the_attributes() -> None:
    """When the exact reading of data is too much, it is given up, and counted."""
    found = event_engine('{"data":{"a":{"b":[1]}}}', '{"type":["light.changed"]}')
    name = b"n" * 9_000
    members = b",".join(b'"%d":1' % number for number in range(2_000))
    assert found.run([event(b'{"a.b":1,"' + name + b'":{' + members + b"}}")]) == [(1,)]
    assert found.tally.gave_up == 1
