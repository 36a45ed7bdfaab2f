"""Who may do what on a broker with users."""

import pytest

from bridge.rocketmq.auth import Credentials, signed
from bridge.rocketmq.frames import Command
from bridge.testing.broker.requests import Refusal, Request
from bridge.testing.broker.users import Grant, Users

ADMIN, GUEST = Credentials("admin", "a"), Credentials("guest", "g")


def refusal(users: Users, client, code: int, by: Credentials | None, **ext: str) -> str | None:
    """The remark with which a request is refused, None if it is not."""
    arguments = signed(ext, b"body", by) if by else ext
    try:
        users.check(Request(Command(code, ext=arguments, body=b"body"), client, 0))
    except Refusal as refused:
        return refused.answer.remark if refused.answer.code == 16 else f"answered {refused.answer.code}"
    return None


def test_without_users_everybody_may_do_everything(client) -> None:
    """No signature is looked at."""
    assert refusal(Users(), client, 310, None, b="orders") is None


def test_requests_must_be_signed_by_somebody_known(client) -> None:
    """Every refusal is 16; the remark says why."""
    users = Users(ADMIN)
    assert refusal(users, client, 310, ADMIN, b="orders") is None
    assert refusal(users, client, 310, None, b="orders") == "username cannot be null."
    assert refusal(users, client, 310, GUEST, b="orders") == "User:guest is not found."
    assert refusal(users, client, 310, Credentials("admin", "wrong"), b="orders") == "check signature failed."


def test_an_argument_that_is_added_later_breaks_the_signature(client) -> None:
    """It must be made last."""
    ext = {**signed({"topic": "t"}, b"body", ADMIN), "queueId": "0"}
    with pytest.raises(Refusal):
        Users(ADMIN).check(Request(Command(30, ext=ext, body=b"body"), client, 0))


def test_a_user_may_do_what_is_granted(client) -> None:
    """By topic and group, with a star for any rest, and by action."""
    users = Users(ADMIN)
    users.add(GUEST, (Grant("Topic:bus-*", frozenset({"Pub", "Sub"})), Grant("Group:readers")))
    assert refusal(users, client, 310, GUEST, b="bus-1") is None
    assert refusal(users, client, 11, GUEST, topic="bus-1", consumerGroup="readers") is None
    remark = "User:guest has no permission to access {} from 127.0.0.1, no matched policies."
    assert refusal(users, client, 310, GUEST, b="other") == remark.format("Topic:other")
    assert refusal(users, client, 17, GUEST, topic="bus-1") == remark.format("Topic:bus-1")
    assert refusal(users, client, 11, GUEST, topic="bus-1", consumerGroup="x") == remark.format("Group:x")


def test_some_requests_are_open_to_every_user(client) -> None:
    """Changing the broker's settings among them, as on a real one."""
    users = Users(ADMIN)
    users.add(GUEST)
    assert [refusal(users, client, code, GUEST) for code in (25, 28, 200, 35, 41)] == [None] * 5
