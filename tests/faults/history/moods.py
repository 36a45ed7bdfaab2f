"""How the sinks answer: each target has a mood of its own. Once a story drains, all are calm."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from tests.faults.history.record import POISON


class Answer(NamedTuple):
    """``how``: answered properly, or what else may happen on a connection. ``after_s``: how long that takes."""

    status: int = 200
    how: Literal["answered", "aborted", "half", "garbage", "hung"] = "answered"
    retry_after: str = ""
    after_s: float = 0.0

    @property
    def takes(self) -> bool:
        return self.how == "answered" and self.status < 300


Mood = Callable[[Sequence[int]], Answer]
"""Answers a request that holds events of these numbers."""

TAKEN = Answer()
REFUSED = Answer(400)
BROKEN = Answer(500)
UNHEARD = Answer(how="hung")


def make(name: str, dice: random.Random) -> Mood:
    return MOODS[name](dice)


def _well(_: random.Random) -> Mood:
    return lambda _: TAKEN


def _never(_: random.Random) -> Mood:
    return lambda _: Answer(503)


def _fibonacci(_: random.Random) -> Mood:
    """Fails once, once, twice, three, five, eight times between two successes, and again."""

    def answers() -> Iterator[Answer]:
        while True:
            short, long = 1, 1
            while short <= 8:
                yield from [BROKEN] * short
                yield TAKEN
                short, long = long, short + long

    each = answers()
    return lambda _: next(each)


def _sometimes(dice: random.Random, share: float, others: Sequence[Answer]) -> Mood:
    return lambda _: dice.choice(others) if dice.random() < share else TAKEN


def _failing(dice: random.Random) -> Mood:
    return _sometimes(dice, 0.3, [BROKEN, Answer(503)])


def _flaky(dice: random.Random) -> Mood:
    broken = [Answer(how="aborted"), Answer(how="half"), Answer(how="garbage"), Answer(how="hung", after_s=1.0)]
    return _sometimes(dice, 0.3, [*broken, *(Answer(status) for status in (404, 408, 409, 500, 502, 503, 504))])


def _throttled(dice: random.Random) -> Mood:
    return _sometimes(dice, 0.05, [Answer(429, retry_after="0"), Answer(429, retry_after="1"), Answer(502)])


def _retires(dice: random.Random) -> Mood:
    return _sometimes(dice, 0.02, [Answer(410)])


def _slow(_: random.Random) -> Mood:
    return lambda _: Answer(after_s=0.02)


def _hanging(dice: random.Random) -> Mood:
    """Takes everything, but now and then only after longer than most runs of the bridge live: nothing is committed then."""
    return _sometimes(dice, 0.01, [Answer(after_s=3.0)])


def _poisoned(_: random.Random) -> Mood:
    return lambda numbers: REFUSED if any(number % POISON == 0 for number in numbers) else TAKEN


def _keyed(dice: random.Random) -> Mood:
    poisoned, failing = _poisoned(dice), _sometimes(dice, 0.15, [BROKEN, Answer(how="aborted")])
    return lambda numbers: REFUSED if poisoned(numbers) is REFUSED else failing(numbers)


def _letters(dice: random.Random) -> Mood:
    """Refuses one in five, but not always when they come again."""
    return lambda numbers: REFUSED if numbers[0] % 5 == 0 and dice.random() < 0.7 else TAKEN


def _blocks(dice: random.Random) -> Mood:
    """Refuses poison the first time."""
    tried: Counter[int] = Counter()

    def answer(numbers: Sequence[int]) -> Answer:
        tried.update(numbers)
        bad = any(number % POISON == 0 and tried[number] == 1 for number in numbers)
        return REFUSED if bad or dice.random() < 0.01 else TAKEN

    return answer


MOODS: dict[str, Callable[[random.Random], Mood]] = {
    "well": _well,
    "never": _never,
    "fibonacci": _fibonacci,
    "failing": _failing,
    "flaky": _flaky,
    "throttled": _throttled,
    "retires": _retires,
    "slow": _slow,
    "hanging": _hanging,
    "poisoned": _poisoned,
    "keyed": _keyed,
    "batched": _keyed,
    "letters": _letters,
    "blocks": _blocks,
}
