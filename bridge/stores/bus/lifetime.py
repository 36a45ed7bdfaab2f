"""How long a log may be called, and by which name it is found: the same in every store.

A log ends when it is dropped or its store closes. Whoever calls it then is told why, and so is whoever waits.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from bridge.errors import BridgeError, NotFound, StoreUnavailable
from bridge.stores.bus.base import BusLog, BusStore
from bridge.stores.waiters import Waiters


def dropped(name: str) -> NotFound:
    return NotFound(f"the log of the bus {name} was dropped")


def closed() -> StoreUnavailable:
    return StoreUnavailable("the store is closed")


class EndingLog(BusLog):
    """A log that its store can end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiters = Waiters()
        self._gone: Callable[[], BridgeError] | None = None

    def end(self, why: Callable[[], BridgeError]) -> None:
        """No more calls: whoever waits is told why."""
        self._gone = why
        self._waiters.wake()

    def _check(self) -> None:
        if self._gone is not None:
            raise self._gone()

    def _check_partition(self, partition: int) -> None:
        if not 0 <= partition < self.partitions:
            raise NotFound(f"the log of the bus {self.name} has no partition {partition}")


L = TypeVar("L", bound=EndingLog)


class NamedLogs(BusStore, Generic[L]):
    """A store that knows its logs by name. ``open`` sets ``_closed`` to False."""

    def __init__(self) -> None:
        self._logs: dict[str, L] = {}
        self._closed = True

    def log(self, name: str) -> L:
        self._check()
        try:
            return self._logs[name]
        except KeyError:
            raise NotFound(f"there is no log of a bus {name}") from None

    def logs(self) -> list[str]:
        self._check()
        return sorted(self._logs)

    def _check(self) -> None:
        if self._closed:
            raise closed()

    def _end_all(self) -> None:
        """From now on the store and its logs take no more calls."""
        self._closed = True
        for log in self._logs.values():
            log.end(closed)
