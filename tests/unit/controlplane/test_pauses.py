"""Pausing and resuming: through the catalog, once, whatever comes between."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from bridge.controlplane.pauses import MAX_REASON, Pauses
from bridge.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from bridge.model.pauses import Pause, Resumption, entries, resumptions
from bridge.model.resource import Ref, Resource
from bridge.model.times import format_time
from bridge.stores.catalog.base import Delete, Put

BUS = "kind: Bus\nname: traffic\n"
RULE = """
kind: Rule
bus: traffic
name: red
spec:
  targets:
  - {name: a, kind: paper, config: {path: x, token: secret}}
  - {name: b, kind: paper, config: {path: y}}
"""
RED = Ref("Rule", "traffic", "red")
A = ("traffic", "red", "a")


async def stored(world) -> Resource:
    found = await world.catalog.find(RED)
    assert found is not None
    return found


@pytest.fixture
async def ruled(world):
    await world.apply(f"{BUS}---{RULE}")
    return world


async def test_a_pause_is_in_the_catalog(ruled) -> None:
    """With time, reason and author; secrets and starts of the rule stay as they are."""
    before = await stored(ruled)
    stands = await ruled.operations.pause(*A, "they move")
    assert stands == Pause(since=format_time(ruled.clock()), reason="they move", by="operator")
    after = await stored(ruled)
    assert after.status == before.status | {"paused": {"a": msgspec.to_builtins(stands)}}
    assert (after.spec, after.revision) == (before.spec, before.revision + 1)


async def test_the_first_pause_stands_and_nothing_is_written_twice(ruled) -> None:
    """The bridge's own pause does not hide an operator's, nor the other way round."""
    first = await ruled.operations.pause(*A, "they move")
    version = await ruled.catalog.version()
    ruled.clock.advance(60)
    assert await ruled.operations.pause(*A, "410", by="bridge") == first
    assert await ruled.operations.pause(*A) == first
    assert await ruled.catalog.version() == version


async def test_applying_the_same_definition_again_does_not_resume(ruled) -> None:
    """Nor does a changed one, for targets that stay; one that goes takes its pause along."""
    await ruled.operations.pause(*A)
    await ruled.operations.pause("traffic", "red", "b")
    [again] = await ruled.apply(RULE)
    assert (again.action, set(entries(again.resource))) == ("unchanged", {"a", "b"})
    [changed] = await ruled.apply(RULE.replace("path: x", "path: z"))
    assert (changed.action, set(entries(changed.resource))) == ("changed", {"a", "b"})
    [less] = await ruled.apply(RULE.replace("name: b", "name: c"))
    assert set(entries(less.resource)) == {"a"}
    [more] = await ruled.apply(RULE)
    assert set(entries(more.resource)) == {"a"}


async def test_a_rule_that_was_deleted_takes_its_pauses_along(ruled) -> None:
    """One of that name that is made later runs."""
    await ruled.operations.pause(*A)
    await ruled.resources.delete(RED)
    [again] = await ruled.apply(RULE)
    assert entries(again.resource) == {}


async def test_resuming_is_idempotent_and_tells_the_data_plane(ruled) -> None:
    """Each time, since a target may be blocked without being paused."""
    before = await stored(ruled)
    await ruled.operations.pause(*A)
    await ruled.operations.resume(*A)
    version = await ruled.catalog.version()
    await ruled.operations.resume(*A, skip=True)
    assert await ruled.catalog.version() == version
    after = await stored(ruled)
    assert (after.spec, after.status) == (before.spec, before.status)
    assert ruled.unblocked == [(*A, False), (*A, True)]


async def test_resuming_what_is_not_at_work_here(ruled) -> None:
    """A disabled rule's target is resumed all the same; where nothing can be skipped, nothing is done."""
    ruled.at_work.clear()
    await ruled.operations.pause(*A)
    with pytest.raises(NotFound, match="not at work"):
        await ruled.operations.resume(*A, skip=True)
    assert set(entries(await stored(ruled))) == {"a"}
    await ruled.operations.resume(*A)
    assert entries(await stored(ruled)) == {}


async def test_resuming_changes_a_definition_that_says_paused(ruled) -> None:
    """It then says that it is not; applying the old text pauses it again."""
    text = RULE.replace("name: a,", "name: a, paused: true,")
    await ruled.apply(text)
    await ruled.operations.resume(*A)
    assert b'"paused":false' in bytes((await stored(ruled)).spec)
    assert b'"secret"' in bytes((await stored(ruled)).spec)
    [again] = await ruled.apply(text)
    assert again.action == "changed"
    assert "-    paused: false\n+    paused: true\n" in again.diff


@pytest.mark.parametrize("place", [("else", "red", "a"), ("traffic", "blue", "a"), ("traffic", "red", "c")])
async def test_what_is_not_there_is_not_found(ruled, place: tuple[str, str, str]) -> None:
    """Bus, rule or target."""
    with pytest.raises(NotFound):
        await ruled.operations.pause(*place)
    with pytest.raises(NotFound):
        await ruled.operations.resume(*place)
    assert ruled.unblocked == []


async def test_a_long_reason_is_refused_or_cut(ruled) -> None:
    """Refused where somebody can write a shorter one; the bridge's own never keeps it from pausing."""
    with pytest.raises(InvalidInput, match="longer than 1024") as caught:
        await ruled.operations.pause(*A, "x" * (MAX_REASON + 1))
    assert caught.value.path == "$.reason"
    assert len((await ruled.operations.pause(*A, "x" * 5_000, by="bridge")).reason) == MAX_REASON


async def test_another_writer_in_between_is_survived(ruled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is read and edited again: neither write is lost."""
    write, turns = ruled.catalog.write, [1, 2]

    async def late(edits: Sequence[Put | Delete]) -> list[Resource | None]:
        if turns:
            turns.pop()
            await write([Put(msgspec.structs.replace(await stored(ruled), description=f"change {len(turns)}"))])
        return await write(edits)

    monkeypatch.setattr(ruled.catalog, "write", late)
    await ruled.operations.pause(*A)
    assert ((await stored(ruled)).description, set(entries(await stored(ruled)))) == ("change 0", {"a"})


async def test_a_rule_deleted_in_between_is_not_found(ruled, monkeypatch: pytest.MonkeyPatch) -> None:
    """And does not come back as a rule."""
    write = ruled.catalog.write

    async def late(edits: Sequence[Put | Delete]) -> list[Resource | None]:
        monkeypatch.setattr(ruled.catalog, "write", write)
        await ruled.catalog.write([Delete(RED)])
        return await write(edits)

    monkeypatch.setattr(ruled.catalog, "write", late)
    with pytest.raises(NotFound, match="no Rule traffic/red"):
        await ruled.operations.pause(*A)


async def test_writers_that_never_stop_end_in_a_conflict(ruled, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few tries, so that nobody hangs."""

    async def refuse(_: object) -> None:
        raise Conflict("changed in between")

    monkeypatch.setattr(ruled.catalog, "write", refuse)
    with pytest.raises(Conflict):
        await ruled.operations.pause(*A)


async def test_a_store_that_cannot_write_says_so(ruled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is paused then, and nothing unblocked."""

    async def fail(_: object) -> None:
        raise StoreUnavailable("disk full")

    await ruled.operations.pause(*A)
    monkeypatch.setattr(ruled.catalog, "write", fail)
    with pytest.raises(StoreUnavailable):
        await ruled.operations.resume(*A)
    assert ruled.unblocked == []


async def test_pauses_at_once_are_all_kept(ruled) -> None:
    """Of two targets of one rule."""
    await asyncio.gather(ruled.operations.pause(*A), ruled.operations.pause("traffic", "red", "b"))
    assert set(entries(await stored(ruled))) == {"a", "b"}


# Several instances


@pytest.fixture
async def shared(ruled):
    """The bus is read by several instances; ``blocked`` says what they tell of the target."""
    ruled.blocked = False

    async def is_blocked(*place: str) -> bool:
        assert place == A
        return ruled.blocked

    ruled.operations._pauses = Pauses(ruled.resources, ruled.unblock, ruled.clock, is_blocked=is_blocked)
    return ruled


async def test_instances_are_told_by_the_catalog(shared) -> None:
    """Each time anew, since any of them may be blocked; the pause goes in the same step."""
    await shared.operations.pause(*A)
    await shared.operations.resume(*A)
    shared.clock.advance(5)
    await shared.operations.resume(*A)
    after = await stored(shared)
    at = format_time(shared.clock())
    assert (entries(after), resumptions(after)) == ({}, {"a": Resumption(number=2, at=at, skip=False)})
    assert shared.unblocked == []


async def test_a_resumption_outlives_changes_of_the_rule(shared) -> None:
    """An instance may see both at once."""
    await shared.operations.resume(*A)
    [changed] = await shared.apply(RULE.replace("path: x", "path: z"))
    assert set(resumptions(changed.resource)) == {"a"}
    [again] = await shared.apply(RULE.replace("path: x", "path: z"))
    assert again.action == "unchanged"
    [gone] = await shared.apply(RULE.replace("name: a", "name: c"))
    assert resumptions(gone.resource) == {}


async def test_where_no_instance_is_blocked_there_is_nothing_to_skip(shared) -> None:
    """Else each that is makes its event a dead letter."""
    version = await shared.catalog.version()
    with pytest.raises(NotFound, match="traffic/red/a is not blocked"):
        await shared.operations.resume(*A, skip=True)
    assert await shared.catalog.version() == version
    shared.blocked = True
    await shared.operations.resume(*A, skip=True)
    assert resumptions(await stored(shared))["a"].skip
