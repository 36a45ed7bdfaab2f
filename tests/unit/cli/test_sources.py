"""Where events to put come from: lines, arrays, single documents, pipes."""

import asyncio
import io
import json
import os
import threading
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli import sources
from bridge.cli.sources import Source
from bridge.errors import InvalidEvent


async def read(file: BinaryIO, count: int = 100) -> tuple[str, list[list[tuple[int, bytes]]]]:
    source = Source(file)
    found = [list(zip(batch.numbers, batch, strict=True)) async for batch in source.batches(count)]
    return source.noun, found


async def read_text(text: bytes, count: int = 100) -> tuple[str, list[list[tuple[int, bytes]]]]:
    return await read(io.BytesIO(text), count)


async def test_lines_are_counted_and_empty_ones_left_out() -> None:
    """The number is the line's in the file, whatever its ending; the last may have none."""
    found = await read_text(b'\n{"a":1}\r\n\n  {"a":2}  \n{"a":3}', count=2)
    assert found == ("line", [[(2, b'{"a":1}'), (4, b'{"a":2}')], [(5, b'{"a":3}')]])


async def test_a_broken_line_is_passed_on() -> None:
    """It is the client's to refuse, so that it is listed with its number."""
    assert await read_text(b'{"a":1}\n{broken\n') == ("line", [[(1, b'{"a":1}'), (2, b"{broken")]])
    assert await read_text(b'{broken\n{"a":1}\n') == ("line", [[(1, b"{broken"), (2, b'{"a":1}')]])


@pytest.mark.parametrize("text", [b"", b"\n\n", b"[]", b" [ ] "])
async def test_nothing_is_no_batch(text: bytes) -> None:
    """An empty file or array puts nothing."""
    assert (await read_text(text))[1] == []


async def test_an_array_is_its_elements() -> None:
    """On one line or many; numbers count events, texts stay as they were."""
    found = await read_text(b'\n[{"a": 1.0},\n {"b":\n 2}]\n', count=1)
    assert found == ("event", [[(1, b'{"a": 1.0}')], [(2, b'{"b":\n 2}')]])


async def test_a_broken_array_is_refused_whole() -> None:
    """Nobody can tell where its events begin."""
    with pytest.raises(InvalidEvent, match="not a JSON array of events"):
        await read_text(b'[{"a":1},\n{"b"}]')


async def test_one_event_over_several_lines() -> None:
    """As an editor or `jq` would write it."""
    assert await read_text(b'{\n "a": 1\n}\n') == ("event", [[(1, b'{\n "a": 1\n}')]])


async def test_a_batch_is_closed_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a request grows too large; an event that is larger alone goes alone."""
    monkeypatch.setattr(sources, "PIECE_BYTES", 10)
    lines = [b"1" * 6, b"2" * 6, b"3" * 30, b"4"]
    _, found = await read_text(b"\n".join(lines))
    assert [[text for _, text in batch] for batch in found] == [[lines[0]], [lines[1]], [lines[2]], [lines[3]]]


@given(st.lists(st.text("ab", min_size=0, max_size=5), max_size=30), st.integers(1, 7), st.integers(1, 9))
async def test_how_it_is_read_does_not_matter(words: list[str], piece: int, count: int) -> None:
    """Every line that is not empty comes once, in order, in batches that are not too long."""
    text = "\n".join(words).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "PIECE_BYTES", piece)
        _, found = await read_text(text, count)
    assert [one for batch in found for one in batch] == [(i, w.encode()) for i, w in enumerate(words, 1) if w]
    assert all(len(batch) <= count for batch in found)


async def test_a_regular_file_knows_its_size(tmp_path: Path) -> None:
    """For the progress bar; what only looks like a file has none."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"a":1}\n')
    with path.open("rb") as file:
        assert Source(file).size_bytes == 8
        assert (await read(file))[1] == [[(1, b'{"a":1}')]]
    assert Source(io.BytesIO(b"x")).size_bytes is None


async def test_a_pipe_gives_what_is_there() -> None:
    """A slow writer's event goes out before the next one is written."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file, os.fdopen(writing, "wb", buffering=0) as pipe:
        source = Source(file)
        batches = source.batches(100)
        pipe.write(b'{"a":1}\n{"a":2}\n{"a"')
        async with asyncio.timeout(10):
            assert await anext(batches) == [b'{"a":1}', b'{"a":2}']
            pipe.write(b":3}\n")
            assert await anext(batches) == [b'{"a":3}']
            pipe.close()
            assert await anext(batches, None) is None
        assert os.get_blocking(reading)


async def test_a_pipe_of_many_events() -> None:
    """All arrive, in order, while somebody else writes."""
    reading, writing = os.pipe()
    events = [json.dumps({"a": i}).encode() for i in range(20_000)]

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(b"\n".join(events))

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as file:
        async with asyncio.timeout(20):
            _, found = await read(file)
    writer.join()
    assert [text for batch in found for _, text in batch] == events
