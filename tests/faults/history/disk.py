"""A small file system of our own for a data folder, that can be filled up and freed."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE = "256m"


class Disk:
    def __init__(self, place: Path) -> None:
        self._ballast = place / "ballast"
        self.full = False

    def fill(self) -> None:
        self.full = True
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(65_536))
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(512))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)
        self.full = False


@contextmanager
def mounted(place: Path) -> Iterator[Disk | None]:
    """A file system at ``place``; None where we may not mount one."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
