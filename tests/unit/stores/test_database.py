"""The thread behind the SQL stores, and that other databases would understand their statements."""

import asyncio
import re
import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert, select
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import DatabaseError, DataError, InterfaceError, OperationalError
from sqlalchemy.schema import CreateIndex, CreateTable

from bridge.errors import StartError, StoreError, StoreUnavailable
from bridge.stores.catalog.sql import TABLES as CATALOG
from bridge.stores.database import SCHEMAS, Database
from bridge.stores.deadletters.sql import TABLES as DEADLETTERS
from bridge.stores.instances.sql import TABLES as INSTANCES
from bridge.stores.timers.sql import TABLES as TIMERS

TABLES = MetaData()
NUMBERS = Table("numbers", TABLES, Column("n", Integer, primary_key=True))


def make(folder: Path, *, alone: bool = False) -> Database:
    return Database(f"sqlite:///{folder}/numbers.db", "numbers", TABLES, 1, alone=alone)


@pytest.mark.parametrize("dialect", [postgresql.dialect(), mysql.dialect()], ids=["postgresql", "mysql"])
def test_other_databases_can_make_the_tables(dialect: postgresql.dialect | mysql.dialect) -> None:
    """Names compare byte by byte there too, and bytes may be long."""
    parts = (CATALOG, DEADLETTERS, TIMERS, INSTANCES)
    for table in [*(table for part in parts for table in part.sorted_tables), SCHEMAS]:
        text = str(CreateTable(table).compile(dialect=dialect))
        names = len(re.findall(r"VARCHAR\((?:64|127|255|511)\)", text))
        assert text.count('COLLATE "C"') + text.count("COLLATE utf8mb4_bin") == names
        assert " BLOB " not in text
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect))


async def test_several_parts_share_a_file(tmp_path: Path) -> None:
    """Each with its own schema version; a part that was there before finds its rows."""
    other = Database(f"sqlite:///{tmp_path}/numbers.db", "other", MetaData(), 7)
    database = make(tmp_path)
    await database.open(lambda c: c.execute(insert(NUMBERS).values(n=4)))
    await other.open(lambda _: None)
    assert await other.read(lambda c: c.execute(select(SCHEMAS).order_by(SCHEMAS.c.part)).all()) == [
        ("numbers", 1),
        ("other", 7),
    ]
    assert await other.read(lambda c: c.scalar(select(NUMBERS.c.n))) == 4
    await other.close()
    await database.close()


async def test_what_runs_after_a_commit_runs_although_the_caller_left(tmp_path: Path) -> None:
    """A cancelled write is finished and counted."""
    database = make(tmp_path)
    await database.open(lambda _: None)
    seen: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> int:
        begun.set()
        go_on.wait(5)
        return connection.execute(insert(NUMBERS).values(n=1)).rowcount

    writing = asyncio.ensure_future(database.write(work, seen.append))
    await asyncio.to_thread(begun.wait, 5)
    writing.cancel()
    go_on.set()
    assert await database.read(lambda c: c.scalar(select(NUMBERS.c.n))) == 1
    assert seen == [1]
    await database.close()


async def test_closing_finishes_what_was_accepted(tmp_path: Path) -> None:
    """Writes under way are committed; later ones are refused."""
    database = make(tmp_path)
    await database.open(lambda _: None)
    writes = [
        asyncio.ensure_future(database.write(lambda c, n=n: c.execute(insert(NUMBERS).values(n=n)).rowcount))
        for n in range(20)
    ]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*writes) == [1] * 20
    with pytest.raises(StoreUnavailable):
        await database.read(lambda _: None)


async def test_a_failed_opening_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither lock nor thread: once the reason is gone it opens."""
    (tmp_path / "numbers.db").write_bytes(b"no database" * 500)
    database = make(tmp_path, alone=True)
    with pytest.raises(StartError):
        await database.open(lambda _: None)
    with pytest.raises(StoreUnavailable):
        database.check()
    (tmp_path / "numbers.db").unlink()
    await database.open(lambda _: None)
    with pytest.raises(StartError, match="in use by another process"):
        await make(tmp_path, alone=True).open(lambda _: None)
    await database.close()


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (OperationalError("SELECT", {}, Exception("database or disk is full")), StoreUnavailable),
        (InterfaceError("SELECT", {}, Exception("connection closed")), StoreUnavailable),
        (DatabaseError("SELECT", {}, Exception("malformed"), connection_invalidated=True), StoreUnavailable),
        (DatabaseError("SELECT", {}, Exception("database disk image is malformed")), StoreError),
        (DataError("SELECT", {}, Exception("value too long")), StoreError),
    ],
)
def test_failures_say_whether_to_try_again(tmp_path: Path, error: DatabaseError, meaning: type[StoreError]) -> None:
    """With the driver's words, without SQLAlchemy's."""
    found = make(tmp_path)._failure(error)
    assert type(found) is meaning
    assert str(found).endswith(str(error.orig))
