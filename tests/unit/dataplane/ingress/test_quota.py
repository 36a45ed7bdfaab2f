"""Bytes under way, in all and of each bus."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.dataplane.ingress.quota import Quota

BUSES = ("a", "b", "c")


def test_a_flooded_bus_leaves_room_for_others() -> None:
    """It may hold half; the rest is for the others, all of them together."""
    quota = Quota(100)
    quota.take("a", 50)
    assert "of the bus a" in (quota.lack("a", 1, None) or "")
    assert quota.lack("b", 50, None) is None
    quota.take("b", 50)
    assert (quota.lack("c", 1, None) or "").startswith("too many bytes are under way")
    quota.give("a", 50)
    assert quota.lack("c", 50, None) is None


def test_a_bus_may_have_its_own_limit() -> None:
    """More than half, or less."""
    quota = Quota(100)
    quota.take("a", 10)
    assert quota.lack("a", 80, 90) is None
    assert quota.lack("a", 81, 90) is not None
    assert quota.lack("a", 91, 1_000) is not None


def test_a_request_beyond_the_limit_of_its_bus_goes_alone() -> None:
    """So that it is not refused for ever; two of them do not go together."""
    quota = Quota(100)
    assert quota.lack("a", 60, 10) is None
    quota.take("a", 60)
    assert quota.lack("a", 1, 10) is not None
    assert quota.lack("b", 41, None) is not None


def test_empty_requests_count_for_nothing() -> None:
    """Several of them at once."""
    quota = Quota(100)
    for step in (quota.take, quota.take, quota.give, quota.give):
        step("a", 0)
    assert quota.lack("a", 100, 100) is None


@given(st.lists(st.tuples(st.sampled_from(BUSES), st.integers(0, 60)), max_size=40), st.randoms())
def test_it_never_holds_more_and_forgets_nothing(asked: list[tuple[str, int]], random) -> None:
    """Whatever comes and goes: within the total, each bus within its limit or alone; and at the end all is free again."""
    quota, under_way = Quota(100), []
    for bus, size in asked:
        if quota.lack(bus, size, None) is None:
            quota.take(bus, size)
            under_way.append((bus, size))
        elif under_way and random.random() < 0.5:
            quota.give(*under_way.pop(random.randrange(len(under_way))))
        assert sum(size for _, size in under_way) <= 100
        for one in BUSES:
            mine = [size for bus, size in under_way if bus == one and size]
            assert sum(mine) <= 50 or len(mine) == 1
    for one in under_way:
        quota.give(*one)
    assert all(quota.lack(bus, 100, None) is None for bus in BUSES)
