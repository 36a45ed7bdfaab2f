"""Opening LMDB environments with care, and what its errors mean.

LMDB trusts its file: a damaged one may end the process instead of raising. So a file that is small enough to be read
through quickly, or shorter than it says of itself, is verified before LMDB touches it.
"""

import os
from errno import EIO, ENOSPC
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
from lmdb import verify

from bridge.errors import StartError, StoreError, StoreUnavailable

CHECKED_BYTES = 32 * 2**20
"""Files up to this size are verified at each start: 0.15 s at worst."""
ROOM_BYTES = 2**16
"""What LMDB's lock file needs, generously."""
FULL_BYTES = 4 * 2**20
"""A disk with less than this is called full when a write fails."""
VERIFIER: Any = getattr(verify, "_Verifier", None)
"""The public function does not say which pages are in use. Should another release lack this: better unchecked than not
started; a test tells us."""
DAMAGED = (
    lmdb.BadChecksumError,
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.ProblemError,
    lmdb.VersionMismatchError,
)


class Tables(NamedTuple):
    """The environment of the events and what is in it: a record per log, chunks, numbers of logs being dropped."""

    env: Any
    logs: Any
    events: Any
    dropped: Any


def open_environment(folder: Path, map_size: int, tables: int) -> Any:
    """Open (or make) the environment in ``folder``. Raises StartError when it is damaged, OSError or lmdb.Error else."""
    file = folder / "data.mdb"
    folder.mkdir(parents=True, exist_ok=True)
    if _size(file) <= CHECKED_BYTES:
        _verify(file)
    env = _open(folder, map_size, tables)
    if _size(file) < (env.info()["last_pgno"] + 1) * env.stat()["psize"]:
        env.close()
        _verify(file)
        env = _open(folder, map_size, tables)
    sync_folder(folder)
    sync_folder(folder.parent)
    return env


def _open(folder: Path, map_size: int, tables: int) -> Any:
    _check_room(folder)
    try:
        env = lmdb.open(str(folder), map_size=map_size, max_dbs=tables, max_spare_txns=4)
    except DAMAGED as error:
        raise _damaged(folder / "data.mdb", str(error)) from error
    env.reader_check()
    return env


def _check_room(folder: Path) -> None:
    """LMDB maps its lock file before it has room on disk: without any, the process would end there."""
    lock = folder / "lock.mdb"
    system = os.statvfs(folder)
    if not _size(lock) and system.f_bavail * system.f_frsize < ROOM_BYTES:
        raise OSError(ENOSPC, os.strerror(ENOSPC), str(lock))


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _verify(file: Path) -> None:
    size = _size(file)
    if not size or VERIFIER is None:
        return
    try:
        with file.open("rb") as handle:
            problems = _problems(VERIFIER(handle, size), size)
    except verify.VerifyError as error:
        raise _damaged(file, str(error)) from error
    if problems:
        raise _damaged(file, problems[0])


def _problems(verifier: Any, size: int) -> list[str]:
    """Pages that are in nobody's use are no damage: LMDB never looks at them, nor need they be in the file."""
    found = [problem for problem in verifier.verify() if " -- a leak" not in problem]
    if any(verifier.live[size // verifier.psize :]):  # the one thing that lmdb.verify does not look for
        found.append(f"it is cut off after {size} bytes")
    return found


def _damaged(file: Path, what: str) -> StartError:
    return StartError(
        f"{file} is damaged or not a log: {what}. Put back a copy, or move its directory away to start with an empty log"
    )


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: lmdb.Error | OSError, place: Path) -> str:
    """LMDB calls a write that ends half-way an input/output error; mostly the disk is full."""
    if isinstance(error, lmdb.Error) and getattr(error, "code", 0) == EIO:
        system = os.statvfs(place)
        if system.f_bavail * system.f_frsize < FULL_BYTES:
            return f"{os.strerror(ENOSPC)} ({error})"
    return str(error)


def failure(error: Exception, place: Path) -> StoreError:
    """Whether to try again, and what to do if not."""
    if isinstance(error, StoreError):
        return type(error)(error.reason)
    if isinstance(error, lmdb.PanicError):
        return StoreError(f"{place} takes nothing more because its header could not be written; restart bridge")
    if isinstance(error, DAMAGED):
        return StoreError(f"{place} is damaged: {error}")
    if isinstance(error, lmdb.Error | OSError):
        return StoreUnavailable(f"{place} cannot be used now: {_reason(error, place)}")
    return StoreError(f"{place} failed: {error!r}")
