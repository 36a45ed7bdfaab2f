"""In which order a lane's sends go out: as they came, or as they came of each key. Pure."""

from collections import deque
from collections.abc import Collection, Iterator
from typing import Protocol

from bridge.dataplane.sending import Send


class Queue(Protocol):
    """What waits in a lane. A send that was taken is ``done`` with in the end, or comes ``again``."""

    def add(self, send: Send) -> None: ...

    def again(self, send: Send) -> None:
        """To the front: it was taken before."""

    def take(self, count: int, size: int) -> list[Send]:
        """What may go out together now: at most so many deliveries and bytes, but at least one send if any may go."""

    def done(self, send: Send) -> None:
        """It is settled, or given back."""

    def loose(self) -> list[Send]:
        """The sends that can be read again from the log without harm to the order."""

    def remove(self, sends: Collection[Send]) -> None:
        """Take out some of those."""

    def empty(self) -> list[Send]:
        """Take out everything, oldest first."""

    def __iter__(self) -> Iterator[Send]: ...

    def __len__(self) -> int: ...

    @property
    def ready(self) -> int:
        """How many deliveries might be taken now."""


class Fifo:
    """First come, first sent."""

    def __init__(self) -> None:
        self._sends: deque[Send] = deque()
        self.ready = 0

    def __len__(self) -> int:
        return len(self._sends)

    def __iter__(self) -> Iterator[Send]:
        return iter(self._sends)

    def add(self, send: Send) -> None:
        self._sends.append(send)
        self.ready += len(send.deliveries)

    def again(self, send: Send) -> None:
        self._sends.appendleft(send)
        self.ready += len(send.deliveries)

    def take(self, count: int, size: int) -> list[Send]:
        taken: list[Send] = []
        total = 0
        while self._sends:
            send = self._sends[0]
            count = min(count, send.most)
            total += len(send.deliveries)
            size -= send.size
            if taken and (total > count or size < 0):
                break
            taken.append(self._sends.popleft())
            self.ready -= len(send.deliveries)
        return taken

    def done(self, send: Send) -> None:
        pass

    def loose(self) -> list[Send]:
        return [send for send in self._sends if send.is_fresh]

    def remove(self, sends: Collection[Send]) -> None:
        gone = set(sends)
        self._keep(deque(send for send in self._sends if send not in gone))

    def empty(self) -> list[Send]:
        sends = list(self._sends)
        self._keep(deque())
        return sends

    def _keep(self, sends: deque[Send]) -> None:
        self._sends = sends
        self.ready = sum(len(send.deliveries) for send in sends)


class ByKey:
    """One send of a key at a time, in order; each send holds one delivery. A key that waits holds up no other."""

    def __init__(self) -> None:
        self._ready: deque[Send] = deque()
        self._keys: dict[str, deque[Send]] = {}
        """For each key with a send that is ready or was taken: what is behind it."""
        self._behind = 0

    def __len__(self) -> int:
        return len(self._ready) + self._behind

    def __iter__(self) -> Iterator[Send]:
        yield from self._ready
        for behind in self._keys.values():
            yield from behind

    @property
    def ready(self) -> int:
        return len(self._ready)

    def add(self, send: Send) -> None:
        behind = self._keys.get(send.key)
        if behind is None:
            self._keys[send.key] = deque()
            self._ready.append(send)
        else:
            send.stays = True
            behind.append(send)
            self._behind += 1

    def again(self, send: Send) -> None:
        self._ready.appendleft(send)

    def take(self, count: int, size: int) -> list[Send]:
        taken: list[Send] = []
        while self._ready:
            send = self._ready[0]
            count = min(count, send.most)
            size -= send.size
            if taken and (len(taken) >= count or size < 0):
                break
            taken.append(self._ready.popleft())
        return taken

    def done(self, send: Send) -> None:
        behind = self._keys[send.key]
        if behind:
            self._behind -= 1
            self._ready.append(behind.popleft())
        else:
            del self._keys[send.key]

    def after(self, key: str) -> list[Send]:
        """Take out what is behind the send of a key that was taken."""
        behind = self._keys[key]
        sends = list(behind)
        self._behind -= len(sends)
        behind.clear()
        return sends

    def loose(self) -> list[Send]:
        """A key stays whole: what was behind another may be much older than what was sent of other keys."""
        return [send for send in self._ready if send.is_fresh and not self._keys[send.key]]

    def remove(self, sends: Collection[Send]) -> None:
        gone = set(sends)
        for send in gone:
            del self._keys[send.key]
        self._ready = deque(send for send in self._ready if send not in gone)

    def empty(self) -> list[Send]:
        sends = sorted(self, key=lambda send: send.deliveries[0].position)
        self._ready.clear()
        self._keys.clear()
        self._behind = 0
        return sends
