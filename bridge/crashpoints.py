"""Steps at which a test may end this process as a power cut would, to prove that a crash there loses nothing.

``BRIDGE_CRASH_AT=NAME:COUNT`` in the environment makes the process kill itself when it passes that step for the COUNT-th
time. Without it a step costs a call that does nothing. The history checker (``make test-faults``) visits all of them.
"""

import os
import signal
from collections.abc import Mapping

from bridge.errors import StartError

VARIABLE = "BRIDGE_CRASH_AT"

NAMES = (
    # an event is put
    "append-before-answer",
    "delayed-before-answer",
    # it is read, matched and sent
    "matched",
    "pushed-before-settled",
    "commit-before-stored",
    "commit-stored",
    # it waits for its next attempt, and comes back
    "park-before-stored",
    "park-stored",
    "parked-before-forgotten",
    "parked-forgotten",
    # it becomes a dead letter, in the store or on a bus, and is redriven
    "letter-before-stored",
    "letter-stored",
    "letter-before-put",
    "letter-put",
    "redrive-taken",
    "redrive-before-discarded",
    "redrive-discarded",
    # a target leaves the live cursor, and comes back
    "leave-before-stored",
    "leave-stored",
    "rejoin-before-settled",
    "rejoin-before-forgotten",
    "rejoin-forgotten",
    # a definition changes
    "rule-prepared",
    "catalog-before-written",
    "catalog-written",
    "rules-swapped",
    "lane-stopped",
    "target-forgotten",
    # a delayed event enters its bus
    "delayed-entered",
    "delayed-removed",
)

_left: dict[str, int] = {}
"""How many times each step is still passed alive; empty unless ``arm`` found one."""


def crash_point(name: str) -> None:
    """Pass a step."""
    if _left:
        _pass(name)


def arm(environ: Mapping[str, str]) -> None:
    """Do what the environment says. Raises StartError for what is no step and count."""
    wish = environ.get(VARIABLE)
    if not wish:
        return
    name, _, count = wish.partition(":")
    if name not in NAMES or not count.isdecimal() or int(count) < 1:
        raise StartError(f"{VARIABLE}={wish!r}: expected NAME:COUNT, with a NAME of {', '.join(NAMES)}")
    _left[name] = int(count)


def _pass(name: str) -> None:
    if name in _left:
        _left[name] -= 1
        if not _left[name]:
            os.kill(os.getpid(), signal.SIGKILL)
