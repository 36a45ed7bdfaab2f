"""Ids that nobody else makes."""

from datetime import UTC, datetime

import pytest

from bridge.rocketmq.unique import UniqueIds, client_id, month_ms

NOW = datetime(2026, 11, 25, 2, 30, tzinfo=UTC).timestamp()


class Hands:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def test_ids_have_the_layout_of_java() -> None:
    """Maker, milliseconds of the month, counter: 32 upper-case hex digits."""
    (made,) = UniqueIds(bytes(range(10)), Hands())(1)
    assert made[:20] == "00010203040506070809"
    assert int(made[20:28], 16) == (24 * 24 * 3600 + 2.5 * 3600) * 1000
    assert made[28:] == "0000"


def test_ids_differ_within_a_millisecond() -> None:
    """More ids than the counter has numbers are still different, though the clock stands still."""
    ids = UniqueIds(bytes(10), Hands())
    assert len({*ids(150_000), *ids(1), *ids(0), *(one for _ in range(50_000) for one in ids(1))}) == 200_001


def test_a_clock_that_is_set_back_brings_no_id_back() -> None:
    """Ids go on from the latest time seen."""
    clock = Hands()
    ids = UniqueIds(bytes(10), clock)
    made = set(ids(0x10000))
    clock.now -= 3600
    assert made.isdisjoint(ids(0x10000))


def test_ids_go_on_in_the_next_month() -> None:
    """Milliseconds count from the new month's start, in December too."""
    clock = Hands()
    ids = UniqueIds(bytes(10), clock)
    ids(1)
    clock.now = datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC).timestamp()
    assert int(ids(1)[0][20:28], 16) == 1000
    assert month_ms(round(datetime(2026, 12, 31, tzinfo=UTC).timestamp() * 1000))[1] == (clock.now - 1) * 1000


def test_a_maker_has_ten_bytes() -> None:
    """Others would break the layout."""
    with pytest.raises(ValueError, match="10 bytes"):
        UniqueIds(b"short", Hands())


def test_client_ids_name_process_and_noise() -> None:
    """Two processes of one host, and two clients of one process, differ."""
    assert client_id("10.0.0.1", 42, b"\x01\xff") == "10.0.0.1@42@01ff"
