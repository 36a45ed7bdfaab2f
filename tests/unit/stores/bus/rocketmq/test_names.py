"""Names of topics and groups."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bridge.stores.bus.rocketmq.names import LONGEST, bus_topic, cursor_group, cursor_key

BUSES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,126}", fullmatch=True)
LEGAL = re.compile(r"[A-Za-z0-9_-]+")


def test_a_bus_is_found_under_its_name() -> None:
    """As long as that fits."""
    assert bus_topic("bridge", "traffic") == "bridge-traffic"
    assert cursor_group("bridge-traffic", "target/rule/name", "0a1b2c3d") == "bridge-traffic-target-rule-name-0a1b2c3d"
    assert cursor_group("bridge-traffic", "/\0", "0a1b2c3d") == "bridge-traffic-cursor-0a1b2c3d"


@given(BUSES, st.text(min_size=1, max_size=400))
def test_names_are_legal(bus: str, cursor: str) -> None:
    """For any bus and any cursor."""
    topic = bus_topic("bridge", bus)
    for name in (topic, cursor_group(topic, cursor, "0a1b2c3d")):
        assert LEGAL.fullmatch(name)
        assert len(name) <= LONGEST


@given(BUSES, BUSES)
def test_names_differ(one: str, other: str) -> None:
    """Also of those that are cut."""
    assert (bus_topic("bridge", one) == bus_topic("bridge", other)) == (one == other)


def test_long_names_that_begin_alike_differ() -> None:
    """What is cut off is in the hash."""
    one, other = (bus_topic("bridge", "x" * 126 + end) for end in "ab")
    assert one != other


@given(st.text(max_size=100), st.text(max_size=100))
def test_keys_are_short_and_differ(one: str, other: str) -> None:
    """Whatever cursors are called."""
    assert len(cursor_key(one)) == 32
    assert (cursor_key(one) == cursor_key(other)) == (one == other)
