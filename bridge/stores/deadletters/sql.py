"""Dead letters in a SQL database: one table, found by bus and by what they were meant for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    true,
    update,
)
from sqlalchemy.schema import CreateColumn

from bridge.errors import NotFound, StoreError
from bridge.model.log import Format
from bridge.stores.database import Blob, Database, Text
from bridge.stores.deadletters.base import Attempt, DeadLetter, DeadLetters, Filter, Names
from bridge.stores.deadletters.ids import find_number, id_of, number_after

SCHEMA = 2
AT_ONCE = 500
"""Values in one ``IN``: databases limit how many a statement may have."""

TABLES = MetaData()
LETTERS = Table(
    "dead_letters",
    TABLES,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("bus", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("event_id", Blob, nullable=False),  # any text, of any length
    Column("reason", Text, nullable=False),
    Column("detail", Blob, nullable=False),
    Column("time", Double, nullable=False),
    Column("attempts", Blob, nullable=False),
    Column("format", Integer, nullable=False),
    Column("event", Blob, nullable=False),
    Column("tries", Integer),  # from here on since schema 2: NULL in letters of before
    Column("received", Double),
    Column("address", Blob),
    Column("policy", Blob),
    Column("payload_hash", Text),
    UniqueConstraint("bus", "rule", "target", "partition", "offset"),
    Index("dead_letters_by_arrival", "bus", "number"),
    Index("dead_letters_by_target", "bus", "rule", "target", "number"),
    sqlite_autoincrement=True,  # no number is given twice
)
COLUMN = LETTERS.c
NEW_IN_2 = ("tries", "received", "address", "policy", "payload_hash")
TEXTS = ("event_id", "detail", "address", "policy")
"""Stored as bytes: text of any kind and length, half surrogates included."""
WHERE = ("bus", "rule", "target", "partition")
Place = tuple[str, str, str, int]


class SqlDeadLetters(DeadLetters):
    def __init__(self, url: str) -> None:
        """``url``: a SQLAlchemy URL, such as ``sqlite:///data/deadletters.db``."""
        self._database = Database(url, "deadletters", TABLES, SCHEMA, upgrades={1: _upgrade_from_1})

    async def open(self) -> None:
        await self._database.open(lambda _: None)

    async def close(self) -> None:
        await self._database.close()

    async def add(self, letters: Sequence[DeadLetter]) -> None:
        self._database.check()
        if letters:
            await self._database.write(lambda connection: _add(connection, letters))

    async def list(
        self, where: Filter, *, ids: Sequence[str] | None = None, limit: int = 100, after: str = ""
    ) -> list[DeadLetter]:
        first = number_after(after) + 1
        query = select(LETTERS).where(_agrees(where), COLUMN.number >= first).order_by(COLUMN.number)

        def work(connection: Connection) -> list[DeadLetter]:
            found: list[DeadLetter] = []
            for part in _among(ids, first):
                rows = connection.execute(query.where(part).limit(limit - len(found)))
                found += map(_letter, rows)
                if len(found) == limit:
                    break
            return found

        return await self._database.read(work)

    async def get(self, bus: str, letter_id: str) -> DeadLetter:
        query = select(LETTERS).where(COLUMN.bus == bus, COLUMN.number == find_number(letter_id))
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            raise NotFound(f"there is no dead letter {letter_id} of the bus {bus}")
        return _letter(row)

    async def counts(self, where: Filter, *, ids: Sequence[str] | None = None) -> dict[Names, int]:
        names = (COLUMN.rule, COLUMN.target)
        query = select(*names, func.count()).where(_agrees(where)).group_by(*names)

        def work(connection: Connection) -> dict[Names, int]:
            found: Counter[Names] = Counter()
            for part in _among(ids):
                found.update({(rule, target): count for rule, target, count in connection.execute(query.where(part))})
            return found

        return await self._database.read(work)

    async def newest(self, bus: str) -> str:
        query = select(func.max(COLUMN.number)).where(COLUMN.bus == bus)
        number = await self._database.read(lambda connection: connection.scalar(query))
        return "" if number is None else id_of(number)

    async def purge(self, where: Filter, *, ids: Sequence[str] | None = None) -> int:
        doomed = delete(LETTERS).where(_agrees(where))

        def work(connection: Connection) -> int:
            return sum(connection.execute(doomed.where(part)).rowcount for part in _among(ids))

        return await self._database.write(work)

    async def discard(self, letters: Sequence[DeadLetter]) -> int:
        statement = delete(LETTERS).where(COLUMN.number == bindparam("n"), COLUMN.time == bindparam("read"))
        rows = [{"n": find_number(letter.id), "read": letter.time} for letter in letters]

        def work(connection: Connection) -> int:
            return sum(connection.execute(statement, row).rowcount for row in rows)

        return await self._database.write(work)


# In the database's thread


def _upgrade_from_1(connection: Connection) -> None:
    """Add what schema 2 has more. Repeatable: a crash may have come between, and not every database undoes it then."""
    there = {column["name"] for column in inspect(connection).get_columns(LETTERS.name)}
    for name in NEW_IN_2:
        if name not in there:
            column = CreateColumn(COLUMN[name]).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {LETTERS.name} ADD COLUMN {column}"))
    for index in LETTERS.indexes:
        index.create(connection, checkfirst=True)


def _add(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Insert what is new, replace what is there; the last of equal letters counts."""
    grouped: dict[Place, dict[int, DeadLetter]] = {}
    for letter in letters:
        place = (letter.bus, letter.rule, letter.target, letter.partition)
        grouped.setdefault(place, {})[letter.offset] = letter
    new: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    for place, by_offset in grouped.items():
        known = _numbers(connection, place, list(by_offset))
        for offset, letter in by_offset.items():
            if offset in known:
                again.append(_row(letter) | {"known": known[offset]})
            else:
                new.append(_row(letter))
    if again:
        connection.execute(update(LETTERS).where(COLUMN.number == bindparam("known")), again)
    if new:
        connection.execute(insert(LETTERS), new)


def _numbers(connection: Connection, place: Place, offsets: Sequence[int]) -> dict[int, int]:
    """Offset to number of the letters that are stored already."""
    here = and_(*(COLUMN[name] == value for name, value in zip(WHERE, place, strict=True)))
    found: dict[int, int] = {}
    for part in _parts(offsets):
        query = select(COLUMN.offset, COLUMN.number).where(here, COLUMN.offset.in_(part))
        found.update((offset, number) for offset, number in connection.execute(query))
    return found


def _among(ids: Sequence[str] | None, first: int = 0) -> Iterator[ColumnElement[bool]]:
    """Conditions, each for one statement, which together let these ids through; one that lets all through for None."""
    if ids is None:
        yield true()
        return
    numbers = sorted({number for number in map(find_number, ids) if number is not None and number >= first})
    for part in _parts(numbers):
        yield COLUMN.number.in_(part)


def _parts(values: Sequence[int]) -> Iterator[Sequence[int]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def _agrees(where: Filter) -> ColumnElement[bool]:
    exact = ("bus", "rule", "target", "reason")
    values: Mapping[str, Any] = asdict(where)
    conditions = [COLUMN[name] == values[name] for name in exact if values[name] is not None]
    if where.since is not None:
        conditions.append(COLUMN.time >= where.since)
    if where.until is not None:
        conditions.append(COLUMN.time < where.until)
    if where.upto is not None:
        conditions.append(COLUMN.number <= number_after(where.upto))
    return and_(*conditions)


def _row(letter: DeadLetter) -> dict[str, Any]:
    row = asdict(letter)
    del row["id"]
    for name in TEXTS:
        row[name] = row[name].encode("utf-8", "surrogatepass")
    return row | {"attempts": msgspec.json.encode(letter.attempts), "format": int(letter.format)}


def _letter(row: Row[Any]) -> DeadLetter:
    values = dict(row._mapping)  # noqa: SLF001 - it is public; the underscore keeps it apart from columns
    letter_id = id_of(values.pop("number"))
    try:
        for name in NEW_IN_2:
            if values[name] is None:
                del values[name]
        for name in values.keys() & set(TEXTS):
            values[name] = values[name].decode("utf-8", "surrogatepass")
        values["attempts"] = msgspec.json.decode(values["attempts"], type=tuple[Attempt, ...])
        return DeadLetter(id=letter_id, **values | {"format": Format(values["format"])})
    except (ValueError, msgspec.DecodeError) as error:
        raise StoreError(f"the stored dead letter {letter_id} is damaged: {error}") from error
