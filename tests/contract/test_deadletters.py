"""What every store of dead letters guarantees: one suite, each implementation; and what the one on disk adds."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from bridge.errors import InvalidInput, NotFound, StartError, StoreError, StoreUnavailable
from bridge.model.log import Format
from bridge.stores.deadletters.base import Attempt, DeadLetter, DeadLetters, Filter
from bridge.stores.deadletters.memory import MemoryDeadLetters
from bridge.stores.deadletters.sql import SqlDeadLetters
from tests.databases import PARAMS, SERVERS, new_database


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/data/deadletters.db"


IMPLEMENTATIONS: dict[str, Callable[[Path], DeadLetters]] = {
    "memory": lambda _folder: MemoryDeadLetters(),
    "sqlite": lambda folder: SqlDeadLetters(url(folder)),
}
BUS = Filter(bus="traffic")
SCHEMA_1 = """
CREATE TABLE bridge_schema (part VARCHAR(127), version INTEGER);
INSERT INTO bridge_schema VALUES ('deadletters', 1);
CREATE TABLE dead_letters (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, bus VARCHAR(127) NOT NULL, rule VARCHAR(127) NOT NULL,
    target VARCHAR(127) NOT NULL, partition INTEGER NOT NULL, "offset" BIGINT NOT NULL, event_id BLOB NOT NULL,
    reason VARCHAR(127) NOT NULL, detail BLOB NOT NULL, time DOUBLE NOT NULL, attempts BLOB NOT NULL,
    format INTEGER NOT NULL, event BLOB NOT NULL, UNIQUE (bus, rule, target, partition, "offset")
);
CREATE INDEX dead_letters_by_arrival ON dead_letters (bus, number);
"""
"""As bridge wrote it at first."""


@pytest.fixture(params=[*IMPLEMENTATIONS, *PARAMS])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DeadLetters]:
    with ExitStack() as stack:
        if request.param in SERVERS:
            made: DeadLetters = SqlDeadLetters(stack.enter_context(new_database(request.param)))
        else:
            made = IMPLEMENTATIONS[request.param](tmp_path)
        await made.open()
        yield made
        await made.close()


def letter(offset: int, **more: object) -> DeadLetter:
    made = DeadLetter(
        bus="traffic",
        rule="red",
        target="file",
        partition=0,
        offset=offset,
        event_id=f"e{offset}",
        reason="rejected",
        detail="the target said no",
        time=1000.0 + offset,
        attempts=(Attempt(started=999.25, duration_s=0.1, outcome="503", answer=b"\xff no"),),
        tries=7,
        received=998.5,
        address="https://city.example/hooks",
        policy="BACKOFF_RETRY",
        payload_hash="ab" * 32,
        format=Format.PROTOBUF,
        event=b"\x00\xff\n",
    )
    return replace(made, **more)


async def count(store: DeadLetters, where: Filter = BUS, **more: object) -> int:
    return sum((await store.counts(where, **more)).values())  # type: ignore[arg-type]


async def offsets(store: DeadLetters, where: Filter = BUS, **more: object) -> list[int]:
    return [found.offset for found in await store.list(where, **more)]  # type: ignore[arg-type]


async def test_a_letter_comes_back_unaltered(store: DeadLetters) -> None:
    """Every member, the event byte for byte, texts of any kind."""
    odd = letter(
        2**40, event_id="\ud800\x00é" * 500, detail="", attempts=(), format=Format.JSON, event=b"",
        tries=0, received=0.0, address="", policy="\ud800" * 5000, payload_hash="",
    )  # fmt: skip
    await store.add([letter(7), odd])
    first, second = await store.list(BUS)
    assert (replace(first, id=""), replace(second, id="")) == (letter(7), odd)
    assert (await store.get("traffic", first.id), await store.get("traffic", second.id)) == (first, second)


async def test_ids_sort_by_arrival_and_are_never_given_twice(store: DeadLetters) -> None:
    """Whatever the offsets are, and also after a purge."""
    for offset in (9, 3, 12, 1):
        await store.add([letter(offset)])
    letters = await store.list(BUS)
    assert [found.offset for found in letters] == [9, 3, 12, 1]
    assert sorted(found.id for found in letters) == [found.id for found in letters]
    assert await store.purge(BUS) == 4
    await store.add([letter(1)])
    (again,) = await store.list(BUS)
    assert again.id > letters[-1].id


async def test_the_same_letter_replaces_and_keeps_its_id(store: DeadLetters) -> None:
    """The same bus, rule, target and position; also twice in one call. Any other difference is another letter."""
    await store.add([letter(1), letter(2)])
    before = await store.list(BUS)
    newer = letter(1, reason="exhausted-age", time=5000.0, event=b"new")
    await store.add([letter(1, detail="first"), newer, letter(3)])
    after = await store.list(BUS)
    assert [found.offset for found in after] == [1, 2, 3]
    assert after[0] == replace(newer, id=before[0].id)
    others = [letter(1, bus="b"), letter(1, rule="b"), letter(1, target="b"), letter(1, partition=1)]
    await store.add(others)
    assert await count(store) == 6


async def test_filters_choose(store: DeadLetters) -> None:
    """Every member that is set must agree; since is inclusive, until exclusive."""
    await store.add([letter(n) for n in range(6)])
    await store.add([letter(10, rule="green"), letter(11, target="http"), letter(12, reason="transform-error")])
    await store.add([letter(13, bus="other")])
    cases: list[tuple[dict[str, object], list[int]]] = [
        ({"rule": "green"}, [10]),
        ({"target": "http"}, [11]),
        ({"reason": "transform-error"}, [12]),
        ({"since": 1002.0, "until": 1004.0}, [2, 3]),
        ({"since": 1004.0, "rule": "red", "reason": "rejected"}, [4, 5, 11]),
        ({"rule": "none"}, []),
    ]
    for members, wanted in cases:
        where = Filter(bus="traffic", **members)  # type: ignore[arg-type]
        assert (await offsets(store, where), await count(store, where)) == (wanted, len(wanted)), members
    assert await offsets(store, Filter(bus="other")) == [13]


async def test_pages_follow_each_other(store: DeadLetters) -> None:
    """Behind the last id, in the order of arrival, also when letters were purged in between."""
    await store.add([letter(n) for n in range(25)])
    first = await store.list(BUS, limit=10)
    await store.purge(BUS, ids=[first[-1].id])
    assert await offsets(store, limit=10, after=first[-1].id) == list(range(10, 20))
    assert await offsets(store, Filter(bus="traffic", since=1020.0), after=first[-1].id) == list(range(20, 25))
    assert len(await store.list(BUS)) == 24


async def test_a_purge_deletes_what_agrees(store: DeadLetters) -> None:
    """By filter, by ids, by both; ids of other buses, unknown ones and nonsense delete nothing."""
    await store.add([letter(n) for n in range(1200)])
    await store.add([letter(1, bus="other")])
    (other,) = await store.list(Filter(bus="other"))
    ids = [found.id for found in await store.list(BUS, limit=1200)]
    assert await store.purge(BUS, ids=[]) == 0
    assert await store.purge(BUS, ids=[other.id, "9" * 16, "nonsense", ""]) == 0
    assert await store.purge(Filter(bus="traffic", since=1001.0, until=1003.0), ids=ids[:2]) == 1
    assert await store.purge(BUS, ids=ids[:1100]) == 1099
    assert await store.purge(Filter(bus="traffic", until=2110.0)) == 10
    assert await offsets(store, limit=2) == [1110, 1111]
    assert await count(store, Filter(bus="other")) == 1


async def test_ids_choose_among_those_that_agree(store: DeadLetters) -> None:
    """In a list by arrival, however many there are and in whatever order they are named; what is no id finds nothing."""
    await store.add([letter(n, rule="red" if n % 2 else "green") for n in range(1200)])
    ids = [found.id for found in await store.list(BUS, limit=1200)]
    named = [*reversed(ids[100:1100]), ids[150], "nonsense", "", "9" * 16]
    chosen = [found.id for found in await store.list(BUS, ids=named, limit=2000)]
    assert chosen == ids[100:1100]
    assert [x.id for x in await store.list(BUS, ids=named, limit=600, after=ids[399])] == ids[400:1000]
    red = Filter(bus="traffic", rule="red")
    some = await store.list(red, ids=named, limit=3, after=ids[199])
    assert [found.id for found in some] == [x.id for x in await store.list(red, limit=3, after=ids[199])]
    assert await offsets(store, ids=[]) == []
    assert sum((await store.counts(BUS, ids=named)).values()) == 1000
    assert set(await store.counts(BUS, ids=named)) == {("red", "file"), ("green", "file")}
    assert await store.counts(red, ids=[]) == {}


async def test_counts_are_by_rule_and_target(store: DeadLetters) -> None:
    """Of those that agree; where there are none, nothing."""
    await store.add([letter(1), letter(2), letter(3, target="http"), letter(4, rule="green"), letter(5, bus="other")])
    assert await store.counts(BUS) == {("red", "file"): 2, ("red", "http"): 1, ("green", "file"): 1}
    assert await store.counts(Filter(bus="traffic", rule="green")) == {("green", "file"): 1}
    assert await store.counts(Filter(bus="nowhere")) == {}


async def test_what_arrives_later_can_be_left_out(store: DeadLetters) -> None:
    """By the newest id of the bus as it was; empty where there is none."""
    assert await store.newest("traffic") == ""
    await store.add([letter(1), letter(2)])
    await store.add([letter(7, bus="other")])
    newest = await store.newest("traffic")
    assert newest == (await store.list(BUS))[-1].id < await store.newest("other")
    await store.add([letter(3)])
    until_then = Filter(bus="traffic", upto=newest)
    assert (await offsets(store, until_then), await count(store, until_then)) == ([1, 2], 2)
    assert await store.purge(until_then) == 2
    assert await offsets(store) == [3]


async def test_what_was_added_again_is_not_discarded(store: DeadLetters) -> None:
    """Nor what is gone; the others are."""
    await store.add([letter(n) for n in range(4)])
    read = await store.list(BUS)
    await store.add([letter(1, time=5000.0)])
    await store.purge(BUS, ids=[read[2].id])
    assert await store.discard(read[:3]) == 1
    assert await offsets(store) == [1, 3]
    assert await store.discard([]) == 0


async def test_what_is_not_there_is_not_found(store: DeadLetters) -> None:
    """Unknown ids, ids of another bus, nonsense; a page behind nonsense is invalid input."""
    await store.add([letter(1)])
    (stored,) = await store.list(BUS)
    for bus, letter_id in (("traffic", "9" * 16), ("other", stored.id), ("traffic", "x"), ("traffic", "")):
        with pytest.raises(NotFound):
            await store.get(bus, letter_id)
    for after in ("x", "1", "-000000000000001", "9" * 17):
        with pytest.raises(InvalidInput):
            await store.list(BUS, after=after)


async def test_many_adders_at_once(store: DeadLetters) -> None:
    """Each letter is there once."""
    await asyncio.gather(*(store.add([letter(n * 20 + i) for i in range(30)]) for n in range(20)))
    assert sorted(await offsets(store, limit=1000)) == list(range(410))


async def test_a_closed_store_is_unavailable(store: DeadLetters) -> None:
    """Closing twice is fine."""
    await store.close()
    await store.close()
    calls = (store.add([letter(1)]), store.add([]), store.list(BUS), store.get("traffic", "1"), store.counts(BUS))
    for call in (*calls, store.purge(BUS), store.newest("traffic"), store.discard([letter(1)]), store.discard([])):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


# The store on disk


async def test_letters_are_there_after_opening_again(tmp_path: Path) -> None:
    """With their ids; new ones come behind them."""
    first = SqlDeadLetters(url(tmp_path))
    await first.open()
    await first.add([letter(1), letter(2)])
    letters = await first.list(BUS)
    await first.close()
    again = SqlDeadLetters(url(tmp_path))
    await again.open()
    assert await again.list(BUS) == letters
    await again.add([letter(3), letter(1, detail="again")])
    assert await offsets(again) == [1, 2, 3]
    await again.close()


async def test_a_store_of_the_first_schema_is_upgraded(tmp_path: Path) -> None:
    """Its letters keep their ids and lack what was not kept then; an upgrade that a crash cut short is done again."""
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data/deadletters.db") as outside:
        outside.executescript(SCHEMA_1)
        attempts = '[{"started":999.25,"durationS":0.1,"outcome":"503"}]'
        row = (17, "traffic", "red", "file", 0, 4, b"e4", "rejected", b"no", 1004.0, attempts, 1, b"\x00\xff")
        outside.execute(f"INSERT INTO dead_letters VALUES ({', '.join('?' * 13)})", row)
        outside.execute("ALTER TABLE dead_letters ADD COLUMN tries INTEGER")  # as far as it came
    outside.close()
    store = SqlDeadLetters(url(tmp_path))
    for _ in range(2):
        await store.open()
        (old, *rest) = await store.list(BUS)
        assert (old.id, old.event_id, old.event) == ("0000000000000017", "e4", b"\x00\xff")
        assert (old.tries, old.received, old.address, old.policy, old.payload_hash) == (0, 0.0, "", "", "")
        assert old.attempts == (Attempt(started=999.25, duration_s=0.1, outcome="503"),)
        await store.add([letter(5)])
        assert [replace(found, id="") for found in rest] in ([], [letter(5)])
        await store.close()
    with sqlite3.connect(tmp_path / "data/deadletters.db") as outside:
        assert outside.execute("SELECT version FROM bridge_schema WHERE part = 'deadletters'").fetchone() == (2,)
    outside.close()


async def test_a_page_is_found_without_sorting_the_letters_of_a_target(tmp_path: Path) -> None:
    """By an index, in the order of arrival, for a bus and for one of its targets; the newest of a bus, too."""
    store = SqlDeadLetters(url(tmp_path))
    await store.open()
    bus, target = "bus = 'b'", "bus = 'b' AND rule = 'r' AND target = 't'"
    for question in (
        f"SELECT * FROM dead_letters WHERE {bus} AND number >= 5 ORDER BY number LIMIT 100",
        f"SELECT * FROM dead_letters WHERE {target} AND number >= 5 AND number <= 90 ORDER BY number LIMIT 100",
        f"SELECT rule, target, count(*) FROM dead_letters WHERE {bus} AND number <= 90 GROUP BY rule, target",
        f"SELECT max(number) FROM dead_letters WHERE {bus}",
    ):
        plan = await store._database.read(lambda c, q=question: c.exec_driver_sql(f"EXPLAIN QUERY PLAN {q}").all())
        assert "USING" in str(plan), plan
        assert "TEMP B-TREE" not in str(plan), plan
    await store.close()


async def test_all_letters_or_none(tmp_path: Path) -> None:
    """A call that fails half-way stores nothing, and the next one works."""
    store = SqlDeadLetters(url(tmp_path))
    await store.open()
    await store.add([letter(1)])
    await store._database.write(
        lambda c: c.exec_driver_sql(
            'CREATE TRIGGER full BEFORE INSERT ON dead_letters WHEN new."offset" = 5'
            " BEGIN SELECT raise(ABORT, 'no room'); END"
        )
    )
    with pytest.raises(StoreUnavailable, match="no room"):
        await store.add([letter(1, detail="changed"), letter(4), letter(5)])
    assert [(found.offset, found.detail) for found in await store.list(BUS)] == [(1, "the target said no")]
    await store.add([letter(4)])
    assert await offsets(store) == [1, 4]
    await store.close()


async def test_a_store_of_a_newer_version_or_no_store_is_refused(tmp_path: Path) -> None:
    """With path and reason."""
    store = SqlDeadLetters(url(tmp_path))
    await store.open()
    await store.close()
    file = tmp_path / "data/deadletters.db"
    with sqlite3.connect(file) as outside:
        outside.execute("UPDATE bridge_schema SET version = 9 WHERE part = 'deadletters'")
    outside.close()
    with pytest.raises(StartError, match=r"deadletters\.db was written by a newer version of bridge \(schema 9"):
        await store.open()
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(StartError, match=r"deadletters\.db: file is not a database"):
        await store.open()


async def test_a_damaged_letter_says_which(tmp_path: Path) -> None:
    """And leaves the others readable."""
    store = SqlDeadLetters(url(tmp_path))
    await store.open()
    await store.add([letter(1), letter(2)])
    first, second = await store.list(BUS)
    await store._database.write(
        lambda c: c.exec_driver_sql("UPDATE dead_letters SET attempts = 'x' WHERE \"offset\" = 1")
    )
    with pytest.raises(StoreError, match=first.id):
        await store.get("traffic", first.id)
    assert await store.get("traffic", second.id) == second
    await store.close()
