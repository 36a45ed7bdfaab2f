"""Running things: how they are, what went wrong, pausing them, and trying patterns and transforms without effect."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec

from bridge.client.answers import DeadLetter
from bridge.client.connection import Connection, escape
from bridge.errors import InvalidEvent, InvalidFilter, InvalidInput, InvalidPattern, InvalidTransform
from bridge.model.delayed import DelayedView
from bridge.model.pauses import Pause
from bridge.model.redrive import Redrive
from bridge.model.status import Status, TargetStatus

T = TypeVar("T")
Json = dict[str, Any]
Subject: TypeAlias = bytes | tuple[str, int, int]
"""An event to try things on: JSON text of a CloudEvent or of any object; or bus, partition and offset of a stored one."""
_JSON = {"content-type": "application/json"}


class _Letters(msgspec.Struct, rename="camel"):
    items: list[DeadLetter]
    next_page_token: str = ""


class _Delayed(msgspec.Struct, rename="camel"):
    items: list[DelayedView]
    next_page_token: str = ""


class _Cancelled(msgspec.Struct):
    cancelled: int


class _Connectors(msgspec.Struct):
    items: list[Json]


class _Purged(msgspec.Struct):
    purged: int


class _Matched(msgspec.Struct):
    matched: int


class _Redrives(msgspec.Struct):
    items: list[Redrive]


class _PauseState(msgspec.Struct):
    paused: Pause | None


class Operations(Connection):
    async def status(self) -> Status:
        return await self._call("GET", "/v1/status", Status)

    async def target(self, bus: str, rule: str, target: str) -> TargetStatus:
        return await self._call("GET", _target(bus, rule, target), TargetStatus)

    async def pause(self, bus: str, rule: str, target: str, *, reason: str = "") -> Pause:
        """Stop deliveries to a target, across restarts; its events are kept. Returns the pause that stands."""
        body = msgspec.json.encode({"reason": reason})
        path = f"{_target(bus, rule, target)}/pause"
        stands = (await self._call("POST", path, _PauseState, body=body, headers=_JSON)).paused
        assert stands is not None, "a server that paused says since when"
        return stands

    async def resume(self, bus: str, rule: str, target: str, *, skip: bool = False) -> None:
        """Let a paused or blocked target go on; ``skip`` makes the event that blocks it a dead letter."""
        body = msgspec.json.encode({"skip": skip})
        await self._call("POST", f"{_target(bus, rule, target)}/resume", _PauseState, body=body, headers=_JSON)

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
        which = _which(ids, where, everything=everything)
        return (await self._ask_letters(bus, "purge", which, _Purged)).purged

    async def redrive(
        self, bus: str, *, ids: Sequence[str] = (), everything: bool = False, rate: str = "", **where: str
    ) -> Redrive:
        """Give dead letters back to their targets, chosen as for ``purge``; ``rate``: at most so many, ``100/s``.

        Returns as soon as it has begun; ``get_redrive`` tells how far it is.
        """
        which = _which(ids, where, everything=everything) | ({"rate": rate} if rate else {})
        return await self._ask_letters(bus, "redrive", which, Redrive)

    async def count_redrive(self, bus: str, *, ids: Sequence[str] = (), everything: bool = False, **where: str) -> int:
        """How many dead letters ``redrive`` would find."""
        which = _which(ids, where, everything=everything) | {"dryRun": True}
        return (await self._ask_letters(bus, "redrive", which, _Matched)).matched

    async def _ask_letters(self, bus: str, verb: str, which: Json, answer: type[T]) -> T:
        path = f"/v1/buses/{escape(bus)}/dead-letters:{verb}"
        return await self._call("POST", path, answer, body=msgspec.json.encode(which), headers=_JSON)

    async def redrives(self, bus: str) -> list[Redrive]:
        """Those that are running or have ended lately, oldest first."""
        return (await self._call("GET", f"/v1/buses/{escape(bus)}/redrives", _Redrives)).items

    async def get_redrive(self, bus: str, redrive_id: str) -> Redrive:
        return await self._call("GET", f"/v1/buses/{escape(bus)}/redrives/{escape(redrive_id)}", Redrive)

    async def cancel_redrive(self, bus: str, redrive_id: str) -> Redrive:
        """Let it send no more; what lanes have already goes on."""
        return await self._call("POST", f"/v1/buses/{escape(bus)}/redrives/{escape(redrive_id)}/cancel", Redrive)

    async def delayed_events(self, bus: str, *, page: int = 100) -> AsyncIterator[DelayedView]:
        """Events that wait for their ``delivertime``, the next one first."""
        token = ""
        while True:
            query = {"limit": page, "pageToken": token}
            found = await self._call("GET", f"/v1/buses/{escape(bus)}/delayed-events", _Delayed, query=query)
            for item in found.items:
                yield item
            token = found.next_page_token
            if not token:
                return

    async def cancel_delayed(self, bus: str, event_id: str, *, source: str = "") -> int:
        """Let events with this id, and of this source if given, never enter; returns how many. Raises NotFound: none."""
        path = f"/v1/buses/{escape(bus)}/delayed-events/{escape(event_id)}"
        return (await self._call("DELETE", path, _Cancelled, query={"source": source})).cancelled

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


def _which(ids: Sequence[str], where: dict[str, str], *, everything: bool) -> Json:
    """Which dead letters: what the server needs to be told."""
    return {**where} | ({"ids": list(ids)} if ids else {"all": True} if everything else {})


def _target(bus: str, rule: str, target: str) -> str:
    return f"/v1/buses/{escape(bus)}/rules/{escape(rule)}/targets/{escape(target)}"


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
