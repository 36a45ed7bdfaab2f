"""Verdicts on events gathered into what is appended: a chunk for each partition, and where in them each event lies.

An event that is for later (codec/delivertime.py) is in no chunk; it waits beside them.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from bridge.codec.log import join_events
from bridge.errors import InvalidInput
from bridge.model.log import Chunk, Format, partition_of

REFUSED, LATER = (-1, -1), (-2, -2)
"""The places of events that are in no chunk."""


class Delayed(NamedTuple):
    """An accepted event that enters its bus later: ``due`` in seconds since the epoch, the event encoded for the log."""

    id: str
    due: float
    format: Format
    raw: bytes


class Judged(NamedTuple):
    """What became of a request's events."""

    ids: list[str]
    """In request order; empty where no id could be read."""
    errors: dict[int, InvalidInput]
    """Index in the request to why the event is refused."""
    chunks: list[tuple[int, Chunk]]
    """Partition and chunk: what to append."""
    places: list[tuple[int, int]] | None
    """Per event the index of its chunk and its index within that, or REFUSED, or LATER. None: all are in the one chunk."""
    delayed: Mapping[int, Delayed] = MappingProxyType({})
    """Index in the request to the event that waits."""


class Verdict(NamedTuple):
    """On one event: why it is refused, or what decides its partition and what is kept of it; ``due`` if it must wait."""

    id: str
    error: InvalidInput | None
    key: str = ""
    format: Format = Format.PROTOBUF
    raw: bytes = b""
    due: float | None = None

    def delayed(self) -> Delayed | None:
        return None if self.due is None else Delayed(self.id, self.due, self.format, self.raw)


Kept = tuple[int, int] | tuple[int, Format, bytes]
"""REFUSED or LATER, or the partition of an event and what is kept of it."""


def keep_whole(ids: list[str], format_: Format, body: bytes) -> Judged:
    return Judged(ids, {}, [(0, Chunk(format_, len(ids), body))] if ids else [], None)


def spread(ids: list[str], keys: Iterable[str], raws: Sequence[bytes], partitions: int, format_: Format) -> Judged:
    """Events that are all accepted."""
    kept = [(partition_of(key, partitions), format_, raw) for key, raw in zip(keys, raws, strict=True)]
    chunks, places = _group(kept)
    return Judged(ids, {}, chunks, places if len(chunks) > 1 else None)


def gather_one(verdict: Verdict, partitions: int) -> Judged:
    """On a single event."""
    if verdict.error is not None:
        return Judged([verdict.id], {0: verdict.error}, [], [REFUSED])
    if (delayed := verdict.delayed()) is not None:
        return Judged([verdict.id], {}, [], [LATER], {0: delayed})
    chunk = Chunk(verdict.format, 1, join_events(verdict.format, (verdict.raw,)))
    return Judged([verdict.id], {}, [(partition_of(verdict.key, partitions), chunk)], None)


def gather(verdicts: Sequence[Verdict], partitions: int) -> Judged:
    ids = [verdict.id for verdict in verdicts]
    errors = {i: verdict.error for i, verdict in enumerate(verdicts) if verdict.error is not None}
    delayed = {i: kept for i, verdict in enumerate(verdicts) if (kept := verdict.delayed()) is not None}
    chunks, places = _group([_place(verdict, partitions) for verdict in verdicts])
    whole = not errors and not delayed and len(chunks) < 2
    return Judged(ids, errors, chunks, None if whole else places, delayed)


def _place(verdict: Verdict, partitions: int) -> Kept:
    if verdict.error is not None:
        return REFUSED
    return LATER if verdict.due is not None else (partition_of(verdict.key, partitions), verdict.format, verdict.raw)


def _group(kept: Sequence[Kept]) -> tuple[list[tuple[int, Chunk]], list[tuple[int, int]]]:
    """A chunk for each partition; for each run of one format within it, to be exact, as their order must not change."""
    places: list[tuple[int, int]] = []
    groups: list[tuple[int, Format, list[bytes]]] = []
    last: dict[tuple[int, Format], int] = {}
    for event in kept:
        if len(event) == 2:
            places.append(event)
            continue
        partition, format_, raw = event
        index = last.get((partition, format_))
        if index is None:
            for other in Format:
                last.pop((partition, other), None)
            index = last[partition, format_] = len(groups)
            groups.append((partition, format_, []))
        raws = groups[index][2]
        places.append((index, len(raws)))
        raws.append(raw)
    return [(p, Chunk(format_, len(raws), join_events(format_, raws))) for p, format_, raws in groups], places
