"""The whole way through the one door: put, kept, read, answered."""

from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest, PutEventsResponse
from bridge.codec import chunks
from bridge.model.event import Event
from bridge.model.log import StoredChunk


def test_every_name_is_there() -> None:
    """For the planes to import."""
    assert all(callable(getattr(chunks, name)) for name in chunks.__all__)


def test_put_keep_read_answer() -> None:
    """Over two partitions, with one event refused."""
    request = PutEventsRequest(bus="b")
    for id_, source in (("1", "/a"), ("", "/a"), ("2", "/d"), ("3", "/a")):
        request.events.add(id=id_, source=source, type="t", spec_version="1.0")
    parsed = chunks.parse_put_request(request.SerializeToString())
    judged = chunks.judge_put_request(parsed, 2, 1000)
    assert judged.places == [(0, 0), (-1, -1), (1, 0), (0, 1)]
    offsets = [10, 20]
    read = [chunks.events_of(StoredChunk(o, 0.0, *c)) for o, (_, c) in zip(offsets, judged.chunks, strict=True)]
    assert read == [[Event("1", "/a", "t", {}), Event("3", "/a", "t", {})], [Event("2", "/d", "t", {})]]
    results = PutEventsResponse.FromString(chunks.format_put_response(judged, offsets)).results
    assert [(r.id, r.position.offset, r.error.code) for r in results] == [
        ("1", 10, ""),
        ("", 0, "INVALID_EVENT"),
        ("2", 20, ""),
        ("3", 11, ""),
    ]
