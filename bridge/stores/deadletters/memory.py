"""Dead letters in memory: forgotten with the process. For tests, and for buses that may."""

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from bridge.errors import NotFound, StoreUnavailable
from bridge.stores.deadletters.base import DeadLetter, DeadLetters, Filter, Names
from bridge.stores.deadletters.ids import id_of, number_after

Place = tuple[str, str, str, int, int]
"""Bus, rule, target, partition, offset: what makes two letters the same."""


class MemoryDeadLetters(DeadLetters):
    def __init__(self) -> None:
        self._letters: dict[Place, DeadLetter] = {}  # in the order of arrival
        self._given = 0
        self._closed = False

    async def open(self) -> None:
        self._closed = False

    async def close(self) -> None:
        self._closed = True

    async def add(self, letters: Sequence[DeadLetter]) -> None:
        self._check()
        for letter in letters:
            place = (letter.bus, letter.rule, letter.target, letter.partition, letter.offset)
            before = self._letters.get(place)
            if before is None:
                self._given += 1
            self._letters[place] = replace(letter, id=before.id if before else id_of(self._given))

    async def list(
        self, where: Filter, *, ids: Sequence[str] | None = None, limit: int = 100, after: str = ""
    ) -> list[DeadLetter]:
        behind = id_of(number_after(after))
        return [letter for letter in self._find(where, ids) if letter.id > behind][:limit]

    async def get(self, bus: str, letter_id: str) -> DeadLetter:
        for letter in self._find(Filter(bus=bus), [letter_id]):
            return letter
        raise NotFound(f"there is no dead letter {letter_id} of the bus {bus}")

    async def counts(self, where: Filter, *, ids: Sequence[str] | None = None) -> dict[Names, int]:
        return Counter((letter.rule, letter.target) for letter in self._find(where, ids))

    async def newest(self, bus: str) -> str:
        return max((letter.id for letter in self._find(Filter(bus=bus))), default="")

    async def purge(self, where: Filter, *, ids: Sequence[str] | None = None) -> int:
        return self._delete({letter.id for letter in self._find(where, ids)})

    async def discard(self, letters: Sequence[DeadLetter]) -> int:
        self._check()
        read = {(letter.id, letter.time) for letter in letters}
        return self._delete({letter.id for letter in self._letters.values() if (letter.id, letter.time) in read})

    def _delete(self, doomed: set[str]) -> int:
        self._letters = {place: letter for place, letter in self._letters.items() if letter.id not in doomed}
        return len(doomed)

    def _find(self, where: Filter, ids: Sequence[str] | None = None) -> Sequence[DeadLetter]:
        self._check()
        wanted = None if ids is None else set(ids)
        return [x for x in self._letters.values() if _agrees(x, where) and (wanted is None or x.id in wanted)]

    def _check(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store of dead letters is closed")


def _agrees(letter: DeadLetter, where: Filter) -> bool:
    return (
        letter.bus == where.bus
        and where.rule in {None, letter.rule}
        and where.target in {None, letter.target}
        and where.reason in {None, letter.reason}
        and (where.since is None or letter.time >= where.since)
        and (where.until is None or letter.time < where.until)
        and (where.upto is None or letter.id <= where.upto)
    )
