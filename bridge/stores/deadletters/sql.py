"""Dead letters in a SQL database: one table, found by bus and by what they were meant for."""

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
    select,
    update,
)

from bridge.errors import NotFound, StoreError
from bridge.model.log import Format
from bridge.stores.database import Blob, Database, Text
from bridge.stores.deadletters.base import Attempt, DeadLetter, DeadLetters, Filter
from bridge.stores.deadletters.ids import find_number, id_of, number_after

SCHEMA = 1
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
    UniqueConstraint("bus", "rule", "target", "partition", "offset"),
    Index("dead_letters_by_arrival", "bus", "number"),
    sqlite_autoincrement=True,  # no number is given twice
)
COLUMN = LETTERS.c
WHERE = ("bus", "rule", "target", "partition")
Place = tuple[str, str, str, int]


class SqlDeadLetters(DeadLetters):
    def __init__(self, url: str) -> None:
        """``url``: a SQLAlchemy URL, such as ``sqlite:///data/deadletters.db``."""
        self._database = Database(url, "deadletters", TABLES, SCHEMA)

    async def open(self) -> None:
        await self._database.open(lambda _: None)

    async def close(self) -> None:
        await self._database.close()

    async def add(self, letters: Sequence[DeadLetter]) -> None:
        self._database.check()
        if letters:
            await self._database.write(lambda connection: _add(connection, letters))

    async def list(self, where: Filter, *, limit: int = 100, after: str = "") -> list[DeadLetter]:
        behind = COLUMN.number > number_after(after)
        query = select(LETTERS).where(_agrees(where), behind).order_by(COLUMN.number).limit(limit)
        return await self._database.read(lambda connection: [_letter(row) for row in connection.execute(query)])

    async def get(self, bus: str, letter_id: str) -> DeadLetter:
        query = select(LETTERS).where(COLUMN.bus == bus, COLUMN.number == find_number(letter_id))
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            raise NotFound(f"there is no dead letter {letter_id} of the bus {bus}")
        return _letter(row)

    async def count(self, where: Filter) -> int:
        query = select(func.count()).select_from(LETTERS).where(_agrees(where))
        return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    async def purge(self, where: Filter, *, ids: Sequence[str] | None = None) -> int:
        doomed = delete(LETTERS).where(_agrees(where))
        if ids is None:
            return await self._database.write(lambda connection: connection.execute(doomed).rowcount)
        numbers = [number for number in map(find_number, ids) if number is not None]

        def work(connection: Connection) -> int:
            some = (doomed.where(COLUMN.number.in_(part)) for part in _parts(numbers))
            return sum(connection.execute(statement).rowcount for statement in some)

        return await self._database.write(work)


# In the database's thread


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
    return and_(*conditions)


def _row(letter: DeadLetter) -> dict[str, Any]:
    row = asdict(letter)
    del row["id"]
    for name in ("event_id", "detail"):
        row[name] = row[name].encode("utf-8", "surrogatepass")
    return row | {"attempts": msgspec.json.encode(letter.attempts), "format": int(letter.format)}


def _letter(row: Row[Any]) -> DeadLetter:
    values = dict(row._mapping)  # noqa: SLF001 - it is public; the underscore keeps it apart from columns
    letter_id = id_of(values.pop("number"))
    try:
        for name in ("event_id", "detail"):
            values[name] = values[name].decode("utf-8", "surrogatepass")
        values["attempts"] = msgspec.json.decode(values["attempts"], type=tuple[Attempt, ...])
        return DeadLetter(id=letter_id, **values | {"format": Format(values["format"])})
    except (ValueError, msgspec.DecodeError) as error:
        raise StoreError(f"the stored dead letter {letter_id} is damaged: {error}") from error
