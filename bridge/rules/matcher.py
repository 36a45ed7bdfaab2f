"""Many patterns at once: which of them does each event of a batch match?

A rule set compiles into one immutable structure (``bridge.rules.matching`` has the parts); a change makes another one,
which shares what did not change. The answers are those of ``bridge.rules.oracle``, always; the cost follows an event's
bytes and its matches, hardly the number of patterns.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Generic, TypeVar

from bridge.model.event import Event
from bridge.rules.matching.branches import conjunctions, necessary
from bridge.rules.matching.engine import DocumentEngine, EventEngine, Tally
from bridge.rules.matching.groups import Item
from bridge.rules.pattern import Pattern

M = TypeVar("M")


class Matcher(Generic[M]):
    """A compiled set of patterns, each under an id that means nothing to it. Never edited: ``changed`` makes another."""

    def __init__(self, entries: Sequence[tuple[M, Pattern]]) -> None:
        self._entries = tuple(entries)
        self._items = [item for serial, (id_, pattern) in enumerate(entries) for item in _items(serial, id_, pattern)]
        self._tally = Tally()
        self._events: EventEngine | None = None
        self._documents: DocumentEngine | None = None

    @property
    def broken_data(self) -> int:
        """Events so far whose data claims to be JSON and is not: no pattern on a field of it matched them."""
        return self._tally.broken_data

    def match(self, events: Sequence[Event]) -> list[Sequence[M]]:
        """For each event the ids of the patterns that match it, in the order in which they were given."""
        if self._events is None:
            self._events = EventEngine(self._items, self._tally)
        return self._events.run(events)

    def match_documents(self, texts: Sequence[bytes]) -> list[Sequence[M]]:
        """The same for JSON objects of any kind; a text that is none matches nothing and counts as broken."""
        if self._documents is None:
            self._documents = DocumentEngine(self._items, self._tally)
        return self._documents.run(texts)

    def changed(self, *, removed: Collection[M] = (), added: Iterable[tuple[M, Pattern]] = ()) -> "Matcher[M]":
        """Another matcher, without every pattern of the ids ``removed`` and with those ``added`` behind the others."""
        kept = [entry for entry in self._entries if entry[0] not in removed]
        return Matcher([*kept, *added])


def compile_matcher(patterns: Iterable[tuple[M, Pattern]]) -> Matcher[M]:
    """A matcher for these patterns; the same id may stand for several."""
    return Matcher(tuple(patterns))


def _items(serial: int, id_: object, pattern: Pattern) -> list[Item]:
    found = []
    for branch in pattern.branches:
        exact = conjunctions(branch)
        if exact is None:
            found.append(Item(serial, id_, necessary(branch), branch, certain=False))
        else:
            found += [Item(serial, id_, conjunction, branch) for conjunction in exact]
    return found
