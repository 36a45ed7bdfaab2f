"""What the SQL stores add on a server, where instances of bridge share one database: PostgreSQL and MariaDB."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, create_engine, text

from bridge.errors import Conflict, StoreUnavailable
from bridge.model.resource import Ref, Resource
from bridge.stores.catalog.base import Delete, Put
from bridge.stores.catalog.sql import SqlCatalog
from bridge.stores.deadletters.base import Filter
from bridge.stores.deadletters.sql import SqlDeadLetters
from bridge.stores.timers.base import Timer
from bridge.stores.timers.sql import SqlTimers
from tests.contract.test_deadletters import letter
from tests.databases import PARAMS, new_database

pytestmark = pytest.mark.external

S = TypeVar("S", SqlCatalog, SqlDeadLetters, SqlTimers)


@pytest.fixture(params=PARAMS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with new_database(request.param) as made:
        yield made


@asynccontextmanager
async def opened(kind: type[S], url: str, number: int = 2) -> AsyncIterator[list[S]]:
    """So many instances' stores in one database, opened at the same time."""
    async with AsyncExitStack() as stack:
        made = [kind(url) for _ in range(number)]
        await asyncio.gather(*(store.open() for store in made))
        for store in made:
            stack.push_async_callback(store.close)
        yield made


def rule(name: str, **more: Any) -> Resource:
    return Resource(kind="Rule", bus="b", name=name, spec=msgspec.Raw(b"{}"), **more)


def timer(number: int, **more: Any) -> Timer:
    return replace(Timer(queue="retry/b", id=f"{number:05}", due=float(number), body=b"x"), **more)


async def test_many_instances_may_start_at_once(url: str) -> None:
    """In an empty database: one makes the tables, the others wait for it and find them."""
    async with opened(SqlCatalog, url, 6), opened(SqlDeadLetters, url, 4), opened(SqlTimers, url, 4) as timers:
        await timers[0].add([timer(1)])
        assert await timers[3].list("retry/b", 10) == [timer(1)]


async def test_an_edit_is_seen_by_all_once_it_is_acknowledged(url: str) -> None:
    """Promise 8 asks nothing less: the next question of any instance tells the new version, with its change."""
    async with opened(SqlCatalog, url, 3) as catalogs:
        for n in range(30):
            writer, reader = catalogs[n % 3], catalogs[(n + 1) % 3]
            await writer.write([Put(rule("r", description=str(n)))])
            assert await reader.version() == n + 1
            (change,) = await reader.changes(n)
            assert change.resource is not None
            assert change.resource.description == str(n)


async def test_versions_never_come_late(url: str) -> None:
    """Whoever has seen a version has seen every one below it: writers take turns, and turns end with commits."""
    async with opened(SqlCatalog, url, 5) as catalogs:
        *writers, reader = catalogs
        done = asyncio.Event()

        async def write(catalog: SqlCatalog, name: str) -> None:
            for n in range(25):
                await catalog.write([Put(rule(f"{name}{n}")), Put(rule("shared"))])

        async def read() -> list[int]:
            seen: list[int] = []
            while not done.is_set() or await reader.version() > len(seen):
                seen += [change.version for change in await reader.changes(len(seen))]
            return seen

        reading = asyncio.ensure_future(read())
        await asyncio.gather(*(write(catalog, f"w{i}-") for i, catalog in enumerate(writers)))
        done.set()
        assert await reading == list(range(1, 201))
        shared = await reader.find(Ref("Rule", "b", "shared"))
        assert shared is not None
        assert shared.revision == 100


async def test_of_those_who_expect_one_revision_one_wins(url: str) -> None:
    """Whichever instances they are at."""
    async with opened(SqlCatalog, url, 4) as catalogs:
        await catalogs[0].write([Put(rule("r"))])
        edits = (catalog.write([Put(rule("r"), expected=1)]) for catalog in catalogs * 3)
        results = await asyncio.gather(*edits, return_exceptions=True)
        assert sum(isinstance(result, list) for result in results) == 1
        assert sum(isinstance(result, Conflict) for result in results) == 11
        gone = await asyncio.gather(
            *(catalog.write([Delete(Ref("Rule", "b", "r"), 2)]) for catalog in catalogs), return_exceptions=True
        )
        assert sum(isinstance(result, list) for result in gone) == 1


WRITER = """
import asyncio, sys, msgspec
from bridge.model.resource import Resource
from bridge.stores.catalog.base import Put
from bridge.stores.catalog.sql import SqlCatalog

async def main(url, name):
    catalog = SqlCatalog(url)
    await catalog.open()
    for n in range(40):
        spec = msgspec.Raw(b"{}")
        await catalog.write([Put(Resource(kind="Rule", bus="b", name=f"{name}{n}", spec=spec))])
        print(await catalog.version(), flush=True)
    await catalog.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_share_a_catalog(url: str) -> None:
    """Each sees its own edits at once, and the versions it sees only grow; a waiting one is woken within a second."""
    async with opened(SqlCatalog, url, 1) as (catalog,):
        waiting = asyncio.ensure_future(catalog.wait(0))
        processes = [
            subprocess.Popen([sys.executable, "-c", WRITER, url, name], stdout=subprocess.PIPE, text=True)
            for name in "abc"
        ]
        outputs = await asyncio.gather(*(asyncio.to_thread(process.communicate) for process in processes))
        for process, (said, _) in zip(processes, outputs, strict=True):
            assert process.returncode == 0
            versions = [int(line) for line in said.split()]
            assert len(versions) == 40
            assert all(before < after for before, after in pairwise(versions))
        assert await waiting > 0
        assert [change.version for change in await catalog.changes(0)] == list(range(1, 121))


async def test_a_waiting_instance_is_woken_within_a_second(url: str) -> None:
    """By a write of another one."""
    async with opened(SqlCatalog, url) as (first, second):
        waiting = asyncio.ensure_future(second.wait(0))
        await asyncio.sleep(0.7)
        began = time.monotonic()
        await first.write([Put(rule("r"))])
        assert await waiting == 1
        assert time.monotonic() - began < 1.0


async def test_a_session_that_the_server_ended_is_begun_again(url: str) -> None:
    """At the next call, without an error: a server is restarted one day."""
    async with opened(SqlCatalog, url, 1) as (catalog,):
        await catalog.write([Put(rule("r"))])
        assert await catalog.version() == 1
        end_sessions(url)
        assert await catalog.version() == 1
        end_sessions(url)
        assert await catalog.find(Ref("Rule", "b", "r")) is not None
        end_sessions(url)
        await catalog.write([Put(rule("r"))])
        assert await catalog.version() == 2


def end_sessions(url: str) -> None:
    """All of this database but our own."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(text(query)).all()
        else:
            query = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            for session in connection.execute(text(query)).scalars().all():
                connection.execute(text(f"KILL {session}"))
    engine.dispose()


async def test_instances_add_to_one_queue_beside_each_other(url: str) -> None:
    """New queues, the same timers, removals: all of it holds; whoever comes into another's way waits or tries again."""
    async with opened(SqlTimers, url, 4) as stores:

        async def work(number: int) -> None:
            store = stores[number % 4]
            for n in range(6):
                await store.add([timer(number * 100 + n + i, group=f"g{i}") for i in range(20)])
                await store.add([timer(9000 + i, body=b"%d" % number) for i in (n, 5 - n)])
                await store.add([timer(n, queue=f"new/{n}")])
                await store.remove("retry/b", [timer(number * 100 + n).id])

        await asyncio.gather(*(work(number) for number in range(8)))
        found = {one.id for one in await stores[0].list("retry/b", 1000)}
        wanted = {f"{number * 100 + n:05}" for number in range(8) for n in range(6, 25)}
        assert found == wanted | {f"{9000 + i:05}" for i in range(6)}
        assert [await stores[1].count(f"new/{n}") for n in range(6)] == [1] * 6


async def test_what_is_added_while_a_queue_is_dropped_is_there_or_was_dropped(url: str) -> None:
    """Never in a queue without a name, which nobody would read."""
    async with opened(SqlTimers, url, 3) as stores:
        dropped = 0

        async def drop() -> None:
            nonlocal dropped
            for _ in range(12):
                dropped += await stores[2].drop("retry/b")
                await asyncio.sleep(0.01)

        async def add(number: int) -> None:
            for n in range(40):
                await stores[number].add([timer(number * 1000 + n)])

        await asyncio.gather(drop(), add(0), add(1))
        assert dropped + await stores[0].count("retry/b") == 80
        while await stores[0].tidy():
            pass
        assert await stores[1].count("retry/b") == 80 - dropped


async def test_one_letter_from_two_instances_is_one_letter(url: str) -> None:
    """Its partition had just moved from one to the other."""
    async with opened(SqlDeadLetters, url, 3) as stores:
        await asyncio.gather(
            *(store.add([letter(n, detail=f"{i}") for n in range(20)]) for i, store in enumerate(stores * 4))
        )
        found = await stores[0].list(Filter(bus="traffic"))
        assert sorted(one.offset for one in found) == list(range(20))
        assert len({one.id for one in found}) == 20


async def test_a_deadlock_is_tried_again(url: str) -> None:
    """Two transactions that want the same rows in another order: the server ends one, and both are done in the end."""
    async with opened(SqlTimers, url, 2) as stores:
        await stores[0].add([timer(1), timer(2)])
        met = [asyncio.Event(), asyncio.Event()]
        loop = asyncio.get_running_loop()
        tries: list[int] = []

        def cross(me: int, connection: Connection) -> None:
            tries.append(me)
            order = (1, 2) if me == 0 else (2, 1)
            for step, number in enumerate(order):
                statement = text("UPDATE timers SET due = due + 1 WHERE id = :id")
                connection.execute(statement, {"id": f"{number:05}"})
                if step == 0:
                    loop.call_soon_threadsafe(met[me].set)
                    asyncio.run_coroutine_threadsafe(asyncio.wait_for(met[1 - me].wait(), 5), loop).result()

        await asyncio.gather(*(store._database.write(lambda c, me=me: cross(me, c)) for me, store in enumerate(stores)))
        assert len(tries) > 2
        assert [one.due for one in await stores[0].list("retry/b", 10)] == [3.0, 4.0]


async def test_a_statement_that_takes_too_long_is_unavailable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends it, or we stop waiting; the next one works."""
    patience = {"psycopg": {"options": "-c statement_timeout=300"}, "pymysql": {"read_timeout": 1}}
    monkeypatch.setattr("bridge.stores.database.PATIENCE", patience)
    async with opened(SqlCatalog, url, 1) as (catalog,):
        sleep = "SELECT pg_sleep(5)" if url.startswith("postgresql") else "SELECT SLEEP(5)"
        with pytest.raises(StoreUnavailable):
            await catalog._database.read(lambda connection: connection.execute(text(sleep)).all())
        assert await catalog.version() == 0
