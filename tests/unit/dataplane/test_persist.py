"""What must not be lost is stored in the end, however often the store fails before."""

import pytest
from structlog.testing import capture_logs

from bridge.dataplane import persist
from bridge.dataplane.persist import until_stored
from bridge.errors import NotFound, StoreError, StoreUnavailable


class Store:
    def __init__(self, *script: Exception) -> None:
        self.script = list(script)
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        if self.script:
            raise self.script.pop(0)
        return "stored"


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persist, "FIRST_WAIT_S", 0.0)


async def test_a_store_that_fails_is_asked_until_it_answers() -> None:
    """Whether it says that it cannot now or that it cannot at all: an operator may mend it."""
    store = Store(StoreUnavailable("full"), StoreError("damaged"), StoreUnavailable("full"))
    assert await until_stored(store, "letters", "b/r/t") == "stored"
    assert store.asked == 4


async def test_what_is_no_failure_of_the_store_is_raised() -> None:
    """Asking again would not help."""
    store = Store(NotFound("no such bus"))
    with pytest.raises(NotFound):
        await until_stored(store, "letters", "b/r/t")
    assert store.asked == 1


async def test_each_failure_is_told() -> None:
    """With what and where, so that somebody can mend it."""
    with capture_logs() as lines:
        await until_stored(Store(StoreError("damaged")), "dead letters", "b/r/t")
    ((what, where, reason),) = [(line["what"], line["where"], line["reason"]) for line in lines]
    assert (what, where, reason) == ("dead letters", "b/r/t", "damaged")
