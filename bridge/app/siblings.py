"""The metrics of all workers of one machine, whichever of them is asked: a scrape of one address must not tell of one
worker now and of another one the next time.

Each worker answers at a socket in a folder that only this user can enter. Whoever connects gets its metrics and the end.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

PATIENCE_S = 2.0
"""A worker that has not answered by then is left out."""
LIMIT = 64 * 2**20


class Siblings:
    """``number`` is ours; ``own`` gives our metrics in the Prometheus text format."""

    def __init__(self, folder: Path, number: int, own: Callable[[], bytes]) -> None:
        self._folder = folder
        self._number = number
        self._own = own

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Other workers can ask us meanwhile."""
        path = self._folder / f"{self._number}.sock"
        path.unlink(missing_ok=True)  # of the worker of this number that lived before
        server = await asyncio.start_unix_server(self._answer, path)
        async with server:
            yield

    async def metrics(self) -> bytes:
        """Of all that answer, each sample with the label ``worker``."""
        paths = {int(path.stem): path for path in self._folder.glob("*.sock")}
        others = sorted(paths.keys() - {self._number})
        told = dict(zip(others, await asyncio.gather(*(_ask(paths[n]) for n in others)), strict=True))
        texts = {self._number: self._own()} | {number: text for number, text in told.items() if text}
        return merge_metrics({str(number): texts[number] for number in sorted(texts)})

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self._own())
            await writer.drain()
        except ConnectionError:  # whoever asked has gone
            return
        finally:
            writer.close()


async def _ask(path: Path) -> bytes:
    """Nothing, if it does not answer."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_unix_connection(path, limit=LIMIT)
            try:
                return await reader.read(-1)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""


def merge_metrics(texts: Mapping[str, bytes]) -> bytes:
    """Texts of several workers as one: each family once, with the samples of all, and a label that tells them apart."""
    heads: dict[bytes, list[bytes]] = {}
    samples: dict[bytes, list[bytes]] = {}
    for worker, text in texts.items():
        for family, head, lines in _families(text.splitlines()):
            heads.setdefault(family, head)
            samples.setdefault(family, []).extend(_labelled(line, worker.encode()) for line in lines)
    return b"".join(line + b"\n" for family in heads for line in (*heads[family], *samples[family]))


def _families(lines: Iterable[bytes]) -> list[tuple[bytes, list[bytes], list[bytes]]]:
    """Each with its comment lines and its samples."""
    found: list[tuple[bytes, list[bytes], list[bytes]]] = []
    for line in lines:
        if line.startswith(b"# HELP "):
            found.append((line.split(b" ", 3)[2], [], []))
        if found and line:
            _, head, samples = found[-1]
            (head if line.startswith(b"#") else samples).append(line)
    return found


def _labelled(line: bytes, worker: bytes) -> bytes:
    """``name{a="b"} 1`` or ``name 1``; a brace within a label's value comes behind the first one."""
    name, brace, rest = line.partition(b"{")
    if brace and b" " not in name:
        return b'%s{worker="%s",%s' % (name, worker, rest)
    name, _, value = line.partition(b" ")
    return b'%s{worker="%s"} %s' % (name, worker, value)
