"""What a RocketMQ store must know for sure, in the catalog's database: which queues are the partitions of a bus, which
cursors there are (``places``), and how partitions are numbered (``numbers``).

Name servers list living brokers only, so a topic's route says nothing about the partitions of its bus.
"""

from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bridge.errors import StartError
from bridge.rocketmq.routes import Queue
from bridge.stores.bus.rocketmq.numbers import Numbers
from bridge.stores.bus.rocketmq.places import Places
from bridge.stores.bus.rocketmq.tables import CATALOG, CURSORS, LOGS, NUMBERS, SCHEMA, TABLES
from bridge.stores.database import Database

_queues = msgspec.json.Decoder(list[tuple[str, int]])


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


class Registry:
    """``open`` before anything else. Methods raise StoreUnavailable and StoreError."""

    def __init__(self, url: str) -> None:
        self._database = Database(url, "registry of RocketMQ", TABLES, SCHEMA)
        self.places = Places(self._database)
        self.numbers = Numbers(self._database)

    async def open(self, token: str) -> tuple[str, list[LogRow]]:
        """What the catalog is known by (``token``, the first time), and every log. Raises StartError."""
        return await self._database.open(lambda connection: (_token(connection, token), _logs(connection)))

    async def close(self) -> None:
        await self._database.close()

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
