"""Damage is found before LMDB trips over it."""

import errno
import os
from pathlib import Path

import lmdb
import pytest

from bridge.errors import StartError, StoreError, StoreUnavailable
from bridge.stores.bus.lmdb import file
from bridge.stores.bus.lmdb.file import failure, open_environment


def fill(folder: Path, values: int = 200, size: int = 9000) -> Path:
    """An environment with a tree of some depth and long values."""
    env = open_environment(folder, 2**28, 1)
    db = env.open_db(b"events")
    with env.begin(write=True, db=db) as txn:
        for number in range(values):
            txn.put(number.to_bytes(4, "big"), bytes(size))
            txn.put(b"short" + number.to_bytes(4, "big"), b"x")
    env.close()
    return folder / "data.mdb"


def overwrite(file: Path, start: int, with_what: bytes) -> None:
    with file.open("r+b") as handle:
        handle.seek(start)
        handle.write(with_what)


@pytest.mark.parametrize("content", [b"not a log" * 1000, b"x", bytes(8192)], ids=["text", "a byte", "zeros"])
def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    """With the file's name, and what to do."""
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(StartError, match=r"data\.mdb is damaged or not a log: .*Put back a copy"):
        open_environment(tmp_path, 2**20, 1)


@pytest.mark.parametrize("left", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("checked", [2**25, 0], ids=["small", "large"])
def test_a_file_that_was_cut_is_refused(
    tmp_path: Path, left: float, checked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a large one, and also when only the end of a value is missing: reading it would end the process."""
    monkeypatch.setattr(file, "CHECKED_BYTES", checked)
    damaged = fill(tmp_path)
    os.truncate(damaged, int(damaged.stat().st_size * left))
    with pytest.raises(StartError, match=r"data\.mdb is damaged"):
        open_environment(tmp_path, 2**28, 1)


def test_a_file_that_was_overwritten_is_refused(tmp_path: Path) -> None:
    """Wherever a page of the tree was hit."""
    file = fill(tmp_path, size=1000)
    whole = file.read_bytes()
    refused = 0
    for page in range(0, len(whole), 4096 * 5):
        overwrite(file, page, b"\xa5" * 4096)
        try:
            open_environment(tmp_path, 2**28, 1).close()
        except StartError as error:
            assert "damaged" in error.reason  # noqa: PT017 - some pages are in nobody's use
            refused += 1
        file.write_bytes(whole)
    assert refused > len(whole) // (4096 * 10)


def test_a_file_of_one_byte_less_than_its_free_pages_is_fine(tmp_path: Path) -> None:
    """Pages in nobody's use need not be there."""
    env = open_environment(tmp_path, 2**28, 1)
    for number in range(50):
        with env.begin(write=True) as txn:
            txn.put(b"key", bytes(5000 * (1 + number % 7)))
    with env.begin(write=True) as txn:
        txn.put(b"key", b"short")
    env.close()
    file = tmp_path / "data.mdb"
    size = file.stat().st_size
    opened = 0
    while size > 2 * 4096:
        size -= 4096
        os.truncate(file, size)
        try:
            env = open_environment(tmp_path, 2**28, 1)
        except StartError:
            break
        with env.begin() as txn:
            assert txn.get(b"key") == b"short"
        env.close()
        opened += 1
    assert opened


def test_failures_say_whether_to_try_again(tmp_path: Path) -> None:
    """And what to do if not."""
    meanings: list[tuple[Exception, type[StoreError], str]] = [
        (lmdb.DiskError("write", errno.ENOSPC), StoreUnavailable, "cannot be used now"),
        (OSError(errno.EIO, "Input/output error"), StoreUnavailable, "Input/output error"),
        (lmdb.CorruptedError("page", -30796), StoreError, "is damaged"),
        (lmdb.PanicError("meta", -30795), StoreError, "restart bridge"),
        (ValueError("a bug"), StoreError, "a bug"),
        (StoreUnavailable("closed"), StoreUnavailable, "closed"),
    ]
    for error, meaning, reason in meanings:
        found = failure(error, tmp_path)
        assert type(found) is meaning
        assert reason in found.reason
