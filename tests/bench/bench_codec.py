"""What the codec costs per event, beside what the libraries below it cost: ``python -m tests.bench.bench_codec``.

Batches of 100 events, about 1 KiB of JSON data each, with subject, time and content type. Every figure is the best of
several short rounds, in turns with its baseline, so that other work on the machine hits both.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest
from bridge.codec.chunks import (
    Judged,
    events_of,
    format_put_response,
    format_put_results,
    judge_events,
    judge_http,
    judge_put_request,
    parse_put_request,
)
from bridge.codec.http import format_binary
from bridge.codec.json import format_event, parse_batch, parse_each, parse_event, write_lines
from bridge.model.event import Event
from bridge.model.log import Chunk, StoredChunk

EVENTS, ROUNDS, SECONDS = 100, 15, 0.01
LIMIT = 256 * 1024
DATA = {f"member{i:02}": f"{i:04} of some text, as long" for i in range(25)}


class Plain(msgspec.Struct):
    """What msgspec itself needs for the batch: the baseline of reading JSON."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    data: msgspec.Raw


def events() -> list[dict]:
    start = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    return [
        {
            "specversion": "1.0",
            "id": f"A234-1234-{i:04}",
            "source": "/junction/7",
            "type": "light.changed",
            "subject": f"light-{i % 7}",
            "time": (start + timedelta(microseconds=1234567 * i)).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": DATA,
        }
        for i in range(EVENTS)
    ]


def put_request(*, attributes: bool = True) -> bytes:
    request = PutEventsRequest(bus="traffic")
    for event in events():
        made = request.events.add(id=event["id"], source=event["source"], type=event["type"], spec_version="1.0")
        made.binary_data = json.dumps(event["data"]).encode()
        if attributes:
            made.attributes["subject"].ce_string = event["subject"]
            made.attributes["datacontenttype"].ce_string = event["datacontenttype"]
            made.attributes["time"].ce_timestamp.FromJsonString(event["time"])
    return request.SerializeToString()


class Case(NamedTuple):
    name: str
    run: Callable[[], object]
    baseline: str = ""
    goal: str = ""


def cases() -> list[Case]:
    batch = json.dumps(events(), separators=(",", ":")).encode()
    single = json.dumps(events()[0], separators=(",", ":")).encode()
    spaced = json.dumps(events()).encode()
    plain, untyped = msgspec.json.Decoder(list[Plain]).decode, msgspec.json.Decoder().decode
    batch_headers = [(b"content-type", b"application/cloudevents-batch+json")]
    put, short = put_request(), put_request(attributes=False)
    judged = judge_put_request(parse_put_request(put), 1, LIMIT)
    spread = judge_put_request(parse_put_request(put), 16, LIMIT)
    chunk = stored(judged)
    json_chunk = stored(judge_http(batch_headers, batch, 1, LIMIT)[0])
    from_json, from_protobuf = parse_events(batch), events_of(chunk)
    message = format_binary(from_protobuf[0])
    binary = [(name.encode(), value.encode()) for name, value in message.headers.items()]
    return [
        Case("msgspec: list[Struct], data Raw", lambda: plain(batch)),
        Case("msgspec: untyped", lambda: untyped(batch)),
        Case("parse_batch", lambda: parse_batch(batch), "msgspec: list[Struct], data Raw", "1.5x"),
        Case("parse_batch, spaced JSON", lambda: parse_batch(spaced), "msgspec: list[Struct], data Raw"),
        Case("parse_each (the slow way)", lambda: parse_each(batch), "msgspec: list[Struct], data Raw"),
        Case("judge_http, JSON batch", lambda: judge_http(batch_headers, batch, 1, LIMIT), "msgspec: list[Struct], data Raw", "1.5x"),
        Case("judge_http, JSON batch, 16 partitions", lambda: judge_http(batch_headers, batch, 16, LIMIT), "msgspec: list[Struct], data Raw"),
        Case("events_of, JSON chunk", lambda: events_of(json_chunk), "msgspec: list[Struct], data Raw"),
        Case("parse_event, one JSON", lambda: [parse_event(single) for _ in range(EVENTS)]),
        Case("judge_http, one binary", lambda: [judge_http(binary, message.body, 1, LIMIT) for _ in range(EVENTS)]),
        Case("upb: PutEventsRequest", lambda: PutEventsRequest.FromString(put)),
        Case("judge put, 4 fields", lambda: judge_put_request(parse_put_request(short), 1, LIMIT), "upb: PutEventsRequest", "1.5 us"),
        Case("judge put, 4 fields + 3 attributes", lambda: judge_put_request(parse_put_request(put), 1, LIMIT), "upb: PutEventsRequest"),
        Case("the same, 16 partitions", lambda: judge_put_request(parse_put_request(put), 16, LIMIT), "upb: PutEventsRequest"),
        Case("format_put_response", lambda: format_put_response(judged, [123_456]), "", "0.43 us"),
        Case("format_put_response, 16 partitions", lambda: format_put_response(spread, [123_456] * 16)),
        Case("format_put_results (JSON)", lambda: format_put_results(judged, [123_456])),
        Case("events_of, protobuf chunk", lambda: events_of(chunk), "upb: PutEventsRequest", "2.5 us"),
        Case("format_event, JSON data", lambda: [format_event(e) for e in from_json], "", "2 us"),
        Case("format_event, binary data of JSON type", lambda: [format_event(e) for e in from_protobuf], "", "2 us"),
        Case("write_lines, JSON data", lambda: write_lines(from_json, bytearray())),
        Case("judge_events", lambda: judge_events(from_json, 1, LIMIT)),
    ]  # fmt: skip


def parse_events(batch: bytes) -> list[Event]:
    return [event for event in parse_batch(batch) if isinstance(event, Event)]


def stored(judged: Judged) -> StoredChunk:
    chunk: Chunk = judged.chunks[0][1]
    return StoredChunk(0, 0.0, chunk.format, chunk.events, chunk.body)


def measure(cases: list[Case]) -> dict[str, float]:
    """Microseconds per event: the best round of each case."""
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for case in cases:
            end, calls, began = time.perf_counter() + SECONDS, 0, time.perf_counter()
            while time.perf_counter() < end:
                case.run()
                calls += 1
            took = (time.perf_counter() - began) / calls / EVENTS * 1e6
            best[case.name] = min(took, best.get(case.name, took))
    return best


def main() -> None:
    found = cases()
    best = measure(found)
    print(f"{'':40} {'us/event':>9} {'baseline':>9} {'goal':>8}")
    for case in found:
        ratio = f"{best[case.name] / best[case.baseline]:.2f}x" if case.baseline else ""
        print(f"{case.name:40} {best[case.name]:9.2f} {ratio:>9} {case.goal:>8}")


if __name__ == "__main__":
    main()
