"""One attempt never raises: what failed is a value, and says whether it failed together with others."""

import asyncio
from collections.abc import Sequence

import pytest

from bridge.connectors.base import Config, Target
from bridge.dataplane.attempts import Attempts
from bridge.errors import NotConnected, PartlyFailed, Rejected, Retryable, TargetError
from bridge.model.delivery import Delivery
from bridge.model.rule import TargetSpec, Wait
from tests.unit.dataplane.sends import delivery

TWO = [delivery(0), delivery(1)]
NO = Rejected("no")


class Raising(Target):
    kind = "raising"
    Config = Config

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        if self.error is not None:
            raise self.error


def attempts(error: Exception | None) -> Attempts:
    return Attempts(Raising(error), TargetSpec(name="t", kind="raising"))


async def test_what_is_taken_failed_nowhere() -> None:
    """No index at all."""
    assert await attempts(None).send(TWO) == {}


@pytest.mark.parametrize("error", [Retryable("down"), NO, NotConnected("gone"), KeyError("a bug")])
async def test_a_send_that_fails_fails_for_all_together(error: Exception) -> None:
    """One delivery alone has nobody to share it with."""
    both = await attempts(error).send(TWO)
    alone = await attempts(error).send(TWO[:1])
    assert [(index, failure.shared) for index, failure in both.items()] == [(0, True), (1, True)]
    assert [(index, failure.shared) for index, failure in alone.items()] == [(0, False)]
    assert both[0].permanent is (error is NO)


@pytest.mark.parametrize(
    ("failures", "shared"),
    [
        ({0: NO, 1: Rejected("no")}, [False, False]),
        ({0: NO, 1: NO}, [True, True]),
        ({1: NO}, [False]),
        ({0: NO, 1: Retryable("busy"), 2: NO}, [True, False, True]),
    ],
)
async def test_of_a_batch_those_with_one_error_failed_together(
    failures: dict[int, TargetError], shared: list[bool]
) -> None:
    """An error of its own says that the target spoke of that delivery."""
    found = await attempts(PartlyFailed(failures)).send([*TWO, delivery(2)])
    assert [found[index].shared for index in sorted(found)] == shared
    assert set(found) == set(failures)


async def test_no_answer_in_time_is_a_failure_that_may_pass() -> None:
    """The send is cancelled."""

    class Silent(Raising):
        async def send(self, deliveries: Sequence[Delivery]) -> None:
            await asyncio.Event().wait()

    spec = TargetSpec(name="t", kind="raising", timeout=Wait(0.001))
    (failure,) = (await Attempts(Silent(None), spec).send(TWO[:1])).values()
    assert (failure.reason, failure.permanent) == ("no answer in time", False)
