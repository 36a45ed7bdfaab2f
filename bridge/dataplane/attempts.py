"""One attempt: deliveries to the target, and what came of each as a value."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

import structlog

from bridge.connectors.base import Target
from bridge.dataplane.connection import Connection
from bridge.dataplane.retry import Failed, Failures, failed
from bridge.errors import PartlyFailed, TargetError
from bridge.model.delivery import Delivery
from bridge.model.rule import TargetSpec

log = structlog.get_logger()


class Attempts:
    """Made with each lane: the connection to its target, and the time that one attempt may take."""

    def __init__(self, target: Target, spec: TargetSpec) -> None:
        self._connection = Connection(target)
        self._name = spec.name
        self._timeout_s = float(spec.timeout)

    async def send(self, deliveries: Sequence[Delivery]) -> Failures:
        """Never raises but for cancellation."""
        try:
            async with asyncio.timeout(self._timeout_s), self._connection.use() as target:
                await target.send(deliveries)
        except PartlyFailed as error:
            return _failures(error.failures)
        except (TargetError, TimeoutError) as error:
            return _failures(dict.fromkeys(range(len(deliveries)), error))
        except Exception as error:
            log.exception("the connector has a bug: it raised what its contract does not allow", target=self._name)
            bug = Failed(f"bug in the connector: {error!r}", shared=len(deliveries) > 1)
            return dict.fromkeys(range(len(deliveries)), bug)
        return NOTHING_FAILED

    async def close(self) -> None:
        await self._connection.close()


def _failures(errors: Mapping[int, TargetError | TimeoutError]) -> Failures:
    """Deliveries with one and the same error failed together."""
    times = Counter(map(id, errors.values()))
    known = {id(error): failed(error)._replace(shared=times[id(error)] > 1) for error in errors.values()}
    return {index: known[id(error)] for index, error in errors.items()}


NOTHING_FAILED: Failures = {}
