"""What a RocketMQ store must know for sure, in the catalog's database: which queues are the partitions of a bus, and which
cursors there are.

Name servers list living brokers only, so a topic's route says nothing about the partitions of its bus. Brokers keep how
far a group is, in memory for some seconds; that a cursor exists, its group and where it began are here, since a cursor
that was forgotten would read its bus from the beginning.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bridge.errors import StartError
from bridge.rocketmq.routes import Queue
from bridge.stores.bus.rocketmq.names import cursor_key
from bridge.stores.bus.rocketmq.numbering import Numbering, Segment
from bridge.stores.database import Blob, Database, Text

SCHEMA = 1
TABLES = MetaData()
LOGS = Table(
    "rocketmq_logs",
    TABLES,
    Column("id", Text, primary_key=True),  # never given twice, unlike names
    Column("name", Text, nullable=False, unique=True),
    Column("topic", Text, nullable=False, unique=True),
    Column("queues", Blob, nullable=False),  # JSON: broker and queue id of each partition
    Column("leaving", Boolean, nullable=False),
)
CURSORS = Table(
    "rocketmq_cursors",
    TABLES,
    Column("log", Text, primary_key=True),
    Column("cursor", Text, primary_key=True),  # a hash of its name
    Column("partition_number", Integer, primary_key=True, autoincrement=False),
    Column("name", Blob, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("start", BigInteger, nullable=False),
)
NUMBERS = Table(
    "rocketmq_numbers",
    TABLES,
    Column("log", Text, primary_key=True),
    Column("partition_number", Integer, primary_key=True, autoincrement=False),
    Column("segments", Blob, nullable=False),  # JSON: start and shift of each
    Column("boot_ms", BigInteger),  # of the broker, when its queue was last looked at
)
CATALOG = Table(
    "rocketmq_catalog",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row
    Column("token", Text, nullable=False),
)
_queues = msgspec.json.Decoder(list[tuple[str, int]])
_segments = msgspec.json.Decoder(list[tuple[int, int]])


def is_sqlite(url: str) -> bool:
    """Whether a catalog belongs to one process alone; others may be shared by several. Raises StartError."""
    try:
        return make_url(url).get_backend_name() == "sqlite"
    except ArgumentError as error:
        raise StartError(f"catalog.url is no SQLAlchemy URL: {error}") from error


class LogRow(NamedTuple):
    """A log as it is registered. ``leaving``: it is being dropped."""

    id: str
    name: str
    topic: str
    queues: tuple[Queue, ...]
    leaving: bool = False


class Place(NamedTuple):
    """Where the position of a cursor in one partition is kept: the group, and what was committed first."""

    group: str
    start: int


class Registry:
    """``open`` before anything else. Methods raise StoreUnavailable and StoreError."""

    def __init__(self, url: str) -> None:
        self._database = Database(url, "registry of RocketMQ", TABLES, SCHEMA)

    @property
    def is_sqlite(self) -> bool:
        return self._database.is_sqlite

    async def open(self, token: str) -> tuple[str, list[LogRow]]:
        """What the catalog is known by (``token``, the first time), and every log. Raises StartError."""
        return await self._database.open(lambda connection: (_token(connection, token), _logs(connection)))

    async def close(self) -> None:
        await self._database.close()

    def check(self) -> None:
        """Raises StoreUnavailable when it is closed."""
        self._database.check()

    async def all(self) -> list[LogRow]:
        return await self._database.read(_logs)

    async def find(self, name: str) -> LogRow | None:
        return await self._database.read(lambda connection: _find(connection, name))

    async def add(self, row: LogRow) -> LogRow:
        """Register a log, unless one of its name is there: the one that counts is returned."""

        def work(connection: Connection) -> LogRow:
            found = _find(connection, row.name)
            if found is None:
                connection.execute(insert(LOGS).values(_values(row)))
            return found or row

        return await self._database.write(work)

    async def widen(self, row: LogRow) -> LogRow:
        """Give a log the queues of ``row``, unless it has as many or is gone: the row that counts is returned."""

        def work(connection: Connection) -> LogRow:
            found = _find(connection, row.name, lock=True)
            if found is None or found.id != row.id or len(found.queues) >= len(row.queues):
                return found or row._replace(leaving=True)
            connection.execute(update(LOGS).where(LOGS.c.id == row.id).values(queues=_values(row)["queues"]))
            return row

        return await self._database.write(work)

    async def leave(self, log: str) -> None:
        """From now on the log is being dropped, whatever happens."""
        await self._database.write(
            lambda connection: connection.execute(update(LOGS).where(LOGS.c.id == log).values(leaving=True)).close()
        )

    async def remove(self, log: str) -> None:
        """Forget a log and its cursors."""

        def work(connection: Connection) -> None:
            connection.execute(delete(CURSORS).where(CURSORS.c.log == log))
            connection.execute(delete(NUMBERS).where(NUMBERS.c.log == log))
            connection.execute(delete(LOGS).where(LOGS.c.id == log))

        await self._database.write(work)

    async def groups(self, log: str) -> list[str]:
        """The groups of all cursors of a log, sorted."""
        query = select(CURSORS.c.group_name).where(CURSORS.c.log == log).distinct()
        return sorted(await self._database.read(lambda connection: list(connection.scalars(query))))

    async def cursors(self, log: str) -> list[str]:
        """The names of a log's cursors, sorted."""
        query = select(CURSORS.c.name).where(CURSORS.c.log == log)
        names = await self._database.read(lambda connection: list(connection.scalars(query)))
        return sorted({bytes(name).decode() for name in names})

    async def places(self, log: str, cursor: str) -> dict[int, Place]:
        """Where the positions of a cursor are kept, by partition."""
        return await self._database.read(lambda connection: _places(connection, log, cursor_key(cursor)))

    async def put(self, log: str, cursor: str, places: Mapping[int, Place]) -> None:
        """A cursor begins in these partitions."""
        rows = [_cursor_row(log, cursor, partition, place) for partition, place in places.items()]

        def work(connection: Connection) -> None:
            connection.execute(delete(CURSORS).where(_of(log, cursor_key(cursor), places)))
            connection.execute(insert(CURSORS), rows)

        await self._database.write(work)

    async def places_in(self, log: str, partition: int) -> dict[str, Place]:
        """Where the positions of all cursors in a partition are kept, by cursor."""
        columns = CURSORS.c
        wanted = and_(columns.log == log, columns.partition_number == partition)
        query = select(columns.name, columns.group_name, columns.start).where(wanted)
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        return {bytes(name).decode(): Place(group, start) for name, group, start in rows}

    async def numbers(self, log: str) -> dict[int, tuple[Numbering, int | None]]:
        """Of partitions of which something is known: their numbering, and when their broker was started."""
        columns = NUMBERS.c
        query = select(columns.partition_number, columns.segments, columns.boot_ms).where(columns.log == log)
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        return {partition: (_numbering(segments), boot_ms) for partition, segments, boot_ms in rows}

    async def put_boot(self, log: str, partitions: Iterable[int], boot_ms: int) -> None:
        """The broker of these was started then, and their queues are looked at."""

        def work(connection: Connection) -> None:
            for partition in partitions:
                _put_numbers(connection, log, partition, boot_ms=boot_ms)

        await self._database.write(work)

    async def renumber(self, log: str, partition: int, numbering: Numbering, places: Mapping[str, Place]) -> None:
        """The events of a partition have other numbers from now on, and all its cursors other places."""
        rows = [_cursor_row(log, cursor, partition, place) for cursor, place in places.items()]
        segments = msgspec.json.encode(numbering.segments)

        def work(connection: Connection) -> None:
            _put_numbers(connection, log, partition, segments=segments)
            gone = and_(CURSORS.c.log == log, CURSORS.c.partition_number == partition)
            connection.execute(delete(CURSORS).where(gone))
            if rows:
                connection.execute(insert(CURSORS), rows)

        await self._database.write(work)

    async def forget(self, log: str, cursor: str, partitions: Iterable[int] | None) -> set[str]:
        """A cursor ends, everywhere (None) or in these partitions: the groups that nothing uses any more."""
        key, gone = cursor_key(cursor), list(partitions) if partitions is not None else None

        def work(connection: Connection) -> set[str]:
            before = {place.group for place in _places(connection, log, key).values()}
            connection.execute(delete(CURSORS).where(_of(log, key, gone)))
            return before - {place.group for place in _places(connection, log, key).values()}

        return await self._database.write(work)


def _token(connection: Connection, token: str) -> str:
    found = connection.scalar(select(CATALOG.c.token))
    if found is None:
        connection.execute(insert(CATALOG).values(id=1, token=token))
    return found or token


def _logs(connection: Connection) -> list[LogRow]:
    return [_row(*found) for found in connection.execute(select(LOGS).order_by(LOGS.c.name))]


def _find(connection: Connection, name: str, *, lock: bool = False) -> LogRow | None:
    query = select(LOGS).where(LOGS.c.name == name)
    found = connection.execute(query.with_for_update() if lock else query).first()
    return _row(*found) if found is not None else None


def _row(log: str, name: str, topic: str, queues: bytes, leaving: bool) -> LogRow:
    pairs = _queues.decode(bytes(queues))
    return LogRow(log, name, topic, tuple(Queue(topic, broker, number) for broker, number in pairs), leaving)


def _values(row: LogRow) -> dict[str, object]:
    pairs = [(queue.broker, queue.id) for queue in row.queues]
    return {**row._asdict(), "queues": msgspec.json.encode(pairs)}


def _cursor_row(log: str, cursor: str, partition: int, place: Place) -> dict[str, object]:
    names = {"log": log, "cursor": cursor_key(cursor), "name": cursor.encode()}
    return names | {"partition_number": partition, "group_name": place.group, "start": place.start}


def _numbering(segments: bytes) -> Numbering:
    return Numbering(tuple(Segment(*pair) for pair in _segments.decode(bytes(segments))))


def _put_numbers(connection: Connection, log: str, partition: int, **values: object) -> None:
    """Set some columns of a partition's row, which may not be there yet."""
    wanted = and_(NUMBERS.c.log == log, NUMBERS.c.partition_number == partition)
    found = connection.execute(update(NUMBERS).where(wanted).values(**values))
    if not found.rowcount and connection.execute(select(NUMBERS.c.log).where(wanted)).first() is None:
        first = {"segments": msgspec.json.encode(Numbering().segments), **values}
        connection.execute(insert(NUMBERS).values(log=log, partition_number=partition, **first))


def _places(connection: Connection, log: str, key: str) -> dict[int, Place]:
    columns = CURSORS.c
    query = select(columns.partition_number, columns.group_name, columns.start)
    found = connection.execute(query.where(_of(log, key, None)))
    return {partition: Place(group, start) for partition, group, start in found}


def _of(log: str, key: str, partitions: Iterable[int] | None) -> ColumnElement[bool]:
    wanted = and_(CURSORS.c.log == log, CURSORS.c.cursor == key)
    return wanted if partitions is None else and_(wanted, CURSORS.c.partition_number.in_(list(partitions)))
