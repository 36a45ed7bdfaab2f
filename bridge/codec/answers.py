"""What a caller hears about the events it put: one result for each, in the order of the request.

The protobuf answer is put together by hand, as text whose characters are the bytes: of a result hardly more differs from
the one before than the id and the low seven bits of the offset. That costs a fifth of making messages.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from bridge._proto.bridge.v1.events_pb2 import Error, Position, PutResult
from bridge.codec.judged import LATER, REFUSED, Judged
from bridge.errors import problem
from bridge.model.times import format_time

_encode = msgspec.json.Encoder().encode
_LONGEST_ID = 96  # so that a result takes less than 128 bytes and its length is one byte
_REFUSED, _LATER = REFUSED[0], LATER[0]
_LAST = [chr(low) for low in range(128)]
_MORE = [chr(low | 0x80) for low in range(128)]


def format_put_response(judged: Judged, offsets: Sequence[int]) -> bytes:
    """A ``bridge.v1.PutEventsResponse``. ``offsets[i]`` is the offset of the first event of ``judged.chunks[i]``."""
    results = []
    for index, (id_, partition, offset) in enumerate(_positions(judged, offsets)):
        if partition >= 0 and len(id_) <= _LONGEST_ID and id_.isascii():
            heads, tail, lows, high = _parts(partition, offset >> 7)
            results.append(f"{heads[len(id_)]}{id_}{tail}{lows[offset & 0x7F]}{high}")
            continue
        result = PutResult(id=id_)
        if partition == _REFUSED:
            error = judged.errors[index]
            result.error.MergeFrom(Error(code=error.code, message=error.reason, path=error.path or ""))
        elif partition == _LATER:
            result.scheduled.FromNanoseconds(round(judged.delayed[index].due * 1e6) * 1000)
        else:
            result.position.MergeFrom(Position(partition=partition, offset=offset))
        results.append(f"\n{_varint(result.ByteSize())}{result.SerializeToString().decode('latin-1')}")
    return "".join(results).encode("latin-1")


def format_put_results(judged: Judged, offsets: Sequence[int]) -> bytes:
    """The same as JSON: ``{"results":[{"id","partition","offset"} | {"id","scheduled"} | {"id","error"}]}``."""
    results: list[dict[str, Any]] = []
    for index, (id_, partition, offset) in enumerate(_positions(judged, offsets)):
        if partition == _REFUSED:
            results.append({"id": id_, "error": problem(judged.errors[index])})
        elif partition == _LATER:
            results.append({"id": id_, "scheduled": format_time(judged.delayed[index].due)})
        else:
            results.append({"id": id_, "partition": partition, "offset": offset})
    return _encode({"results": results})


def _positions(judged: Judged, offsets: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """Id, partition and offset of each event; the partition is negative for one that is in no chunk."""
    if judged.places is None:
        for (partition, _), offset in zip(judged.chunks, offsets, strict=True):
            for index, id_ in enumerate(judged.ids, offset):
                yield id_, partition, index
        return
    partitions = [partition for partition, _ in judged.chunks]
    for id_, (chunk, index) in zip(judged.ids, judged.places, strict=True):
        yield (id_, chunk, 0) if chunk < 0 else (id_, partitions[chunk], offsets[chunk] + index)


class _Parts(NamedTuple):
    """Of a result: what stands before the id, by the id's length; before the offset's low bits; these; behind them."""

    heads: list[str]
    tail: str
    lows: list[str]
    high: str


@lru_cache(maxsize=1024)
def _parts(partition: int, high: int) -> _Parts:
    before = f"\x08{_varint(partition)}\x10"
    behind = _varint(high) if high else ""
    size = len(before) + 1 + len(behind)
    return _Parts(_heads(size), f"\x12{chr(size)}{before}", _MORE if high else _LAST, behind)


@lru_cache(maxsize=16)
def _heads(size: int) -> list[str]:
    """By the length of the id; ``size`` is that of the position."""
    return [f"\n{chr(2 + length + 2 + size)}\n{chr(length)}" for length in range(_LONGEST_ID + 1)]


def _varint(value: int) -> str:
    """A number in base 128, as text whose characters are the bytes."""
    text = ""
    while value > 0x7F:
        text += chr(value & 0x7F | 0x80)
        value >>= 7
    return text + chr(value)
