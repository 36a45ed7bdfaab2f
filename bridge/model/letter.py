"""A dead letter as users see it: the answer of ``GET /v1/buses/{bus}/dead-letters/{id}``. Times are RFC 3339."""

import msgspec
from msgspec import UNSET, Raw, UnsetType


class AttemptView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try: when it began, how long it took (``0.012s``), what came of it.

    ``answer`` is the beginning of what the target answered, as text; what is no UTF-8 in it is replaced.
    """

    started: str
    duration: str
    outcome: str
    answer: str = ""


class LetterView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """``reason`` is a class, ``detail`` a sentence; ``tries`` counts the attempts, of which ``attempts`` holds the first
    and the last. ``received`` is when the bus took the event, ``time`` when it became a dead letter. ``address`` is where
    the deliveries went, ``policy`` how persistently, ``payloadHash`` the SHA-256 of what a transform had made.

    ``event`` is the unchanged event in the JSON format; a list leaves it out.
    """

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
    received: str = ""
    address: str = ""
    policy: str = ""
    tries: int = 0
    attempts: list[AttemptView] = msgspec.field(default_factory=list)
    payload_hash: str = ""
    event: Raw | UnsetType = UNSET
