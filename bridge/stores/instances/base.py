"""The contract of the register of instances: processes that share buses and a catalog tell each other how they are.

Each instance tells every second or so that it lives, and now and then how it is. Whoever was not heard of for a while is
gone; nothing else follows from it. (Who reads which partition is the bus store's to say, see ``stores.bus.base``.)

**Time.** How long ago an instance told something is by the clock of the store, one for all: instances' clocks may differ.

**Requests.** An instance may leave one for another, which takes it when it looks the next time. A request that nobody
takes is forgotten with its instance.

**Errors.** StoreUnavailable: not now. StoreError. ``open`` raises StartError.

Implementations: ``sql.SqlInstances``, ``memory.MemoryInstances``; one contract suite (tests/contract/test_instances.py)
runs on each.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """``address``: of its HTTP listener. ``started``: seconds since the epoch. ``status`` means something to instances
    alone; empty in what is told means: as before. ``age_s``, written by the store: how long ago it told something.
    """

    id: str
    address: str
    started: float
    status: bytes = b""
    age_s: float = 0.0


class Instances(ABC):
    @abstractmethod
    async def open(self) -> None:
        """Connect, create or upgrade the schema. Raises StartError."""

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def tell(self, instance: Instance) -> None:
        """It lives."""

    @abstractmethod
    async def list(self, within_s: float) -> Sequence[Instance]:
        """Those that told something in the last so many seconds, the oldest first."""

    @abstractmethod
    async def leave(self, instance_id: str) -> None:
        """It stops; no error if it is not known."""

    @abstractmethod
    async def forget(self, after_s: float) -> int:
        """Forget those that told nothing for so long; returns how many."""

    @abstractmethod
    async def ask(self, instance_id: str, request: bytes) -> None:
        """Leave a request for an instance."""

    @abstractmethod
    async def take(self, instance_id: str) -> Sequence[bytes]:
        """The requests for an instance, the first one first. Each is given once."""
