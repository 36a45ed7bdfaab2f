"""What a story held, in figures."""

from collections import Counter

from tests.faults.history.checker import Verdict
from tests.faults.history.record import History


def figures(history: History, verdict: Verdict) -> str:
    kills = [end for end in history.ends if not end.clean]
    points = Counter(end.point for end in kills if end.point is not None)
    outcomes = Counter(put.outcome for put in history.puts.values())
    arrivals = sum(map(len, history.seen.values()))
    taken = sum(seen.taken for each in history.seen.values() for seen in each)
    changes = Counter(change.doing for change in history.changes)
    last = history.last
    letters = sum(map(len, last.letters.values())) if last is not None else 0
    parked = sum(map(len, last.parked.values())) if last is not None else 0
    delayed = sum(map(len, last.delayed.values())) if last is not None else 0
    lines = [
        "the end",
        f"  kills       {len(kills)}: {points.total()} at steps, {len(kills) - points.total()} at random moments",
        f"  events      {_list(outcomes)}",
        f"  deliveries  {arrivals} tried, {taken} taken, {verdict.doubled} of them doubled; at most {verdict.in_flight} in flight at a kill",
        f"  at the end  {letters} dead letters, {parked} parked, {delayed} delayed",
        f"  changes     {_list(changes)}",
        f"  steps       {_list(points)}",
    ]
    return "\n".join(lines)


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
