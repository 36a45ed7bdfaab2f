"""Offsets of queues, and those that a consumer group has committed.

An offset is a place in one queue; the next message to read, never the last one read. Brokers answer 0 for topics and
queues that they do not have, and store any number as committed: what is asked for must exist, what is committed must be
right.

Commits are in a broker's memory and reach its disk every 5 s (the first time 10 s after it started): kill -9 loses what
came since, a group's very first commits included.
"""

from enum import StrEnum

from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import Malformed
from bridge.rocketmq.frames import Command
from bridge.rocketmq.routes import Queue

_RESET = "previously reset"
"""In the remark of an answer to a commit that a reset made void."""


class Boundary(StrEnum):
    """Which offset a time means: that of the first message stored at it or later, or of the last one at it or before."""

    LOWER = "lower"
    UPPER = "upper"


class Offsets:
    """Offsets of any queue, seen by one group. Every method raises what ``Cluster.call_broker`` raises."""

    def __init__(self, cluster: Cluster, group: str) -> None:
        self._cluster = cluster
        self._group = group

    async def minimum(self, queue: Queue) -> int:
        """The oldest offset that is kept; equal to ``maximum`` when the queue is empty."""
        return _offset(await self._ask(RequestCode.GET_MIN_OFFSET, queue))

    async def maximum(self, queue: Queue) -> int:
        """The offset that the next message gets; some milliseconds behind what receipts tell (see ``producer``)."""
        return _offset(await self._ask(RequestCode.GET_MAX_OFFSET, queue))

    async def at(self, queue: Queue, time_ms: int, boundary: Boundary = Boundary.LOWER) -> int:
        """The offset for a store time (ms since the epoch).

        LOWER: ``maximum`` when all are older. UPPER: 0 when all are younger, the last one when all are older.
        """
        ext = {"timestamp": str(time_ms), "boundaryType": boundary.value}
        return _offset(await self._ask(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, queue, ext))

    async def earliest_ms(self, queue: Queue) -> int | None:
        """The store time of the oldest message that is kept; None for an empty queue."""
        answer = await self._ask(RequestCode.GET_EARLIEST_MSG_STORETIME, queue)
        time_ms = _number(answer, "timestamp")
        return time_ms if time_ms >= 0 else None

    async def committed(self, queue: Queue) -> int | None:
        """The next offset that the group reads; None when it has committed none (brokers would say 0)."""
        ext = {"consumerGroup": self._group, "setZeroIfNotFound": "false"}
        accept = (ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND)
        answer = await self._ask(RequestCode.QUERY_CONSUMER_OFFSET, queue, ext, accept=accept)
        return None if answer.code == ResponseCode.QUERY_NOT_FOUND else _offset(answer)

    async def commit(self, queue: Queue, offset: int) -> bool:
        """Store the next offset to read; a lower one than before is stored as well.

        Of several first commits of a group to a topic a broker may keep one alone, though it answers all of them: begin
        with one. False: nothing was stored, since the group was reset by an operator. Until the queue is pulled again, which
        tells the new offset, commits are void. Raises GroupNotFound: committing creates no group.
        """
        ext = {"consumerGroup": self._group, "commitOffset": str(offset)}
        answer = await self._ask(RequestCode.UPDATE_CONSUMER_OFFSET, queue, ext)
        return _RESET not in (answer.remark or "")

    async def commit_soon(self, queue: Queue, offset: int) -> None:
        """As ``commit`` without waiting for an answer: it may be lost, and nobody tells."""
        ext = {**_place(queue), "consumerGroup": self._group, "commitOffset": str(offset)}
        (await self._cluster.broker(queue.broker)).one_way(RequestCode.UPDATE_CONSUMER_OFFSET, ext)

    async def _ask(
        self, code: RequestCode, queue: Queue, ext: dict[str, str] | None = None, *, accept: tuple[int, ...] = (0,)
    ) -> Command:
        return await self._cluster.call_broker(queue.broker, code, {**_place(queue), **(ext or {})}, accept=accept)


def _place(queue: Queue) -> dict[str, str]:
    return {"topic": queue.topic, "queueId": str(queue.id), "bname": queue.broker}


def _offset(answer: Command) -> int:
    return _number(answer, "offset")


def _number(answer: Command, name: str) -> int:
    try:
        return int(answer.ext[name])
    except (KeyError, ValueError) as error:
        raise Malformed(f"an answer without {name}: {dict(answer.ext)}") from error
