"""A CloudEvent as the envelope of Amazon EventBridge, and the reserved variables of that product's templates.

``detail`` is the data, ``detail-type`` the type; ``account``, ``region``, ``resources`` and ``version`` are the extensions
of these names where an event has them; ``time`` is when the event was received where it says nothing itself. The attributes
and ``data`` can be reached by their own names as well.
"""

from collections.abc import Iterator

from msgspec import Raw

from bridge.model.times import format_time
from bridge.rules.jsonpath import Path, Steps
from bridge.rules.placeholders import AsJson
from bridge.rules.scope import DATA, DocumentScope, Level, Names, Scope, compact, encode, json_to_text

_NAMES = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")
_WITHOUT_DETAIL = ("id", "account", "detail-type", "time", "source", "region", "resources", "version")  # as recorded


class Envelope(Scope):
    """The same event, under the other product's names."""

    __slots__ = ("_base",)

    def __init__(self, base: Scope) -> None:
        super().__init__(base.event, base.bus, base.received)
        self._base = base

    def text(self, path: Path) -> str | None:
        value = self.json(path)
        return None if value is None else json_to_text(value)

    def raw(self, path: Path) -> bytes | None:
        if path.steps is None and path.head is not None and path.head not in _NAMES:
            return self._base.raw(path)
        return super().raw(path)

    def open(self, steps: Steps) -> Level:
        return self._base.level(DATA) if steps in {DATA, ("detail",)} else super().open(steps)

    def whole(self) -> bytes:
        return object_of(self, tuple(self.names()))

    def member(self, name: str) -> bytes | Raw | None:
        attributes = self.event.attributes
        match name:
            case "detail":
                return self._base.member("data")
            case "detail-type":
                return encode(self.event.type)
            case "version":
                return encode(str(attributes.get(name, "0")))
            case "account" | "region":
                return encode(str(attributes.get(name, "")))
            case "time":
                return encode(attributes.get(name) or format_time(self.received, "seconds"))
            case "resources":
                return encode([str(attributes[name])] if name in attributes else [])
        return self._base.member(name)

    def names(self) -> Iterator[str]:
        yield from _NAMES if self.event.data is not None else _NAMES[:-1]


def envelope_of(scope: Scope) -> Scope:
    """The envelope of an event; a document that is tried out is taken for an envelope already."""
    if isinstance(scope, DocumentScope):
        return scope
    return scope.keep("envelope", lambda: Envelope(scope))


def object_of(scope: Scope, names: tuple[str, ...], renamed: dict[str, str] | None = None) -> bytes:
    """A JSON object of the root's members of these names."""
    renamed = renamed or {}
    members = [(renamed.get(name, name), scope.member(name)) for name in names]
    return b"{" + b",".join([encode(name) + b":" + compact(bytes(v)) for name, v in members if v is not None]) + b"}"


def _without_detail(scope: Scope) -> bytes:
    envelope = envelope_of(scope)
    others = tuple(name for name in envelope.names() if name not in {*_WITHOUT_DETAIL, "detail"})
    return object_of(envelope, _WITHOUT_DETAIL + others, {"detail-type": "detailType"})


def _rule_arn(scope: Scope, names: Names) -> str:
    region, account = (str(scope.event.attributes.get(name, "")) for name in ("region", "account"))
    bus = "" if scope.bus == "default" else f"{scope.bus}/"
    return f"arn:aws:events:{region}:{account}:rule/{bus}{names.rule}"


OBJECTS = {"aws.events.event", "aws.events.event.json"}
"""Variables that are objects: they cannot stand inside a quoted string."""

RESERVED: dict[str, AsJson] = {
    "aws.events.rule-arn": lambda scope, names: encode(_rule_arn(scope, names)),
    "aws.events.rule-name": lambda _, names: encode(names.rule),
    "aws.events.event.ingestion-time": lambda scope, _: encode(format_time(scope.received, "seconds")),
    "aws.events.event": lambda scope, _: _without_detail(scope),
    "aws.events.event.json": lambda scope, _: compact(envelope_of(scope).whole()),
}
