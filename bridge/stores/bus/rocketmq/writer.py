"""Appends to one partition: those of many callers leave together, as batches that a broker stores as one whole.

While one batch is on its way the next one gathers, so appends keep their order whatever happens to a batch: it is tried
again, and looked for where its answer was lost, before the next one leaves. The first append after a rest leaves at the
end of its turn of the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import structlog

from bridge.errors import BridgeError, StoreUnavailable
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import Malformed, RocketMQError, TooLarge
from bridge.rocketmq.frames import Command
from bridge.rocketmq.producer import Producer
from bridge.rocketmq.sending import Parcel
from bridge.stores.bus.rocketmq.doubt import find_stored, mark_of
from bridge.stores.bus.rocketmq.ends import Reading
from bridge.stores.bus.rocketmq.partition import Partition
from bridge.stores.bus.rocketmq.trouble import store_error

log = structlog.get_logger()

GROUP_BYTES = 2**20
"""More does not gather in one batch, unless one append has more."""
TRIES = 3
"""How often a batch is sent whose answers are lost and that was not stored."""


class Append(NamedTuple):
    """Encoded messages of one caller, and the future that gets the first one's offset."""

    members: Sequence[bytes]
    size: int
    answer: "asyncio.Future[int]"


class Writer:
    """Of one partition."""

    def __init__(
        self, partition: Partition, producer: Producer, reading: Reading, clock: Callable[[], float], batch_bytes: int
    ) -> None:
        """``clock``: seconds since the epoch; ``batch_bytes``: what a broker takes at most."""
        self._partition = partition
        self._producer = producer
        self._reading = reading
        self._clock = clock
        self._batch_bytes = batch_bytes
        self._waiting: deque[Append] = deque()
        self._sending: asyncio.Task[None] | None = None

    def append(self, members: Sequence[bytes]) -> "asyncio.Future[int]":
        """The offset of the first message in the queue, once all are stored."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(Append(members, sum(map(len, members)), answer))
        if self._sending is None:
            self._sending = self._reading.chores.run(self._send_all())
        return answer

    async def finish(self) -> None:
        """Return once everything is answered."""
        while self._sending is not None:
            await asyncio.wait([self._sending])

    async def _send_all(self) -> None:
        batch: list[Append] = []
        try:
            while self._waiting:
                batch = self._gather()
                await self._send(batch)
        finally:
            self._sending = None
            _fail([*batch, *self._waiting], StoreUnavailable("the store was closed while events were on their way"))
            self._waiting.clear()

    def _gather(self) -> list[Append]:
        batch = [self._waiting.popleft()]
        size = batch[0].size
        while self._waiting and size + self._waiting[0].size <= min(GROUP_BYTES, self._batch_bytes):
            size += self._waiting[0].size
            batch.append(self._waiting.popleft())
        return batch

    async def _send(self, batch: Sequence[Append]) -> None:
        """One batch; who cannot be served is told why."""
        try:
            if len(batch) == 1:
                first = await self._store(batch[0].members)
            else:
                first = await self._store_batch([member for append in batch for member in append.members])
        except TooLarge as error:
            if len(batch) == 1:
                _fail(batch, self._reason(error))
                return
            for append in batch:  # the broker takes less than we think, so nothing of it is stored
                await self._send([append])
        except RocketMQError as error:
            self._give_up(batch, self._reason(error))
        except BridgeError as error:
            self._give_up(batch, error)
        else:
            self._settle(batch, first)

    def _give_up(self, batch: Sequence[Append], reason: BridgeError) -> None:
        _fail(batch, reason)
        if isinstance(reason, StoreUnavailable):
            self._reading.troubles.failed(self._partition.name, reason)
            _fail(self._waiting, reason)  # what waits would meet the same
            self._waiting.clear()

    def _settle(self, batch: Sequence[Append], first: int) -> None:
        self._reading.troubles.works(self._partition.name)
        for append in batch:
            if not append.answer.done():
                append.answer.set_result(first)
            first += len(append.members)

    async def _store(self, members: Sequence[bytes]) -> int:
        """Messages of one append: the offset of the first one. In halves where it is too much for one batch; a broker's
        own limit may be lower. The halves need not be neighbours, if others write to the queue; and where the broker
        finds one of the messages too large, of which we do not know, those before it are stored.
        """
        largest = max(map(len, members))
        if largest > self._batch_bytes:
            raise TooLarge(f"an event takes {largest} bytes as a message, at most {self._batch_bytes} are possible")
        try:
            if sum(map(len, members)) <= self._batch_bytes:
                return await self._store_batch(members)
        except TooLarge:
            if len(members) == 1:
                raise
        middle = len(members) // 2
        first = await self._store(members[:middle])
        await self._store(members[middle:])
        return first

    async def _store_batch(self, members: Sequence[bytes]) -> int:
        """Send it until it is stored for certain, once."""
        partition, start, numbering = self._partition, self._partition.end, self._partition.numbering
        fields = {"f": "0", "g": str(int(self._clock() * 1000)), "h": "0", "i": "", "m": "true"}
        parcel = Parcel(partition.queue.topic, RequestCode.SEND_BATCH_MESSAGE, fields, b"".join(members), ())
        tries = 0
        while True:
            try:
                _, answer = await self._producer.deliver(parcel, partition.queue)
                first = self._first(answer)
            except RocketMQError as error:
                tries += 1
                if not error.maybe_done or tries == TRIES:
                    raise
                log.warning("was it stored? the answer was lost", partition=partition.name, reason=str(error))
                found = await find_stored(partition, start, mark_of(members[0]))
                if found is None:
                    continue
                first = found
            partition.stored(first, first + len(members), start, numbering)
            return first

    def _first(self, answer: Command) -> int:
        broker = self._partition.queue.broker
        if answer.code == ResponseCode.SUCCESS:
            self._reading.durability.is_full(broker)
        else:
            self._reading.durability.is_weak(broker, answer.remark or ResponseCode(answer.code).name)
        try:
            return int(answer.ext["queueOffset"])
        except (KeyError, ValueError) as error:
            raise Malformed(f"an answer to a send without a place: {dict(answer.ext)}") from error

    def _reason(self, error: RocketMQError) -> BridgeError:
        return store_error(f"cannot store events in {self._partition.name}", error)


def _fail(appends: Iterable[Append], error: BridgeError) -> None:
    for append in appends:
        if not append.answer.done():
            append.answer.set_exception(type(error)(error.reason))  # its own: each raise adds a traceback
