"""What is delivered twice, and the bound: only what was in flight at a kill, which is what no cursor had left behind.

A delivery is doubled when a target takes an event that it has taken before. That is right where the bridge was killed in
between and had not settled the delivery durably by then; where such a kill left two of it; and where the target was
changed in between, for what was being sent at that moment. A target that answers late may get anything twice.
"""

import itertools
from bisect import bisect, bisect_left
from collections.abc import Iterator, Sequence

from bridge.dataplane.running import LIVE
from tests.faults.history.accounts import describe, due, first_taken, is_settled
from tests.faults.history.record import End, History, Put
from tests.faults.history.scene import CALM, Watched

CHANGE_S = 1.0
"""So long around its change a target may get twice what was being sent: the change is at work a little later."""
SETTLE_S = 3.0
"""In so long what healthy targets have taken is settled: it was committed every 0.1 s, on a machine that is busy."""
UNREAD_S = 0.1
"""What was sent before a kill may be read by the target so long after it."""
LATE = ("flaky",)
"""Moods of targets that answer late."""


def doubles(history: History, watched: Sequence[Watched]) -> tuple[int, list[str]]:
    """How many deliveries were doubled, and those that nothing excuses."""
    number, unexcused = 0, []
    for one in watched:
        for event, times in _taken_often(history, one).items():
            number += len(times) - 1
            put = history.puts[event]
            for before, after in itertools.pairwise(times):
                if not _is_excused(history, one, put, before, after):
                    unexcused.append(f"doubled: {describe(history, one, put)}")
    return number, unexcused


def _taken_often(history: History, one: Watched) -> dict[int, list[float]]:
    times: dict[int, list[float]] = {}
    for seen in history.seen.get(one.names, ()):
        if seen.taken and seen.number in history.puts:
            times.setdefault(seen.number, []).append(seen.time)
    return {number: found for number, found in times.items() if len(found) > 1}


def _is_excused(history: History, one: Watched, put: Put, before: float, after: float) -> bool:
    if one.mood in LATE:
        return True
    first, last = (bisect(history.ends, time, key=_time) for time in (put.started, after))
    kills = [end for end in history.ends[first:last] if _was_in_flight(end, one, put)]
    if any(end.time > before - UNREAD_S or _left_two(end, one, put) for end in kills):
        return True
    changes = history.of_rule(one.names) if one.changing else ()
    return any(change.started - CHANGE_S < after and before < change.ended + CHANGE_S for change in changes)


def _time(end: End) -> float:
    return end.time


def _was_in_flight(end: End, one: Watched, put: Put) -> bool:
    """Also where nobody looked, or where nobody knows the place of the event in the log."""
    if end.look is None or put.place is None or one.claims:
        return not end.clean
    return not is_settled(end.look, one, put)


def _left_two(end: End, one: Watched, put: Put) -> bool:
    """Whether a kill may have left two of it, both of which are delivered in a later run: one that is parked, or a dead
    letter, and one that is read again; or two that entered the bus by itself, or that were put there by another one.
    """
    if end.look is None or put.place is None or one.claims or one.through is not None:
        return True
    kept = (end.look.parked, end.look.letters)
    return any(put.place in places.get(one.names, ()) for places in kept)


def in_flight(history: History, watched: Sequence[Watched]) -> Iterator[int]:
    """For each kill that was looked at: deliveries that were taken and not settled."""
    left = {one: [put for put in due(history, one) if put.place is not None] for one in watched}
    taken = {one: first_taken(history, one.names) for one in watched}
    for end in history.ends:
        if end.look is None:
            continue
        number = 0
        for one in watched:
            left[one] = [put for put in left[one] if not is_settled(end.look, one, put)]
            number += sum(taken[one].get(put.event.number, float("inf")) <= end.time for put in left[one])
        yield number


def slow_to_settle(history: History, watched: Sequence[Watched]) -> Iterator[str]:
    """In flight is little: where all targets of a bus are well, what they took a while before a kill is settled at it."""
    calm = [one for one in watched if CALM in {one.names[0], one.through[0] if one.through else ""}]
    taken = [first_taken(history, one.names) for one in calm]
    for partition, puts in _by_partition(history).items():
        for number, end in enumerate(history.ends, 1):
            limit = end.time - SETTLE_S
            if end.look is None or end.ready > limit:
                continue
            committed = end.look.cursors.get(CALM, {}).get(LIVE, {}).get(partition, 0)
            for put in puts[bisect_left(puts, committed, key=_offset) :][:1]:
                if _done(taken, put, limit):
                    yield f"slow to settle: {describe(history, calm[0], put)} at kill {number}"


def _by_partition(history: History) -> dict[int, list[Put]]:
    """What is put to the calm bus, in the order of its log."""
    found: dict[int, list[Put]] = {}
    for put in history.acknowledged():
        if put.event.bus == CALM and put.place is not None:
            found.setdefault(put.place[0], []).append(put)
    return {partition: sorted(puts, key=_offset) for partition, puts in found.items()}


def _offset(put: Put) -> int:
    assert put.place is not None
    return put.place[1]


def _done(taken: Sequence[dict[int, float]], put: Put, limit: float) -> bool:
    return put.ended < limit and all(times.get(put.event.number, float("inf")) < limit for times in taken)
