"""One question at a time, and no answer that is older than who asked for it."""

import asyncio

import pytest

from bridge.stores.together import Together


class World:
    """A number that grows, told with a delay that the test ends."""

    def __init__(self) -> None:
        self.now = 0
        self.questions = 0
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def ask(self) -> int:
        self.questions += 1
        seen = self.now
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return seen


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_who_asks_meanwhile_gets_the_next_answer() -> None:
    """All of them the same one: it was begun after they asked."""
    world = World()
    together = Together(world.ask)
    first = asyncio.ensure_future(together.answer())
    await turns()
    world.now = 7
    others = [asyncio.ensure_future(together.answer()) for _ in range(5)]
    await turns()
    assert world.questions == 1
    world.go_on.set()
    assert await first == 0
    assert await asyncio.gather(*others) == [7] * 5
    assert world.questions == 2


async def test_an_error_is_told_to_all_who_asked_and_to_nobody_else() -> None:
    """The next question is a new one."""
    world = World()
    together = Together(world.ask)
    world.error = ValueError("no")
    asked = [asyncio.ensure_future(together.answer()) for _ in range(3)]
    await turns()
    world.go_on.set()
    for one in asked:
        with pytest.raises(ValueError, match="no"):
            await one
    world.error = None
    assert await together.answer() == 0


async def test_who_gives_up_takes_nobody_along() -> None:
    """A cancelled caller leaves the question to the others, even the one that was first."""
    world = World()
    together = Together(world.ask)
    first = asyncio.ensure_future(together.answer())
    await turns()
    second = asyncio.ensure_future(together.answer())
    third = asyncio.ensure_future(together.answer())
    await turns()
    first.cancel()
    second.cancel()
    await turns()
    world.now = 3
    world.go_on.set()
    assert await third == 3
    assert first.cancelled()
    assert second.cancelled()
