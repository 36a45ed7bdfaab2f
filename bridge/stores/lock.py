"""Only one process may use a store that lives in files: the lock that says so, and who holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.errors import StartError


@contextmanager
def sole_user(path: Path, what: str, advice: str = "") -> Iterator[None]:
    """Hold the lock file ``path`` (made if missing); it goes with the process, however that ends.

    Raises StartError naming the process that holds it, with ``advice``; OSError when the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(f"{what} is in use by another process{_holder(handle)}{advice}") from error
        _sign(handle)
        yield
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    pid = os.pread(handle, 20, 0).strip()
    return f" (pid {int(pid)})" if pid.isdigit() else ""


def _sign(handle: int) -> None:
    """Leave our process id for whoever comes second; a full disk must not keep us from starting."""
    try:
        os.pwrite(handle, f"{os.getpid():<19}\n".encode(), 0)
    except OSError:
        return
