"""Many patterns at once: which of them does each event of a batch match?

A rule set compiles into one structure (``bridge.rules.matching`` has the parts); a change makes another one, which
shares what did not change. The answers are those of ``bridge.rules.oracle``; the cost follows an event's bytes and its
matches, hardly the number of patterns. With use a matcher learns how events look, but never answers otherwise for it.

One matcher belongs to one thread.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Generic, TypeVar

from bridge.model.event import Event
from bridge.rules.matching.branches import conjunctions, necessary
from bridge.rules.matching.engine import Tally
from bridge.rules.matching.groups import Item
from bridge.rules.matching.inputs import DocumentEngine, EventEngine
from bridge.rules.pattern import Pattern

M = TypeVar("M")

Entry = tuple[int, M, Pattern]
"""A pattern under its id, and its place in the order of all."""


class Matcher(Generic[M]):
    """A compiled set of patterns, each under an id that means nothing to it. ``changed`` makes another."""

    def __init__(self, entries: Sequence[Entry[M]], *, repeated_names: bool) -> None:
        self._entries = tuple(entries)
        self._repeated_names = repeated_names
        self._tally = Tally()
        self._events: EventEngine | None = None
        self._documents: DocumentEngine | None = None

    @property
    def broken_data(self) -> int:
        """Events so far whose data claims to be JSON and is not: no pattern on a field of it matched them.

        Data that no rule has looked at is not counted.
        """
        return self._tally.broken_data

    @property
    def given_up(self) -> int:
        """How often a pattern counted as not matching because an event was too intricate (``matching.solver``)."""
        return self._tally.gave_up

    def match(self, events: Sequence[Event]) -> list[Sequence[M]]:
        """For each event the ids of the patterns that match it, in the order in which they were given."""
        if self._events is None:
            self._events = EventEngine.of(_items(self._entries), self._tally, repeated=self._repeated_names)
        return self._events.run(events)

    def match_documents(self, texts: Sequence[bytes]) -> list[Sequence[M]]:
        """The same for JSON objects of any kind; a text that is none matches nothing and counts as broken."""
        if self._documents is None:
            self._documents = DocumentEngine.of(_items(self._entries), self._tally, repeated=self._repeated_names)
        return self._documents.run(texts)

    def changed(self, *, removed: Collection[M] = (), added: Iterable[tuple[M, Pattern]] = ()) -> "Matcher[M]":
        """Another matcher, without every pattern of the ids ``removed`` and with those ``added`` behind the others.

        It counts on from where this one stands.
        """
        first = self._entries[-1][0] + 1 if self._entries else 0
        new = [(serial, id_, pattern) for serial, (id_, pattern) in enumerate(added, first)]
        gone = {entry[0] for entry in self._entries if entry[1] in removed} if removed else set()
        kept = [entry for entry in self._entries if entry[0] not in gone]
        other = Matcher([*kept, *new], repeated_names=self._repeated_names)
        other._tally = self._tally
        items = _items(new)
        if self._events is not None:
            other._events = self._events.changed(gone, items, self._tally)
        if self._documents is not None:
            other._documents = self._documents.changed(gone, items, self._tally)
        return other


def compile_matcher(patterns: Iterable[tuple[M, Pattern]], *, repeated_names: bool = False) -> Matcher[M]:
    """A matcher for these patterns; the same id may stand for several.

    The first batch, be it empty, pays for most of the work (10,000 patterns: a third of a second).

    ``repeated_names``: of members that stand twice in one object of an event, both count, as the specification has it.
    Noticing them costs 0.3 µs for each name in the patterns, and 15 µs for an event in which such a name stands twice,
    in whatever objects. Without, the last one counts, as it does for most receivers.
    """
    entries = [(serial, id_, pattern) for serial, (id_, pattern) in enumerate(patterns)]
    return Matcher(entries, repeated_names=repeated_names)


def _items(entries: Iterable[Entry[M]]) -> list[Item]:
    found = []
    for serial, id_, pattern in entries:
        for branch in pattern.branches:
            exact = conjunctions(branch)
            if exact is None:
                found.append(Item(serial, id_, necessary(branch), branch, certain=False))
            else:
                found += [Item(serial, id_, conjunction, branch) for conjunction in exact]
    return found
