"""Who reads which queue."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.rocketmq.allocation import allocate, change
from bridge.rocketmq.routes import Queue

queues = st.sets(st.builds(Queue, st.sampled_from("tu"), st.sampled_from("ab"), st.integers(0, 9)), max_size=30)
members = st.lists(st.sampled_from([f"m{n}" for n in range(9)]), min_size=1, max_size=12)


def of(number: int, topic: str = "t") -> list[Queue]:
    return [Queue(topic, "a", n) for n in range(number)]


def test_the_first_ones_get_one_more() -> None:
    """Eight queues for three members: 3, 3, 2, contiguous."""
    shares = [allocate(of(8), ["c", "a", "b"], me) for me in "abc"]
    assert [[queue.id for queue in share] for share in shares] == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_more_members_than_queues() -> None:
    """The last members get nothing."""
    assert [len(allocate(of(2), "abcd", me)) for me in "abcd"] == [1, 1, 0, 0]


def test_queues_are_ordered_by_topic_broker_and_number() -> None:
    """Number 10 comes after number 9, and brokers by name: all members see one order."""
    mixed = [Queue("t", "b", 0), Queue("t", "a", 10), Queue("t", "a", 9)]
    assert allocate(mixed, "ab", "a") == (Queue("t", "a", 9), Queue("t", "a", 10))


def test_each_topic_is_shared_out_for_itself() -> None:
    """As the Java client does it: two topics of one queue both go to the first member."""
    assert allocate([*of(1, "t"), *of(1, "u")], "ab", "a") == (*of(1, "t"), *of(1, "u"))
    assert allocate([*of(1, "t"), *of(1, "u")], "ab", "b") == ()


def test_who_is_no_member_gets_nothing() -> None:
    """A broker that does not know us yet gives us no share."""
    assert allocate(of(4), ["a", "b"], "c") == ()


@given(queues, members)
def test_every_queue_has_one_reader(queues: set[Queue], members: list[str]) -> None:
    """Shares are disjoint, together complete and even, whatever the order and however often a member is listed."""
    shares = [allocate(queues, members, me) for me in sorted(set(members))]
    assert sorted(queue for share in shares for queue in share) == sorted(queues)
    for topic in {queue.topic for queue in queues}:
        sizes = [sum(queue.topic == topic for queue in share) for share in shares]
        assert max(sizes) - min(sizes) <= 1
        assert sizes == sorted(sizes, reverse=True)
    assert allocate(sorted(queues, reverse=True), members[::-1], members[0]) == allocate(queues, members, members[0])


@given(queues, queues)
def test_a_change_leads_from_one_to_the_other(owned: set[Queue], share: set[Queue]) -> None:
    """What stays is touched neither way."""
    revoked, gained = change(owned, share)
    assert (owned - set(revoked)) | set(gained) == share
    assert set(revoked).isdisjoint(share)
    assert set(gained).isdisjoint(owned)
