"""Judge what somebody wants to put: which events are refused and why, and the chunks that hold the others.

The bytes of a request become the chunk as they are where that is possible: one partition and nothing refused. Otherwise
the request is cut into its events, encoded as they came, and these are joined anew. A request in which nothing is wrong
is judged as a whole; only when something is, or an event may have to wait, are its events taken one by one.

``now``, in seconds since the epoch, is what a ``delivertime`` is compared with; without it no event waits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple, ParamSpec

from google.protobuf.message import DecodeError

from bridge._proto.bridge.internal.raw_pb2 import Envelope, Envelopes, RawEvents
from bridge.codec import json, protobuf
from bridge.codec.attributes import check_event, is_utf8
from bridge.codec.delivertime import find_due
from bridge.codec.http import Headers, Mode, mode_of, parse_single
from bridge.codec.judged import Judged, Verdict, gather, gather_one, keep_whole, spread
from bridge.codec.log import encode_event, join_events
from bridge.errors import InvalidEvent, InvalidInput, TooLarge
from bridge.model.event import DataForm, Event, Value
from bridge.model.log import Format

P = ParamSpec("P")
_BUS = 0x0A
"""The tag of field 1, a text."""


class PutRequest(NamedTuple):
    """A ``bridge.v1.PutEventsRequest``. ``events`` is None when some text in it is not UTF-8."""

    bus: str
    body: bytes
    events: Sequence[Envelope] | None


def parse_put_request(body: bytes) -> PutRequest:
    """Raises InvalidInput when it is no PutEventsRequest at all; what is wrong with one event is judged later."""
    try:
        request = Envelopes.FromString(body)
        return PutRequest(request.bus, body, request.events)
    except DecodeError:
        return PutRequest(_cut(body).bus, body, None)


def find_bus(body: bytes) -> str:
    """The bus that a PutEventsRequest names, without parsing its events where it stands first and is short, as is usual.

    Raises InvalidInput when it is no such message.
    """
    if len(body) > 2 and body[0] == _BUS and body[1] < 0x80 and len(body) >= 2 + body[1]:
        name = body[2 : 2 + body[1]]
        if name.isascii():
            return name.decode()
    return parse_put_request(body).bus


def _cut(body: bytes) -> RawEvents:
    try:
        return RawEvents.FromString(body)
    except DecodeError as error:
        raise InvalidInput("not a PutEventsRequest message") from error


def judge_put_request(request: PutRequest, partitions: int, event_size: int, now: float = inf) -> Judged:
    """Judge the events of a request. ``event_size``: the most bytes that one may take, encoded."""
    body = request.body
    raws = None if partitions == 1 and len(body) <= event_size else _cut(body).events[:]
    if request.events is not None and _fit(raws, event_size):
        try:
            ids, attributes, sources = protobuf.check_envelopes(request.events)
        except InvalidEvent:
            pass  # its culprit is found below
        else:
            if partitions == 1 or raws is None:
                return keep_whole(ids, Format.PROTOBUF, body)
            return spread(ids, map(_key, attributes, sources), raws, partitions, Format.PROTOBUF)
    raws = _cut(body).events[:] if raws is None else raws
    return gather([_judge_envelope(raw, event_size, now) for raw in raws], partitions)


def judge_http(
    headers: Headers, body: bytes, partitions: int, event_size: int, now: float = inf
) -> tuple[Judged, bool]:
    """Judge the events of an HTTP request; True when it is a single event, whose error is the response's own.

    Raises InvalidEvent for a batch that is no batch at all, UnsupportedMediaType.
    """
    headers = list(headers)
    match mode_of(headers):
        case Mode.JSON_BATCH:
            return _judge_json_batch(body, partitions, event_size, now), False
        case Mode.PROTOBUF_BATCH:
            request = parse_put_request(join_events(Format.PROTOBUF, protobuf.cut_batch(body)))
            return judge_put_request(request, partitions, event_size, now), False
        case Mode.PROTOBUF:
            verdict = _judge_envelope(body, event_size, now)
        case Mode.JSON:
            verdict = _judge_json(_attempt(json.parse_event, body), body, event_size, now)
        case Mode.BINARY:
            event = _attempt(parse_single, Mode.BINARY, headers, body)
            verdict = _judge_event(event, lambda e: (Format.PROTOBUF, protobuf.keep_event(e)), event_size, now)
    return gather_one(verdict, partitions), True


def _judge_json_batch(body: bytes, partitions: int, event_size: int, now: float) -> Judged:
    rows = json.read_rows(body)
    raws = None if rows and partitions == 1 and len(body) <= event_size else list(map(bytes, json.cut_batch(body)))
    if rows is not None and _fit(raws, event_size):
        if partitions == 1 or raws is None:
            return keep_whole(rows.ids(), Format.JSON, _inside(body))
        return spread(rows.ids(), rows.keys(), raws, partitions, Format.JSON)
    results = zip(json.parse_each(body), raws or (), strict=True)
    return gather([_judge_json(result, raw, event_size, now) for result, raw in results], partitions)


def _inside(body: bytes) -> bytes:
    """The elements of a JSON array."""
    return (body if body[:1] == b"[" and body[-1:] == b"]" else body.strip(b" \t\r\n"))[1:-1]


def judge_events(events: Sequence[Event], partitions: int, event_size: int, now: float = inf) -> Judged:
    """Judge events that were made here: by a transform, or read from a dead letter."""
    results = (_attempt(_check_made, event) for event in events)
    return gather([_judge_event(result, encode_event, event_size, now) for result in results], partitions)


def _check_made(event: Event) -> Event:
    """As parsing would have: attributes, and data that is what its form says."""
    check_event(event)
    data = event.data or b""
    match event.data_form:
        case DataForm.JSON if event.data is not None and not json.is_valid(data):
            raise InvalidEvent("not JSON", path="$.data")
        case DataForm.TEXT if not is_utf8(data):
            raise InvalidEvent("text that is not UTF-8", path="$.data")
        case DataForm.PROTO if not protobuf.is_any(data):
            raise InvalidEvent("not a google.protobuf.Any message", path="$.data")
        case _:
            return event


def _attempt(parse: Callable[P, Event], *args: P.args, **kwargs: P.kwargs) -> Event | InvalidInput:
    try:
        return parse(*args, **kwargs)
    except InvalidInput as error:
        return error


def _judge_event(
    result: Event | InvalidInput, encode: Callable[[Event], tuple[Format, bytes]], event_size: int, now: float
) -> Verdict:
    if isinstance(result, InvalidInput):
        return Verdict("", result)
    return _admit(result, *encode(result), event_size, now)


def _judge_json(result: Event | InvalidInput, raw: bytes, event_size: int, now: float) -> Verdict:
    if isinstance(result, InvalidInput):
        return Verdict(json.find_id(raw), result)
    return _admit(result, Format.JSON, raw, event_size, now)


def _judge_envelope(raw: bytes, event_size: int, now: float) -> Verdict:
    id_ = ""
    try:
        envelope = protobuf.parse_envelope(raw)
        id_ = envelope.id
        return _admit(protobuf.check_envelope(envelope), Format.PROTOBUF, raw, event_size, now)
    except InvalidInput as error:
        return Verdict(id_, error)


def _admit(event: Event, format_: Format, raw: bytes, event_size: int, now: float) -> Verdict:
    """Judge the size of a valid event, and when it enters."""
    if len(raw) > event_size:
        return Verdict(
            event.id, TooLarge(f"the event takes {len(raw)} bytes, {event_size} are allowed at most", path="$")
        )
    try:
        return Verdict(event.id, None, event.key, format_, raw, find_due(event, now))
    except InvalidInput as error:
        return Verdict(event.id, error)


def _fit(raws: Iterable[bytes] | None, event_size: int) -> bool:
    """Whether no event is too large; None: all of them together are not."""
    return raws is None or max(map(len, raws), default=0) <= event_size


def _key(attributes: Mapping[str, Value], source: str) -> str:
    """As Event.key, without making an Event."""
    value = attributes.get("partitionkey")
    return str(value) if value is not None else str(attributes.get("subject", source))
