"""How much is in a lane: every delivery and every byte that comes in goes out again, whatever happens in between."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bridge.dataplane.contents import MOST_HELD, Contents
from bridge.dataplane.retry import GiveUp, Reason
from bridge.dataplane.sending import GivenUp, Past, Send, Waiting
from bridge.model.rule import Batching, TargetSpec
from bridge.model.units import Size
from tests.unit.dataplane.sends import NOBODY, delivery


def contents(per_send: int = 10, most_waiting: int = 8, **spec: object) -> Contents:
    return Contents(TargetSpec(name="t", kind="k", **spec), per_send, most_waiting)


def fill(made: Contents, count: int, size: int = 10) -> Counter[int]:
    """So many deliveries; returns how often each has settled."""
    settled = Counter[int]()
    deliveries = [delivery(n, str(n % 3), size) for n in range(count)]
    taken = 0
    while taken < count:
        send = made.cut(deliveries, taken, lambda number: settled.update([0] * number), None)
        taken += len(send.deliveries)
        made.queue.add(send)
    return settled


def leave(made: Contents, send: Send, some: int) -> None:
    """So many of its first deliveries settle; a send that has none left is done with."""
    made.leave(send, send.deliveries[:some])
    if not send.deliveries:
        made.queue.done(send)


@given(st.lists(st.tuples(st.sampled_from(["leave", "split", "block", "whole"]), st.integers(0, 9)), max_size=40))
def test_what_comes_in_goes_out(ops: list) -> None:
    """Sends leave whole or in part, are split, tried again and blocked; in the end nothing is left, not a byte."""
    made = contents()
    settled = fill(made, 60)
    for op, number in ops:
        if not (load := made.queue.take(1, 10)):
            break
        (send,) = load
        match op:
            case "leave":
                leave(made, send, 1 + number % len(send.deliveries))
            case "split":
                pieces = send.split(1 + number % 3)
                made.front(pieces)
                continue
            case "block" if send.pasts is None:
                stuck, *others = send.deliveries
                given_up = GivenUp(stuck, GiveUp(Reason.REJECTED), "no")
                made.block(send, [given_up], [Waiting(one, Past(1.0, 1), 1.0) for one in others])
                made.front(list(made.blocking))
                made.blocking.clear()
                continue
            case _:
                leave(made, send, len(send.deliveries))
        if send.deliveries:
            made.front([send])
    while load := made.queue.take(1, 10):
        for send in load:
            leave(made, send, len(send.deliveries))
    assert (made.deliveries, made._bytes, settled) == (0, 0, Counter({0: 60}))
    assert made.oldest() == {}


def test_it_is_full_by_sends_by_deliveries_and_by_bytes() -> None:
    """Whichever comes first."""
    by_sends = contents(per_send=10, most_waiting=3)
    fill(by_sends, 30)
    by_bytes = contents(per_send=10, in_flight=Size(2_000))
    fill(by_bytes, 2, size=1_000)
    by_deliveries = contents(per_send=10_000, batch=Batching(count=10_000, size=Size(2**30)))
    fill(by_deliveries, MOST_HELD)
    assert [made.has_room for made in (contents(), by_sends, by_bytes, by_deliveries)] == [True, False, False, False]


def test_a_send_has_no_more_bytes_than_a_batch_may_have() -> None:
    """But for one delivery that is larger by itself."""
    made = contents(per_send=10, batch=Batching(size=Size(1_000)))
    deliveries = [delivery(n, size=size) for n, size in enumerate([100, 100, 100, 5_000, 100])]
    start, cuts = 0, []
    while start < 5:
        cuts.append(len(made.cut(deliveries, start, print, None).deliveries))
        start += cuts[-1]
    assert cuts == [3, 1, 1]


def test_in_order_by_key_each_send_has_one_delivery_and_its_key() -> None:
    """So that a key can wait by itself."""
    made = contents(order="key")
    fill(made, 6)
    assert [(len(send.deliveries), send.key) for send in made.queue] == [(1, key) for key in "012012"]


def test_the_oldest_is_found_wherever_it_is() -> None:
    """Per partition; what a keeper has is no cursor's business."""
    made = contents(per_send=1)
    where = {}
    for offset in (7, 3, 9):
        for partition in (0, 1):
            place = delivery(offset + partition, partition=partition)
            where[offset, partition] = made.cut([place], 0, print, None)
    made.again(Waiting(delivery(1), Past(1.0, 1), 1.0), NOBODY)
    made.resting.add(where[7, 0])
    made.blocking[where[3, 0]] = []
    made.aside.append(where[9, 0])
    made.queue.add(where[7, 1])
    assert made.oldest() == {0: 3, 1: 8}


def test_when_it_ends_everything_comes_out_oldest_first() -> None:
    """And nothing comes in any more."""
    made = contents(per_send=1)
    fill(made, 5)
    (first,) = made.queue.take(1, 1_000)
    made.resting.add(first)
    assert [send.deliveries[0].position.offset for send in made.end()] == [0, 1, 2, 3, 4]
    assert (made.has_room, made.ended, made.deliveries, made.all()) == (False, True, 0, [])
    assert made.changed.is_set()


def test_what_is_unloaded_makes_room() -> None:
    """It is read again later; what was tried before stays."""
    made = contents(per_send=10, most_waiting=3)
    fill(made, 30)
    (tried,) = made.queue.take(1, 1_000)
    tried.pasts = [Past(1.0, 1)] * 10
    made.front([tried])
    assert len(made.unload()) == 2
    assert (made.deliveries, made.has_room) == (10, True)


def test_what_is_earlier_than_something_that_stays_stays_too() -> None:
    """Whoever reads it again would read that again as well; other partitions do not matter."""
    made = contents(order="key")
    places = [(0, 1, "a"), (0, 2, "b"), (0, 3, "a"), (0, 4, "c"), (1, 1, "d")]
    for partition, offset, key in places:
        made.queue.add(made.cut([delivery(offset, key, partition=partition)], 0, print, None))
    out = [send.deliveries[0].position for send in made.unload()]
    assert out == [(0, 4), (1, 1)]  # 3 waits behind 1 of its key, and 2 is earlier than that
    assert made.deliveries == 3
