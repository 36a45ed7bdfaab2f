"""What every store of timers guarantees: one suite, each implementation; and what the one on disk adds."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.errors import NotFound, StartError, StoreUnavailable
from bridge.stores.timers.base import Place, Timer, Timers
from bridge.stores.timers.memory import MemoryTimers
from bridge.stores.timers.sql import SqlTimers
from tests.databases import PARAMS, SERVERS, new_database


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/data/timers.db"


IMPLEMENTATIONS: dict[str, Callable[[Path], Timers]] = {
    "memory": lambda _folder: MemoryTimers(),
    "sqlite": lambda folder: SqlTimers(url(folder)),
}
RETRY = "retry/traffic/red/file"


@pytest.fixture(params=[*IMPLEMENTATIONS, *PARAMS])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Timers]:
    with ExitStack() as stack:
        if request.param in SERVERS:
            made: Timers = SqlTimers(stack.enter_context(new_database(request.param)))
        else:
            made = IMPLEMENTATIONS[request.param](tmp_path)
        await made.open()
        yield made
        await made.close()


def timer(number: int, **more: object) -> Timer:
    made = Timer(queue=RETRY, id=f"{number:05}", due=1000.0 + number, body=b"\x00\xff%d" % number)
    return replace(made, **more)


def ids(timers: Sequence[Timer]) -> list[int]:
    return [int(found.id) for found in timers]


async def test_a_timer_comes_back_unaltered(store: Timers) -> None:
    """Every member: bytes of any length, fractions of seconds, groups of any text."""
    odd = timer(2, due=1790000000.123456, body=b"", group="\ud800\x00é '\"" * 100)
    large = timer(3, due=-1.5, body=bytes(range(256)) * 4096)
    await store.add([timer(1), odd, large])
    assert await store.list(RETRY, 10) == [large, timer(1), odd]
    assert [await store.get(RETRY, t.id) for t in (timer(1), odd, large)] == [timer(1), odd, large]


async def test_due_ones_come_in_order(store: Timers) -> None:
    """Those that are due now, by due and id, a page after the other; others do not."""
    await store.add([timer(n) for n in (9, 3, 7, 5)] + [timer(n, due=1005.0) for n in (4, 6, 1)])
    assert ids(await store.due(RETRY, 1002.9, 10)) == []
    assert ids(await store.due(RETRY, 1007.0, 10)) == [3, 1, 4, 5, 6, 7]
    page = await store.due(RETRY, 1008.0, 3)
    assert ids(page) == [3, 1, 4]
    assert ids(await store.due(RETRY, 1008.0, 3, page[-1].place)) == [5, 6, 7]
    assert ids(await store.due(RETRY, 1008.0, 3, (1007.0, timer(7).id))) == []
    assert ids(await store.due(RETRY, 1007.0, 0)) == []


async def test_the_next_one_is_known(store: Timers) -> None:
    """Of each queue, past or not; none when nothing waits."""
    assert await store.next_due(RETRY) is None
    await store.add([timer(5), timer(2), timer(1, queue="delayed/traffic")])
    assert (await store.next_due(RETRY), await store.next_due("delayed/traffic")) == (1002.0, 1001.0)
    await store.remove(RETRY, [timer(2).id])
    assert await store.next_due(RETRY) == 1005.0
    await store.remove(RETRY, [timer(5).id])
    assert await store.next_due(RETRY) is None


async def test_the_same_timer_replaces(store: Timers) -> None:
    """The same queue and id, also within one call, where the last counts; another queue is another timer."""
    await store.add([timer(1), timer(2, group="a")])
    newer = timer(1, due=2000.0, body=b"new", group="b")
    await store.add([timer(1, body=b"first"), newer, timer(1, queue="other")])
    assert await store.list(RETRY, 10) == [timer(2, group="a"), newer]
    assert await store.list("other", 10) == [timer(1, queue="other")]
    assert (await store.count(RETRY), await store.count("other"), await store.count("none")) == (2, 1, 0)
    assert await store.due(RETRY, 1001.0, 10) == []


async def test_what_is_removed_is_gone(store: Timers) -> None:
    """Those that are there, in any number; unknown ones and those of other queues stay what they are."""
    await store.add([timer(n) for n in range(1200)])
    await store.add([timer(1, queue="other")])
    assert await store.remove(RETRY, []) == 0
    assert await store.remove(RETRY, ["nonsense", "", timer(7).id, timer(7).id]) == 1
    assert await store.remove(RETRY, [timer(n).id for n in range(1100)]) == 1099
    assert await store.remove("nowhere", [timer(1150).id]) == 0
    assert await store.count(RETRY) == 100
    assert ids(await store.list("other", 10)) == [1]
    for queue, timer_id in ((RETRY, timer(7).id), ("nowhere", timer(1150).id), (RETRY, "")):
        with pytest.raises(NotFound):
            await store.get(queue, timer_id)


async def test_a_group_moves_together(store: Timers) -> None:
    """Others of the queue stay, and so does the same group of another queue."""
    await store.add([timer(n, group=("a", "b", "")[n % 3]) for n in range(9)])
    await store.add([timer(1, queue="other", group="a")])
    assert await store.move(RETRY, "a", 500.0) == 3
    assert ids(await store.due(RETRY, 999.0, 10)) == [0, 3, 6]
    assert ids(await store.list(RETRY, 2, (500.0, timer(3).id))) == [6, 1]
    assert await store.move(RETRY, "a", 5000.0) == 3
    assert ids(await store.list(RETRY, 20)) == [1, 2, 4, 5, 7, 8, 0, 3, 6]
    assert await store.move(RETRY, "c", 1.0) == 0
    assert await store.next_due("other") == 1001.0
    assert await store.move(RETRY, "", 0.0) == 3


async def test_groups_are_told_once_each(store: Timers) -> None:
    """Whatever their text; none for timers that have none, or that are gone."""
    odd = "\ud800" + "x" * 3000
    await store.add([timer(n, group=("a", odd, "")[n % 3]) for n in range(9)])
    strange = ["#", "#a", "~", "x" * 64, "x" * 65, "é", "A", "a ", "\x00", "\n"]
    await store.add([timer(n, group=group, queue="strange") for n, group in enumerate(strange)])
    assert sorted(await store.groups("strange")) == sorted(strange)
    assert [ids(await store.list("strange", 10, group=group)) for group in strange] == [[n] for n in range(10)]
    assert set(await store.groups(RETRY)) == {"a", odd}
    assert len(await store.groups(RETRY)) == 2
    assert ids(await store.list(RETRY, 10, group=odd)) == [1, 4, 7]
    assert ids(await store.list(RETRY, 10, (1004.0, timer(4).id), group=odd)) == [7]
    assert ids(await store.list(RETRY, 10, group="")) == [2, 5, 8]
    assert await store.list(RETRY, 10, group="c") == []
    await store.remove(RETRY, [timer(n).id for n in (0, 3, 6)])
    assert await store.groups(RETRY) == [odd]
    assert await store.groups("other") == []


async def test_a_dropped_queue_is_gone(store: Timers) -> None:
    """With everything in it, and nothing else; it may be filled again."""
    await store.add([timer(n, group="a") for n in range(2001)])
    await store.add([timer(1, queue="retry/traffic/red/filer"), timer(2, queue="retry/Traffic/red/file")])
    assert await store.drop(RETRY) == 2001
    assert await store.drop(RETRY) == 0
    assert await store.queues() == ["retry/Traffic/red/file", "retry/traffic/red/filer"]
    assert (await store.count(RETRY), await store.next_due(RETRY), await store.groups(RETRY)) == (0, None, [])
    await store.add([timer(3)])
    assert ids(await store.list(RETRY, 10)) == [3]
    assert await store.drop(RETRY) == 1
    await store.add([timer(4)])
    while await store.tidy():
        pass
    assert ids(await store.list(RETRY, 10)) == [4]
    assert ids(await store.list("retry/traffic/red/filer", 10)) == [1]


async def test_queues_are_found_by_how_they_begin(store: Timers) -> None:
    """Letter by letter: a name's dots, lines and case are no wildcards."""
    names = ["delayed/a", "delayed/a_b", "retry/a/r/t", "retry/A/r/t", "retry/a_b/r/t", "retry/axb/r/t", "retry/a"]
    await store.add([timer(1, queue=name) for name in names])
    assert await store.queues() == sorted(names)
    assert await store.queues("retry/a/") == ["retry/a/r/t"]
    assert await store.queues("retry/a_b/") == ["retry/a_b/r/t"]
    assert await store.queues("retry/a") == ["retry/a", "retry/a/r/t", "retry/a_b/r/t", "retry/axb/r/t"]
    assert await store.queues("x") == []


async def test_the_loads_of_queues_are_told_together(store: Timers) -> None:
    """Of those whose name begins so, letter by letter; without those that are empty."""
    await store.add([timer(n, queue="retry/a/r/t/0") for n in (5, 3, 9)] + [timer(1, queue="retry/a/r/t/1")])
    await store.add(
        [timer(2, queue="retry/a_b/r/t/0"), timer(2, queue="retry/A/r/t/0"), timer(7, queue="retry/a/x/t/0")]
    )
    await store.remove("retry/a/r/t/1", [timer(1).id])
    await store.drop("retry/a/x/t/0")
    assert await store.loads("retry/a/") == {"retry/a/r/t/0": (3, 1003.0)}
    assert set(await store.loads("retry/")) == {"retry/a/r/t/0", "retry/a_b/r/t/0", "retry/A/r/t/0"}
    assert await store.loads("delayed/") == {}


async def test_many_at_once(store: Timers) -> None:
    """Adders, removers and readers beside each other: each timer is there once, or gone."""

    async def work(start: int) -> None:
        await store.add([timer(start + n) for n in range(30)])
        await store.due(RETRY, 2000.0, 5)
        await store.remove(RETRY, [timer(start).id])

    await asyncio.gather(*(work(n * 30) for n in range(20)))
    assert sorted(ids(await store.list(RETRY, 1000))) == [n for n in range(600) if n % 30]


async def test_a_closed_store_is_unavailable(store: Timers) -> None:
    """Closing twice is fine."""
    await store.close()
    await store.close()
    calls = (
        *(store.add([timer(1)]), store.add([]), store.due(RETRY, 1.0, 1), store.next_due(RETRY)),
        *(store.get(RETRY, "1"), store.count(RETRY), store.remove(RETRY, []), store.move(RETRY, "a", 1.0)),
        *(store.drop(RETRY), store.tidy(), store.queues(), store.groups(RETRY), store.list(RETRY, 1), store.loads("r")),
    )
    for call in calls:
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


Step = tuple[str, int, int, str]
steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "move"]),
        st.integers(0, 5),
        st.integers(0, 3),
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=20,
)


@given(steps)
@settings(max_examples=40, deadline=None)
def test_both_agree_whatever_happens(tmp_path_factory: pytest.TempPathFactory, done: list[Step]) -> None:
    """The store on disk and the one in memory give the same answers after the same steps."""

    async def run(made: Timers) -> object:
        await made.open()
        try:
            counts = [await _do(made, step) for step in done]
            pages = [await made.list(RETRY, 10), await made.due(RETRY, 2.0, 10), await made.list(RETRY, 10, group="a")]
            behind: Place = (1.0, timer(3).id)
            rest = await made.list(RETRY, 2, behind)
            return counts, pages, rest, await made.next_due(RETRY), set(await made.groups(RETRY))
        finally:
            await made.close()

    folder = tmp_path_factory.mktemp("timers")
    assert asyncio.run(run(SqlTimers(url(folder)))) == asyncio.run(run(MemoryTimers()))


async def _do(store: Timers, step: Step) -> int | None:
    verb, number, due, group = step
    match verb:
        case "add":
            return await store.add([timer(number, due=float(due), group=group)])
        case "remove":
            return await store.remove(RETRY, [timer(number).id])
        case _:
            return await store.move(RETRY, group, float(due))


# The store on disk


async def test_timers_are_there_after_opening_again(tmp_path: Path) -> None:
    """All of them, in their queues and groups."""
    first = SqlTimers(url(tmp_path))
    await first.open()
    await first.add([timer(1, group="a"), timer(2, queue="other")])
    await first.close()
    again = SqlTimers(url(tmp_path))
    await again.open()
    assert await again.list(RETRY, 10) == [timer(1, group="a")]
    assert await again.list("other", 10) == [timer(2, queue="other")]
    assert await again.queues() == ["other", RETRY]
    await again.close()


async def test_all_timers_or_none(tmp_path: Path) -> None:
    """A call that fails half-way changes nothing, and the next one works."""
    store = SqlTimers(url(tmp_path))
    await store.open()
    await store.add([timer(1)])
    await store._database.write(
        lambda c: c.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON timers WHEN new.id = '00005' BEGIN SELECT raise(ABORT, 'no room'); END"
        )
    )
    with pytest.raises(StoreUnavailable, match="no room"):
        await store.add([timer(1, due=1.0), timer(2, queue="new"), timer(5)])
    assert await store.list(RETRY, 10) == [timer(1)]
    assert await store.queues() == [RETRY]
    await store.add([timer(2, queue="new")])
    assert await store.queues() == ["new", RETRY]
    await store.close()


async def test_the_room_of_dropped_queues_is_freed(tmp_path: Path) -> None:
    """Bit by bit, also after opening again; what is used stays."""
    store = SqlTimers(url(tmp_path))
    await store.open()
    await store.add([timer(n) for n in range(1500)] + [timer(1, queue="other")])
    await store.drop(RETRY)
    assert await store.tidy()
    await store.close()
    await store.open()
    while await store.tidy():
        pass
    left = await store._database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM timers").scalar_one())
    assert (left, await store.queues()) == (1, ["other"])
    await store.close()


async def test_a_caller_that_fails_harms_no_other(tmp_path: Path) -> None:
    """Though many go into one transaction; a caller that gives up leaves nothing behind."""
    store = SqlTimers(url(tmp_path))
    await store.open()
    await store._database.write(
        lambda c: c.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON timers WHEN new.id = '00005' BEGIN SELECT raise(ABORT, 'no room'); END"
        )
    )
    begun = [asyncio.ensure_future(store.add([timer(n), timer(n + 100)])) for n in range(10)]
    await asyncio.sleep(0)
    begun[3].cancel()
    await asyncio.wait(begun)
    assert [n for n, one in enumerate(begun) if one.cancelled() or one.exception() is not None] == [3, 5]
    assert isinstance(begun[5].exception(), StoreUnavailable)
    found = ids(await store.list(RETRY, 100))
    assert [n for n in found if n < 100] == [n for n in range(10) if n != 5 and (n != 3 or 3 in found)]
    assert len(found) == 2 * len([n for n in found if n < 100])
    await store.add([timer(50)])
    assert ids(await store.list(RETRY, 100)) == sorted([*found, 50])
    await store.close()


async def test_due_ones_are_found_by_the_index(tmp_path: Path) -> None:
    """No query of the running bridge reads a table through, or sorts it."""
    store = SqlTimers(url(tmp_path))
    await store.open()
    await store.add([timer(1, group="a")])
    asked: list[tuple[str, object]] = []
    await store._database.read(lambda c: c.connection.set_trace_callback(lambda text: asked.append((text, None))))
    await store.due(RETRY, 1000.0, 10)
    await store.due(RETRY, 1000.0, 10, (1.0, "a"))
    await store.next_due(RETRY)
    await store.list(RETRY, 10, (1.0, "a"))
    await store.remove(RETRY, ["x"])
    await store.move(RETRY, "x", 1.0)
    await store.groups(RETRY)
    await store._database.read(lambda c: c.connection.set_trace_callback(None))
    plans = [text for text, _ in asked if text.startswith(("SELECT", "DELETE", "UPDATE"))]
    assert len(plans) == 7
    for text in plans:
        rows = await store._database.read(lambda c, t=text: list(c.exec_driver_sql(f"EXPLAIN QUERY PLAN {t}")))
        for row in rows:
            assert "SCAN timers" not in row[3], (text, rows)
            assert "TEMP B-TREE FOR ORDER BY" not in row[3], (text, rows)
    await store.close()


async def test_a_store_of_a_newer_version_or_no_store_is_refused(tmp_path: Path) -> None:
    """With path and reason."""
    store = SqlTimers(url(tmp_path))
    await store.open()
    await store.close()
    file = tmp_path / "data/timers.db"
    with sqlite3.connect(file) as outside:
        outside.execute("UPDATE bridge_schema SET version = 9 WHERE part = 'timers'")
    outside.close()
    with pytest.raises(StartError, match=r"timers\.db was written by a newer version of bridge \(schema 9"):
        await store.open()
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(StartError, match=r"timers\.db: file is not a database"):
        await store.open()
