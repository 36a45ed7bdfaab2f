"""What becomes of each event at each target: what all checks ask."""

from collections.abc import Iterator

from tests.faults.history.record import History, Look, Names, Put
from tests.faults.history.scene import Watched


def due(history: History, one: Watched) -> list[Put]:
    """What a target must get: acknowledged events whose rule was in force when they were put, and to the end."""
    changes = [change for change in history.of_rule(one.names) if change.doing in {"on", "off"}] if one.changing else []
    wanted = [put for put in history.acknowledged() if put.cancelled is None and one.wants(put.event)]
    if not changes or changes[0].earliest:
        return wanted
    last = changes[-1]
    if last.doing == "off":
        return []
    return [
        put for put in wanted if last.ended < put.started and put.event.due is None
    ]  # nobody knows when those enter


def is_there(history: History, one: Watched, time: float) -> bool:
    """Whether the rule of a target had been defined, for what the bus held before as well."""
    changes = [change for change in history.of_rule(one.names) if change.earliest]
    return not changes or changes[0].ended < time


def is_settled(look: Look, one: Watched, put: Put) -> bool:
    """Whether a delivery was durably done with, and not kept as parked or as a dead letter, when the bridge was dead."""
    if one.through is None:
        return _is_settled(look, one.names, put)
    return look.is_empty_behind(one.names[0]) and _is_settled(look, one.through, put)


def _is_settled(look: Look, names: Names, put: Put) -> bool:
    if put.place is None:
        return False
    partition, offset = put.place
    if offset >= look.committed(names, partition):
        return False
    return put.place not in look.parked.get(names, ()) and put.place not in look.letters.get(names, ())


def first_taken(history: History, names: Names) -> dict[int, float]:
    """When each event was taken first."""
    found: dict[int, float] = {}
    for seen in history.seen.get(names, ()):
        if seen.taken:
            found.setdefault(seen.number, seen.time)
    return found


def describe(history: History, one: Watched, put: Put) -> str:
    """The life of one event at one target, for people who look for a bug. Seconds since it was put."""
    event, zero = put.event, put.started
    seen = [
        (s.time, "taken" if s.taken else "failed") for s in history.seen.get(one.names, ()) if s.number == event.number
    ]
    over = max([put.ended, *(time for time, _ in seen)])
    told = [
        (put.ended, f"{put.outcome} as {put.place}"),
        *seen,
        *_kills(history, one, put, over),
        *(
            (c.started, f"{c.doing} until {c.ended - zero:.3f}")
            for c in history.of_rule(one.names)
            if c.ended > zero and c.started < over
        ),
    ]
    life = "; ".join(f"{time - zero:.3f} {what}" for time, what in sorted(told))
    return f"event {event.number} ({event.bus}, type {event.type}, key {event.key}) at {'/'.join(one.names)}: {life}"


def _kills(history: History, one: Watched, put: Put, over: float) -> Iterator[tuple[float, str]]:
    """Until two after its last sign of life."""
    names, after = one.through or one.names, 0
    for number, end in enumerate(history.ends, 1):
        after += end.time > over
        if end.time < put.started or after > 2:
            continue
        state = ""
        if end.look is not None and put.place is not None:
            parked = ", parked" if put.place in end.look.parked.get(names, ()) else ""
            letter = ", letter" if put.place in end.look.letters.get(names, ()) else ""
            state = f" (committed {end.look.committed(names, put.place[0])}{parked}{letter})"
        yield end.time, f"kill {number} at {end.point or 'a random moment'}{state}"
