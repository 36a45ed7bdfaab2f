"""A bridge in a hurry: run in place of ``-m bridge``. Its long waits are short, and its clock can be moved from outside.

What takes seconds or minutes in production would not happen within a test of seconds: only numbers are changed here. The
file that FAULTS_CLOCK names holds how far the clock is off, in seconds, as a double.
"""

import mmap
import os
import struct
import time
from pathlib import Path

from bridge.dataplane import aftermath, breaker
from bridge.model import clock

REST_S = 0.2
"""Waits between attempts that are longer are parked (5 s)."""
HALF_OPEN_S = 0.05
"""How long a breaker stays open (30 s)."""


class MovedTime:
    """Stands for the module ``time`` in the one place that asks it what time it is."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._offset = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)

    def time(self) -> float:
        return time.time() + struct.unpack_from("d", self._offset)[0]  # noqa: TID251 - the clock behind the clock


def hurry() -> None:
    """Before anything else is imported: modules take these numbers as they are then."""
    aftermath.LONGEST_REST_S = REST_S
    breaker.Breaker.__init__.__defaults__ = (breaker.BreakerSettings(half_open_s=HALF_OPEN_S),)
    clock.time = MovedTime(Path(os.environ["FAULTS_CLOCK"]))  # type: ignore[assignment]


if __name__ == "__main__":
    hurry()
    from bridge.cli.main import main

    main()
