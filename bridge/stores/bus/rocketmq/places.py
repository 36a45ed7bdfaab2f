"""Which cursors there are, in the registry: the group that keeps a cursor's position in a partition, and where it began.

Brokers keep how far a group is, in memory for some seconds. So that a cursor exists is written down here: one that was
forgotten would read its bus from the beginning.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from bridge.stores.bus.rocketmq.names import cursor_key
from bridge.stores.bus.rocketmq.tables import CURSORS
from bridge.stores.database import Database


class Place(NamedTuple):
    """Where the position of a cursor in one partition is kept: the group, and what was committed first."""

    group: str
    start: int


class Places:
    """Methods raise StoreUnavailable and StoreError. ``log`` is the id of one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def groups(self, log: str) -> list[str]:
        """The groups of all cursors of a log, sorted."""
        query = select(CURSORS.c.group_name).where(CURSORS.c.log == log).distinct()
        return sorted(await self._database.read(lambda connection: list(connection.scalars(query))))

    async def cursors(self, log: str) -> list[str]:
        """The names of a log's cursors, sorted."""
        query = select(CURSORS.c.name).where(CURSORS.c.log == log)
        names = await self._database.read(lambda connection: list(connection.scalars(query)))
        return sorted({bytes(name).decode() for name in names})

    async def of(self, log: str, cursor: str) -> dict[int, Place]:
        """Where the positions of a cursor are kept, by partition."""
        return await self._database.read(lambda connection: _find(connection, log, cursor_key(cursor)))

    async def within(self, log: str, partition: int) -> dict[str, Place]:
        """Where the positions of all cursors in a partition are kept, by cursor."""
        columns = CURSORS.c
        wanted = and_(columns.log == log, columns.partition_number == partition)
        query = select(columns.name, columns.group_name, columns.start).where(wanted)
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        return {bytes(name).decode(): Place(group, start) for name, group, start in rows}

    async def put(self, log: str, cursor: str, places: Mapping[int, Place]) -> None:
        """A cursor begins in these partitions."""
        rows = [_row(log, cursor, partition, place) for partition, place in places.items()]

        def work(connection: Connection) -> None:
            connection.execute(delete(CURSORS).where(_wanted(log, cursor_key(cursor), places)))
            connection.execute(insert(CURSORS), rows)

        await self._database.write(work)

    async def forget(self, log: str, cursor: str, partitions: Iterable[int] | None) -> set[str]:
        """A cursor ends, everywhere (None) or in these partitions: the groups that nothing uses any more."""
        key, gone = cursor_key(cursor), list(partitions) if partitions is not None else None

        def work(connection: Connection) -> set[str]:
            before = {place.group for place in _find(connection, log, key).values()}
            connection.execute(delete(CURSORS).where(_wanted(log, key, gone)))
            return before - {place.group for place in _find(connection, log, key).values()}

        return await self._database.write(work)


def replace_within(connection: Connection, log: str, partition: int, places: Mapping[str, Place]) -> None:
    """All cursors in a partition have these places from now on."""
    connection.execute(delete(CURSORS).where(and_(CURSORS.c.log == log, CURSORS.c.partition_number == partition)))
    if places:
        rows = [_row(log, cursor, partition, place) for cursor, place in places.items()]
        connection.execute(insert(CURSORS), rows)


def _row(log: str, cursor: str, partition: int, place: Place) -> dict[str, object]:
    names = {"log": log, "cursor": cursor_key(cursor), "name": cursor.encode()}
    return names | {"partition_number": partition, "group_name": place.group, "start": place.start}


def _find(connection: Connection, log: str, key: str) -> dict[int, Place]:
    columns = CURSORS.c
    query = select(columns.partition_number, columns.group_name, columns.start)
    found = connection.execute(query.where(_wanted(log, key, None)))
    return {partition: Place(group, start) for partition, group, start in found}


def _wanted(log: str, key: str, partitions: Iterable[int] | None) -> ColumnElement[bool]:
    wanted = and_(CURSORS.c.log == log, CURSORS.c.cursor == key)
    return wanted if partitions is None else and_(wanted, CURSORS.c.partition_number.in_(list(partitions)))
