"""The catalog in a SQL database: one table of resources, one of changes, one row that counts the writes.

A write first raises that row, which makes writers of all instances take turns; so versions are given in the order of
commits, and a reader that knows version N never misses one below it that arrives late.

A SQLite file belongs to this process alone (a lock beside it says so), so its version is answered from memory. On other
databases it is one query for all who ask at the same time, and ``wait`` also looks now and then for writes of other
instances.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from bridge.errors import StoreError
from bridge.model.clock import Clock, system_clock
from bridge.model.resource import Ref, Resource
from bridge.stores.catalog.base import Catalog, Change, Delete, Put
from bridge.stores.catalog.edits import apply_edit, has_labels, ref_of
from bridge.stores.database import Blob, Database, Text
from bridge.stores.together import Together
from bridge.stores.waiters import Waiters

SCHEMA = 1
POLL_S = 0.5
KEYS = Ref._fields

TABLES = MetaData()
RESOURCES = Table(
    "resources",
    TABLES,
    Column("kind", Text, primary_key=True),
    Column("bus", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("body", Blob, nullable=False),  # the whole resource as JSON
)
CHANGES = Table(
    "resource_changes",
    TABLES,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("action", String(6), nullable=False),
    Column("kind", Text, nullable=False),
    Column("bus", Text, nullable=False),
    Column("name", Text, nullable=False),
)
COUNTER = Table(
    "resource_version",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)


class SqlCatalog(Catalog):
    def __init__(self, url: str, clock: Clock = system_clock) -> None:
        """``url``: a SQLAlchemy URL, such as ``sqlite:///data/catalog.db``."""
        self._database = Database(url, "catalog", TABLES, SCHEMA, alone=True)
        self._clock = clock
        self._waiters = Waiters()
        self._question = Together(lambda: self._database.ask(select(COUNTER.c.version)))
        self._version = 0

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._version = await self._database.open(_first_version)

    async def close(self) -> None:
        await self._database.close()
        self._waiters.wake()

    async def write(self, edits: Sequence[Put | Delete]) -> list[Resource | None]:
        self._database.check()
        if not edits:
            return []
        now = self._clock()
        _, stored = await self._database.write(lambda connection: _write(connection, edits, now), self._written)
        return stored

    def _written(self, result: tuple[int, object]) -> None:
        """In the database's thread, before the caller is told."""
        self._version = result[0]
        self._loop.call_soon_threadsafe(self._waiters.wake)

    async def find(self, ref: Ref) -> Resource | None:
        return await self._database.read(lambda connection: _find(connection, ref))

    async def version(self) -> int:
        self._database.check()
        if self._database.is_sqlite:
            return self._version
        found = await self._question.answer()
        if found is None:
            raise StoreError("the catalog has lost its version")
        return int(found)

    async def changes(self, since: int) -> list[Change]:
        query = (
            select(CHANGES, RESOURCES.c.body)
            .join(RESOURCES, and_(*(RESOURCES.c[key] == CHANGES.c[key] for key in KEYS)), isouter=True)
            .where(CHANGES.c.version > since)
            .order_by(CHANGES.c.version)
        )

        def work(connection: Connection) -> list[Change]:
            found = []
            for version, action, kind, bus, name, body in connection.execute(query):
                ref = Ref(kind, bus, name)
                if action == "delete":
                    found.append(Change(version, action, ref, None))
                elif body is not None:  # else it was deleted since, which a later change says
                    found.append(Change(version, action, ref, _decode(ref, body)))
            return found

        return await self._database.read(work)

    async def wait(self, version: int) -> int:
        while (now := await self.version()) <= version:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if self._database.is_sqlite else POLL_S):
                    await self._waiters.turn()
        return now

    async def list(
        self,
        kind: str,
        *,
        bus: str | None = None,
        labels: Mapping[str, str] | None = None,
        limit: int | None = None,
        after: Ref | None = None,
    ) -> list[Resource]:
        table = RESOURCES.c
        query = select(RESOURCES).where(table.kind == kind).order_by(table.bus, table.name)
        if bus is not None:
            query = query.where(table.bus == bus)
        if after is not None:
            query = query.where(or_(table.bus > after.bus, and_(table.bus == after.bus, table.name > after.name)))
        if not labels:
            query = query.limit(limit)

        def work(connection: Connection) -> list[Resource]:
            with connection.execution_options(yield_per=500).execute(query) as rows:
                read = (_decode(Ref(kind, bus, name), body) for kind, bus, name, body in rows)
                return list(islice((resource for resource in read if has_labels(resource, labels)), limit))

        return await self._database.read(work)


# In the database's thread


def _first_version(connection: Connection) -> int:
    if connection.scalar(select(COUNTER.c.version)) is None:
        connection.execute(insert(COUNTER).values(id=1, version=0))
    return _version(connection)


def _version(connection: Connection) -> int:
    return int(connection.execute(select(COUNTER.c.version)).scalar_one())


def _write(connection: Connection, edits: Sequence[Put | Delete], now: float) -> tuple[int, list[Resource | None]]:
    """Raise the counter first: on every database that takes the turn among writers."""
    connection.execute(update(COUNTER).values(version=COUNTER.c.version + len(edits)))
    version = _version(connection)
    stored = []
    for number, edit in enumerate(edits, version - len(edits) + 1):
        ref = ref_of(edit)
        before = _find(connection, ref)
        after = apply_edit(edit, before, now)
        _replace(connection, ref, before, after)
        action = "delete" if after is None else "put"
        connection.execute(insert(CHANGES).values(version=number, action=action, **ref._asdict()))
        stored.append(after)
    return version, stored


def _replace(connection: Connection, ref: Ref, before: Resource | None, after: Resource | None) -> None:
    if after is None:
        connection.execute(delete(RESOURCES).where(_is(ref)))
    elif before is None:
        connection.execute(insert(RESOURCES).values(body=msgspec.json.encode(after), **ref._asdict()))
    else:
        connection.execute(update(RESOURCES).where(_is(ref)).values(body=msgspec.json.encode(after)))


def _find(connection: Connection, ref: Ref) -> Resource | None:
    body = connection.scalar(select(RESOURCES.c.body).where(_is(ref)))
    return None if body is None else _decode(ref, body)


def _is(ref: Ref) -> ColumnElement[bool]:
    return and_(RESOURCES.c.kind == ref.kind, RESOURCES.c.bus == ref.bus, RESOURCES.c.name == ref.name)


def _decode(ref: Ref, body: bytes) -> Resource:
    try:
        return msgspec.json.decode(body, type=Resource)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"the stored {ref} is damaged: {error}") from error
