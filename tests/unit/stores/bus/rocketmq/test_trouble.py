"""What goes wrong on RocketMQ, as a bus store says it."""

import pytest

from bridge.errors import StoreError, StoreUnavailable, TooLarge
from bridge.rocketmq import errors
from bridge.stores.bus.rocketmq.trouble import Troubles, persist, store_error


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (errors.CannotConnect("connection refused", address="h:1"), StoreUnavailable, "doing: h:1: connection refused"),
        (errors.NoRoute("topic"), StoreUnavailable, "brokers are down, or somebody deleted"),
        (errors.TopicNotFound("topic"), StoreUnavailable, "applying the bus again"),
        (errors.NoPermission("no", code=16), StoreUnavailable, "rocketmq.access_key"),
        (errors.NotRocketMQ(), StoreUnavailable, "address of a name server"),
        (errors.NotSupported("3"), StoreUnavailable, "not a proxy's"),
        (errors.TooLarge("size"), TooLarge, "doing: size"),
        (errors.Refused("bad"), StoreError, "doing: bad"),
    ],
)
def test_errors_say_what_to_do(error: errors.RocketMQError, kind: type, text: str) -> None:
    """And whether another try may help."""
    made = store_error("doing", error)
    assert type(made) is kind
    assert text in made.reason


async def test_patience_ends() -> None:
    """What passes is tried again meanwhile, what does not is told at once."""
    troubles, tries = Troubles(), 0

    async def work() -> int:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise errors.Busy
        return tries

    assert await persist(work, "what", "doing", troubles, 5.0) == 3
    assert troubles.current == {}
    tries = -100
    with pytest.raises(StoreUnavailable, match="doing: The broker is busy"):
        await persist(work, "what", "doing", troubles, 0.0)
    assert troubles.current == {"what": "doing: The broker is busy; nothing was stored."}

    async def wrong() -> None:
        raise errors.Refused

    with pytest.raises(StoreError):
        await persist(wrong, "other", "doing", troubles, 60.0)
    assert list(troubles.current) == ["what"]


async def test_what_somebody_can_change_is_waited_for_by_the_stubborn() -> None:
    """Readers wait for a permission; who makes a topic is told at once."""
    troubles, tries = Troubles(), 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise errors.NoPermission

    await persist(work, "what", "doing", troubles, 5.0, stubborn=True)
    tries = 0
    with pytest.raises(StoreUnavailable):
        await persist(work, "what", "doing", troubles, 5.0)
    assert tries == 1
