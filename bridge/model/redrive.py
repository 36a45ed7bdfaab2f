"""A redrive: dead letters on their way back to their targets; a job with progress, until it is done or cancelled."""

from typing import Literal

import msgspec

State = Literal["running", "done", "cancelled", "failed"]


class Redrive(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """``matched``: how many letters were to be sent when it began; ``sent``: how many of them were given to their target's
    lane. Of these ``delivered`` were taken, ``parked`` wait for another attempt as any delivery of the target does, and
    ``failed`` are dead letters still, as are those whose target is not there.

    ``rate``: letters per second at most; 0 for as fast as the targets take them. ``ended`` is empty while it is running;
    ``reason`` says why it failed, or why letters did, the last time. Times are RFC 3339.
    """

    id: str
    bus: str
    state: State
    matched: int
    sent: int
    delivered: int
    parked: int
    failed: int
    rate: float = 0.0
    started: str
    ended: str = ""
    reason: str = ""

    @property
    def settled(self) -> int:
        """How many it need not care for any more."""
        return self.delivered + self.parked + self.failed
