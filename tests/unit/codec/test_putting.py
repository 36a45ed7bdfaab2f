"""What is refused, what is kept, and that one does not touch the other."""

import json

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest
from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent
from bridge.codec import http, protobuf
from bridge.codec import json as json_format
from bridge.codec.delayed import keep_delayed, read_delayed
from bridge.codec.delivertime import find_due
from bridge.codec.http import format_batched, format_binary, format_structured
from bridge.codec.json import read_rows
from bridge.codec.judged import Judged
from bridge.codec.log import events_of
from bridge.codec.putting import find_bus, judge_events, judge_http, judge_put_request, parse_put_request
from bridge.codec.shapes import Shapes
from bridge.errors import InvalidEvent, InvalidInput, TooLarge, UnsupportedMediaType
from bridge.model.event import DataForm, Event
from bridge.model.log import Format, StoredChunk, partition_of
from tests.unit.codec.strategies import ANY_FORM, CANONICAL_TIMES, EXTENSIONS, events

LIMIT = 256 * 1024
BATCH = [(b"content-type", http.JSON_BATCH.encode())]
GOOD = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def kept(judged: Judged) -> list[Event | None]:
    """The events of a request as the log would give them back, None for refused ones."""
    found = [events_of(StoredChunk(0, 0.0, *chunk)) for _, chunk in judged.chunks]
    assert [len(chunk) for chunk in found] == [chunk.events for _, chunk in judged.chunks]
    places = [(0, i) for i in range(len(judged.ids))] if judged.places is None else judged.places
    return [None if chunk < 0 else found[chunk][index] for chunk, index in places]


def request(*events: bytes, bus: str = "b") -> bytes:
    return PutEventsRequest(bus=bus).SerializeToString() + protobuf.join(events)


def message(**fields) -> bytes:
    return CloudEvent(**({"id": "1", "source": "/s", "type": "t", "spec_version": "1.0"} | fields)).SerializeToString()


def judge_put(body: bytes, partitions: int = 1, event_size: int = LIMIT) -> Judged:
    return judge_put_request(parse_put_request(body), partitions, event_size)


@given(st.text(), st.booleans(), st.lists(st.binary(max_size=8), max_size=3))
def test_the_bus_of_a_request_is_found_as_parsing_finds_it(bus: str, last: bool, extra: list[bytes]) -> None:
    """Wherever it stands, however long it is; a message without one names none."""
    named, others = PutEventsRequest(bus=bus).SerializeToString(), protobuf.join([message(id="x" * 200), message()])
    body = others + named if last else named + others
    assert find_bus(body) == parse_put_request(body).bus == bus
    assert find_bus(others) == find_bus(b"") == ""


@given(st.binary(max_size=12))
def test_the_bus_of_any_bytes_is_found_or_refused(body: bytes) -> None:
    """What is no message may seem to name a bus: whoever parses it refuses it."""
    try:
        found = find_bus(body)
        assert found == parse_put_request(body).bus
    except InvalidInput:
        with pytest.raises(InvalidInput):
            parse_put_request(body)


def test_a_clean_request_is_kept_as_it_came() -> None:
    """Bytes and all, unknown fields as well."""
    body = request(message(), message(id="2")) + b"\xfa\x01\x01x"
    judged = judge_put(body)
    assert (judged.ids, judged.errors, judged.places) == (["1", "2"], {}, None)
    assert judged.chunks == [(0, (Format.PROTOBUF, 2, body))]
    assert parse_put_request(body).bus == "b"


def test_a_clean_json_batch_is_kept_as_it_came() -> None:
    """Without its brackets, in the fast way and in the slow one."""
    body = b' [ {"specversion":"1.0", "id":"1","source":"/s","type":"t"} ] \n'
    for _ in range(2):
        judged, single = judge_http(BATCH, body, 1, LIMIT)
        assert not single
        assert kept(judged) == [Event("1", "/s", "t", {})]
        assert judged.chunks[0][1].body.strip() == body.strip()[1:-1].strip()


@pytest.mark.parametrize("partitions", [1, 4])
def test_a_refused_event_does_not_drag_its_neighbours(partitions: int) -> None:
    """Whatever is wrong with it, text that is not UTF-8 included."""
    bad = [message(id=""), message(spec_version="0.3"), message().replace(b"/s", b"\xff\xff"), b"\xff", b""]
    bad += [message(attributes={"x": {}}), message(attributes={"X": {"ce_string": "a"}}), message(text_data="x" * 2000)]
    for odd in bad:
        judged = judge_put(request(message(id="a"), odd, message(id="b", source="/other")), partitions, 1000)
        assert list(judged.errors) == [1]
        assert [event and event.id for event in kept(judged)] == ["a", None, "b"]


@pytest.mark.parametrize("partitions", [1, 4])
@pytest.mark.parametrize(
    "odd",
    [b"{}", b"5", b'{"a":[[[]]]}', b"[" * 5000 + b"]" * 5000, b'{"id":"\\ud800"}', b'{"id":"\xff"}',
     json.dumps(GOOD | {"data": "x" * 2000}).encode(), json.dumps(GOOD | {"time": "now"}).encode()],
)  # fmt: skip
def test_a_refused_element_does_not_drag_its_neighbours(odd: bytes, partitions: int) -> None:
    """As long as the whole can be cut into elements: too deep, half pairs and other encodings included."""
    first, last = (json.dumps(GOOD | {"id": id_, "source": f"/{id_}"}).encode() for id_ in "ab")
    judged, _ = judge_http(BATCH, b"[%b,%b,%b]" % (first, odd, last), partitions, 1000)
    assert list(judged.errors) == [1]
    assert [event and event.id for event in kept(judged)] == ["a", None, "b"]


def test_a_refused_event_keeps_its_id() -> None:
    """Where it can be read, so that the caller knows which one."""
    assert judge_put(request(message(id="x", spec_version="0.3"))).ids == ["x"]
    assert judge_put(request(b"\xff")).ids == [""]
    body = json.dumps([GOOD | {"id": "x", "time": "now"}, {"id": 5}, 5]).encode()
    assert judge_http(BATCH, body, 1, LIMIT)[0].ids == ["x", "", ""]


def test_size_is_that_of_one_event_encoded() -> None:
    """At the limit it passes; many small ones may be larger together."""
    raw = message(text_data="x" * 100)
    for doors in (
        lambda size: judge_put(request(*[raw] * 10), 1, size),
        lambda size: judge_http([(b"content-type", http.PROTOBUF.encode())], raw, 1, size)[0],
        lambda size: judge_http([(b"content-type", http.PROTOBUF_BATCH.encode())], batch(raw, raw), 1, size)[0],
    ):
        assert not doors(len(raw)).errors
        errors = doors(len(raw) - 1).errors
        assert isinstance(errors[0], TooLarge)
        assert errors[0].path == "$"
    element = json.dumps(GOOD).encode()
    for body in (b"[%b,%b]" % (element, element), b"[%b]" % element):
        assert not judge_http(BATCH, body, 1, len(element))[0].errors
        assert isinstance(judge_http(BATCH, body, 1, len(element) - 1)[0].errors[0], TooLarge)
    headers = [(b"ce-" + name.encode(), value.encode()) for name, value in GOOD.items()]
    assert isinstance(judge_http(headers, b"x" * 100, 1, 100)[0].errors[0], TooLarge)
    assert isinstance(judge_events([Event("1", "/s", "t", {}, b"x" * 100)], 1, 100).errors[0], TooLarge)


def batch(*raws: bytes) -> bytes:
    return b"".join(b"\n%b%b" % (protobuf.join([raw])[1 : -len(raw)], raw) for raw in raws)


def test_what_is_no_request_at_all_is_refused_as_a_whole() -> None:
    """There is nothing to answer event by event."""
    with pytest.raises(InvalidInput):
        parse_put_request(b"\xff")
    with pytest.raises(InvalidInput):
        parse_put_request(b"\n\x02\xff\xff")
    for body in (b"", b"{}", b"[1", b"[1,]"):
        with pytest.raises(InvalidEvent):
            judge_http(BATCH, body, 1, LIMIT)
    with pytest.raises(UnsupportedMediaType):
        judge_http([(b"content-type", b"application/cloudevents+xml")], b"", 1, LIMIT)


def test_nothing_is_fine() -> None:
    """No events, no chunk."""
    assert (
        judge_put(request())
        == judge_http(BATCH, b"[]", 1, LIMIT)[0]
        == judge_events([], 4, LIMIT)
        == ([], {}, [], None, {})
    )


def test_a_single_event_is_told_from_a_batch_of_one() -> None:
    """Its error is the response's own."""
    for headers in (BATCH, [(b"content-type", http.PROTOBUF_BATCH.encode())]):
        assert judge_http(headers, b"[]" if headers is BATCH else b"", 1, LIMIT)[1] is False
    for media_type in (http.JSON, http.PROTOBUF, "text/plain"):
        judged, single = judge_http([(b"content-type", media_type.encode())], b"\xff", 1, LIMIT)
        assert single
        assert list(judged.errors) == [0]


@pytest.mark.parametrize(
    "event",
    [
        Event("", "/s", "t", {}),
        Event("1", "/s", "t", {"id": "2"}),
        Event("1", "/s", "t", {"x": 1.5}),
        Event("1", "/s", "t", {"subject": 5}),
        Event("1", "/s", "t", {}, b"{", DataForm.JSON),
        Event("1", "/s", "t", {}, b'"\xff"', DataForm.JSON),
        Event("1", "/s", "t", {}, b"\xff", DataForm.TEXT),
        Event("1", "/s", "t", {}, b"\xff", DataForm.PROTO),
    ],
)
def test_events_made_here_are_judged_as_well(event: Event) -> None:
    """A transform may make anything."""
    judged = judge_events([event, Event("2", "/s", "t", {})], 1, LIMIT)
    assert list(judged.errors) == [0]
    assert kept(judged) == [None, Event("2", "/s", "t", {})]


@given(st.lists(ANY_FORM, max_size=8), st.integers(1, 5))
def test_what_is_judged_reads_back_equal(given_events: list[Event], partitions: int) -> None:
    """For events of every form, in their key's partition."""
    judged = judge_events(given_events, partitions, LIMIT)
    assert kept(judged) == given_events
    assert {p for p, _ in judged.chunks} == {partition_of(event.key, partitions) for event in given_events}


WIRE = events(
    DataForm.BINARY,
    DataForm.TEXT,
    DataForm.PROTO,
    times=CANONICAL_TIMES,
    extensions=EXTENSIONS | st.just({"partitionkey": ""}) | st.just({"partitionkey": True}),
)


@given(st.lists(WIRE, max_size=8), st.integers(1, 5), st.sampled_from([LIMIT, 100]))
def test_a_put_request_reads_back_equal(given_events: list[Event], partitions: int, event_size: int) -> None:
    """Cut or whole, the keys found without making events are theirs."""
    raws = [protobuf.format_event(event) for event in given_events]
    judged = judge_put(request(*raws), partitions, event_size)
    wanted = [event if len(raw) <= event_size else None for event, raw in zip(given_events, raws, strict=True)]
    assert kept(judged) == wanted
    for event, place in zip(wanted, judged.places or (), strict=False):
        if event is not None:
            assert judged.chunks[place[0]][0] == partition_of(event.key, partitions)
    again, _ = judge_http([(b"content-type", http.PROTOBUF_BATCH.encode())], batch(*raws), partitions, event_size)
    assert (again.ids, again.places, kept(again)) == (judged.ids, judged.places, wanted)


@given(st.lists(events(DataForm.JSON, DataForm.TEXT), max_size=5), st.integers(1, 5))
def test_a_json_batch_reads_back_equal(given_events: list[Event], partitions: int) -> None:
    """The same, over HTTP."""
    body = format_batched(given_events).body
    judged, _ = judge_http(BATCH, body, partitions, LIMIT)
    assert kept(judged) == given_events
    for event, (chunk, _) in zip(given_events, judged.places or (), strict=False):
        assert judged.chunks[chunk][0] == partition_of(event.key, partitions)


@given(events(DataForm.BINARY, extensions=st.just({})), st.integers(1, 5))
def test_single_events_over_http_read_back_equal(event: Event, partitions: int) -> None:
    """Binary and structured."""
    for make in (format_binary, format_structured):
        sent = make(event)
        headers = [(name.encode(), value.encode()) for name, value in sent.headers.items()]
        judged, single = judge_http(headers, sent.body, partitions, LIMIT)
        (got,) = kept(judged)
        assert single
        assert got == event or (make is format_binary and event.data == b"")
        assert [p for p, _ in judged.chunks] == [partition_of(event.key, partitions)]


NOW = 1_790_000_000.0
LATER_TIMES = st.sampled_from(["2026-09-21T13:33:20.5Z", "2026-09-21T14:33:21+01:00", "2027-09-22T14:13:20Z"])
TIMES = st.none() | st.sampled_from(["2026-09-21T14:13:20Z", "2026-09-21T14:13:19.9Z"]) | LATER_TIMES
BAD_TIMES = st.sampled_from(["", "tomorrow", "2026-09-21", "2026-09-21T14:13:21", "2027-09-22T14:13:21Z", 7, True])


def with_time(event: Event, time: str | int | None) -> Event:
    attributes = {name: value for name, value in event.attributes.items() if name != "delivertime"}
    return replace(event, attributes=attributes if time is None else attributes | {"delivertime": time})


def timed(made: st.SearchStrategy[Event]) -> st.SearchStrategy[list[Event]]:
    return st.lists(st.builds(with_time, made, TIMES | BAD_TIMES), max_size=6)


def judge_alone(event: Event) -> float | InvalidEvent | None:
    try:
        return find_due(event, NOW)
    except InvalidEvent as error:
        return error


def check_each(made: list[Event], judged: Judged) -> None:
    assert judged.ids == [event.id for event in made]
    for i, (event, back) in enumerate(zip(made, kept(judged), strict=True)):
        wanted = judge_alone(event)
        assert back == (event if wanted is None else None)
        refused = judged.errors.get(i)
        assert (refused is not None) == isinstance(wanted, InvalidEvent)
        assert refused is None or (refused.path, refused.reason) == (
            "$.delivertime",
            str(getattr(wanted, "reason", "")),
        )
        assert (i in judged.delayed) == isinstance(wanted, float)
    for i, delayed in judged.delayed.items():
        assert (delayed.id, delayed.due) == (made[i].id, judge_alone(made[i]))
        assert read_delayed(keep_delayed(delayed)) == made[i]


@given(timed(events(DataForm.JSON)), st.integers(1, 3))
def test_events_of_a_json_batch_may_be_for_later(made: list[Event], partitions: int) -> None:
    """Those that are wait with all they have, bad times are refused, the others are kept as if they were alone."""
    check_each(made, judge_http(BATCH, format_batched(made).body, partitions, LIMIT, NOW)[0])


@given(timed(WIRE), st.integers(1, 3))
def test_events_of_a_put_request_may_be_for_later(made: list[Event], partitions: int) -> None:
    """The same."""
    body = request(*map(protobuf.format_event, made))
    check_each(made, judge_put_request(parse_put_request(body), partitions, LIMIT, NOW))


def test_every_single_event_may_be_for_later() -> None:
    """Binary, structured, protobuf, and made here; a Timestamp, a header's case and an escaped name say the same."""
    time = {"delivertime": "2026-09-21T14:13:21Z"}
    members = GOOD | time
    escaped = json.dumps(members).replace("delivertime", "deliver\\u0074ime").encode()
    headers = [(f"Ce-{name.title()}".encode(), value.encode()) for name, value in members.items()]
    moment = Timestamp(seconds=1_790_000_001)
    raw = message(attributes={"delivertime": {"ce_timestamp": moment}})
    cases = [
        judge_http(headers, b"x", 1, LIMIT, NOW),
        judge_http([(b"content-type", http.JSON.encode())], escaped, 1, LIMIT, NOW),
        judge_http([(b"content-type", http.PROTOBUF.encode())], raw, 1, LIMIT, NOW),
        judge_http([(b"content-type", http.PROTOBUF_BATCH.encode())], batch(raw), 1, LIMIT, NOW),
        judge_http(BATCH, b"[%b]" % escaped, 1, LIMIT, NOW),
        (judge_events([Event("1", "/s", "t", time)], 1, LIMIT, NOW), True),
    ]
    for judged, _ in cases:
        assert (judged.ids, judged.errors, judged.chunks, judged.places) == (["1"], {}, [], [(-2, -2)])
        assert [(d.id, d.due) for d in judged.delayed.values()] == [("1", 1_790_000_001.0)]
    assert not judge_http(BATCH, b"[%b]" % escaped, 1, LIMIT)[0].delayed


def test_a_shape_with_some_events_for_later_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches like others before take the fast way again as soon as none of theirs has a time."""
    monkeypatch.setattr(json_format, "_shapes", Shapes(json_format._data))  # whatever other tests have taught it
    plain, later = json.dumps(GOOD).encode(), json.dumps(GOOD | {"delivertime": "2026-09-21T14:13:21Z"}).encode()
    for _ in range(40):
        assert len(judge_http(BATCH, b"[%b,%b]" % (plain, later), 1, LIMIT, NOW)[0].delayed) == 1
    judged, _ = judge_http(BATCH, b"[%b,%b]" % (plain, plain), 1, LIMIT, NOW)
    assert judged.places is None
    assert read_rows(b"[%b,%b]" % (plain, plain)) is not None
    assert read_rows(b"[%b,%b]" % (plain, later)) is None


def test_one_that_is_too_large_does_not_wait() -> None:
    """It is refused now, not when its time has come."""
    body = json.dumps(GOOD | {"delivertime": "2026-09-21T14:13:21Z", "data": "x" * 100}).encode()
    judged, _ = judge_http([(b"content-type", http.JSON.encode())], body, 1, 100, NOW)
    assert isinstance(judged.errors[0], TooLarge)
    assert not judged.delayed


@given(st.binary(), st.binary() | st.lists(st.binary(), max_size=3).map(protobuf.join), st.integers(1, 3))
def test_any_bytes_are_kept_or_refused(content_type: bytes, body: bytes, partitions: int) -> None:
    """At every door, with a documented error; and what is kept reads back."""
    for media_type in (content_type, *(mode.value.encode() for mode in http.Mode)):
        try:
            judged, _ = judge_http([(b"content-type", media_type)], body, partitions, LIMIT)
        except InvalidInput:
            continue
        kept(judged)
    try:
        kept(judge_put(body, partitions))
    except InvalidInput:
        return
