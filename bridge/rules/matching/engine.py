"""The loop over a batch, generated for a rule set, and what it falls back to.

Three tiers, one answer:

1. generated code on the decoded values, in one ``try``;
2. the same values judged step by step, when an array or another surprise is met (TypeError, AttributeError);
3. the whole text read exactly, candidates chosen by the same tables, each decided by the solver: for texts that the
   decoder refuses (dotted names, numbers out of range, no JSON) and events that tier 2 leaves alone (Tangled).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bridge.errors import InvalidInput
from bridge.model.event import Event, is_json
from bridge.rules.document import MAX_DEPTH, Document, event_document, read_document
from bridge.rules.matching.arrays import Tangled, check_spellings, leaves
from bridge.rules.matching.generate import Code, Memo
from bridge.rules.matching.groups import NOTHING, Hits, Item
from bridge.rules.matching.layout import Layout, Place, path_to, places, read_child
from bridge.rules.matching.plan import Plan
from bridge.rules.matching.sides import DocumentSide, EventSide, Side
from bridge.rules.matching.solver import GaveUp, branch_matches
from bridge.rules.matching.tables import tells_numbers

FIRST_REVIEW = 256
LAST_REVIEW = 16_384
"""Events between two looks at what has been learned; the first comes soon."""
SHALLOW = 2 * (MAX_DEPTH + 1)
"""A text of fewer bytes cannot nest more than ``MAX_DEPTH`` levels."""


class Oddity(Exception):
    """The text needs a closer look."""


SURPRISES = (TypeError, AttributeError)
ODDITIES = (ValueError, RecursionError, Oddity, Tangled)
"""What sends an event to the last tier; msgspec's errors and UnicodeDecodeError are ValueErrors."""


def check_text(text: bytes) -> None:
    """Raise where the decoder is laxer than the specification: parts that it skips may nest too deeply or be no UTF-8."""
    if not text.isascii():
        str(text, "utf-8")
    if len(text) >= SHALLOW and text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        raise Oddity


class Tally:
    """What is counted, across the engines of a matcher."""

    __slots__ = ("broken_data", "exact", "gave_up", "stepwise")

    def __init__(self) -> None:
        self.broken_data = 0
        self.stepwise = 0
        """Events that reached the second tier."""
        self.exact = 0
        """Events that reached the third."""
        self.gave_up = 0
        """Branches that the solver left undecided."""


class Engine:
    """One rule set on one side. Answers of ``run`` are tuples of ids."""

    def __init__(self, items: Sequence[Item], side: Side, tally: Tally) -> None:
        self.side = side
        self.tally = tally
        for path, numbers in _paths(items).items():
            side.add(path, numbers=numbers)
        self.plan = Plan(items, side)
        self.decode = side.layout.decoder()
        self._seen = 0
        self._next_review = FIRST_REVIEW
        self._loop: Callable[[Sequence[Any]], list[Sequence[Any]]] = self._generate()

    def run(self, events: Sequence[Any]) -> list[Sequence[Any]]:
        """For each event the ids of the patterns that match."""
        found = self._loop(events)
        self._seen += len(events)
        if self._seen >= self._next_review:
            self._review()
        return found

    def _review(self) -> None:
        """Learn from the events since the last time: which values repeat, where arrays are common."""
        groups = [*self.plan.open, self.plan.doubtful] if self.plan.doubtful else self.plan.open
        varied = any([group.review(self._seen) for group in groups])
        unsteady = [place for place in places(self.side.layout.root) if place.surprises * 32 > self._seen]
        for place in places(self.side.layout.root):
            place.surprises = 0
        if any(not place.unsteady for place in unsteady):
            for place in unsteady:
                place.unsteady = True
            for group in self.plan.groups():
                group.forget()
        if varied or unsteady:
            self._loop = self._generate()
        self._seen = 0
        self._next_review = min(self._next_review * 2, LAST_REVIEW)

    def data(self, event: Any) -> Any:
        """The decoded value that places are read from."""
        raise NotImplementedError

    def document(self, event: Any) -> Document | None:
        """All of the event, None when it is nothing that a pattern could match."""
        raise NotImplementedError

    def _head(self, code: Code) -> None:
        """The first lines of the loop's body."""
        raise NotImplementedError

    def _generate(self) -> Callable[[Sequence[Any]], list[Sequence[Any]]]:
        body = Code()
        self._head(body)
        parts = [*self._open_parts(body), *self._route_parts(body)]
        if self.plan.doubtful is not None:
            body.values["doubtful"] = self.plan.doubtful
            body.lines.append("if doubtful.run(e, get) is not N: raise Oddity")
        body.lines.append(f"add({parts[0]}.ids)" if parts else "add(())")
        loop = Code()
        loop.values = body.values
        loop.lines = [
            *("out = []", "add = out.append", "for t in events:", "  e = None", "  try:"),
            *(f"    {line}" for line in body.lines),
            *("  except SURPRISES: add(stepwise(t, e))", "  except ODDITIES: add(exact(t))", "return out"),
        ]
        names = {"SURPRISES": SURPRISES, "ODDITIES": ODDITIES, "Oddity": Oddity, "N": NOTHING, "J": Memo(_join)}
        functions = {"stepwise": self._stepwise_ids, "exact": self._exact_ids, "get": self.data}
        return loop.function("run", "events", names | functions)

    def _open_parts(self, body: Code) -> list[str]:
        """Lines for the groups that every event goes through, all hits in ``h``."""
        for number, group in enumerate(self.plan.open):
            body.masks(group.terms(f"{number}_"), group.every)
            name = body.bind("R", Memo(group.hits))
            if number == 0:
                body.lines.append(f"h = {name}[m] if m else N")
            else:
                body.lines += ["if m:", f"  q = {name}[m]", "  h = q if h is N else J[h, q]"]
        return ["h"] if self.plan.open else []

    def _route_parts(self, body: Code) -> list[str]:
        if not self.plan.routes:
            return []
        if not self.plan.open:
            body.lines.append("h = N")
        for number, (path, route) in enumerate(self.plan.routes.items()):
            slot = self.side.slot(path)
            if slot.in_data:
                body.lines.append("d = get(e)")
            body.values[f"T_{number}"] = route.get
            body.lines.append(f"g = T_{number}({slot.source})")
            body.lines.append("if g is not None:")
            body.lines.append("  q = g.run(e, get)")
            body.lines.append("  if q is not N: h = q if h is N else J[h, q]")
        return [] if self.plan.open else ["h"]

    def _stepwise_ids(self, text: Any, event: Any) -> Sequence[Any]:
        try:
            if event is None:
                raise Oddity
            return self.stepwise(event, self.data(event)).ids
        except ODDITIES:
            return self._exact_ids(text)

    def _exact_ids(self, text: Any) -> Sequence[Any]:
        document = self.document(text)
        return () if document is None else self.exact(document).ids

    def stepwise(self, event: Any, data: Any) -> Hits:
        """The second tier. Raises Tangled."""
        self.tally.stepwise += 1
        groups = list(self.plan.open)
        for path, route in self.plan.routes.items():
            slot = self.side.slot(path)
            assert slot.place is not None or slot.read is not None
            found = [slot.read(event)] if slot.read else leaves(data, path_to(slot.place))
            groups += [route[leaf] for leaf in dict.fromkeys(found) if leaf.__class__ is str and leaf in route]
        doubtful = self.plan.doubtful
        if doubtful is not None and doubtful.judge(event, data):
            raise Tangled
        items = [item for group in groups for item in group.judge(event, data)]
        return Hits.of(items) if items else NOTHING

    def exact(self, document: Document) -> Hits:
        """The third tier."""
        self.tally.exact += 1
        self.tally.broken_data += document.broken_data
        groups = list(self.plan.open)
        for path, route in self.plan.routes.items():
            values = dict.fromkeys(leaf.value for leaf in document.at(path) if isinstance(leaf.value, str))
            groups += [route[value] for value in values if value in route]
        if self.plan.doubtful is not None:
            groups.append(self.plan.doubtful)
        candidates = [item for group in groups for item in group.candidates(document)]
        asked: dict[int, bool] = {}
        for item in candidates:
            if id(item.branch) not in asked:
                asked[id(item.branch)] = self._decide(item, document)
        return Hits.of(item for item in candidates if asked[id(item.branch)])

    def _decide(self, item: Item, document: Document) -> bool:
        try:
            return branch_matches(item.branch, document)
        except GaveUp:
            self.tally.gave_up += 1
            return False


class DocumentEngine(Engine):
    """For texts that are JSON objects."""

    def __init__(self, items: Sequence[Item], tally: Tally) -> None:
        super().__init__(items, DocumentSide(), tally)

    def data(self, event: Any) -> Any:
        return event

    def document(self, event: bytes) -> Document | None:
        try:
            return read_document(event)
        except InvalidInput:
            self.tally.broken_data += 1
            return None

    def _head(self, code: Code) -> None:
        code.values |= {"decode": self.decode, "check": check_text, "SHALLOW": SHALLOW}
        code.lines += ["if not t.isascii() or len(t) >= SHALLOW: check(t)", "e = decode(t)"]
        for number, place in enumerate(_spelled(self.side.layout)):
            code.values[f"W_{number}"] = place.spellings
            source = self.side.layout.source(place, "e")
            code.lines.append(f"if not {source}.keys().isdisjoint(W_{number}): raise Oddity")


class EventEngine(Engine):
    """For events: their data is decoded once, when a rule first asks for it."""

    def __init__(self, items: Sequence[Item], tally: Tally) -> None:
        self._last: Event | None = None
        self._value: Any = None
        self._json = Memo(is_json)
        super().__init__(items, EventSide(), tally)
        self._spelled = [(path_to(place), place) for place in _spelled(self.side.layout)]

    def data(self, event: Event) -> Any:
        if event is not self._last:
            self._value = self._decode(event)
            self._last = event
        return self._value

    def _decode(self, event: Event) -> Any:
        text = event.data
        if text is None:
            return self.side.layout.root.empty
        kind = event.attributes.get("datacontenttype")
        if not (self._json[kind] if kind.__class__ is str else event.has_json_data):
            return self.side.layout.root.empty
        if not text.isascii() or len(text) >= SHALLOW:
            check_text(text)
        value = self.decode(text)
        for path, place in self._spelled:
            part = value
            for step in path:
                part = read_child(part, step)
            check_spellings(part, place)
        return value

    def document(self, event: Event) -> Document | None:
        return event_document(event)

    def _head(self, code: Code) -> None:
        code.lines.append("e = t")


def _spelled(layout: Layout) -> list[Place]:
    """Objects that are decoded as dicts, where members such as ``a.b`` have to be noticed by looking."""
    return [place for place in places(layout.root) if place.is_dict and place.spellings]


def _join(hits: tuple[Hits, Hits]) -> Hits:
    """All of two."""
    ids = {serial: id_ for part in hits for serial, id_ in zip(part.serials, part.ids, strict=True)}
    serials = tuple(sorted(ids))
    return Hits(tuple(ids[serial] for serial in serials), serials)


def _paths(items: Iterable[Item]) -> dict[str, bool]:
    """The paths that items name, and whether numbers matter there."""
    found: dict[str, bool] = {}
    for item in items:
        for condition in item.conjunction:
            if not found.get(condition.path):
                found[condition.path] = any(tells_numbers(operator) for operator in condition.alternatives)
    return found
