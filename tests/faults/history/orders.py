"""Order: of the log, and of each key at the targets that ask for it."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.faults.history.accounts import describe, first_taken
from tests.faults.history.record import History, Names, Place, Put
from tests.faults.history.scene import Watched


def stored_in_disorder(history: History, _: Sequence[Watched]) -> Iterator[str]:
    """Of one key, what was put after another event was acknowledged lies behind that."""
    for (bus, key), puts in _by_key(history).items():
        for before, after in itertools.pairwise(puts):
            if before.started > after.ended:
                yield f"stored in disorder: {after.event.number} before {before.event.number}, key {key} of {bus}"


def _by_key(history: History) -> dict[tuple[str, str], list[Put]]:
    """Events whose place is known, in the order of the log."""
    found: dict[tuple[str, str], list[tuple[Place, Put]]] = defaultdict(list)
    for put in history.acknowledged():
        if put.place is not None and put.event.due is None:
            found[put.event.bus, put.event.key].append((put.place, put))
    return {key: [put for _, put in sorted(pairs, key=lambda pair: pair[0])] for key, pairs in found.items()}


def disordered(history: History, watched: Sequence[Watched]) -> Iterator[str]:
    """Of each key an event arrives for the first time only when all before it were taken, or are dead letters."""
    by_key = _by_key(history)
    for one in watched:
        if not one.ordered:
            continue
        arrived, taken = _first_arrivals(history, one.names), first_taken(history, one.names)
        letters = {
            number for end in history.ends if end.look for number in end.look.letters.get(one.names, {}).values()
        }
        for puts in by_key.values():
            wanted = [put for put in puts if one.wants(put.event) and put.event.number not in letters]
            for before, after in itertools.pairwise(wanted):
                at = arrived.get(after.event.number, float("inf"))
                if at < taken.get(before.event.number, float("inf")):
                    yield f"disordered: {describe(history, one, after)}, which came before {describe(history, one, before)}"


def _first_arrivals(history: History, names: Names) -> dict[int, float]:
    found: dict[int, float] = {}
    for seen in history.seen.get(names, ()):
        found.setdefault(seen.number, seen.time)
    return found
