"""Timers in a SQL database: one table, found by queue and id, by queue and due, by queue and group."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from bridge.errors import NotFound, StoreError
from bridge.stores.database import Blob, Database, Text, text
from bridge.stores.timers.base import Load, Place, Timer, Timers

SCHEMA = 1
AT_ONCE = 500
"""Values in one ``IN``: databases limit how many a statement may have."""
TOGETHER = 1000
"""Timers of several callers that go into one transaction."""
DROPPED_AT_ONCE = 1000
"""Rows that are deleted in one transaction, so that others get their turn."""
LONGEST_KEY = 64
DIGEST = "#"
"""How the key of a group begins that is a digest; no other does."""
DROPPED = "~"
"""How the name of a queue begins that was dropped and still has rows; no other does."""

TABLES = MetaData()
Number = BigInteger().with_variant(Integer, "sqlite")
QUEUES = Table(
    "timer_queues",
    TABLES,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("name", text(511), nullable=False, unique=True),
)
TIMERS = Table(
    "timers",
    TABLES,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("queue", BigInteger, nullable=False),  # a number takes less room than a name, in three indexes
    Column("id", Text, nullable=False),
    Column("due", Double, nullable=False),
    Column("group_key", text(64), nullable=False),  # the group, if it is short and plain; else a digest, see _key
    Column("group", Blob, nullable=False),  # any text, of any length
    Column("body", Blob, nullable=False),
    UniqueConstraint("queue", "id"),
    Index("timers_by_due", "queue", "due", "id"),
)
COLUMN = TIMERS.c
Index(
    "timers_by_group",
    *(COLUMN.queue, COLUMN.group_key, COLUMN.due),
    sqlite_where=COLUMN.group_key != "",
    postgresql_where=COLUMN.group_key != "",
)
READ = select(COLUMN.id, COLUMN.due, COLUMN.group, COLUMN.body)
Found = list[Timer]


class _Adding:
    """What one caller wants to add; ``stored`` once it is durable."""

    def __init__(self, timers: Sequence[Timer]) -> None:
        self.timers = timers
        self.stored = False


def _mark_stored(taken: Sequence[_Adding]) -> None:
    for adding in taken:
        adding.stored = True


class SqlTimers(Timers):
    def __init__(self, url: str) -> None:
        """``url``: a SQLAlchemy URL, such as ``sqlite:///data/timers.db``."""
        self._database = Database(url, "timers", TABLES, SCHEMA)
        self._adding: deque[_Adding] = deque()

    async def open(self) -> None:
        await self._database.open(lambda _: None)

    async def close(self) -> None:
        await self._database.close()

    async def add(self, timers: Sequence[Timer]) -> None:
        self._database.check()
        if not timers:
            return
        adding = _Adding(timers)
        self._adding.append(adding)
        try:
            with suppress(StoreError):
                await self._database.write(self._add_together, _mark_stored)
        finally:
            with suppress(ValueError, IndexError):
                self._adding.remove(adding)  # the caller was cancelled, or the store is closed
        if not adding.stored:  # perhaps because of a neighbour
            await self._database.write(lambda connection: _add(connection, timers))

    def _add_together(self, connection: Connection) -> "list[_Adding]":
        """What other callers want added goes along: a commit costs as much for many. Each of them comes here as well and
        takes at least one, so that nobody's turn is over before its timers were taken.
        """
        taken: list[_Adding] = []
        count = 0
        while self._adding and count < TOGETHER:
            taken.append(self._adding.popleft())
            count += len(taken[-1].timers)
        if taken:
            _add(connection, [timer for adding in taken for timer in adding.timers])
        return taken

    async def due(self, queue: str, now: float, limit: int, after: Place | None = None) -> list[Timer]:
        return await self._read(queue, _in_order(queue, limit, after).where(COLUMN.due <= now))

    async def next_due(self, queue: str) -> float | None:
        query = select(func.min(COLUMN.due)).where(_in(queue))
        return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    async def get(self, queue: str, timer_id: str) -> Timer:
        found = await self._read(queue, READ.where(_in(queue), COLUMN.id == timer_id))
        if not found:
            raise NotFound(f"nothing with the id {timer_id} waits in {queue}")
        return found[0]

    async def count(self, queue: str) -> int:
        return await self._database.read(lambda connection: connection.execute(_count(queue)).scalar_one())

    async def loads(self, prefix: str) -> dict[str, Load]:
        name = QUEUES.c.name
        query = select(name, func.count(), func.min(COLUMN.due)).join(TIMERS, COLUMN.queue == QUEUES.c.number)
        query = query.where(_begins(prefix)).group_by(name)
        return await self._database.read(
            lambda connection: {queue: Load(count, due) for queue, count, due in connection.execute(query)}
        )

    async def remove(self, queue: str, ids: Sequence[str]) -> int:
        doomed = delete(TIMERS).where(_in(queue))

        def work(connection: Connection) -> int:
            parts = (doomed.where(COLUMN.id.in_(part)) for part in _parts(list(dict.fromkeys(ids))))
            return sum(connection.execute(statement).rowcount for statement in parts)

        self._database.check()
        return await self._database.write(work) if ids else 0

    async def move(self, queue: str, group: str, due: float) -> int:
        statement = update(TIMERS).where(_in(queue), COLUMN.group_key == _key(group)).values(due=due)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def drop(self, queue: str) -> int:
        return await self._database.write(lambda connection: _rename(connection, queue))

    async def tidy(self) -> bool:
        return await self._database.write(_tidy)

    async def queues(self, prefix: str = "") -> list[str]:
        query = select(QUEUES.c.name).where(_begins(prefix)).order_by(QUEUES.c.name)
        return await self._database.read(lambda connection: list(connection.execute(query).scalars()))

    async def groups(self, queue: str) -> list[str]:
        return await self._database.read(lambda connection: _groups(connection, queue))

    async def list(
        self, queue: str, limit: int, after: Place | None = None, *, group: str | None = None
    ) -> list[Timer]:
        query = _in_order(queue, limit, after)
        if group is not None:
            query = query.where(COLUMN.group_key == _key(group))
        return await self._read(queue, query)

    async def _read(self, queue: str, query: Select[Any]) -> Found:
        return await self._database.read(lambda connection: [_timer(queue, row) for row in connection.execute(query)])


def _in(queue: str) -> ColumnElement[bool]:
    return COLUMN.queue == select(QUEUES.c.number).where(QUEUES.c.name == queue).scalar_subquery()


def _begins(prefix: str) -> ColumnElement[bool]:
    """Of queues that were not dropped. (LIKE ignores case in SQLite.)"""
    name = QUEUES.c.name
    return and_(name >= prefix, name < (prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else DROPPED))


def _count(queue: str) -> Select[Any]:
    return select(func.count()).select_from(TIMERS).where(_in(queue))


def _in_order(queue: str, limit: int, after: Place | None) -> Select[Any]:
    query = READ.where(_in(queue)).order_by(COLUMN.due, COLUMN.id).limit(limit)
    if after is None:
        return query
    due, timer_id = after
    return query.where(COLUMN.due >= due, or_(COLUMN.due > due, COLUMN.id > timer_id))  # the first part is the index's


def _key(group: str) -> str:
    """What an index can hold of a group."""
    plain = len(group) <= LONGEST_KEY and group.isascii() and group.isprintable() and group.strip(f"{DIGEST} ") == group
    return group if plain else DIGEST + blake2b(_encoded(group), digest_size=16).hexdigest()


def _encoded(group: str) -> bytes:
    return group.encode("utf-8", "surrogatepass")


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


# In the database's thread


def _add(connection: Connection, timers: Sequence[Timer]) -> None:
    by_queue: dict[str, dict[str, Timer]] = {}
    for timer in timers:
        by_queue.setdefault(timer.queue, {})[timer.id] = timer
    for queue, by_id in by_queue.items():
        number = _number(connection, queue)
        for part in _parts(list(by_id)):
            connection.execute(delete(TIMERS).where(COLUMN.queue == number, COLUMN.id.in_(part)))
        connection.execute(insert(TIMERS), [_row(number, timer) for timer in by_id.values()])


def _number(connection: Connection, queue: str) -> int:
    """Of a queue, which is made if it is new, and which nobody drops until we are done."""
    query = select(QUEUES.c.number).where(QUEUES.c.name == queue).with_for_update(read=True)
    found = connection.scalar(query)
    if found is None:
        connection.execute(insert(QUEUES).values(name=queue))
        found = connection.execute(query).scalar_one()
    return int(found)


def _row(number: int, timer: Timer) -> dict[str, Any]:
    return {
        "queue": number,
        "id": timer.id,
        "due": timer.due,
        "group_key": _key(timer.group),
        "group": _encoded(timer.group),
        "body": timer.body,
    }


def _timer(queue: str, row: Sequence[Any]) -> Timer:
    timer_id, due, group, body = row
    try:
        return Timer(queue=queue, id=timer_id, due=due, group=group.decode("utf-8", "surrogatepass"), body=body)
    except ValueError as error:
        raise StoreError(f"the stored timer {timer_id} of {queue} is damaged: {error}") from error


def _groups(connection: Connection, queue: str) -> list[str]:
    """The index alone tells them, but for those of which it has the digest."""
    keys = select(COLUMN.group_key).where(_in(queue), COLUMN.group_key != "").distinct()
    found = list(connection.execute(keys).scalars())
    plain = [key for key in found if key[0] != DIGEST]
    return plain + [_group(connection, queue, key) for key in found if key[0] == DIGEST]


def _group(connection: Connection, queue: str, key: str) -> str:
    query = select(COLUMN.group).where(_in(queue), COLUMN.group_key == key).limit(1)
    found: bytes = connection.execute(query).scalar_one()
    return found.decode("utf-8", "surrogatepass")


def _rename(connection: Connection, queue: str) -> int:
    """Take a queue's name away; returns how many timers it had."""
    number = connection.scalar(select(QUEUES.c.number).where(QUEUES.c.name == queue).with_for_update())
    if number is None:
        return 0
    count: int = connection.execute(_count(queue)).scalar_one()
    connection.execute(update(QUEUES).where(QUEUES.c.number == number).values(name=f"{DROPPED}{number}"))
    return count


def _tidy(connection: Connection) -> bool:
    """Delete some timers of a queue that was dropped; with the last ones the queue itself."""
    queue = connection.scalar(select(QUEUES.c.number).where(QUEUES.c.name >= DROPPED).limit(1))
    if queue is None:
        return False
    query = select(COLUMN.number).where(COLUMN.queue == queue).limit(DROPPED_AT_ONCE)
    numbers = list(connection.execute(query).scalars())
    for start in range(0, len(numbers), AT_ONCE):
        connection.execute(delete(TIMERS).where(COLUMN.number.in_(numbers[start : start + AT_ONCE])))
    if not numbers:
        connection.execute(delete(QUEUES).where(QUEUES.c.number == queue))
    return True
