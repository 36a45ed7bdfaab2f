"""Resources: apply, get, list, delete, watch."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec.structs import replace

from bridge.controlplane.resources import Watched
from bridge.errors import Conflict, InUse, InvalidConfig, InvalidInput, NotFound, StoreUnavailable
from bridge.model.log import Chunk, Format
from bridge.model.resource import Ref, Resource
from bridge.stores.catalog.base import Put

BUS = "kind: Bus\nname: traffic\nspec: {partitions: 2}\n"
RULE = """
kind: Rule
bus: traffic
name: red
spec:
  pattern: {type: [light.changed]}
  targets: [{name: a, kind: paper, config: {path: x}}]
"""
TRAFFIC, RED = Ref("Bus", "", "traffic"), Ref("Rule", "traffic", "red")


async def test_apply_creates_then_leaves_alone(world) -> None:
    """The second time nothing is written."""
    first = await world.apply(f"{RULE}---\n{BUS}")
    assert [(a.action, a.resource.revision) for a in first] == [("created", 1), ("created", 1)]
    version = await world.catalog.version()
    second = await world.apply(f"{RULE}---\n{BUS}")
    assert [a.action for a in second] == ["unchanged", "unchanged"]
    assert second[0].resource == first[0].resource
    assert await world.catalog.version() == version


async def test_amending_writes_only_what_changed(world) -> None:
    """The same object back writes nothing; secrets are masked in what is returned, and stay in what is stored."""
    await world.apply(f"{BUS}---{RULE.replace('path: x', 'path: x, token: secret')}")
    version = await world.catalog.version()
    assert b"secret" not in bytes((await world.resources.amend(RED, lambda rule: rule)).spec)
    assert await world.catalog.version() == version
    amended = await world.resources.amend(RED, lambda rule: replace(rule, description="new"))
    assert (amended.revision, amended.description, b"********" in bytes(amended.spec)) == (2, "new", True)
    assert b"secret" in bytes((await world.catalog.find(RED)).spec)
    with pytest.raises(NotFound, match="no Rule traffic/blue"):
        await world.resources.amend(Ref("Rule", "traffic", "blue"), lambda rule: rule)


async def test_a_rule_may_come_before_its_bus(world) -> None:
    """Within one apply the order of documents does not matter; results keep it."""
    applied = await world.apply(f"{RULE}---\n{BUS}")
    assert [a.resource.kind for a in applied] == ["Rule", "Bus"]
    assert [change.ref.kind for change in await world.catalog.changes(0)] == ["Bus", "Rule"]


async def test_a_rule_needs_its_bus(world) -> None:
    """One that is nowhere is not found."""
    with pytest.raises(NotFound, match="there is no Bus traffic") as caught:
        await world.apply(RULE)
    assert caught.value.path == "$.bus"


async def test_apply_is_all_or_nothing(world) -> None:
    """One bad document, and nothing of the others is there."""
    with pytest.raises(InvalidConfig) as caught:
        await world.apply(f"{BUS}---\n{RULE.replace('paper', 'papr')}")
    assert caught.value.path == "$[1].spec.targets[0].kind"
    assert await world.catalog.version() == 0
    assert world.bus_store.logs() == []


async def test_the_same_resource_twice_is_refused(world) -> None:
    """Even with the same content."""
    with pytest.raises(InvalidConfig) as caught:
        await world.apply(f"{BUS}---\n{RULE}---\n{BUS}")
    assert caught.value.path == "$[2]"


async def test_an_unknown_kind_is_refused(world) -> None:
    """The known ones are named."""
    with pytest.raises(InvalidConfig, match="'Rul' is not a kind; known: Bus, Rule") as caught:
        await world.apply("kind: Rul\nname: x")
    assert caught.value.path == "$.kind"


async def test_a_change_has_a_diff_and_a_new_revision(world) -> None:
    """And keeps when it was created."""
    [before] = await world.apply(BUS)
    world.clock.advance(60)
    [after] = await world.apply(BUS.replace("2", "3"))
    assert (after.action, after.resource.revision) == ("changed", 2)
    assert after.resource.created == before.resource.created == after.resource.updated - 60
    assert "-  partitions: 2\n+  partitions: 3\n" in after.diff
    assert world.bus_store.log("traffic").partitions == 3


async def test_a_stale_revision_is_a_conflict(world) -> None:
    """The current one is named, nothing is changed."""
    await world.apply(BUS)
    await world.apply(BUS.replace("2", "3"))
    with pytest.raises(Conflict, match="has revision 2, not 1") as caught:
        await world.apply(BUS.replace("2", "4") + "revision: 1")
    assert caught.value.path == "$.revision"
    assert world.bus_store.log("traffic").partitions == 3
    [applied] = await world.apply(BUS.replace("2", "4") + "revision: 2")
    assert applied.resource.revision == 3


async def test_a_dry_run_changes_nothing(world) -> None:
    """But says what would happen, and refuses what would be refused."""
    created = await world.apply(f"{BUS}---\n{RULE}", dry_run=True)
    assert [a.action for a in created] == ["created", "created"]
    assert (await world.catalog.version(), world.bus_store.logs()) == (0, [])
    await world.apply(BUS)
    [changed] = await world.apply(BUS.replace("2", "3"), dry_run=True)
    assert (changed.action, changed.resource.revision, bool(changed.diff)) == ("changed", 1, True)
    with pytest.raises(Conflict, match="2 partitions; they cannot become 1") as caught:
        await world.apply(BUS.replace("2", "1"), dry_run=True)
    assert caught.value.path == "$.spec.partitions"


async def test_somebody_elses_write_in_between_is_planned_anew(world, monkeypatch) -> None:
    """Without a revision the caller does not notice."""
    await world.apply(BUS)
    write = world.catalog.write
    others = [BUS.replace("2", "3"), BUS.replace("2", "4")]

    async def crowded(edits):
        if others:
            found = await world.catalog.find(TRAFFIC)
            others.pop()
            await write([Put(found)])
        return await write(edits)

    monkeypatch.setattr(world.catalog, "write", crowded)
    [applied] = await world.apply(BUS.replace("2", "5"))
    assert (applied.action, applied.resource.revision) == ("changed", 4)


async def test_a_store_that_is_down_says_so(world) -> None:
    """And the bus can be made once it is back, smaller even: nothing was in its log."""
    await world.catalog.close()
    with pytest.raises(StoreUnavailable):
        await world.apply(BUS)
    await world.catalog.open()
    await world.bus_store.create("traffic", 8)
    [applied] = await world.apply(BUS)
    assert applied.action == "created"
    assert world.bus_store.log("traffic").partitions == 2


async def test_a_log_that_holds_events_is_kept(world) -> None:
    """A bus whose definition is gone gets its events back, and cannot shrink them away."""
    log = await world.bus_store.create("traffic", 3)
    await log.append([(2, Chunk(Format.JSON, 1, b"{}"))])
    with pytest.raises(Conflict) as caught:
        await world.apply(BUS)
    assert caught.value.path == "$.spec.partitions"
    await world.apply(BUS.replace("2", "3"))
    assert world.bus_store.log("traffic").bounds(2).end == 1


async def test_new_targets_start_at_the_ends_of_the_log(world) -> None:
    """Targets that stay keep their start; enabling a rule again starts all of them anew."""

    async def put() -> None:
        await world.bus_store.log("traffic").append([(1, Chunk(Format.JSON, 1, b"{}"))])

    def starts(applied) -> dict[str, dict[str, int]]:
        return applied[0].resource.status["starts"]

    more = RULE.replace("}}]", "}}, {name: b, kind: paper, config: {path: y}}]")
    off = more.replace("spec:", "spec:\n  enabled: false")
    await world.apply(BUS)
    assert starts(await world.apply(RULE)) == {"a": {"0": 0, "1": 0}}
    await put()
    assert starts(await world.apply(RULE)) == {"a": {"0": 0, "1": 0}}
    assert starts(await world.apply(more)) == {"a": {"0": 0, "1": 0}, "b": {"0": 0, "1": 1}}
    await put()
    assert starts(await world.apply(off)) == {"a": {"0": 0, "1": 0}, "b": {"0": 0, "1": 1}}
    assert starts(await world.apply(more)) == {"a": {"0": 0, "1": 2}, "b": {"0": 0, "1": 2}}
    assert starts(await world.apply(RULE)) == {"a": {"0": 0, "1": 2}}


async def test_a_status_that_is_sent_is_ignored(world) -> None:
    """Only the server writes it."""
    await world.apply(BUS)
    [applied] = await world.apply(f"{RULE}\nstatus: {{starts: {{a: {{'0': 77}}}}}}")
    assert applied.resource.status == {"starts": {"a": {"0": 0, "1": 0}}}


async def test_a_missing_log_is_made_again(world) -> None:
    """Also when the bus is as it was."""
    await world.apply(BUS)
    await world.bus_store.drop("traffic")
    [applied] = await world.apply(BUS)
    assert (applied.action, world.bus_store.logs()) == ("unchanged", ["traffic"])


async def test_get_and_list(world) -> None:
    """By bus and name, by pages, by labels; what is not there is not found."""
    await world.apply("---\n".join(f"{BUS.replace('traffic', name)}\nlabels: {{n: {name}}}\n" for name in "cabd"))
    page = await world.resources.list("Bus", limit=2)
    assert [r.name for r in page.items] == ["a", "b"]
    page = await world.resources.list("Bus", limit=2, page_token=page.next_page_token)
    assert ([r.name for r in page.items], page.next_page_token) == (["c", "d"], "")
    assert [r.name for r in (await world.resources.list("Bus", labels={"n": "c"})).items] == ["c"]
    assert (await world.resources.list("Rule")).items == []
    assert (await world.resources.list("Rule", bus="a")).items == []
    for failing in (
        world.resources.get(Ref("Bus", "", "x")), world.resources.list("Rule", bus="x"), world.resources.delete(RED),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await failing
    for failing in (
        world.resources.list("Bus", page_token="?"), world.resources.list("Bus", page_token="W10"),
        world.resources.list("Lamp"), world.resources.list("Bus", bus="a"), world.resources.get(Ref("Lamp", "", "x")),
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            await failing


async def test_a_bus_in_use_is_deleted_by_cascade_only(world) -> None:
    """The refusal names what hangs on it; afterwards the log is gone, too."""
    await world.apply(f"{BUS}---\n{RULE}---\n{RULE.replace('red', 'amber')}")
    with pytest.raises(InUse, match="Bus traffic is in use by Rule traffic/amber, Rule traffic/red; delete them first"):
        await world.resources.delete(TRAFFIC)
    gone = await world.resources.delete(TRAFFIC, cascade=True)
    assert [str(r.ref) for r in gone] == ["Bus traffic", "Rule traffic/amber", "Rule traffic/red"]
    assert world.bus_store.logs() == []
    assert await world.catalog.find(RED) is None


async def test_delete_may_be_conditional(world) -> None:
    """As any write."""
    await world.apply(f"{BUS}---\n{RULE}")
    with pytest.raises(Conflict):
        await world.resources.delete(RED, revision=2)
    assert [r.name for r in await world.resources.delete(RED, revision=1)] == ["red"]


def shown(batch: Sequence[Watched]) -> list[tuple[str, str, int]]:
    return [(w.action, w.resource.name, w.resource.revision) for w in batch]


async def following(watch: AsyncIterator[Sequence[Watched]]) -> list[tuple[str, str, int]]:
    async with asyncio.timeout(5):
        return shown(await anext(watch))


async def test_a_watch_shows_what_exists_and_then_changes(world) -> None:
    """Of its kind and bus only."""
    await world.apply(f"{BUS}---\n{RULE}")
    watch = world.resources.watch("Rule", bus="traffic")
    assert await following(watch) == [("exists", "red", 1)]
    await world.apply(f"{BUS.replace('traffic', 'x')}---\n{RULE.replace('traffic', 'x')}")
    await world.apply(f"{RULE}\ndescription: now")
    await world.resources.delete(RED)
    assert await following(watch) == [("delete", "red", 0)]


async def test_a_watch_goes_on_from_a_version(world) -> None:
    """Nothing of before is repeated; a version from another life begins anew."""
    await world.apply(BUS)
    version = await world.catalog.version()
    await world.apply(BUS.replace("traffic", "x"))
    assert await following(world.resources.watch("Bus", since=version)) == [("put", "x", 1)]
    assert await following(world.resources.watch("Bus", since=99)) == [("exists", "traffic", 1), ("exists", "x", 1)]


async def test_a_quiet_watch_pulses_and_ends_at_stop(world) -> None:
    """An empty batch says that it is alive."""
    watch = world.resources.watch("Bus", pulse_s=0.001)
    assert await following(watch) == []
    assert await following(watch) == []
    quiet = world.resources.watch("Bus", pulse_s=3600)
    assert await following(quiet) == []
    async with asyncio.TaskGroup() as group:
        ending = group.create_task(anext(quiet, None))
        await asyncio.sleep(0)
        world.resources.stop()
    assert ending.result() is None
    assert await anext(watch, None) is None


async def test_a_watch_of_nothing_is_refused(world) -> None:
    """An unknown kind or bus."""
    with pytest.raises(InvalidInput):
        await anext(world.resources.watch("Lamp"))
    with pytest.raises(NotFound):
        await anext(world.resources.watch("Rule", bus="x"))


async def test_large_definitions_are_judged_beside_the_event_loop(world) -> None:
    """With the same result."""
    big = RULE.replace("[light.changed]", str([f"light-{i}" for i in range(10_000)]))
    [_, applied] = await world.apply(f"{BUS}---\n{big}")
    assert applied.action == "created"
    with pytest.raises(InvalidConfig) as caught:
        await world.apply(big.replace("paper", "papr"))
    assert caught.value.path == "$.spec.targets[0].kind"


async def test_warnings_of_a_pattern_are_told(world) -> None:
    """With the path of what they are about."""
    await world.apply(BUS)
    [applied] = await world.apply(RULE.replace("type:", "typ:"))
    assert any("$.spec.pattern.typ" in warning for warning in applied.warnings)


def secret_rule(token: str, path: str = "x") -> str:
    return f"{BUS}---\n{RULE.replace('{path: x}', f'{{path: {path}, token: {token!r}}}')}"


async def stored_spec(world) -> bytes:
    found = await world.catalog.find(RED)
    assert found is not None
    return bytes(found.spec)


async def test_secrets_are_never_shown(world) -> None:
    """By apply, its difference, get, list, watch and delete; the data plane reads them from the catalog."""
    await world.apply(secret_rule("s3cr3t"))
    shown = [a.resource for a in await world.apply(secret_rule("s3cr3t", "y"))]
    changed = await world.apply(secret_rule("other-s3cr3t", "z"))
    assert "path: z" in changed[1].diff
    shown += [a.resource for a in changed] + [await world.resources.get(RED)]
    shown += (await world.resources.list("Rule")).items
    for since in (None, 0):
        watching = world.resources.watch("Rule", since=since)
        shown += [watched.resource for watched in await anext(watching)]
        await watching.aclose()
    assert b"other-s3cr3t" in await stored_spec(world)
    shown += await world.resources.delete(TRAFFIC, cascade=True)
    texts = [bytes(resource.spec) for resource in shown if resource.kind == "Rule" and resource.spec != b"{}"]
    assert len(texts) >= 7
    assert all(b"s3cr3t" not in text and b"********" in text for text in texts)
    assert all("s3cr3t" not in a.diff for a in changed)


async def test_what_was_shown_can_be_applied_again(world) -> None:
    """Unaltered it changes nothing; altered it keeps the secret; a changed secret is said to be one."""
    await world.apply(secret_rule("s3cr3t"))
    assert [a.action for a in await world.apply(secret_rule("********"))] == ["unchanged", "unchanged"]
    assert (await world.apply(secret_rule("********", "y")))[1].action == "changed"
    assert b"s3cr3t" in await stored_spec(world)
    changed = (await world.apply(secret_rule("new")))[1]
    assert "path" in changed.diff
    changed = (await world.apply(secret_rule("newer")))[1]
    assert (changed.action, changed.diff) == ("changed", "secrets changed, which are not shown\n")


async def test_a_masked_secret_needs_a_stored_one(world) -> None:
    """In a new rule there is none; the path is that of the document."""
    with pytest.raises(InvalidConfig, match="none is stored") as caught:
        await world.apply(secret_rule("********"))
    assert caught.value.path == "$[1].spec.targets[0].config.token"


async def test_a_masked_secret_never_brings_back_an_old_one(world) -> None:
    """When the rule was changed since it was read for that, the apply is a conflict."""
    await world.apply(secret_rule("s3cr3t"))
    find = world.catalog.find

    async def find_then_change(ref: Ref) -> Resource | None:
        found = await find(ref)
        world.catalog.find = find
        await world.apply(secret_rule("other"))
        return found

    world.catalog.find = find_then_change
    with pytest.raises(Conflict):
        await world.apply(secret_rule("********", "y"))
    assert b"other" in await stored_spec(world)
