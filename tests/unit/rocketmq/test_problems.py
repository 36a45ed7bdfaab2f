"""What does not work at the moment."""

import asyncio

import pytest

from bridge.rocketmq.errors import Busy, CannotConnect
from bridge.rocketmq.problems import Problems, failures


def test_problems_stay_until_it_works_again() -> None:
    """Those of one thing being done do not touch those of another."""
    problems = Problems("group g")
    assert not problems.note("heartbeat", {"a": CannotConnect("down"), "b": Busy("busy")})
    assert not problems.note("members", {"a": CannotConnect("down")})
    assert not problems.note("heartbeat", {"b": Busy("busy")})
    assert sorted(problems.current) == ["heartbeat: b", "members: a"]
    assert problems.note("heartbeat", {})
    assert sorted(problems.current) == ["members: a"]


def test_each_change_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """What fails every second is not logged every second."""
    problems = Problems("group g")
    for _ in range(3):
        problems.note("heartbeat", {"a": CannotConnect("connection refused")})
    problems.note("heartbeat", {})
    assert caplog.messages == [
        "group g: heartbeat: a: connection refused; trying again",
        "group g: heartbeat: a: works again",
    ]


async def test_failures_are_told_from_bugs() -> None:
    """Errors of RocketMQ are values, anything else is raised."""
    error = Busy("busy")
    assert failures(["a", "b"], [error, 1]) == {"a": error}
    with pytest.raises(ZeroDivisionError):
        failures(["a"], [ZeroDivisionError()])
    with pytest.raises(asyncio.CancelledError):
        failures(["a"], [asyncio.CancelledError()])
