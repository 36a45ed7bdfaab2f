"""The pipeline delivers everything, commits only what is settled, and begins again where it left."""

import asyncio
from collections.abc import Sequence

import pytest

from bridge.dataplane.aftermath import Exits
from bridge.dataplane.burial import transform_failed
from bridge.dataplane.lanes import Lane
from bridge.dataplane.pipeline import Pace, Pipeline, Wiring
from bridge.dataplane.routing import Failures, Judgement
from bridge.dataplane.sending import GivenUp, Timing
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.log import Format, Position, StoredChunk
from bridge.model.rule import TargetSpec
from bridge.stores.bus.base import Bounds
from tests.unit.dataplane.sends import send
from tests.unit.dataplane.test_lanes import Scripted


class ListLog:
    """As much of a bus log as a pipeline asks for: chunks of two events in one partition, from a list."""

    here = frozenset({0})

    def __init__(self, chunks: int) -> None:
        self.chunks = [StoredChunk(2 * i, 0.0, Format.JSON, 2, b"") for i in range(chunks)]
        self.saved: dict[int, int] = {}
        self.reached = asyncio.Event()

    async def cursor(self, name: str) -> dict[int, int]:
        return dict(self.saved)

    def bounds(self, partition: int) -> tuple[int, int]:
        return Bounds(0, 2 * len(self.chunks))

    async def wait(self, offsets: dict[int, int]) -> None:
        if offsets[0] >= 2 * len(self.chunks):
            await asyncio.Event().wait()

    async def read(self, partition: int, offset: int, limit: int) -> list[StoredChunk]:
        return [c for c in self.chunks if c.end > offset][: max(1, limit // 2)]

    async def commit(self, name: str, offsets: dict[int, int]) -> None:
        assert offsets[0] > self.saved.get(0, 0), "a cursor never goes back"
        self.saved.update(offsets)
        if offsets[0] == 2 * len(self.chunks):
            self.reached.set()


async def nothing_new() -> None:
    """No definition was changed."""


async def run(log: ListLog, target: Scripted, until: asyncio.Event) -> None:
    async def bury(letters: Sequence[GivenUp]) -> None:
        raise AssertionError("nothing is given up here")

    def judge(partition: int, offset: int, chunks: Sequence[StoredChunk]):
        offsets = [o for chunk in chunks for o in range(chunk.offset, chunk.end) if o >= offset]
        return Judgement(
            {lane: [Delivery(Event(str(o), "/s", "t", {}), Position(partition, o), None, None) for o in offsets]}, []
        )

    async def both() -> None:
        nonlocal lane
        async with asyncio.TaskGroup() as group:
            timing = Timing(lambda: 0.0, asyncio.sleep, lambda: 0.0)
            spec = TargetSpec(name="a", kind="scripted")
            lane = Lane(target, spec, exits=Exits(bury), spawn=group.create_task, timing=timing)
            group.create_task(Pipeline(log, "live", Wiring(nothing_new, judge), Pace(4, 0)).run())

    lane: Lane
    running = asyncio.ensure_future(both())
    async with asyncio.timeout(5):
        await until.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_every_event_is_delivered_and_then_committed() -> None:
    """The cursor ends behind the last event."""
    log, target = ListLog(10), Scripted()
    await run(log, target, log.reached)
    assert sorted(o for send in target.sends for o in send) == list(range(20))
    assert log.saved == {0: 20}


async def test_it_begins_where_the_cursor_stands_even_inside_a_chunk() -> None:
    """Offset 3 is the second event of the second chunk."""
    log, target = ListLog(3), Scripted()
    log.saved = {0: 3}
    await run(log, target, log.reached)
    assert sorted(o for send in target.sends for o in send) == [3, 4, 5]


async def test_nothing_is_committed_while_a_delivery_is_open() -> None:
    """A target that hangs keeps the cursor where it was."""

    class Hanging(Scripted):
        async def send(self, deliveries: Sequence[Delivery]) -> None:
            asked.set()
            await asyncio.Event().wait()

    asked = asyncio.Event()
    log = ListLog(2)
    await run(log, Hanging(), asked)
    assert log.saved == {}


async def test_stopping_to_read_lets_what_was_read_settle() -> None:
    """Nothing new is read, nothing old is left behind uncommitted."""
    log, target = ListLog(10), Scripted()
    saved = asyncio.Event()

    def judge(partition: int, offset: int, chunks: Sequence[StoredChunk]):
        saved.set()
        return Judgement({}, [])

    pipeline = Pipeline(log, "live", Wiring(nothing_new, judge), Pace(4, 0))
    running = asyncio.ensure_future(pipeline.run())
    async with asyncio.timeout(5):
        await saved.wait()
        await pipeline.stop_reading()
        read = dict(pipeline.read)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert log.saved == read == pipeline.read
    assert target.sends == []


async def test_what_nobody_wants_is_not_read() -> None:
    """The position moves to the end as it was before that was known."""
    log = ListLog(10)

    def judge(partition: int, offset: int, chunks: Sequence[StoredChunk]):
        raise AssertionError("read for nothing")

    pipeline = Pipeline(log, "live", Wiring(nothing_new, judge, unwanted=lambda: True), Pace(4, 0))
    running = asyncio.ensure_future(pipeline.run())
    async with asyncio.timeout(5):
        await log.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert log.saved == {0: 20}


async def test_events_that_retention_deleted_are_counted() -> None:
    """With their range, when the cursor comes to where they were."""
    log, lost = ListLog(5), []
    log.chunks = log.chunks[2:]
    log.saved = {0: 1}
    log.bounds = lambda partition: Bounds(4, 10)

    def judge(partition: int, offset: int, chunks: Sequence[StoredChunk]):
        return Judgement({}, [])

    async def commit(name: str, offsets: dict[int, int]) -> None:
        if offsets[0] == 10:
            log.reached.set()

    log.commit = commit
    wiring = Wiring(nothing_new, judge, lost=lambda *range_: lost.append(range_))
    running = asyncio.ensure_future(Pipeline(log, "live", wiring, Pace(100, 0)).run())
    async with asyncio.timeout(5):
        await log.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert lost == [(0, 1, 4)]


class Crawling(Scripted):
    """Takes one delivery at a time, and each takes a moment."""

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        await asyncio.sleep(0.005)


class Hanging(Scripted):
    async def send(self, deliveries: Sequence[Delivery]) -> None:
        await asyncio.Event().wait()


async def relieved_of(targets: Sequence[Scripted], patience_s: float) -> list[float]:
    """When, by the loop's clock, the owner of a pipeline was asked to relieve it of each lane."""
    asked: list[float] = []
    log, begun = ListLog(100), asyncio.get_running_loop().time()

    def judge(partition: int, offset: int, chunks: Sequence[StoredChunk]):
        deliveries = [Delivery(Event(str(o), "/s", "t", {}), Position(0, o), None, None) for o in range(offset, 200)]
        return Judgement(dict.fromkeys(lanes, deliveries), [])

    async def relieve(lane: Lane) -> None:
        for hand_over in pipeline.hand_overs:
            if hand_over.lane is lane:
                hand_over.settled(len(hand_over.take()))
        asked.append(asyncio.get_running_loop().time() - begun)
        if len(asked) == len(targets):
            done.set()

    async def bury(letters: Sequence[GivenUp]) -> None:
        raise AssertionError("nothing is given up here")

    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        timing = Timing(lambda: 0.0, asyncio.sleep, lambda: 0.0)
        spec = TargetSpec(name="a", kind="scripted", concurrency=1)
        lanes = [Lane(t, spec, exits=Exits(bury), spawn=group.create_task, timing=timing) for t in targets]
        pipeline = Pipeline(log, "live", Wiring(nothing_new, judge, relieve=relieve), Pace(200, 0, patience_s))
        running = group.create_task(pipeline.run())
        async with asyncio.timeout(5):
            await done.wait()
        running.cancel()
        for lane in lanes:
            await lane.stop(lambda deliveries, settled: asyncio.sleep(0))
    return asked


async def test_a_lane_that_has_room_now_and_then_is_not_waited_for_longer_than_one_that_has_none() -> None:
    """What a step waits for is the whole of it: 200 deliveries of 5 ms are a second, its patience is less."""
    (asked_at,) = await relieved_of([Crawling()], 0.05)
    assert asked_at < 0.5


async def test_many_full_lanes_are_waited_for_at_the_same_time() -> None:
    """Not one after the other."""
    asked = await relieved_of([Hanging() for _ in range(20)], 0.1)
    assert max(asked) - min(asked) < 0.1


async def test_dead_letters_that_cannot_be_stored_hold_up_one_target_alone() -> None:
    """Who buries them leaves, and buries them from its own cursor."""
    relieved: list[str] = []
    log, begun = ListLog(1), asyncio.Event()

    async def bury(letters: Sequence[GivenUp]) -> None:
        begun.set()
        await asyncio.Event().wait()

    def judge(partition: int, offset: int, chunks: Sequence[StoredChunk]):
        gone = transform_failed(Delivery(Event("0", "/s", "t", {}), Position(0, 0), None, None), "no such value")
        return Judgement({}, [Failures("lane", bury, [gone])])

    async def relieve(lane: str) -> None:
        for hand_over in pipeline.hand_overs:
            hand_over.settled(len(hand_over.take()))
        relieved.append(lane)

    pipeline = Pipeline(log, "live", Wiring(nothing_new, judge, relieve=relieve), Pace(4, 0, 0.01))
    running = asyncio.ensure_future(pipeline.run())
    async with asyncio.timeout(5):
        await begun.wait()
        await log.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (relieved, pipeline.hand_overs) == (["lane"], [])


@pytest.mark.parametrize(
    ("settled", "position"), [((), 3), ((3,), 5), ((5,), 3), ((3, 5), 7), ((5, 3), 7), ((3, 5, 7), 9), ((7, 5, 3), 9)]
)
def test_what_is_taken_over_settles_one_by_one(settled: tuple[int, ...], position: int) -> None:
    """The cursor stands at the oldest of them, in whatever order they were given."""
    sends = {first: send(first, count) for first, count in ((7, 2), (3, 1), (5, 1))}
    pipeline = Pipeline(ListLog(5), "own", Wiring(nothing_new, lambda *_: Judgement({}, [])))
    pipeline.adopt(0, 9, list(sends.values()))
    for first in settled:
        sends[first].settled(len(sends[first].deliveries))
    assert (pipeline.position, pipeline.read) == ({0: position}, {0: 9})
