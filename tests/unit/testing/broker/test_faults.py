"""Which requests a fault takes."""

import pytest

from bridge.testing.broker.faults import NAME_SERVER, Faults


@pytest.fixture
def faults() -> Faults:
    return Faults()


def codes(faults: Faults, server: str, *requests: int) -> list[int | None]:
    """What each request is answered instead."""
    taken = [faults.take(server, code) for code in requests]
    return [int(fault.answer.code) if fault and fault.answer else None for fault in taken]


def test_a_fault_is_used_up(faults: Faults) -> None:
    """One request each time."""
    faults.busy(2)
    assert codes(faults, "broker-a", 310, 320, 310) == [2, 2, None]


def test_faults_are_for_some_requests(faults: Faults) -> None:
    """Sends, unless others are named."""
    faults.busy()
    assert codes(faults, "broker-a", 11, 310) == [None, 2]
    faults.busy(codes={11})
    assert codes(faults, "broker-a", 310, 11) == [None, 2]


def test_faults_are_for_brokers_or_a_server(faults: Faults) -> None:
    """A name server only where it is named."""
    faults.refuse(1, "no", 2)
    assert codes(faults, NAME_SERVER, 105) == [None]
    faults.heal()
    faults.refuse(14, on="broker-b")
    faults.refuse(1, on=NAME_SERVER)
    assert codes(faults, "broker-a", 310) == [None]
    assert codes(faults, "broker-b", 310) == [14]
    assert codes(faults, NAME_SERVER, 105) == [1]


def test_some_faults_last(faults: Faults) -> None:
    """Until they are healed."""
    faults.refuse_writes()
    assert codes(faults, "broker-a", *[310] * 5) == [14] * 5
    faults.heal()
    assert codes(faults, "broker-a", 310) == [None]


def test_the_oldest_fault_comes_first(faults: Faults) -> None:
    """Then the next one."""
    faults.busy()
    faults.refuse(215)
    assert codes(faults, "broker-a", 310, 310, 310) == [2, 215, None]
