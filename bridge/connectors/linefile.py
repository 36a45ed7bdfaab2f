"""A file that lines are appended to: one write per batch, rotation by size, one writer per path in this process.

All work on one path, whichever target asks for it, runs in order on one thread of its own: lines never interleave, the
event loop never waits for a disk, and a rotation meets no write under way. Other processes may append to the same path
(each batch is one O_APPEND write), move it away or delete it: the path is looked at before every write.
"""

import asyncio
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, NamedTuple


class Rotation(NamedTuple):
    """``size_bytes``: what a file holds at most, unless one batch is larger; ``keep``: how many old files stay."""

    size_bytes: int
    keep: int


class LineFile:
    """Use ``acquire`` and, once, ``release``."""

    open_files: ClassVar[dict[Path, "LineFile"]] = {}

    def __init__(self, path: Path) -> None:
        self._path = path
        self._users = 0
        self._descriptor: int | None = None
        self._new_name = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"file {path.name}")

    @classmethod
    async def acquire(cls, path: str) -> "LineFile":
        """The file at a path, shared with everyone who has it. Raises OSError when it cannot be opened."""
        real = Path(await asyncio.to_thread(os.path.realpath, path))
        if real not in cls.open_files:
            cls.open_files[real] = cls(real)
        file = cls.open_files[real]
        await file.use()
        return file

    async def use(self) -> None:
        self._users += 1
        try:
            await self._run(self._ready)
        except BaseException:
            await self.release()
            raise

    async def release(self) -> None:
        """The last user closes it, behind all writes that were asked for."""
        self._users -= 1
        if self._users:
            return
        try:
            await asyncio.shield(self._run(self._close))
        finally:
            if not self._users and self.open_files.pop(self._path, None) is not None:
                self._thread.shutdown(wait=False)

    async def append(self, data: bytes | bytearray, rotation: Rotation | None = None, *, sync: bool = False) -> None:
        """Append whole lines; ``sync``: on disk when it returns. Raises OSError, then nothing of them is in the file."""
        await self._run(self._append, data, rotation, sync)

    def _run(self, work: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    # On the thread

    def _append(self, data: bytes | bytearray, rotation: Rotation | None, sync: bool) -> None:
        size = self._ready()
        if rotation and size and size + len(data) > rotation.size_bytes:
            self._rotate(rotation.keep)
            size = self._ready()
        assert self._descriptor is not None
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
            if sync:
                self._sync()
        except OSError:
            self._undo(size, size + len(data) - len(left))
            raise

    def _ready(self) -> int:
        """Open the file if it is not open, or if its path names another one now; returns its size in bytes."""
        if self._descriptor is not None:
            opened = os.fstat(self._descriptor)
            with suppress(FileNotFoundError):
                named = self._path.stat()
                if (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino):
                    return named.st_size
            self._close()
        return self._open()

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # O_NONBLOCK: opening a named pipe would wait for its reader.
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(f"{self._path} is not a regular file")
            size = found.st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                size += os.write(descriptor, b"\n")  # a crash left a line half written
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._new_name = True
        return size

    def _rotate(self, keep: int) -> None:
        """PATH becomes PATH.1, PATH.1 becomes PATH.2 and so on; the oldest goes."""
        for number in range(keep - 1, -1, -1):
            younger = self._put_aside(number) if number else self._path
            with suppress(FileNotFoundError):
                younger.replace(self._put_aside(number + 1))

    def _put_aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _sync(self) -> None:
        assert self._descriptor is not None
        os.fsync(self._descriptor)
        if self._new_name:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            self._new_name = False

    def _undo(self, before: int, after: int) -> None:
        """Cut off what was written of a failed batch, unless somebody else has appended since; then begin anew."""
        assert self._descriptor is not None
        with suppress(OSError):
            if os.fstat(self._descriptor).st_size == after:
                os.ftruncate(self._descriptor, before)
        self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
