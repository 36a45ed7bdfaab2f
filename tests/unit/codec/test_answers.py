"""Results, one for each event, in protobuf and JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bridge._proto.bridge.v1.events_pb2 import Error, Position, PutEventsResponse, PutResult
from bridge.codec.answers import format_put_response, format_put_results
from bridge.codec.judged import Delayed, Judged
from bridge.errors import InvalidEvent, TooLarge
from bridge.model.log import Chunk, Format

CHUNK = Chunk(Format.JSON, 1, b"")


def test_each_event_hears_what_became_of_it() -> None:
    """Its position, or why it was refused."""
    bad = InvalidEvent("no id", path="$.id")
    judged = Judged(["a", "", "b"], {1: bad}, [(3, CHUNK), (0, CHUNK)], [(0, 4), (-1, -1), (1, 0)])
    assert PutEventsResponse.FromString(format_put_response(judged, [300, 7])).results[:] == [
        PutResult(id="a", position=Position(partition=3, offset=304)),
        PutResult(error=Error(code="INVALID_EVENT", message="no id", path="$.id")),
        PutResult(id="b", position=Position(offset=7)),
    ]
    first, second, third = json.loads(format_put_results(judged, [300, 7]))["results"]
    assert (first, third) == ({"id": "a", "partition": 3, "offset": 304}, {"id": "b", "partition": 0, "offset": 7})
    assert (second["id"], second["error"]["code"], second["error"]["path"]) == ("", "INVALID_EVENT", "$.id")


def test_an_event_for_later_hears_when() -> None:
    """In the order of the request, beside those that are stored or refused."""
    delayed = Delayed("b", 1_790_000_000.123456, Format.JSON, b"{}")
    places = [(0, 0), (-2, -2), (-1, -1), (0, 1)]
    judged = Judged(["a", "b", "", "c"], {2: InvalidEvent("bad")}, [(0, CHUNK)], places, {1: delayed})
    results = PutEventsResponse.FromString(format_put_response(judged, [7])).results[:]
    assert [r.WhichOneof("result") for r in results] == ["position", "scheduled", "error", "position"]
    assert (results[1].id, results[1].scheduled.ToJsonString()) == ("b", "2026-09-21T14:13:20.123456Z")
    shown = json.loads(format_put_results(judged, [7]))["results"]
    assert shown[1] == {"id": "b", "scheduled": "2026-09-21T14:13:20.123Z"}
    assert [result.get("offset") for result in shown] == [7, None, None, 8]


def test_nothing_is_answered_by_nothing() -> None:
    """An empty request is fine."""
    assert format_put_response(Judged([], {}, [], None), []) == b""
    assert json.loads(format_put_results(Judged([], {}, [], None), [])) == {"results": []}


NUMBERS = st.integers(0, 300) | st.integers(0, 2**63 - 1000)
IDS = st.lists(st.text(max_size=4) | st.sampled_from(["x" * 96, "x" * 97, "x" * 200, "ü"]), max_size=300)


@given(IDS, st.integers(0, 255), NUMBERS)
def test_bytes_made_by_hand_are_the_message(ids: list[str], partition: int, offset: int) -> None:
    """For any ids and numbers."""
    got = PutEventsResponse.FromString(format_put_response(Judged(ids, {}, [(partition, CHUNK)], None), [offset]))
    assert [(r.id, r.position.partition, r.position.offset) for r in got.results] == [
        (id_, partition, offset + i) for i, id_ in enumerate(ids)
    ]
    assert not got.FindInitializationErrors()


@given(st.lists(st.none() | st.tuples(st.integers(0, 2), st.integers(0, 200)), max_size=20), NUMBERS)
def test_places_are_looked_up(places: list, offset: int) -> None:
    """With chunks in several partitions and refused events between."""
    refused = {i: TooLarge("big") for i, place in enumerate(places) if place is None}
    ids = [str(i) for i in range(len(places))]
    judged = Judged(ids, refused, [(5, CHUNK), (0, CHUNK), (130, CHUNK)], [place or (-1, -1) for place in places])
    offsets = [offset, offset + 1, 0]
    results = PutEventsResponse.FromString(format_put_response(judged, offsets)).results
    for i, (place, result) in enumerate(zip(places, results, strict=True)):
        assert result.id == str(i)
        if place is None:
            assert result.error.code == "TOO_LARGE"
        else:
            assert result.position.partition == (5, 0, 130)[place[0]]
            assert result.position.offset == offsets[place[0]] + place[1]
