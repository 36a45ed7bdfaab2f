"""What an answer's code means for the caller."""

import pytest

from bridge.rocketmq import errors
from bridge.rocketmq.codes import ResponseCode
from bridge.rocketmq.errors import (
    BrokerError,
    Busy,
    CallTimeout,
    CannotConnect,
    ConnectionLost,
    GroupNotFound,
    NoBroker,
    NoPermission,
    NotFound,
    NotSupported,
    Refused,
    RocketMQError,
    StoredWeakly,
    TooLarge,
    TopicNotFound,
    Unavailable,
    error_of,
)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, BrokerError),
        (2, Busy),
        (3, NotSupported),
        (10, StoredWeakly),
        (11, StoredWeakly),
        (12, StoredWeakly),
        (13, Refused),
        (14, Unavailable),
        (15, NotSupported),
        (16, NoPermission),
        (17, TopicNotFound),
        (22, NotFound),
        (23, Refused),
        (26, GroupNotFound),
        (29, Refused),
        (206, BrokerError),
        (211, Unavailable),
        (215, Busy),
        (501, Unavailable),
        (604, Refused),
        (1500, Unavailable),
        (3001, NotFound),
        (999, BrokerError),
    ],
)
def test_each_code_has_its_class(code: int, kind: type[BrokerError]) -> None:
    """Codes without a class of their own are BrokerError."""
    error = error_of(code, "why", "127.0.0.1:10911")
    assert type(error) is kind
    assert str(error) == f"127.0.0.1:10911: why (answer {code})"


@pytest.mark.parametrize(
    ("code", "remark"),
    [
        (1, "message body size exceeded, the maxMessageSize is 4194304"),
        (
            13,
            "the message is illegal, maybe msg body or properties length not matched. msg properties length limit 32k, it is too large",
        ),
    ],
)
def test_what_is_above_a_limit_is_too_large(code: int, remark: str) -> None:
    """Brokers say so in the remark only, with 13 or with 1."""
    assert type(error_of(code, remark)) is TooLarge
    assert type(error_of(2, remark)) is Busy


def test_nothing_was_done_where_nothing_was_sent() -> None:
    """A lost connection or a timeout leaves open what happened; a refusal and a busy broker do not."""
    assert [kind.maybe_done for kind in (CannotConnect, NoBroker, Busy, Unavailable, Refused)] == [False] * 5
    assert [kind.maybe_done for kind in (ConnectionLost, CallTimeout, StoredWeakly)] == [True] * 3


def test_what_is_worth_another_try() -> None:
    """Bad requests, missing permissions and what is stored already are not tried again."""
    again = {
        kind.__name__ for kind in vars(errors).values() if isinstance(kind, type) and getattr(kind, "again", False)
    }
    assert again == {
        *("CannotConnect", "NoBroker", "ConnectionLost", "CallTimeout"),
        *("BrokerError", "Busy", "Unavailable", "NoRoute", "TopicNotFound"),
    }


def test_the_docstring_is_the_default_message() -> None:
    """An error without a remark says what its class says."""
    assert str(Busy()) == "The broker is busy; nothing was stored."
    assert str(error_of(2)) == "The broker is busy; nothing was stored. (answer 2)"


def test_a_copy_says_the_same() -> None:
    """One error for several callers is copied for each."""
    error = error_of(14, "disk full", "b:1")
    copy = error.copy()
    assert copy is not error
    assert (type(copy), str(copy), copy.code, copy.address) == (Unavailable, str(error), 14, "b:1")


def test_the_tree_is_drawn() -> None:
    """Every class stands in the docstring of the module."""
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, RocketMQError)}
    assert {name for name in kinds if f" {name} " not in (errors.__doc__ or "")} == set()
    assert {code for code in errors._CLASSES if code not in set(ResponseCode)} == set()
