"""The seams once more, with a store of timers that takes its time: others come in between, and it finishes what it began.

As a database behind a thread does: in the order in which it was asked, also for those who were cancelled meanwhile.
"""

import asyncio
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.stores.timers.memory import MemoryTimers
from tests.unit.dataplane.test_buses import at_work
from tests.unit.dataplane.test_seams import OFTEN, Play

ORDERED = st.sampled_from(["key", "none"])
STEPS = st.lists(
    st.one_of(
        *OFTEN,
        *OFTEN,
        st.tuples(st.just("fail"), st.just("key"), st.integers(1, 12)),
        st.tuples(st.just("refuse"), ORDERED, st.just(1)),
        st.tuples(st.just("change"), ORDERED),
        st.tuples(st.just("pause"), ORDERED),
        st.tuples(st.just("resume"), ORDERED),
        st.tuples(st.just("unblock"), st.booleans()),
        st.tuples(st.just("crash")),
    ),
    min_size=8,
    max_size=40,
)


class SlowTimers:
    """Each call takes up to so many turns of the loop."""

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self._timers = MemoryTimers()
        self._dice = random.Random(1)
        self._asked: list[asyncio.Task[Any]] = []
        self._dead = False

    def __getattr__(self, name: str) -> Any:
        async def ask(*given: Any, **more: Any) -> Any:
            before = self._asked[-1:]
            self._asked.append(asyncio.ensure_future(self._answer(before, name, *given, **more)))
            return await asyncio.shield(self._asked[-1])

        return ask

    async def _answer(self, before: list[asyncio.Task[Any]], name: str, *given: Any, **more: Any) -> Any:
        if before:
            await asyncio.wait(before)
        for _ in range(self._dice.randint(0, self._turns)):
            await asyncio.sleep(0)
        if self._dead:
            await asyncio.Event().wait()
        return await getattr(self._timers, name)(*given, **more)

    def crash(self) -> None:
        """What was asked for and is not done is never done, and nobody is told."""
        self._dead = True

    async def start_again(self) -> None:
        asked, self._asked = self._asked, []
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        self._dead = False


class SlowPlay(Play):
    def __init__(self, turns: int) -> None:
        super().__init__()
        self.timers = self.world.timers = SlowTimers(turns)  # type: ignore[assignment]
        self.world.start_again()

    async def do_crash(self) -> None:
        self.timers.crash()
        await self._running.__aexit__(None, None, None)
        await self.timers.start_again()
        self.world.start_again()
        self._running = at_work(self.world)
        await self._running.__aenter__()


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sampled_from([3, 10, 40]))
def test_with_a_slow_store_nothing_is_lost_and_order_is_kept(steps: list, turns: int) -> None:
    """Whatever happens in between."""
    asyncio.run(SlowPlay(turns).run(steps), debug=False)  # as in test_seams
