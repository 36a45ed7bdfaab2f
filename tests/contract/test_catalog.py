"""What every catalog guarantees: one suite, each implementation; and what the one on disk adds."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.errors import BridgeError, Conflict, NotFound, StartError, StoreError, StoreUnavailable
from bridge.model.resource import Ref, Resource
from bridge.stores.catalog.base import Catalog, Change, Delete, Put
from bridge.stores.catalog.memory import MemoryCatalog
from bridge.stores.catalog.sql import SqlCatalog
from tests.databases import PARAMS, SERVERS, new_database

SPEC = b'{ "rate": 1e400, "twice": 1, "twice": 2,\n "text": "\xc3\xa9\\u00e9" }'


class Hands:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/data/catalog.db"


IMPLEMENTATIONS: dict[str, Callable[[Path, Hands], Catalog]] = {
    "memory": lambda _folder, clock: MemoryCatalog(clock),
    "sqlite": lambda folder, clock: SqlCatalog(url(folder), clock),
    "sqlite in memory": lambda _folder, clock: SqlCatalog("sqlite://", clock),
}


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture(params=[*IMPLEMENTATIONS, *PARAMS])
async def catalog(request: pytest.FixtureRequest, tmp_path: Path, clock: Hands) -> AsyncIterator[Catalog]:
    with ExitStack() as stack:
        if request.param in SERVERS:
            made: Catalog = SqlCatalog(stack.enter_context(new_database(request.param)), clock)
        else:
            made = IMPLEMENTATIONS[request.param](tmp_path, clock)
        await made.open()
        yield made
        await made.close()


def rule(name: str, bus: str = "traffic", spec: bytes = SPEC, **more: Any) -> Resource:
    return Resource(kind="Rule", bus=bus, name=name, spec=msgspec.Raw(spec), **more)


def ref(name: str, bus: str = "traffic") -> Ref:
    return Ref("Rule", bus, name)


async def names(catalog: Catalog, **where: Any) -> list[str]:
    return [f"{r.bus}/{r.name}" for r in await catalog.list("Rule", **where)]


async def test_what_is_put_comes_back_unaltered(catalog: Catalog, clock: Hands) -> None:
    """The spec byte for byte; revision and times are the store's."""
    status = {"starts": {"file": {"0": 7}}}
    (stored,) = await catalog.write(
        [Put(rule("red", labels={"team": "a"}, description="é", status=status, revision=9, created=1.0))]
    )
    assert stored == await catalog.find(ref("red"))
    assert stored is not None
    assert (bytes(stored.spec), stored.labels, stored.description, stored.status) == (SPEC, {"team": "a"}, "é", status)
    assert (stored.revision, stored.created, stored.updated) == (1, 1000.0, 1000.0)
    clock.now = 1010.0
    (again,) = await catalog.write([Put(rule("red", spec=b"{}"))])
    assert again is not None
    assert (again.revision, again.created, again.updated, again.labels) == (2, 1000.0, 1010.0, {})


async def test_names_are_compared_letter_by_letter(catalog: Catalog) -> None:
    """Case matters, and so do kind and bus."""
    await catalog.write([Put(rule("Red")), Put(rule("red")), Put(rule("red", bus="other"))])
    await catalog.write([Put(Resource(kind="Bus", name="red"))])
    assert await names(catalog) == ["other/red", "traffic/Red", "traffic/red"]
    assert [r.ref for r in await catalog.list("Bus")] == [Ref("Bus", "", "red")]
    assert await catalog.find(ref("RED")) is None


async def test_a_deleted_resource_begins_again(catalog: Catalog, clock: Hands) -> None:
    """With revision 1 and a new time of creation."""
    await catalog.write([Put(rule("red"))])
    await catalog.write([Put(rule("red"))])
    assert await catalog.write([Delete(ref("red"))]) == [None]
    assert await catalog.find(ref("red")) is None
    clock.now = 2000.0
    (stored,) = await catalog.write([Put(rule("red"))])
    assert stored is not None
    assert (stored.revision, stored.created) == (1, 2000.0)


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        (Put(rule("red"), expected=0), Conflict),
        (Put(rule("red"), expected=1), Conflict),
        (Put(rule("red"), expected=3), Conflict),
        (Put(rule("new"), expected=1), Conflict),
        (Delete(ref("red"), expected=1), Conflict),
        (Delete(ref("new")), NotFound),
        (Delete(ref("new"), expected=1), NotFound),
    ],
)
async def test_a_stale_revision_is_a_conflict(catalog: Catalog, edit: Put | Delete, error: type[BridgeError]) -> None:
    """And changes nothing; the error names the resource."""
    await catalog.write([Put(rule("red"))])
    await catalog.write([Put(rule("red"))])
    before = (await catalog.version(), await catalog.find(ref("red")))
    with pytest.raises(error, match=r"Rule traffic/(red|new)"):
        await catalog.write([edit])
    assert (await catalog.version(), await catalog.find(ref("red"))) == before


async def test_the_expected_revision_lets_an_edit_through(catalog: Catalog) -> None:
    """0 when there is none, else the stored one."""
    await catalog.write([Put(rule("red"), expected=0)])
    await catalog.write([Put(rule("red"), expected=1)])
    await catalog.write([Delete(ref("red"), expected=2)])
    assert await catalog.list("Rule") == []


async def test_all_edits_or_none(catalog: Catalog) -> None:
    """The last edit's error undoes the first; edits of one write see each other."""
    await catalog.write([Put(rule("red"))])
    before = await catalog.version()
    edits: Sequence[Put | Delete] = [Put(rule("new")), Delete(ref("red")), Put(rule("other"), expected=4)]
    with pytest.raises(Conflict):
        await catalog.write(edits)
    assert (await names(catalog), await catalog.version()) == (["traffic/red"], before)
    assert await catalog.changes(before) == []
    stored = await catalog.write([Put(rule("new")), Put(rule("new"), expected=1), Delete(ref("new"), expected=2)])
    assert [r and r.revision for r in stored] == [1, 2, None]
    assert await names(catalog) == ["traffic/red"]


async def test_the_version_counts_edits(catalog: Catalog) -> None:
    """It starts at 0, grows with each edit, and not with an empty write."""
    assert await catalog.version() == 0
    assert await catalog.write([]) == []
    assert await catalog.version() == 0
    await catalog.write([Put(rule("red")), Put(rule("green"))])
    await catalog.write([Put(rule("red"))])
    assert await catalog.version() == 3


async def test_the_change_log_catches_a_reader_up(catalog: Catalog) -> None:
    """In order, from any version on; a superseded put may show the newer state."""
    await catalog.write([Put(rule("red")), Put(rule("green"))])
    (red,) = await catalog.write([Put(rule("red"))])
    await catalog.write([Delete(ref("green"))])
    changes = await catalog.changes(0)
    assert [(c.version, c.action, c.ref.name) for c in changes if c.ref.name == "red"] == [
        (1, "put", "red"),
        (3, "put", "red"),
    ]
    assert changes[-1] == Change(4, "delete", ref("green"), None)
    assert await catalog.changes(2) == [Change(3, "put", ref("red"), red), Change(4, "delete", ref("green"), None)]
    assert await catalog.changes(4) == []
    assert all(c.resource is not None for c in changes if c.action == "put")


async def test_a_waiting_reader_is_woken(catalog: Catalog) -> None:
    """By the first write above its version; at once when there is one already."""
    waiting = asyncio.ensure_future(catalog.wait(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    await catalog.write([Put(rule("red")), Put(rule("green"))])
    async with asyncio.timeout(5):
        assert await waiting == 2
        assert await catalog.wait(1) == 2


async def test_pages_are_sorted_and_without_gaps(catalog: Catalog) -> None:
    """By bus and name, each resource once."""
    wanted = sorted((bus, f"r{n}") for bus in ("a", "b", "B") for n in range(15))
    await catalog.write([Put(rule(name, bus)) for bus, name in reversed(wanted)])
    found: list[tuple[str, str]] = []
    after = None
    while page := await catalog.list("Rule", limit=7, after=after):
        assert len(page) <= 7
        found += [(r.bus, r.name) for r in page]
        after = page[-1].ref
    assert found == wanted
    assert len(await catalog.list("Rule", bus="a")) == 15
    assert [r.name for r in await catalog.list("Rule", bus="a", after=ref("r7", "a"))] == ["r8", "r9"]
    assert await catalog.list("Rule", limit=0) == []


async def test_labels_choose(catalog: Catalog) -> None:
    """All given labels must agree, also across pages."""
    await catalog.write(
        [Put(rule(f"r{n}", labels={"odd": str(n % 2), "n": str(n)})) for n in range(9)] + [Put(rule("bare"))]
    )
    assert await names(catalog, labels={"odd": "1"}) == [f"traffic/r{n}" for n in (1, 3, 5, 7)]
    assert await names(catalog, labels={"odd": "1"}, limit=2, after=ref("r1")) == ["traffic/r3", "traffic/r5"]
    assert await names(catalog, labels={"odd": "1", "n": "3"}) == ["traffic/r3"]
    assert await names(catalog, labels={"n": "99"}) == []
    assert len(await names(catalog, labels={})) == 10


async def test_concurrent_writers_take_turns(catalog: Catalog) -> None:
    """Each version once; of those who expect one revision, exactly one wins."""
    await asyncio.gather(*(catalog.write([Put(rule(f"r{n}")), Put(rule("shared"))]) for n in range(50)))
    shared = await catalog.find(ref("shared"))
    assert shared is not None
    assert (shared.revision, await catalog.version()) == (50, 100)
    assert [c.version for c in await catalog.changes(0)] == list(range(1, 101))
    results = await asyncio.gather(
        *(catalog.write([Put(rule("shared"), expected=50)]) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(result, list) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 19


async def test_readers_of_the_version_never_see_half_a_write(catalog: Catalog) -> None:
    """Whoever sees the version of a write's last edit sees all of it."""

    async def write() -> None:
        for n in range(30):
            await catalog.write([Put(rule(f"a{n}")), Put(rule(f"b{n}")), Delete(ref(f"a{n}"))])

    writing = asyncio.ensure_future(write())
    seen = 0
    while seen < 90:
        seen = await catalog.wait(seen)
        assert seen % 3 == 0
        assert len(await catalog.list("Rule")) >= seen // 3
    await writing


async def test_a_cancelled_write_still_wakes_and_counts(catalog: Catalog) -> None:
    """Cancelling leaves open whether it was stored; if it was, everybody sees it."""
    writing = asyncio.ensure_future(catalog.write([Put(rule("red"))]))
    await asyncio.sleep(0)
    writing.cancel()
    await catalog.write([Put(rule("green"))])
    assert await catalog.version() == len(await catalog.list("Rule"))
    assert await catalog.version() == (await catalog.changes(0))[-1].version


async def test_a_closed_catalog_is_unavailable(catalog: Catalog) -> None:
    """Also for those who wait; closing twice is fine."""
    waiting = asyncio.ensure_future(catalog.wait(0))
    await asyncio.sleep(0)
    await catalog.close()
    await catalog.close()
    with pytest.raises(StoreUnavailable):
        await waiting
    for call in (
        catalog.write([Put(rule("red"))]),
        catalog.write([]),
        catalog.find(ref("red")),
        catalog.version(),
        catalog.changes(0),
        catalog.list("Rule"),
    ):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


# The catalog on disk


async def test_everything_is_there_after_opening_again(tmp_path: Path, clock: Hands) -> None:
    """Resources, version and change log."""
    first = SqlCatalog(url(tmp_path), clock)
    await first.open()
    (red, _) = await first.write([Put(rule("red", labels={"a": "b"})), Put(rule("green"))])
    await first.write([Delete(ref("green"))])
    changes = await first.changes(0)
    await first.close()
    again = SqlCatalog(url(tmp_path), clock)
    await again.open()
    assert (await again.find(ref("red")), await again.version()) == (red, 3)
    assert await again.changes(0) == changes
    await again.write([Put(rule("green"))])
    assert await again.wait(3) == 4
    await again.close()


async def test_commits_are_synced(tmp_path: Path) -> None:
    """The file keeps a write-ahead log; a second look from outside sees what was written."""
    catalog = SqlCatalog(url(tmp_path))
    await catalog.open()
    await catalog.write([Put(rule("red"))])
    pragma = await catalog._database.read(
        lambda c: (c.exec_driver_sql("PRAGMA synchronous").scalar(), c.exec_driver_sql("PRAGMA journal_mode").scalar())
    )
    assert pragma == (2, "wal")
    with sqlite3.connect(tmp_path / "data/catalog.db") as outside:
        assert outside.execute("SELECT name FROM resources").fetchall() == [("red",)]
    outside.close()
    await catalog.close()


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """The error names the file and the process that has it."""
    program = (
        "import asyncio, sys\nfrom bridge.stores.catalog.sql import SqlCatalog\n"
        "async def main():\n    catalog = SqlCatalog(sys.argv[1])\n    await catalog.open()\n    print('open', flush=True)\n    sys.stdin.read()\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", program, url(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(
            StartError,
            match=rf"catalog.db is in use by another process \(pid {other.pid}\); several instances need one in",
        ):
            await SqlCatalog(url(tmp_path)).open()
        other.kill()
    freed = SqlCatalog(url(tmp_path))
    await freed.open()
    await freed.close()


async def test_a_catalog_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """With path and reason; the file stays as it was."""
    catalog = SqlCatalog(url(tmp_path))
    await catalog.open()
    await catalog.close()
    file = tmp_path / "data/catalog.db"
    with sqlite3.connect(file) as outside:
        outside.execute("UPDATE bridge_schema SET version = 9 WHERE part = 'catalog'")
    outside.close()
    before = file.read_bytes()
    with pytest.raises(StartError, match=r"catalog\.db was written by a newer version of bridge \(schema 9"):
        await catalog.open()
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", ["no database at all", "cut", "overwritten"])
async def test_a_damaged_catalog_is_refused(tmp_path: Path, damage: str) -> None:
    """With the path and what is wrong."""
    catalog = SqlCatalog(url(tmp_path))
    await catalog.open()
    await catalog.write([Put(rule(f"r{n}", description="x" * 500)) for n in range(200)])
    await catalog.close()
    file = tmp_path / "data/catalog.db"
    content = bytearray(file.read_bytes())
    if damage == "cut":
        del content[8192:]
    else:
        begin = 0 if damage == "no database at all" else 4096
        content[begin : begin + 60_000] = b"\xa5" * 60_000
    file.write_bytes(content)
    with pytest.raises(StartError, match=r"catalog\.db"):
        await catalog.open()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("sqlite:////dev/null/catalog.db", "catalog.db"),
        ("no url", "no url"),
        ("nothing://somewhere", "nothing"),
        ("postgresql+nodriver://user:secret@127.0.0.1/bridge", "nodriver"),
    ],
)
async def test_a_catalog_that_cannot_be_opened_is_a_start_error(address: str, reason: str) -> None:
    """With its address, and without its password."""
    with pytest.raises(StartError, match=reason) as caught:
        await SqlCatalog(address).open()
    assert "secret" not in str(caught.value)


async def test_a_locked_file_is_unavailable_and_a_broken_one_an_error(tmp_path: Path) -> None:
    """Nothing of a failed write is stored; it works again afterwards."""
    catalog = SqlCatalog(url(tmp_path))
    await catalog.open()
    await catalog.write([Put(rule("red"))])
    await catalog._database.read(lambda c: c.exec_driver_sql("PRAGMA busy_timeout=10").all())
    outside = sqlite3.connect(tmp_path / "data/catalog.db")
    outside.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        await catalog.write([Put(rule("green"))])
    outside.rollback()
    outside.close()
    assert await catalog.version() == 1
    assert await catalog.write([Put(rule("green"))]) != [None]
    assert await catalog.version() == 2
    await catalog._database.write(lambda c: c.exec_driver_sql("UPDATE resources SET body = 'no JSON'"))
    with pytest.raises(StoreError, match="Rule traffic/red"):
        await catalog.find(ref("red"))
    await catalog.close()
