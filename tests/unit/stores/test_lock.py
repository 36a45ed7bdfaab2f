"""A lock that goes with its process, and says who holds it."""

import os
from pathlib import Path

import pytest

from bridge.errors import StartError
from bridge.stores.lock import sole_user


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    """Even in one process; afterwards it is free."""
    file = tmp_path / "lock"
    file.write_bytes(b"9999999999999999999999\n")
    told = pytest.raises(StartError, match=rf"the place is in use by another process \(pid {os.getpid()}\)")
    with sole_user(file, "the place"), told, sole_user(file, "the place"):
        raise AssertionError
    with sole_user(file, "the place"):
        pass


def test_a_holder_that_did_not_sign_is_still_a_holder(tmp_path: Path) -> None:
    """A full disk may have kept it from signing."""
    file = tmp_path / "lock"
    with sole_user(file, "the place"):
        os.truncate(file, 0)
        with pytest.raises(StartError, match=r"another process$"), sole_user(file, "the place"):
            raise AssertionError
