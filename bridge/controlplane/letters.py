"""Dead letters as users see them."""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from bridge.codec.chunks import decode_event
from bridge.codec.json import format_event
from bridge.controlplane.documents import format_time
from bridge.stores.deadletters.base import DeadLetter


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One try: when it began, how long it took (``0.012s``), what came of it."""

    started: str
    duration: str
    outcome: str


class LetterView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """``reason`` is a class, ``detail`` a sentence; ``event`` is the unchanged event, shown for one letter only."""

    id: str
    bus: str
    rule: str
    target: str
    partition: int
    offset: int
    event_id: str
    reason: str
    detail: str
    time: str
    attempts: list[AttemptView] = msgspec.field(default_factory=list)
    event: Raw | UnsetType = UNSET


def view_letter(letter: DeadLetter, *, with_event: bool) -> LetterView:
    return LetterView(
        id=letter.id,
        bus=letter.bus,
        rule=letter.rule,
        target=letter.target,
        partition=letter.partition,
        offset=letter.offset,
        event_id=letter.event_id,
        reason=letter.reason,
        detail=letter.detail,
        time=format_time(letter.time),
        attempts=[
            AttemptView(started=format_time(a.started), duration=f"{a.duration_s:.3f}s", outcome=a.outcome)
            for a in letter.attempts
        ],
        event=Raw(format_event(decode_event(letter.format, letter.event))) if with_event else UNSET,
    )
