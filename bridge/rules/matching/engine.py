"""The loop over a batch, generated for a rule set, and what it falls back to.

Three tiers, one answer:

1. generated code on the decoded values, in one ``try``;
2. the same values judged step by step, when an array or another surprise is met (TypeError, AttributeError);
3. the whole text read exactly, candidates chosen by the same tables, each decided by the solver: for texts that the
   decoder refuses (dotted names, numbers out of range, no JSON) and events that tier 2 leaves alone (Tangled).

What surprises often is learned: generated code is then made anew, ready for it.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

from bridge.rules.document import Document, Leaf
from bridge.rules.matching.arrays import Tangled, leaves, objects
from bridge.rules.matching.checks import Oddity, dotted, quoted, repeated
from bridge.rules.matching.generate import Code, Memo
from bridge.rules.matching.groups import NOTHING, Group, Hits, Item, Suited
from bridge.rules.matching.layout import Place, path_to, places
from bridge.rules.matching.paths import Paths
from bridge.rules.matching.plan import ANY, Plan
from bridge.rules.matching.sides import Side
from bridge.rules.matching.solver import GaveUp, Solver

FIRST_REVIEW = 256
LAST_REVIEW = 16_384
"""Events between two looks at what has been learned; the first comes soon."""
IN_LINE = 4
"""Groups that every event goes through and whose code is part of the loop; more are called."""
SURPRISES = (TypeError, AttributeError)
ODDITIES = (ValueError, RecursionError, Oddity, Tangled)
"""What sends an event to the last tier; msgspec's errors and UnicodeDecodeError are ValueErrors."""


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


class Crowd(NamedTuple):
    """Anchors in one object that is decoded as a dict."""

    place: Place
    way: tuple[Place, ...]
    paths: dict[str, str]
    """By the name of the member."""


class Engine:
    """One rule set on one kind of input. Answers of ``run`` are tuples of ids.

    ``repeated``: whether members that stand twice in one object both count; if not, the last does.
    """

    make_side: ClassVar[Callable[[], Side]]

    def __init__(self, plan: Plan, paths: Paths, tally: Tally, *, repeated: bool) -> None:
        self.plan = plan
        self.side = plan.side
        self.paths = paths
        self.tally = tally
        self.repeated = repeated
        self._seen = 0
        self._next_review = FIRST_REVIEW
        self._loop: Callable[[Sequence[Any]], list[Sequence[Any]]] = self._generate()

    @classmethod
    def of(cls, items: Sequence[Item], tally: Tally, *, repeated: bool) -> Self:
        side, paths = cls.make_side(), Paths()
        paths.count(items, 1)
        paths.add_to(side)
        return cls(Plan.of(items, side), paths, tally, repeated=repeated)

    def changed(self, removed: Collection[int], added: Sequence[Item], tally: Tally) -> Self:
        """Another engine, without the patterns of these serials, with these items.

        Paths that nobody names any more stay until they are too many.
        """
        paths = self.paths.copy()
        paths.count(self.plan.items_of(removed), -1)
        known = paths.known_of(added)
        paths.count(added, 1)
        if paths.is_littered:
            kept = [item for item in self.plan.items() if item.serial not in removed]
            return type(self).of([*kept, *added], tally, repeated=self.repeated)
        side = self.side
        if not known:
            side = type(self).make_side()
            paths.add_to(side)
            side.layout.learn(self.side.layout)
        return type(self)(self.plan.changed(removed, added, side), paths, tally, repeated=self.repeated)

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
        varied = sum(group.review(self._seen) for group in groups)
        unsteady = [place for place in places(self.side.layout.root) if place.surprises * 32 > self._seen]
        for place in places(self.side.layout.root):
            place.surprises = 0
        if any(not place.unsteady for place in unsteady):
            for place in unsteady:
                place.unsteady = True
            self.side.layout.version += 1
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
        self.decode = self.side.layout.decoder()
        body = Code()
        self._head(body)
        body.lines.append("h = N")
        for number, group in enumerate(self.plan.open):
            if number < IN_LINE:
                self._add_open(body, group, f"{number}_")
            else:
                body.lines += [f"g = {body.bind('Q', group)}", *(line[2:] for line in _RUN_GROUP)]
        self._add_routes(body)
        if self.plan.doubtful is not None:
            body.lines.append(f"if {body.bind('Q', self.plan.doubtful)}.run(e, get) is not N: raise Oddity")
        loop = Code()
        loop.values = body.values
        loop.lines = [
            *("out = []", "add = out.append", "for t in events:", "  e = None", "  try:"),
            *(f"    {line}" for line in body.lines),
            *("    add(h.ids)", "  except SURPRISES: add(stepwise(t, e))", "  except ODDITIES: add(exact(t))"),
            "return out",
        ]
        names = {"SURPRISES": SURPRISES, "ODDITIES": ODDITIES, "Oddity": Oddity, "N": NOTHING, "J": Memo(_join)}
        functions = {"stepwise": self._stepwise_ids, "exact": self._exact_ids, "get": self.data}
        return loop.function("run", "events", names | functions)

    def _add_open(self, body: Code, group: Group, name: str) -> None:
        """Lines for a group that every event goes through."""
        body.masks(group.terms(name), group.every)
        hits = body.bind("R", Memo(group.hits))
        if body.lines.count("h = N") == 1 and group is self.plan.open[0]:
            body.lines.remove("h = N")
            body.lines.append(f"h = {hits}[m] if m else N")
        else:
            body.lines += ["if m:", f"  q = {hits}[m]", "  h = q if h is N else J[h, q]"]

    def _add_routes(self, body: Code) -> None:
        """Lines that look up anchors: one by one, or all in one dict by walking through its members."""
        crowds: dict[int, Crowd] = {}
        single = []
        for path in self.plan.routes:
            place = self.side.slot(path).place
            if place is not None and place.parent is not None and place.parent.is_dict:
                crowd = crowds.setdefault(id(place.parent), Crowd(place.parent, path_to(place.parent), {}))
                crowd.paths[place.name] = path
            else:
                single.append((self.side.slot(path).in_data, path))
        self._crowds, self._single = list(crowds.values()), [path for _, path in sorted(single)]
        for in_data, path in sorted(single):
            if in_data and "d = get(e)" not in body.lines:
                body.lines.append("d = get(e)")
            find = body.bind("T", self.plan.routes[path].get)
            body.lines += [f"g = {find}({self.side.slot(path).source})", "if g is not None:", *_RUN_GROUP]
        for crowd in self._crowds:
            self._add_walk(body, crowd)

    def _add_walk(self, body: Code, crowd: Crowd) -> None:
        if self.side.root == "d" and "d = get(e)" not in body.lines:
            body.lines.append("d = get(e)")
        routes = {name: self.plan.routes[path] for name, path in crowd.paths.items()}
        exact = {name: route.get for name, route in routes.items() if any(value is not ANY for value in route)}
        needed = {name: route[ANY] for name, route in routes.items() if ANY in route}
        body.lines.append(f"for k, v in {self.side.layout.source(crowd.place, self.side.root)}.items():")
        if exact:
            body.lines += [f"  g = {body.bind('T', exact.get)}(k)", "  if g is not None:", "    g = g(v)"]
            body.lines += ["    if g is not None:", *(f"    {line}" for line in _RUN_GROUP)]
        if needed:
            body.lines += [f"  g = {body.bind('T', needed.get)}(k)", "  if g is not None:"]
            body.lines += [f"  {line}" for line in _RUN_GROUP]

    def _add_searches(self, code: Code) -> None:
        """Lines that look in the text ``t`` for names that the decoder would take for others, or drop."""
        loose = [place for place in places(self.side.layout.root) if place.is_loose]
        if loose:
            firsts = {quoted(name.partition(".")[0])[:-1] + b"." for place in loose for name in place.spellings}
            tests = [f"{code.bind('W', first)} in t" for first in sorted(firsts)]
            check = dotted([name for place in loose for name in place.spellings])
            code.lines.append(f"if {' or '.join([*tests, 'BS in t'])}: {code.bind('C', check)}(t)")
        if self.repeated:
            names = sorted({place.name for place in places(self.side.layout.root) if place.parent is not None})
            tests = [f"t.count({code.bind('W', quoted(name))}) > 1" for name in names]
            code.lines.append(f"if {' or '.join([*tests, 'BS in t'])}: {code.bind('C', repeated(names))}(t)")

    def _stepwise_ids(self, text: Any, event: Any) -> Sequence[Any]:
        try:
            if event is None:
                raise Oddity
            return self.stepwise(event, self.data(event)).ids
        except (*SURPRISES, *ODDITIES):
            return self._exact_ids(text)

    def _exact_ids(self, text: Any) -> Sequence[Any]:
        document = self.document(text)
        return () if document is None else self.exact(document).ids

    def stepwise(self, event: Any, data: Any) -> Hits:
        """The second tier. Raises Tangled."""
        self.tally.stepwise += 1
        groups = [*self.plan.open, *self._routed(event, data)]
        doubtful = self.plan.doubtful
        if doubtful is not None and doubtful.judge(event, data):
            raise Tangled
        items = [item for group in groups for item in group.judge(event, data)]
        return Hits.of(items) if items else NOTHING

    def _routed(self, event: Any, data: Any) -> list[Group]:
        """The groups that the values of an event lead to."""
        paths = list(self._single)
        for crowd in self._crowds:
            names = [name for members in objects(data, crowd.way, crowd.place) for name in members]
            paths += [crowd.paths[name] for name in dict.fromkeys(names) if name in crowd.paths]
        groups: list[Group] = []
        for path in paths:
            slot = self.side.slot(path)
            found = [slot.read(event)] if slot.read else []
            if slot.place is not None:
                found = list(leaves(data, path_to(slot.place)))
            groups += _reached(self.plan.routes[path], found)
        return groups

    def exact(self, document: Document) -> Hits:
        """The third tier."""
        self.tally.exact += 1
        self.tally.broken_data += document.broken_data
        groups = list(self.plan.open)
        for path in document.paths():
            if path in self.plan.routes:
                groups += _reached(self.plan.routes[path], [leaf.value for leaf in document.at(path)])
        if self.plan.doubtful is not None:
            groups.append(self.plan.doubtful)
        solver, suited = Solver(document), Suited()
        candidates = [item for group in groups for item in group.candidates(document, suited)]
        decided: dict[int, bool] = {}
        for item in candidates:
            key = id(item.branch)
            if key not in decided:
                decided[key] = self._decide(solver, item, suited.get(key, {}) if item.certain else None)
        return Hits.of(item for item in candidates if decided[id(item.branch)])

    def _decide(self, solver: Solver, item: Item, suited: dict[str, list[Leaf]] | None) -> bool:
        try:
            return solver.matches(item.branch, suited)
        except GaveUp:
            self.tally.gave_up += 1
            return False


def _reached(route: dict[object, Group], values: Iterable[object]) -> list[Group]:
    """The groups that some values of a field lead to."""
    values = list(values)
    groups = [route[value] for value in dict.fromkeys(v for v in values if v.__class__ is str) if value in route]
    return [*groups, route[ANY]] if values and ANY in route else groups


_RUN_GROUP = ("  q = g.run(e, get)", "  if q is not N: h = q if h is N else J[h, q]")


def _join(hits: tuple[Hits, Hits]) -> Hits:
    """All of two."""
    ids = {serial: id_ for part in hits for serial, id_ in zip(part.serials, part.ids, strict=True)}
    serials = tuple(sorted(ids))
    return Hits(tuple(ids[serial] for serial in serials), serials)
