"""Verdicts on events gathered into what is appended: a chunk for each partition, and where in them each event lies."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bridge.codec.log import join_events
from bridge.errors import InvalidInput
from bridge.model.log import Chunk, Format, partition_of


class Judged(NamedTuple):
    """What became of a request's events."""

    ids: list[str]
    """In request order; empty where no id could be read."""
    errors: dict[int, InvalidInput]
    """Index in the request to why the event is refused."""
    chunks: list[tuple[int, Chunk]]
    """Partition and chunk: what to append."""
    places: list[tuple[int, int]] | None
    """Per event the index of its chunk and its index within that, (-1, -1) if refused. None: all are in the one chunk."""


class Verdict(NamedTuple):
    """On one event: why it is refused, or what decides its partition and what is kept of it."""

    id: str
    error: InvalidInput | None
    key: str = ""
    format: Format = Format.PROTOBUF
    raw: bytes = b""


def keep_whole(ids: list[str], format_: Format, body: bytes) -> Judged:
    return Judged(ids, {}, [(0, Chunk(format_, len(ids), body))] if ids else [], None)


def spread(ids: list[str], keys: Iterable[str], raws: Sequence[bytes], partitions: int, format_: Format) -> Judged:
    """Events that are all accepted."""
    return _group(ids, {}, [(partition_of(key, partitions), format_, raw) for key, raw in zip(keys, raws, strict=True)])


def gather_one(verdict: Verdict, partitions: int) -> Judged:
    """On a single event."""
    if verdict.error is not None:
        return Judged([verdict.id], {0: verdict.error}, [], [(-1, -1)])
    chunk = Chunk(verdict.format, 1, join_events(verdict.format, (verdict.raw,)))
    return Judged([verdict.id], {}, [(partition_of(verdict.key, partitions), chunk)], None)


def gather(verdicts: Sequence[Verdict], partitions: int) -> Judged:
    ids = [verdict.id for verdict in verdicts]
    errors = {i: verdict.error for i, verdict in enumerate(verdicts) if verdict.error is not None}
    kept = [None if v.error else (partition_of(v.key, partitions), v.format, v.raw) for v in verdicts]
    return _group(ids, errors, kept)


def _group(ids: list[str], errors: dict[int, InvalidInput], kept: Sequence[tuple[int, Format, bytes] | None]) -> Judged:
    """A chunk for each partition; for each run of one format within it, to be exact, as their order must not change."""
    places: list[tuple[int, int]] = []
    groups: list[tuple[int, Format, list[bytes]]] = []
    last: dict[tuple[int, Format], int] = {}
    for event in kept:
        if event is None:
            places.append((-1, -1))
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
    chunks = [(p, Chunk(format_, len(raws), join_events(format_, raws))) for p, format_, raws in groups]
    return Judged(ids, errors, chunks, None if not errors and len(chunks) < 2 else places)
