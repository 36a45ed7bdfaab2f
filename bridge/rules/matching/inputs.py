"""The two kinds of input that patterns are matched on: JSON texts, and events."""

from typing import Any

from msgspec import structs

from bridge.errors import InvalidInput
from bridge.model.event import DataForm, Event, is_json
from bridge.rules.document import Document, event_document, read_document
from bridge.rules.matching.arrays import check_spellings
from bridge.rules.matching.checks import SHALLOW, check_text, last_only
from bridge.rules.matching.engine import Engine, Tally
from bridge.rules.matching.generate import Code, Memo
from bridge.rules.matching.layout import Layout, Place, path_to, places, read_child
from bridge.rules.matching.paths import Paths
from bridge.rules.matching.plan import Plan
from bridge.rules.matching.sides import DocumentSide, EventSide


class DocumentEngine(Engine):
    """For texts that are JSON objects."""

    make_side = DocumentSide

    def data(self, event: Any) -> Any:
        return event

    def document(self, event: bytes) -> Document | None:
        try:
            return read_document(event if self.repeated else last_only(event))
        except InvalidInput:
            self.tally.broken_data += 1
            return None

    def _head(self, code: Code) -> None:
        code.values |= {"decode": self.decode, "check": check_text, "SHALLOW": SHALLOW}
        code.lines.append("if not t.isascii() or len(t) >= SHALLOW: check(t)")
        self._add_searches(code)
        code.lines.append("e = decode(t)")
        for place in _spelled(self.side.layout):
            source = self.side.layout.source(place, "e")
            code.lines.append(f"if not {source}.keys().isdisjoint({code.bind('W', place.spellings)}): raise Oddity")


class EventEngine(Engine):
    """For events: their data is decoded once, when a rule first asks for it."""

    make_side = EventSide

    def __init__(self, plan: Plan, paths: Paths, tally: Tally, *, repeated: bool) -> None:
        self._last: Event | None = None
        self._value: Any = None
        self._json = Memo(is_json)
        super().__init__(plan, paths, tally, repeated=repeated)

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
        if not (self._json[kind] if kind.__class__ is str else event.data_form is DataForm.JSON):
            return self.side.layout.root.empty
        if not text.isascii() or len(text) >= SHALLOW:
            check_text(text)
        if self._search is not None:
            self._search(text)
        value = self.decode(text)
        for path, place in self._spelled:
            part = value
            for step in path:
                part = read_child(part, step)
            check_spellings(part, place)
        return value

    def document(self, event: Event) -> Document | None:
        if not self.repeated and event.data is not None and event.has_json_data:
            event = structs.replace(event, data=last_only(event.data))
        try:
            return event_document(event)
        except InvalidInput:  # names without end: `document.MAX_PATHS_LENGTH`
            self.tally.gave_up += 1
            return event_document(structs.replace(event, data=None))

    def _head(self, code: Code) -> None:
        self._spelled = [(path_to(place), place) for place in _spelled(self.side.layout)]
        search = Code()
        self._add_searches(search)
        self._search = search.function("search", "t", {}) if search.lines else None
        code.lines.append("e = t")


def _spelled(layout: Layout) -> list[Place]:
    """Objects that are decoded as dicts, where members such as ``a.b`` have to be noticed by looking."""
    return [place for place in places(layout.root) if place.is_dict and place.spellings]
