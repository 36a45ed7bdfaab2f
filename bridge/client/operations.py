"""Running things: how they are, what went wrong, and trying patterns and transforms without effect."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias

import msgspec

from bridge.client.answers import DeadLetter
from bridge.client.connection import Connection, escape
from bridge.errors import InvalidEvent, InvalidFilter, InvalidInput, InvalidPattern, InvalidTransform
from bridge.model.status import Status, TargetStatus

Json = dict[str, Any]
Subject: TypeAlias = bytes | tuple[str, int, int]
"""An event to try things on: JSON text of a CloudEvent or of any object; or bus, partition and offset of a stored one."""
_JSON = {"content-type": "application/json"}


class _Letters(msgspec.Struct, rename="camel"):
    items: list[DeadLetter]
    next_page_token: str = ""


class _Connectors(msgspec.Struct):
    items: list[Json]


class _Purged(msgspec.Struct):
    purged: int


class Operations(Connection):
    async def status(self) -> Status:
        return await self._call("GET", "/v1/status", Status)

    async def target(self, bus: str, rule: str, target: str) -> TargetStatus:
        path = f"/v1/buses/{escape(bus)}/rules/{escape(rule)}/targets/{escape(target)}"
        return await self._call("GET", path, TargetStatus)

    async def dead_letters(self, bus: str, *, page: int = 100, **where: str) -> AsyncIterator[DeadLetter]:
        """Newest last, without their events. ``where``: rule, target, reason, since, until (RFC 3339)."""
        token = ""
        while True:
            query = {**where, "limit": page, "pageToken": token}
            found = await self._call("GET", f"/v1/buses/{escape(bus)}/dead-letters", _Letters, query=query)
            for item in found.items:
                yield item
            token = found.next_page_token
            if not token:
                return

    async def dead_letter(self, bus: str, letter_id: str) -> DeadLetter:
        """With its event."""
        return await self._call("GET", f"/v1/buses/{escape(bus)}/dead-letters/{escape(letter_id)}", DeadLetter)

    async def purge(self, bus: str, *, ids: Sequence[str] = (), everything: bool = False, **where: str) -> int:
        """Delete dead letters: with these ids, those that agree with ``where``, or all of the bus. Returns how many."""
        which: Json = {"ids": list(ids)} if ids else {"all": True} if everything else {}
        body = msgspec.json.encode(where | which)
        path = f"/v1/buses/{escape(bus)}/dead-letters:purge"
        return (await self._call("POST", path, _Purged, body=body, headers=_JSON)).purged

    async def test_pattern(
        self, pattern: bytes, event: Subject, *, dialect: str = "bridge", filter_: bytes | None = None
    ) -> Json:
        """Would it match, and why: ``{matched, fields}``, and ``filter`` where one is given. All are JSON texts."""
        parts = {"pattern": _json(pattern, "$.pattern", InvalidPattern)} | _subject(event)
        if filter_ is not None:
            parts["filter"] = _json(filter_, "$.filter", InvalidFilter)
        return await self._try("/v1/pattern:test", parts | {"dialect": msgspec.json.encode(dialect)})

    async def test_transform(self, transform: bytes, event: Subject) -> Json:
        """What it would make of the event: ``{payload, contentType, variables}``, and ``missing`` ones. JSON texts."""
        parts = {"transform": _json(transform, "$.transform", InvalidTransform)} | _subject(event)
        return await self._try("/v1/transform:test", parts)

    async def test_rules(self, bus: str, event: Subject) -> Json:
        """Which rules of a bus match, and which nearly: ``{rules, matched, nearly}``, ``disabled``, ``broken``."""
        return await self._try(f"/v1/buses/{escape(bus)}/rules:test", _subject(event))

    async def _try(self, path: str, parts: dict[str, bytes]) -> Json:
        body = b"{" + b",".join(b'"%b":%b' % (name.encode(), text) for name, text in parts.items()) + b"}"
        return await self._call("POST", path, Json, body=body, headers=_JSON)

    async def connectors(self) -> list[Json]:
        """Every kind of target: kind, summary, guarantee, features, config's JSON Schema, whether it is available."""
        return (await self._call("GET", "/v1/connectors", _Connectors)).items

    async def connector(self, kind: str) -> Json:
        return await self._call("GET", f"/v1/connectors/{escape(kind)}", Json)


def _subject(event: Subject) -> dict[str, bytes]:
    if isinstance(event, bytes):
        return {"event": _json(event, "$.event", InvalidEvent)}
    bus, partition, offset = event
    return {"stored": msgspec.json.encode({"bus": bus, "partition": partition, "offset": offset})}


def _json(text: bytes, path: str, error: type[InvalidInput]) -> bytes:
    """A text that becomes part of a request's JSON: refused here where it would break the whole. Nothing is ``{}``."""
    if not text.strip():
        return b"{}"
    try:
        str(text, "utf-8")
        msgspec.json.decode(text, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.DecodeError) as cause:
        raise error(f"not valid JSON: {cause}", path=path) from cause
    return text
