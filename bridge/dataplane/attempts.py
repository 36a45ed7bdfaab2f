"""One attempt: deliveries to the target, and what came of each as a value."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from bridge.connectors.base import Target
from bridge.dataplane.connection import Connection
from bridge.dataplane.retry import Failed, failed
from bridge.errors import PartlyFailed, TargetError
from bridge.model.delivery import Delivery
from bridge.model.rule import TargetSpec

log = structlog.get_logger()


class Outcome(NamedTuple):
    """What failed, by index; ``whole`` when all failed for one reason."""

    failures: Mapping[int, Failed]
    whole: bool


class Attempts:
    """Made with each lane: the connection to its target, and the time that one attempt may take."""

    def __init__(self, target: Target, spec: TargetSpec) -> None:
        self._connection = Connection(target)
        self._name = spec.name
        self._timeout_s = float(spec.timeout)

    async def send(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Never raises but for cancellation."""
        try:
            async with asyncio.timeout(self._timeout_s), self._connection.use() as target:
                await target.send(deliveries)
        except PartlyFailed as error:
            return Outcome({index: failed(failure) for index, failure in error.failures.items()}, whole=False)
        except (TargetError, TimeoutError) as error:
            return Outcome(dict.fromkeys(range(len(deliveries)), failed(error)), whole=True)
        except Exception as error:
            log.exception("the connector has a bug: it raised what its contract does not allow", target=self._name)
            bug = Failed(f"bug in the connector: {error!r}")
            return Outcome(dict.fromkeys(range(len(deliveries)), bug), whole=True)
        return NOTHING_FAILED

    async def close(self) -> None:
        await self._connection.close()


NOTHING_FAILED = Outcome({}, whole=False)
