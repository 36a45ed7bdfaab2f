"""Where time comes from: anything that needs it takes a Clock, so that tests can move it."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns the seconds since the UNIX epoch."""


def system_clock() -> float:
    return time.time()  # noqa: TID251 - the one place
