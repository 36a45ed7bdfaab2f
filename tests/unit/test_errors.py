"""The error tree: one shape, one table."""

import inspect

import pytest

from bridge import errors
from bridge.errors import (
    BridgeError,
    InvalidConfig,
    NotConnected,
    Overloaded,
    PartlyFailed,
    Rejected,
    Retryable,
    TargetError,
    problem,
)

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, BridgeError)]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_has_its_own_code_and_message(kind: type[BridgeError]) -> None:
    """Codes are unique and the docstring is the default message."""
    assert [c.__name__ for c in CLASSES if c.code == kind.code] == [kind.__name__]
    assert kind.__name__ in (errors.__doc__ or "")
    if kind is not PartlyFailed:
        assert str(kind()) == (kind.__doc__ or "").split("\n", 1)[0]


def test_problem_carries_the_facts() -> None:
    """An RFC 9457 problem names code, path and reason."""
    body = problem(InvalidConfig("too many", path="$.spec.targets"))
    assert body["status"] == 400
    assert (body["code"], body["path"], body["detail"]) == ("INVALID_CONFIG", "$.spec.targets", "too many")


def test_overload_says_when_to_come_back() -> None:
    """Overloaded carries its wait into the problem."""
    assert problem(Overloaded(after_s=2.5))["retryAfterSeconds"] == 2.5


def test_a_path_moves_below_a_prefix() -> None:
    """An error found inside a part is reported from the root."""
    assert str(InvalidConfig("bad", path="$.url").under("$.spec.config")) == "$.spec.config.url: bad"
    assert str(InvalidConfig("bad").under("$.spec")) == "$.spec: bad"


def test_what_a_target_said_goes_with_its_error() -> None:
    """Nothing, unless the connector heard something."""
    for plain in (TargetError(), Retryable("a"), Rejected("b"), NotConnected("c"), PartlyFailed({})):
        assert (plain.answer, plain.hold_s, plain.overload, plain.retire) == (b"", None, False, False)
    busy = Retryable("busy", after_s=1.0, hold_s=5.0, overload=True, answer=b"later")
    assert (busy.reason, busy.after_s, busy.hold_s, busy.overload, busy.answer) == ("busy", 1.0, 5.0, True, b"later")
    gone = Rejected("gone", kind="target-retired", retire=True)
    assert (gone.kind, gone.retire, Rejected("no").kind) == ("target-retired", True, "rejected")


def test_partial_failure_counts() -> None:
    """PartlyFailed says how many and keeps each reason."""
    error = PartlyFailed({3: Rejected("no")})
    assert str(error.failures[3]) == "no"
    assert "1 deliveries" in str(error)
