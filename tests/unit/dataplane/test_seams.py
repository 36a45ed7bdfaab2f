"""The seams, model-checked: between the live cursor, own cursors, lanes, parked retries and dead letters nothing is lost.

Whatever is done in whatever order, every event that a rule was to get is in the end delivered or a dead letter. Without a
crash and without a change of a target it is so exactly once; and the events of a key come in order where that is asked
for.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import NotFound, Rejected, Retryable
from bridge.stores.deadletters.base import Filter
from tests.unit.dataplane.test_buses import World, at_work

PERSISTENT = {"maxAttempts": 1000, "maxAge": "366d", "jitter": 0}
TARGETS: dict[str, dict[str, Any]] = {
    "steady": {},
    "plain": {},
    "late": {"retry": {"schedule": ["20s"], **PERSISTENT}},
    "key": {"order": "key", "retry": {"schedule": ["1s", "20s"], **PERSISTENT}},
    "none": {"order": "key", "errorsTolerance": "NONE", "retry": {"schedule": ["1s"], **PERSISTENT, "maxAttempts": 2}},
}
"""A rule each, with one target, whose box has the same name. ``steady`` is never disturbed."""
DISTURBED = st.sampled_from([name for name in TARGETS if name != "steady"])
IN_ORDER = ("key", "none")
LONGEST_S = 10.0
"""Until everything has arrived: no time in a run that goes well."""

OFTEN = [
    st.tuples(st.just("put"), st.sampled_from([1, 5, 50, 120])),
    st.tuples(st.just("turns"), st.sampled_from([1, 3, 10, 30, 100, 300, 1000])),
]
GENTLE = [
    st.tuples(st.just("shut"), DISTURBED),
    st.tuples(st.just("open"), DISTURBED),
    st.tuples(st.just("fail"), DISTURBED, st.integers(1, 40)),
    st.tuples(st.just("refuse"), DISTURBED, st.integers(1, 3)),
    st.tuples(st.just("pause"), DISTURBED),
    st.tuples(st.just("resume"), DISTURBED),
    st.tuples(st.just("unblock"), st.booleans()),
]
"""After these everything comes once."""
ROUGH = [
    st.tuples(st.just("change"), DISTURBED),
    st.tuples(st.just("disable"), DISTURBED),
    st.tuples(st.just("enable"), DISTURBED),
    st.tuples(st.just("grow")),
    st.tuples(st.just("crash")),
]
STEPS = st.one_of(
    st.lists(st.one_of(*OFTEN, *OFTEN, *GENTLE), min_size=8, max_size=40),
    st.lists(st.one_of(*OFTEN, *OFTEN, *GENTLE, *ROUGH), min_size=8, max_size=40),
)


class Play:
    """One run. ``wanted``: what each rule must have got in the end, delivered or as a dead letter."""

    def __init__(self) -> None:
        self.world = World(patience_s=0)
        self.world.retire = self._retire
        self.world.start_again()
        self.put = 0
        self.partitions = 2
        self.wanted: dict[str, set[str]] = {name: set() for name in TARGETS}
        self.disabled: set[str] = set()
        self.paused: set[str] = set()
        self.revisions = Counter[str]()

    async def run(self, steps: Sequence[tuple[Any, ...]]) -> None:
        await self.world.define("Bus", "b", partitions=self.partitions)
        for name in TARGETS:
            await self._define(name)
        self._running = at_work(self.world)
        await self._running.__aenter__()
        for kind, *values in steps:
            await getattr(self, f"do_{kind}")(*values)
        await self._until_over()
        await asyncio.sleep(0.002)
        await self._running.__aexit__(None, None, None)
        await self._check({kind for kind, *_ in steps})

    async def _define(self, name: str) -> None:
        """As the control plane does: a pause stands in the rule's status, and outlives its changes."""
        retry = TARGETS[name].get("retry", {}) | ({"retryAfterMax": f"{self.revisions[name]}s"})
        pause = {"since": "2026-11-25T00:00:00Z", "reason": "", "by": "operator"}
        await self.world.rule(
            name,
            name,
            target=TARGETS[name] | {"retry": retry},
            enabled=name not in self.disabled,
            status={"paused": {"t": pause}} if name in self.paused else {},
        )

    async def _retire(self, bus: str, rule: str, target: str, reason: str) -> None:
        await self.do_pause(rule)

    async def do_put(self, count: int) -> None:
        for start in range(0, count, 50):
            ids = [f"{n:04}" for n in range(self.put, self.put + min(50, count - start))]
            self.put += len(ids)
            await self.world.put(*ids)
            for name in TARGETS.keys() - self.disabled:
                self.wanted[name].update(ids)

    async def do_turns(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    async def do_shut(self, name: str) -> None:
        self.world.closed.add(name)

    async def do_open(self, name: str) -> None:
        self.world.open(name)

    async def do_fail(self, name: str, times: int) -> None:
        self.world.moods.setdefault(name, []).extend(Retryable("not now") for _ in range(times))

    async def do_refuse(self, name: str, times: int) -> None:
        self.world.moods.setdefault(name, []).extend(Rejected("never") for _ in range(times))

    async def do_pause(self, name: str) -> None:
        self.paused.add(name)
        await self._define(name)

    async def do_resume(self, name: str) -> None:
        self.paused.discard(name)
        await self._define(name)

    async def do_unblock(self, skip: bool) -> None:
        try:
            target = (await self.world.buses.get("b")).rules.find("none", "t")
            await target.unblock(skip=skip)
        except NotFound:
            """It is disabled, or not blocked."""

    async def do_change(self, name: str) -> None:
        self.revisions[name] += 1
        await self._define(name)

    async def do_disable(self, name: str) -> None:
        """What it has not got by then, it need not get any more."""
        self.disabled.add(name)
        self.wanted[name].clear()
        await self._define(name)

    async def do_enable(self, name: str) -> None:
        self.disabled.discard(name)
        await self._define(name)

    async def do_grow(self) -> None:
        self.partitions += 1
        await self.world.define("Bus", "b", partitions=self.partitions)

    async def do_crash(self) -> None:
        await self._running.__aexit__(None, None, None)
        self.world.start_again()
        self._running = at_work(self.world)
        await self._running.__aenter__()

    async def _until_over(self) -> None:
        """The steady target never waits for the others; these get everything once nothing hinders them."""
        await self._until(lambda: set(self.world.boxes.get("steady", [])) == self.wanted["steady"])
        for name in TARGETS:
            self.world.open(name)
            if name in self.paused:
                await self.do_resume(name)
        for name in TARGETS:
            async with asyncio.timeout(LONGEST_S):
                while not self.wanted[name] <= await self._accounted_for(name):
                    await self.do_unblock(skip=True)
                    if name in self.paused:  # it failed for days
                        await self.do_resume(name)
                    await asyncio.sleep(0)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONGEST_S):
            while not holds():
                await asyncio.sleep(0)

    async def _letters(self, name: str) -> list[str]:
        letters = await self.world.letters.list(Filter(bus="b", rule=name), limit=5_000)
        return [letter.event_id for letter in letters]

    async def _accounted_for(self, name: str) -> set[str]:
        return {*self.world.boxes.get(name, []), *await self._letters(name)}

    async def _check(self, kinds: set[str]) -> None:
        everything = {f"{n:04}" for n in range(self.put)}
        for name in TARGETS:
            delivered = self.world.boxes.get(name, [])
            assert set(delivered) <= everything
            if not kinds & {"crash", "change", "disable"}:
                ends = Counter(delivered) + Counter(await self._letters(name))
                assert max(ends.values(), default=1) == 1, f"{name} got {ends.most_common(3)}"
        if "grow" not in kinds:  # that moves keys to other partitions
            for name in IN_ORDER:
                self._check_order(name, self.wanted[name] - set(await self._letters(name)))

    def _check_order(self, name: str, wanted: set[str]) -> None:
        """After a crash it may also get, late, what had been given up before, or what it had missed while disabled."""
        first = [one for one in dict.fromkeys(self.world.boxes.get(name, [])) if one in wanted]
        for key in range(7):
            of_key = [one for one in first if int(one) % 7 == key]
            assert of_key == sorted(of_key), f"key {key} of {name} is out of order"


def played(*steps: tuple[Any, ...], debug: bool | None = None) -> None:
    asyncio.run(Play().run(steps), debug=debug)


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_whatever_happens_every_target_gets_every_event(steps: list) -> None:
    """Once and in order, as far as that is promised."""
    played(*steps, debug=False)  # millions of turns, each ten times as long with it; the plays below have it


@pytest.mark.parametrize("turns", range(0, 60, 4))
def test_a_crash_while_a_changed_target_takes_over_loses_nothing(turns: int) -> None:
    """What the old lane is still handing over is older than all that the own cursor would otherwise know of."""
    played(("shut", "plain"), ("put", 40), ("change", "plain"), ("put", 120), ("turns", turns), ("crash",))


@pytest.mark.parametrize("turns", range(12))
def test_a_target_comes_back_only_when_nothing_of_it_is_left_on_the_way(turns: int) -> None:
    """What its own cursor still hands over would be overtaken by the live one, and read again when it leaves once more."""
    played(("put", 50), ("pause", "late"), ("put", 220), ("turns", turns), ("resume", "late"), ("put", 290))


@pytest.mark.parametrize("name", ["plain", "key"])
@pytest.mark.parametrize("turns", range(4))
def test_a_target_that_is_changed_and_held_at_once_holds_up_nobody(turns: int, name: str) -> None:
    """What was just being handed to its old lane must not wait for room in the new one."""
    played(("put", 103), ("turns", turns), ("pause", name), ("change", name), ("put", 103))


@pytest.mark.parametrize("count", range(90, 130, 5))
def test_a_target_that_comes_back_ahead_of_the_live_cursor_and_leaves_again_gets_nothing_twice(count: int) -> None:
    """Its own cursor may have read further than the live one: what it begins with is what it has not had."""
    played(
        ("pause", "plain"),
        ("put", 1),
        ("turns", 3),
        ("shut", "plain"),
        ("resume", "plain"),
        ("put", count),
        ("put", 47),
    )


def test_a_stop_in_the_middle_of_a_hand_over_loses_nothing() -> None:
    """A target that leaves while the live cursor is being cancelled must see what that has not handed over."""
    crashes = [
        step
        for _ in range(8)
        for step in (("put", 120), ("put", 50), ("pause", "none"), ("crash",), ("resume", "none"))
    ]
    played(("put", 120), *crashes, ("put", 1))


def test_a_key_that_moved_to_another_partition_comes_back_from_both() -> None:
    """What is parked of it in one must not wait for what is parked of it in the other."""
    fails = [("fail", "key", 30)]
    played(
        ("put", 120),
        *fails,
        ("put", 1),
        ("grow",),
        ("turns", 30),
        *fails,
        ("put", 120),
        ("grow",),
        *fails,
        ("put", 120),
    )
