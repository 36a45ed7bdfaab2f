"""A bus and its log."""

import pytest

from bridge.errors import Conflict, InvalidConfig
from bridge.model.resource import Ref


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{partitions: 0}", "$.spec.partitions"), ("{partitions: 257}", "$.spec.partitions"), ("{partitions: 1.5}", "$.spec.partitions"),
        ("{retention: {age: 7}}", "$.spec.retention.age"), ("{retention: {age: 7 days}}", "$.spec.retention.age"),
        ("{limits: {eventSize: big}}", "$.spec.limits.eventSize"), ("{partition: 1}", "$.spec.partition"), ("[]", "$.spec"),
    ],
)  # fmt: skip
async def test_bad_buses_are_refused_with_their_path(world, spec: str, path: str) -> None:
    """And no log is made."""
    with pytest.raises(InvalidConfig) as caught:
        await world.apply(f"kind: Bus\nname: b\nspec: {spec}")
    assert caught.value.path == path
    assert world.bus_store.logs() == []


async def test_retention_is_refused_where_it_is_the_broker_s(world) -> None:
    """A bound that nobody keeps is no bound."""
    world.bus_store.retention = "broker"
    for kept in ("age: 7d", "size: 1GiB"):
        with pytest.raises(InvalidConfig, match="fileReservedTime") as caught:
            await world.apply(f"kind: Bus\nname: b\nspec: {{retention: {{{kept}}}}}")
        assert caught.value.path == "$.spec.retention"
    await world.apply("kind: Bus\nname: b\nspec: {retention: {}}")


async def test_partitions_grow_and_never_shrink(world) -> None:
    """The log follows."""
    await world.apply("kind: Bus\nname: b\nspec: {partitions: 2}")
    await world.apply("kind: Bus\nname: b\nspec: {partitions: 4}")
    assert world.bus_store.log("b").partitions == 4
    with pytest.raises(Conflict) as caught:
        await world.apply("kind: Bus\nname: b")
    assert caught.value.path == "$.spec.partitions"


async def test_what_waits_for_a_deleted_bus_goes_with_its_log(world) -> None:
    """Also with the bus that is deleted by cascade, and for no other."""
    await world.apply("kind: Bus\nname: b\n---\nkind: Bus\nname: c")
    await world.resources.delete(Ref("Bus", "", "b"), cascade=True)
    assert (world.forgotten, world.bus_store.logs()) == (["b"], ["c"])
