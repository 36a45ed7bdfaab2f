"""What waits in a lane: nothing is lost, nothing overtakes what it may not, and a take keeps within its bounds."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from bridge.dataplane.queues import ByKey, Fifo
from bridge.dataplane.sending import Send
from tests.unit.dataplane.sends import offsets, send

OPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abcd"), st.sampled_from([0, 0, 0, 1, 2]), st.integers(1, 4)),
        st.tuples(st.just("take"), st.integers(1, 6), st.sampled_from([1, 500, 1_000, 10_000])),
        st.tuples(st.just("done"), st.integers(0, 5)),
        st.tuples(st.just("again"), st.integers(0, 5)),
        st.tuples(st.just("unload")),
        st.tuples(st.just("empty")),
    ),
    max_size=60,
)


def made(number: int, key: str, how: int, count: int, *, by_key: bool) -> Send:
    """The next send: of one delivery where keys count; fresh, tried before, or from a keeper."""
    return send(10 * number, 1 if by_key else count, key=key if by_key else "", tried=how == 1, kept=how == 2)


def check_bounds(taken: list[Send], count: int, size: int) -> None:
    assert len(taken) == 1 or sum(len(one.deliveries) for one in taken) <= min(count, *(one.most for one in taken))
    assert len(taken) == 1 or sum(one.size for one in taken) <= size


@given(OPS)
def test_first_come_first_sent(ops: list) -> None:
    """What was taken and comes again is first; all else goes as it came; what is ready is counted."""
    queue, waiting, out, number = Fifo(), [], [], 0
    for op, *more in ops:
        match op:
            case "add":
                number += 1
                waiting.append(made(number, *more, by_key=False))
                queue.add(waiting[-1])
            case "take":
                taken = queue.take(*more)
                assert taken == waiting[: len(taken)]
                assert bool(taken) == bool(waiting)
                if taken:
                    check_bounds(taken, *more)
                out += taken
                del waiting[: len(taken)]
            case "again" if out:
                one = out.pop(more[0] % len(out))
                one.most = 1 + more[0]
                waiting.insert(0, one)
                queue.again(one)
            case "done" if out:
                queue.done(out.pop(more[0] % len(out)))
            case "unload":
                loose = queue.loose()
                assert loose == [one for one in waiting if one.is_fresh]
                queue.remove(loose[1:])
                waiting = [one for one in waiting if one not in loose[1:]]
            case "empty":
                assert queue.empty() == waiting
                waiting = []
        assert list(queue) == waiting
        assert (len(queue), queue.ready) == (len(waiting), len(offsets(waiting)))


@given(OPS)
def test_keys_are_queues_of_their_own(ops: list) -> None:
    """Of a key one send is out at a time, and the next is the oldest; another key never waits for it."""
    queue, number = ByKey(), 0
    waiting: dict[str, list[Send]] = defaultdict(list)
    out: dict[str, Send] = {}

    def ready() -> set[str]:
        return {key for key, sends in waiting.items() if sends and key not in out}

    for op, *more in ops:
        match op:
            case "add":
                number += 1
                one = made(number, *more, by_key=True)
                queue.add(one)
                waiting[one.key].append(one)
            case "take":
                taken = queue.take(*more)
                assert bool(taken) == bool(ready())
                if taken:
                    check_bounds(taken, *more)
                for one in taken:
                    assert one.key in ready()
                    assert one is waiting[one.key].pop(0)
                    out[one.key] = one
            case "again" if out:
                one = out.pop(sorted(out)[more[0] % len(out)])
                waiting[one.key].insert(0, one)
                queue.again(one)
            case "done" if out:
                queue.done(out.pop(sorted(out)[more[0] % len(out)]))
            case "unload":
                loose = queue.loose()
                alone = {key for key in ready() if len(waiting[key]) == 1 and waiting[key][0].is_fresh}
                assert {one.key for one in loose} == alone
                queue.remove(loose[1:])
                for one in loose[1:]:
                    waiting[one.key].clear()
            case "empty":
                assert offsets(queue.empty()) == sorted(offsets([one for sends in waiting.values() for one in sends]))
                waiting.clear()
                out.clear()  # whoever empties a lane forgets what is under way
        assert sorted(offsets(list(queue))) == sorted(offsets([one for sends in waiting.values() for one in sends]))
        assert (len(queue), queue.ready) == (sum(map(len, waiting.values())), len(ready()))


def test_what_a_key_has_behind_it_is_taken_out_with_it() -> None:
    """As when it is parked: the key itself stays taken until its send is done with."""
    queue = ByKey()
    sends = [send(n, key="a" if n < 4 else "b") for n in range(6)]
    for one in sends:
        queue.add(one)
    (first, _) = queue.take(2, 10_000)
    assert queue.after("a") == sends[1:4]
    assert (len(queue), list(queue)) == (1, [sends[5]])
    queue.add(later := send(9, key="a"))
    queue.done(first)
    assert queue.take(1, 10_000) == [later]


def test_what_was_behind_another_cannot_be_read_again() -> None:
    """It may be much older than what went out of other keys meanwhile: a cursor would have to go back that far."""
    queue = ByKey()
    for one in (first := send(1, key="a"), second := send(2, key="a")):
        queue.add(one)
    queue.take(1, 10_000)
    queue.done(first)
    assert (second.is_fresh, queue.loose()) == (False, [])


def test_a_send_that_is_too_large_goes_alone() -> None:
    """Otherwise it would never go."""
    for queue in (Fifo(), ByKey()):
        big, small = send(0, key="a", size=5_000), send(1, key="b")
        queue.add(big)
        queue.add(small)
        assert (queue.take(10, 1_000), queue.take(10, 1_000)) == ([big], [small])
        assert queue.take(10, 1_000) == []
