"""What every register of instances guarantees: one suite, each implementation."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from bridge.errors import StoreUnavailable
from bridge.stores.instances.base import Instance, Instances
from bridge.stores.instances.memory import MemoryInstances
from bridge.stores.instances.sql import SqlInstances
from tests.databases import PARAMS, SERVERS, new_database

IMPLEMENTATIONS: dict[str, Callable[[Path], Instances]] = {
    "memory": lambda _folder: MemoryInstances(),
    "sqlite": lambda folder: SqlInstances(f"sqlite:///{folder}/data/catalog.db"),
}


@pytest.fixture(params=[*IMPLEMENTATIONS, *PARAMS])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Instances]:
    with ExitStack() as stack:
        if request.param in SERVERS:
            made: Instances = SqlInstances(stack.enter_context(new_database(request.param)))
        else:
            made = IMPLEMENTATIONS[request.param](tmp_path)
        await made.open()
        yield made
        await made.close()


def instance(name: str, started: float = 1000.0, status: bytes = b"{}") -> Instance:
    return Instance(id=name, address="127.0.0.1:8080", started=started, status=status)


async def test_who_told_something_is_there(store: Instances) -> None:
    """The oldest first, with what it told last, and how long ago that was."""
    assert await store.list(60) == []
    await store.tell(instance("b", 2000.0, b"\x00{}"))
    await store.tell(instance("a", 3000.5))
    await store.tell(instance("c"))
    await store.tell(instance("b", 2000.0, b"newer"))
    found = await store.list(60)
    assert [(one.id, one.started, one.status) for one in found] == [
        ("c", 1000.0, b"{}"),
        ("b", 2000.0, b"newer"),
        ("a", 3000.5, b"{}"),
    ]
    assert all(-0.001 <= one.age_s < 10 for one in found)


async def test_what_is_not_told_again_stays(store: Instances) -> None:
    """A sign of life alone changes nothing else; the first one may be without a status."""
    await store.tell(instance("a", status=b""))
    (first,) = await store.list(60)
    assert first.status == b""
    await store.tell(instance("a", status=b"x" * 200_000))
    await store.tell(instance("a", status=b""))
    (second,) = await store.list(60)
    assert second.status == b"x" * 200_000


async def test_who_told_nothing_for_long_is_gone(store: Instances) -> None:
    """From the list at once; forgotten when somebody says so. A new sign of life brings it back."""
    await store.tell(instance("old"))
    await store.ask("old", b"do something")
    await asyncio.sleep(0.3)
    await store.tell(instance("new"))
    assert [one.id for one in await store.list(0.25)] == ["new"]
    assert [one.id for one in await store.list(60)] == ["new", "old"]
    assert await store.forget(60) == 0
    assert await store.forget(0.25) == 1
    assert [one.id for one in await store.list(60)] == ["new"]
    assert await store.take("old") == []
    await store.tell(instance("old"))
    assert len(await store.list(60)) == 2


async def test_who_leaves_is_gone(store: Instances) -> None:
    """With what it was asked for; twice is fine."""
    await store.tell(instance("a"))
    await store.ask("a", b"1")
    await store.leave("a")
    await store.leave("a")
    assert (await store.list(60), await store.take("a")) == ([], [])


async def test_requests_are_given_once_and_in_order(store: Instances) -> None:
    """To whom they were meant for."""
    for number in range(3):
        await store.ask("a", b"\xff%d" % number)
    await store.ask("b", b"other")
    assert list(await store.take("a")) == [b"\xff0", b"\xff1", b"\xff2"]
    assert list(await store.take("a")) == []
    assert list(await store.take("b")) == [b"other"]


async def test_many_tell_at_once(store: Instances) -> None:
    """Each is there once."""
    await asyncio.gather(*(store.tell(instance(f"i{n % 7}")) for n in range(50)))
    assert sorted(one.id for one in await store.list(60)) == [f"i{n}" for n in range(7)]


async def test_a_closed_register_is_unavailable(store: Instances) -> None:
    """Closing twice is fine."""
    await store.close()
    await store.close()
    calls = (store.tell(instance("a")), store.list(1), store.leave("a"), store.forget(1), store.ask("a", b""))
    for call in (*calls, store.take("a")):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call
