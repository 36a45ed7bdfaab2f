"""Mapped pages are let go; a wish that nobody understands does no harm."""

import ctypes
import mmap
import sys
from pathlib import Path

import pytest

from bridge.stores.bus.lmdb import memory
from bridge.stores.bus.lmdb.memory import MappedPages

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def resident_kib(file: Path) -> int:
    """Pages of a mapped file that count for this process."""
    lines = Path("/proc/self/smaps").read_text("utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if line.endswith(f" {file}")]
    return sum(int(next(line for line in lines[i:] if line.startswith("Rss:")).split()[1]) for i in starts)


@linux
def test_pages_are_let_go_now_and_then(tmp_path: Path) -> None:
    """After so many bytes read; what was read stays readable; a new map is found again."""
    file = tmp_path / "a file"
    file.write_bytes(b"x" * 2**20)
    pages = MappedPages(file)
    for _ in range(2):
        with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            pages.moved()
            assert mapped[:].count(b"x") == 2**20
            pages.was_read(2**20)
            assert resident_kib(file) == 1024
            pages.was_read(memory.LET_GO_BYTES)
            assert resident_kib(file) == 0
            assert mapped[-1:] == b"x"


def test_a_system_that_does_not_know_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such functions: nothing happens."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    MappedPages(tmp_path).let_go()
