"""Nothing is lost, nothing is made up: what was acknowledged is durable, and accounted for at every target that wants it."""

from collections.abc import Iterator, Sequence

from tests.faults.history.accounts import describe, due, first_taken, is_settled, is_there
from tests.faults.history.record import End, History, Look, Names, Put
from tests.faults.history.scene import COLLECT, GRAVES, Watched


def lost(history: History, watched: Sequence[Watched]) -> Iterator[str]:
    """Every acknowledged event was taken, or is a dead letter, parked or delayed, for each target that must get it."""
    if history.last is None:
        yield "the story has no end: nothing can be said about losses"
        return
    for one in watched:
        accounted = _accounted(history, history.last, one)
        for put in due(history, one):
            if put.event.number not in accounted:
                yield f"lost: {describe(history, one, put)}"


def _accounted(history: History, look: Look, one: Watched) -> set[int]:
    numbers = set(first_taken(history, one.names))
    for names in (one.names, *([one.through] if one.through else [])):
        numbers |= {*look.letters.get(names, {}).values(), *look.parked.get(names, {}).values()}
        numbers |= look.delayed.get(names[0], set())
    if one.names == GRAVES:
        numbers |= set(first_taken(history, COLLECT))
    return numbers


def forged(history: History, watched: Sequence[Watched]) -> Iterator[str]:
    """Nothing arrives that was refused, cancelled, never put, or that the target does not want."""
    known = {one.names: one for one in watched}
    graves = known.get(GRAVES)
    for names, arrivals in history.seen.items():
        for number in {seen.number for seen in arrivals}:
            put = history.puts.get(number)
            reason = _why_not(known[names], graves, put)
            if reason:
                yield f"forged: {describe(history, known[names], put) if put else number} {reason}"


def _why_not(one: Watched, graves: Watched | None, put: Put | None) -> str:
    if put is None:
        return "was never put"
    if put.outcome == "refused":
        return "was refused"
    if put.cancelled is not None and put.cancelled < float("inf"):
        return "was cancelled"
    wants = graves.wants(put.event) if one.claims and graves is not None else one.wants(put.event)
    return "" if wants else "is not wanted there"


def not_durable(history: History, _: Sequence[Watched]) -> Iterator[str]:
    """What was acknowledged before a kill is in the log after it, at a place of its own."""
    places = [(put.event.bus, put.place) for put in history.acknowledged() if put.place is not None]
    if len(set(places)) < len(places):
        yield "not durable: two acknowledged events have one place"
    for number, end in enumerate(history.ends, 1):
        for put in history.acknowledged() if end.look is not None else ():
            if put.place is not None and put.ended <= end.time and not _holds(end.look, put):
                yield f"not durable: event {put.event.number} at {put.place} of {put.event.bus} is gone after kill {number}"


def _holds(look: Look | None, put: Put) -> bool:
    assert look is not None
    assert put.place is not None
    partition, offset = put.place
    return offset < look.ends.get(put.event.bus, {}).get(partition, 0)


def settled_too_early(history: History, watched: Sequence[Watched]) -> Iterator[str]:
    """At each kill: what a cursor has left behind was taken by then, or is parked or a dead letter."""
    for one in watched:
        left = [put for put in due(history, one) if put.place is not None]
        taken = first_taken(history, one.names)
        for number, end in enumerate(history.ends, 1):
            if end.look is None or not is_there(history, one, end.time):
                continue
            left, found = _still_open(end, end.look, one, left, taken)
            for put in found:
                yield f"settled too early, as kill {number} shows: {describe(history, one, put)}"


def _still_open(
    end: End, look: Look, one: Watched, left: Sequence[Put], taken: dict[int, float]
) -> tuple[list[Put], list[Put]]:
    """Those that are to be looked at again at the next kill, and those that are lost."""
    still, gone = [], []
    for put in left:
        if put.started > end.time or not is_settled(look, one, put):
            still.append(put)
        elif taken.get(put.event.number, float("inf")) > end.time and not _is_elsewhere(one.names, put):
            gone.append(put)
    return still, gone


def _is_elsewhere(names: Names, put: Put) -> bool:
    """Whether it may be on the bus for dead letters, of which a look does not know what it holds."""
    return names == GRAVES and put.event.is_poison
