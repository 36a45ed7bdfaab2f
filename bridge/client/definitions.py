"""Definitions: apply, get, list, delete, watch."""

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from bridge.client.answers import Applied, Change, Definition
from bridge.client.connection import Connection, escape
from bridge.client.kinds import Kind, kind_of
from bridge.errors import InvalidInput

_YAML = {"content-type": "application/yaml"}
_JSON = {"content-type": "application/json"}


class _Results(msgspec.Struct):
    results: list[Applied]


class _List(msgspec.Struct, rename="camel"):
    items: list[Definition]
    next_page_token: str = ""


class _Deleted(msgspec.Struct):
    deleted: list[Definition]


class Definitions(Connection):
    """``kind`` is ``rule``, ``rules`` or ``Rule``, whatever is at hand; ``bus`` is for kinds named within one."""

    async def apply(self, documents: bytes | str, *, dry_run: bool = False, json: bool = False) -> list[Applied]:
        """Create or change what YAML (or JSON) documents define, all or none. A dry run only says what would happen."""
        body = documents.encode() if isinstance(documents, str) else documents
        query = {"dryRun": "true"} if dry_run else {}
        headers = _JSON if json else _YAML
        return (await self._call("POST", "/v1/apply", _Results, query=query, body=body, headers=headers)).results

    async def get(self, kind: str, name: str, *, bus: str = "") -> Definition:
        return await self._call("GET", _one(kind_of(kind), name, bus), Definition)

    async def list(
        self, kind: str, *, bus: str = "", labels: Mapping[str, str] | None = None, page: int = 100
    ) -> AsyncIterator[Definition]:
        """All of a kind, sorted by bus and name; without ``bus``, those of all buses. Read ``page`` at a time."""
        token = ""
        while True:
            query = {"limit": page, "pageToken": token, "label": [f"{k}={v}" for k, v in (labels or {}).items()]}
            found = await self._call("GET", _all(kind_of(kind), bus), _List, query=query)
            for item in found.items:
                yield item
            token = found.next_page_token
            if not token:
                return

    async def delete(
        self, kind: str, name: str, *, bus: str = "", cascade: bool = False, revision: int = 0
    ) -> Sequence[Definition]:
        """Delete it; InUse while something hangs on it, unless ``cascade``. Returns everything that went."""
        query = {"cascade": "true" if cascade else "", "revision": revision or ""}
        return (await self._call("DELETE", _one(kind_of(kind), name, bus), _Deleted, query=query)).deleted

    async def watch(self, kind: str, *, bus: str = "") -> AsyncIterator[Change]:
        """What is there, then each change as it happens, until the server stops."""
        async for message in self._stream(_all(kind_of(kind), bus), {"watch": "true"}):
            definition = msgspec.json.decode(message.data, type=Definition)
            yield Change(message.event, int(message.id or 0), definition)


def _all(kind: Kind, bus: str) -> str:
    return f"/v1/buses/{escape(bus)}/{kind.plural}" if kind.in_bus and bus else f"/v1/{kind.plural}"


def _one(kind: Kind, name: str, bus: str) -> str:
    if kind.in_bus and not bus:
        raise InvalidInput(f"a {kind.name} is named within a bus: say which")
    return f"{_all(kind, bus)}/{escape(name)}"
