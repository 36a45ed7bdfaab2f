"""A parked delivery comes back as it was made first, or is made anew by the rule as it is then."""

from collections.abc import Sequence
from typing import Any

import pytest

from bridge.dataplane.making import RuleEntry
from bridge.dataplane.parking import Parked
from bridge.dataplane.returning import Returning
from bridge.dataplane.routing import CompiledRule, CompiledTarget, Gate
from bridge.dataplane.sending import GivenUp, Keeper, Past, Waiting
from bridge.dataplane.stats import Meter
from bridge.errors import InvalidInput, NotFound
from bridge.model.delivery import Delivery, Payload
from bridge.model.event import DataForm, Event
from bridge.model.log import Format, Position
from bridge.rules.pattern import parse_pattern
from bridge.rules.scope import Names, Scope
from bridge.rules.transform import compile_transform
from tests.unit.dataplane.sends import NOBODY, delivery

EVENT = Event("1", "/j", "t", {}, b'{"to":"red"}', DataForm.JSON)
PLACE = Position(0, 7)
FIRST = Payload(b"went red", "text/plain")
STRICT = b'{"template":{"to":"${data.missing}"},"missing":"fail"}'
ANEW = b'{"text":"now ${data.to}"}'


class Lane:
    """Takes what it gets, if it is not stopped."""

    def __init__(self) -> None:
        self.got: list[Waiting] = []
        self.stopped = False

    async def put_back(self, waiting: Waiting, keeper: Keeper) -> bool:
        self.got.append(waiting)
        return not self.stopped


class Scene:
    """One rule with one target, or none."""

    def __init__(self, *, transform: bytes = ANEW, digest: str = "same", fill: Any = None) -> None:
        self.lane, self.buried = Lane(), list[GivenUp]()
        names = Names("r", "t")
        target = CompiledTarget(
            self.lane, names, "config", fill, compile_transform(transform), Gate({}), self.bury, digest
        )
        rule = CompiledRule("r", parse_pattern("{}"), (target,), lambda number: None)
        self.entries = {"r": RuleEntry(1, rule, {}, Meter(lambda: 0.0))}
        self.owner = Returning("b", self.entries, names)

    async def bury(self, given_up: Sequence[GivenUp]) -> None:
        self.buried += given_up

    async def revive(self) -> Delivery | None:
        parked = Parked(Format.JSON, b"", 5.0, "same", FIRST, 1.0, 2, ())
        return await self.owner.revive(parked, EVENT, PLACE)


async def test_a_retry_sends_the_payload_that_was_made_first() -> None:
    """However the transform would make it now; with the target's config, position and time of reception."""
    revived = await Scene().revive()
    assert revived == Delivery(EVENT, PLACE, FIRST, "config", 5.0)


async def test_a_changed_target_makes_it_anew() -> None:
    """Its transform, its config."""
    scene = Scene(digest="other", fill=lambda scope, names: f"to {names.target}")
    revived = await scene.revive()
    assert revived is not None
    assert (revived.payload, revived.config) == (Payload(b"now red", "text/plain; charset=utf-8"), "to t")


async def test_placeholders_are_filled_in_again() -> None:
    """They are not kept: they may hold secrets."""
    seen: list[Scope] = []

    def fill(scope: Scope, names: Names) -> str:
        seen.append(scope)
        return "filled"

    revived = await Scene(fill=fill).revive()
    assert revived is not None
    assert (revived.config, revived.payload, len(seen)) == ("filled", FIRST, 1)


async def test_what_cannot_be_made_any_more_is_buried() -> None:
    """With the reason; then nothing comes back."""

    def fill(scope: Scope, names: Names) -> str:
        raise InvalidInput("no such value")

    for scene in (Scene(digest="other", transform=STRICT), Scene(fill=fill)):
        assert await scene.revive() is None
        (one,) = scene.buried
        assert (one.decision.reason, one.delivery.event) == ("transform-error", EVENT)


@pytest.mark.parametrize("how", ["disabled", "deleted", "another target"])
async def test_while_its_target_is_not_there_it_stays_parked(how: str) -> None:
    """A disabled rule may be enabled again."""
    scene = Scene()
    match how:
        case "disabled":
            scene.entries["r"] = scene.entries["r"]._replace(compiled=None)
        case "deleted":
            del scene.entries["r"]
        case _:
            scene.owner = Returning("b", scene.entries, Names("r", "other"))
    with pytest.raises(NotFound):
        await scene.revive()
    assert scene.owner.digest() == ""
    assert not await scene.owner.put_back(Waiting(delivery(1), Past(1.0), 2.0), NOBODY)


async def test_it_goes_to_the_lane_that_its_target_has_then() -> None:
    """Which may be another one than the one that parked it, or be stopped."""
    scene = Scene()
    waiting = Waiting(delivery(1), Past(1.0), 2.0)
    assert scene.owner.digest() == "same"
    assert await scene.owner.put_back(waiting, NOBODY)
    scene.lane.stopped = True
    assert not await scene.owner.put_back(waiting, NOBODY)
    assert scene.lane.got == [waiting, waiting]
