"""How the partitions of logs are numbered, and when their brokers were started, in the registry."""

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, and_, insert, select, update

from bridge.stores.bus.rocketmq.numbering import Numbering, Segment
from bridge.stores.bus.rocketmq.places import Place, replace_within
from bridge.stores.bus.rocketmq.tables import NUMBERS
from bridge.stores.database import Database

_segments = msgspec.json.Decoder(list[tuple[int, int]])


class Numbers:
    """Methods raise StoreUnavailable and StoreError. ``log`` is the id of one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, log: str) -> dict[int, tuple[Numbering, int | None]]:
        """Of partitions of which something is known: their numbering, and when their broker was started."""
        columns = NUMBERS.c
        query = select(columns.partition_number, columns.segments, columns.boot_ms).where(columns.log == log)
        rows = await self._database.read(lambda connection: list(connection.execute(query)))
        return {partition: (_numbering(segments), boot_ms) for partition, segments, boot_ms in rows}

    async def put_boot(self, log: str, partitions: Iterable[int], boot_ms: int) -> None:
        """The broker of these was started then, and their queues are looked at."""

        def work(connection: Connection) -> None:
            for partition in partitions:
                _put(connection, log, partition, boot_ms=boot_ms)

        await self._database.write(work)

    async def renumber(self, log: str, partition: int, numbering: Numbering, places: Mapping[str, Place]) -> None:
        """The events of a partition have other numbers from now on, and all its cursors other places."""
        segments = msgspec.json.encode(numbering.segments)

        def work(connection: Connection) -> None:
            _put(connection, log, partition, segments=segments)
            replace_within(connection, log, partition, places)

        await self._database.write(work)


def _numbering(segments: bytes) -> Numbering:
    return Numbering(tuple(Segment(*pair) for pair in _segments.decode(bytes(segments))))


def _put(connection: Connection, log: str, partition: int, **values: object) -> None:
    """Set some columns of a partition's row, which may not be there yet."""
    wanted = and_(NUMBERS.c.log == log, NUMBERS.c.partition_number == partition)
    found = connection.execute(update(NUMBERS).where(wanted).values(**values))
    if not found.rowcount and connection.execute(select(NUMBERS.c.log).where(wanted)).first() is None:
        first = {"segments": msgspec.json.encode(Numbering().segments), **values}
        connection.execute(insert(NUMBERS).values(log=log, partition_number=partition, **first))
