"""A word with the system about memory: what LMDB maps should not count for ever. A wish: where the system does not know it,
nothing happens.
"""

import ctypes
import os
from pathlib import Path

MADV_DONTNEED = 4
LET_GO_BYTES = 16 * 2**20
"""Read through the map before its pages are let go; they stay in the page cache and come back for 0.04 µs an event."""


class MappedPages:
    """The map of one file; tell it what was read, and it lets pages go now and then."""

    def __init__(self, file: Path) -> None:
        self._file = os.path.realpath(file)
        self._read = 0
        self._ranges: list[tuple[int, int]] | None = None
        try:
            self._madvise = ctypes.CDLL(None).madvise
            self._madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        except (OSError, AttributeError):
            self._ranges = []

    def moved(self) -> None:
        """The file was mapped anew."""
        self._ranges = None

    def was_read(self, size_bytes: int) -> None:
        self._read += size_bytes
        if self._read >= LET_GO_BYTES:
            self.let_go()

    def let_go(self) -> None:
        """Readers that are under way only read again from the page cache: the map is shared and never written."""
        self._read = 0
        if self._ranges is None:
            self._ranges = _mapped(self._file)
        for start, size in self._ranges:
            self._madvise(start, size, MADV_DONTNEED)


def _mapped(file: str) -> list[tuple[int, int]]:
    """Where a file is mapped in this process: (address, bytes)."""
    found = []
    try:
        lines = Path("/proc/self/maps").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
    for line in lines:
        addresses, _, path = line.partition(" ")
        if path.endswith(f" {file}"):
            start, end = (int(address, 16) for address in addresses.split("-"))
            found.append((start, end - start))
    return found
