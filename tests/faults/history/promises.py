"""What is in force: rules that are off or paused get nothing, and delayed events wait."""

from collections.abc import Iterator, Sequence

from tests.faults.history.accounts import describe
from tests.faults.history.record import Change, History, Put
from tests.faults.history.scene import Watched

EARLY_S = 0.002
"""Times are told in milliseconds."""


def got_while_off(history: History, watched: Sequence[Watched]) -> Iterator[str]:
    """Promise 8: an event that was put when it was acknowledged that a rule is off, or not there yet, never arrives."""
    for one in watched:
        changes = [c for c in history.of_rule(one.names) if c.doing in {"on", "off"}]
        if not changes or changes[0].earliest:
            continue
        first_is_on = changes[0].doing == "on"
        for number in {seen.number for seen in history.seen.get(one.names, ())}:
            put = history.puts.get(number)
            if put is not None and put.event.due is None and _was_off(changes, put, off_before=first_is_on):
                yield f"got while its rule was off: {describe(history, one, put)}"


def _was_off(changes: Sequence[Change], put: Put, *, off_before: bool) -> bool:
    """Surely: no change was under way while the event was put."""
    off = off_before
    for change in changes:
        if change.ended < put.started:
            off = change.doing == "off"
        elif change.started <= put.ended:
            return False
    return off


def got_while_paused(history: History, watched: Sequence[Watched]) -> Iterator[str]:
    """An event that was put when a pause was acknowledged does not arrive before the target is resumed."""
    for one in watched:
        changes = [c for c in history.of_rule(one.names) if c.doing in {"pause", "resume"}]
        for index, change in enumerate(changes):
            if change.doing == "pause":
                end = changes[index + 1].started if index + 1 < len(changes) else float("inf")
                yield from _got_between(history, one, change.ended, end)


def _got_between(history: History, one: Watched, start: float, end: float) -> Iterator[str]:
    for seen in history.seen.get(one.names, ()):
        put = history.puts.get(seen.number)
        if put is not None and put.event.due is None and start < put.started and seen.time < end:
            yield f"got while paused ({start:.3f} to {end:.3f}): {describe(history, one, put)}"


def early(history: History, watched: Sequence[Watched]) -> Iterator[str]:
    """A delayed event never arrives before its time."""
    for one in watched:
        for seen in history.seen.get(one.names, ()):
            if seen.early_s > EARLY_S:
                yield f"early by {seen.early_s:.3f} s: {describe(history, one, history.puts[seen.number])}"
