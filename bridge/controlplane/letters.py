"""Dead letters: listing, purging and redriving them, and how users see them.

Redrives are jobs of the data plane, known here by what they must be able to do.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec import UNSET, Raw

from bridge.codec.chunks import decode_event
from bridge.codec.json import format_event
from bridge.controlplane.documents import format_time
from bridge.errors import InvalidInput
from bridge.model.letter import AttemptView, LetterView
from bridge.model.redrive import Redrive
from bridge.stores.deadletters.base import Attempt, DeadLetter, DeadLetters, Filter


class Redrives(Protocol):
    """Jobs that give dead letters back to their targets."""

    async def count(self, where: Filter, *, ids: Sequence[str] | None = None) -> int:
        """How many a redrive would find. Raises NotFound: no such bus, none of the ids."""

    async def start(self, where: Filter, *, ids: Sequence[str] | None = None, rate: float | None = None) -> Redrive:
        """Begin one, with at most ``rate`` letters per second. Raises NotFound, Overloaded."""

    async def get(self, bus: str, redrive_id: str) -> Redrive:
        """Raises NotFound."""

    async def list(self, bus: str) -> list[Redrive]:
        """Those that are running or have ended lately, oldest first."""

    async def cancel(self, bus: str, redrive_id: str) -> Redrive:
        """Send no more letters. Raises NotFound, and StoreUnavailable when the instance that has it does not answer."""


class LetterPage(NamedTuple):
    """Some dead letters, newest last; ``next_page_token`` is empty on the last page."""

    letters: list[DeadLetter]
    next_page_token: str


class Which(NamedTuple):
    """Which dead letters of a bus somebody means: ``everything`` must say so where nothing else says which."""

    where: Filter
    ids: Sequence[str] | None = None
    everything: bool = False

    def check(self) -> None:
        """Raises InvalidInput when nothing says which."""
        if not self.everything and self.ids is None and self.where == Filter(bus=self.where.bus):
            raise InvalidInput("say which: ids, rule, target, reason, since, until, or all: true")


class Letters:
    def __init__(self, store: DeadLetters, redrives: Redrives) -> None:
        self._store = store
        self.redrives = redrives

    async def page(self, where: Filter, *, limit: int = 100, page_token: str = "") -> LetterPage:
        """Dead letters that agree. Raises InvalidInput for a token that is none."""
        found = await self._store.list(where, limit=limit + 1, after=page_token)
        return LetterPage(found[:limit], found[limit - 1].id if len(found) > limit else "")

    async def get(self, bus: str, letter_id: str) -> DeadLetter:
        """Raises NotFound."""
        return await self._store.get(bus, letter_id)

    async def purge(self, which: Which) -> int:
        """Delete them and return how many."""
        which.check()
        return await self._store.purge(which.where, ids=which.ids)

    async def count(self, which: Which) -> int:
        """How many a redrive would find."""
        which.check()
        return await self.redrives.count(which.where, ids=which.ids)

    async def redrive(self, which: Which, rate: float | None = None) -> Redrive:
        """Give them back to their targets, with at most ``rate`` of them per second; returns the job, which goes on."""
        which.check()
        return await self.redrives.start(which.where, ids=which.ids, rate=rate)


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
        received=format_time(letter.received),
        address=letter.address,
        policy=letter.policy,
        tries=letter.tries,
        attempts=list(map(_view_attempt, letter.attempts)),
        payload_hash=letter.payload_hash,
        event=Raw(format_event(decode_event(letter.format, letter.event))) if with_event else UNSET,
    )


def _view_attempt(attempt: Attempt) -> AttemptView:
    return AttemptView(
        started=format_time(attempt.started),
        duration=f"{attempt.duration_s:.3f}s",
        outcome=attempt.outcome,
        answer=attempt.answer.decode("utf-8", "replace"),
    )
