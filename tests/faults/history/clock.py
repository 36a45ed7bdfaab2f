"""The clock of the bridge under test, which is moved while it runs: see ``hurried``."""

import struct
import time
from pathlib import Path


class MovedClock:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset_s = 0.0
        self._highest = 0.0
        self._write()

    def jump(self, seconds: float) -> None:
        """Forward, or back."""
        self._highest = self.highest()
        self._offset_s += seconds
        self._write()

    def catch_up(self) -> None:
        """To beyond everything that it ever said."""
        self.jump(self.highest() - self.now() + 60)

    def _write(self) -> None:
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.write(struct.pack("d", self._offset_s))

    def now(self) -> float:
        """Seconds since the epoch, as the bridge has them."""
        return time.time() + self._offset_s  # noqa: TID251 - the clock behind the clock

    def highest(self) -> float:
        """The latest that it ever was."""
        return max(self._highest, self.now())
