"""What a broker's start means for a partition: nothing, or that its queue has lost its end."""

import asyncio
from types import SimpleNamespace

import pytest

from bridge.stores.bus.rocketmq import boots as module
from bridge.stores.bus.rocketmq.boots import Boots

HERE, THERE = "127.0.0.1:10911", "127.0.0.1:10921"


class Queue:
    """What is asked of a partition: when each event of its queue was stored; ``lost``: from where it was told to be gone."""

    def __init__(self, *stored_ms: int) -> None:
        self.known = True
        self.end = 3
        self.stored = stored_ms
        self.lost: list[int] = []

    async def ends(self) -> tuple[int, int]:
        return 0, len(self.stored)

    async def stored_ms(self, offset: int) -> int | None:
        return self.stored[offset] if 0 <= offset < len(self.stored) else None

    def lose(self, offset: int) -> None:
        self.lost.append(offset)


def boots_of(queue: Queue, ms: int | None = 100) -> Boots:
    boots = Boots(queue, SimpleNamespace(cluster=None, group="g"))
    boots.looked_at(HERE, ms)
    return boots


@pytest.mark.parametrize(
    ("stored", "lost"),
    [
        ((10, 20, 30), []),  # all of it is there
        ((10, 20, 30, 250), []),  # and more since then
        ((10, 20), [2]),  # it is shorter
        ((), [0]),
        ((10, 20, 250), [2]),  # it has given the last offset again
    ],
)
async def test_a_start_that_lost_something_is_told_from_one_that_did_not(stored: tuple[int], lost: list[int]) -> None:
    """Three events were known; the broker was started at 200."""
    queue = Queue(*stored)
    await boots_of(queue).compare(200, known=3)
    assert queue.lost == lost


@pytest.mark.parametrize("ms", [100, 50, None])
async def test_a_broker_that_was_there_before_has_lost_nothing(ms: int | None) -> None:
    """Another one of the same name, or the first that is looked at: what is missing there is not for its start to say."""
    queue = Queue()
    await boots_of(queue, None if ms is None else 100).compare(ms or 200, known=3)
    assert queue.lost == []


async def test_a_broker_that_is_there_again_is_in_doubt_until_it_is_looked_at() -> None:
    """What was known before counts, from the first of several times."""
    queue = Queue(10, 20, 30)
    boots = boots_of(queue)
    boots.connected(THERE)
    assert (boots.in_doubt, boots.known_before) == (False, None)
    boots.connected(HERE)
    queue.end = 9
    boots.connected(HERE)
    assert (boots.in_doubt, boots.known_before) == (True, 3)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(boots.until_sure())
        await asyncio.sleep(0)
        assert not waiting.done()
        boots.looked_at(HERE, 200)
    assert (boots.in_doubt, boots.known_before, boots.ms) == (False, None, 200)


async def test_nothing_is_known_before_the_ends_are() -> None:
    """Of a partition whose ends nobody has told yet."""
    queue = Queue()
    queue.known = False
    boots = boots_of(queue)
    boots.connected(HERE)
    assert (boots.in_doubt, boots.known_before) == (True, None)


async def test_offsets_wait_for_the_first_look() -> None:
    """Who has just begun cannot know whether the broker has just been started."""
    boots = Boots(Queue(), SimpleNamespace(cluster=None, group="g"))
    boots.connected(HERE)
    assert boots.in_doubt
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(boots.until_sure())
        await asyncio.sleep(0)
        assert not waiting.done()
        boots.looked_at(HERE, 100)


async def test_offsets_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody reads the partition nobody looks: who has waited once does not wait again."""
    monkeypatch.setattr(module, "SURE_S", 0)
    boots = boots_of(Queue(10))
    boots.connected(HERE)
    await boots.until_sure()
    monkeypatch.setattr(module, "SURE_S", 1e9)
    await boots.until_sure()
    assert boots.in_doubt
