"""Measured processes before others: on a machine that does other work, too, a rate would tell of that work."""

import os
from contextlib import suppress
from pathlib import Path

NICE = -15


def prefer(pid: int) -> None:
    """For a process and what it starts later, where we may; its session as well, where the kernel shares by sessions."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(f"{NICE}\n", "ascii")
