"""Pulls messages of one queue: long polls, and what it means when a broker moves the offset.

One pull per queue is outstanding at a time; the flow of a queue is controlled by when its next pull begins and by its
limit. All queues of a broker share one connection.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import BrokerError, Malformed
from bridge.rocketmq.frames import Command
from bridge.rocketmq.records import StoredMessage, decode_messages
from bridge.rocketmq.routes import Queue

_COMMIT, _SUSPEND, _SUBSCRIBED = 1, 2, 4
"""Bits of a pull's ``sysFlag``. With the last one no heartbeat is needed."""
_ANSWERS = (
    ResponseCode.SUCCESS,
    ResponseCode.PULL_NOT_FOUND,
    ResponseCode.PULL_RETRY_IMMEDIATELY,
    ResponseCode.PULL_OFFSET_MOVED,
)
_NO_QUEUE = "NO_MATCHED_LOGIC_QUEUE"
"""Sent for a queue that never held anything."""
HOLD_S = 15.0
"""Longer holds gain nothing: neither a reset nor the deletion of the topic wakes one."""
SLACK_S = 10.0
"""How much later than asked a hold may be answered, 5 s for the broker's scan of its holds, before it counts as lost."""


class Cause(StrEnum):
    """Why a broker moved the offset; the values are the remarks it sends."""

    DELETED = "OFFSET_TOO_SMALL"  # retention removed what was asked for: those messages are gone
    BEYOND_END = "OFFSET_OVERFLOW_BADLY"  # the queue is shorter: a broker lost its end, or a wrong offset was asked for
    EMPTY = "NO_MESSAGE_IN_QUEUE"  # nothing in it: the topic was made anew, or all is gone
    RESET = "OFFSET_RESET"  # an operator reset the group; work of the queue under way should be dropped


class Gap(NamedTuple):
    """The broker continues at ``to`` instead of ``asked``, the offset that was pulled."""

    cause: Cause
    asked: int
    to: int

    @property
    def lost(self) -> int:
        """How many messages nobody will read any more, as far as the broker can tell."""
        return max(0, self.to - self.asked) if self.cause is Cause.DELETED else 0


class Pulled(NamedTuple):
    """What one pull brought: the messages, perhaps none, and where to go on. ``next_offset`` is to be believed: a filter
    or a gap moves it too. ``max_offset`` - ``next_offset`` is what is left to read.
    """

    messages: list[StoredMessage]
    next_offset: int
    min_offset: int
    max_offset: int
    gap: Gap | None = None


class Fetched(NamedTuple):
    """As Pulled, with the messages as the broker stores them: ``records.decode_messages`` reads ``body``."""

    body: bytes
    next_offset: int
    min_offset: int
    max_offset: int
    gap: Gap | None = None


class Puller:
    """Reads one queue for a group. The start is wholly the caller's choice, see ``Offsets``.

    A group that does not exist is created by the first pull where brokers allow it.
    """

    def __init__(self, cluster: Cluster, group: str, queue: Queue) -> None:
        self.queue = queue
        self._cluster = cluster
        self._busy = False
        self._ext = {
            "consumerGroup": group,
            "topic": queue.topic,
            "queueId": str(queue.id),
            "subscription": "*",
            "expressionType": "TAG",
            "subVersion": "0",
            "bname": queue.broker,
        }

    async def pull(self, offset: int, limit: int = 512, wait_s: float = HOLD_S, *, commit: int | None = None) -> Pulled:
        """The messages from ``offset`` on, at most ``limit``, and no more than the broker's own limits allow (its
        settings ``maxTransfer…``; at least one); held by the broker until one comes, for up to ``wait_s`` (0: not at
        all) plus up to 5 s.

        ``commit`` stores this offset for the group along the way. Raises GroupNotFound, TopicNotFound (the topic was
        deleted: told when a hold ends), NoPermission, Refused (no such queue), CallTimeout, Malformed, Corrupt and what
        ``Cluster.call_broker`` raises. RuntimeError while another pull of the queue is under way.
        """
        return _decoded(await self.fetch(offset, limit, wait_s, commit=commit))

    async def fetch(
        self, offset: int, limit: int = 512, wait_s: float = HOLD_S, *, commit: int | None = None
    ) -> Fetched:
        """As ``pull``, for who hands the messages on as they are."""
        if self._busy:
            raise RuntimeError(f"{self.queue} is being pulled already")
        self._busy = True
        try:
            ext = {**self._ext, **_asked(offset, limit, wait_s, commit)}
            answer = await self._cluster.call_broker(
                self.queue.broker, RequestCode.PULL_MESSAGE, ext, timeout_s=wait_s + SLACK_S, accept=_ANSWERS
            )
        finally:
            self._busy = False
        return _fetched(answer, offset)


def _asked(offset: int, limit: int, wait_s: float, commit: int | None) -> Mapping[str, str]:
    sys_flag = _SUBSCRIBED | (_SUSPEND if wait_s > 0 else 0) | (_COMMIT if commit is not None else 0)
    return {
        "queueOffset": str(offset),
        "maxMsgNums": str(limit),
        "sysFlag": str(sys_flag),
        "commitOffset": str(commit or 0),
        "suspendTimeoutMillis": str(int(wait_s * 1000)),
    }


def read_answer(answer: Command, asked: int) -> Pulled:
    """The answer to a pull at the offset ``asked``. Raises Malformed, Corrupt, and BrokerError for an unknown cause."""
    return _decoded(_fetched(answer, asked))


def _decoded(fetched: Fetched) -> Pulled:
    return Pulled(decode_messages(fetched.body), *fetched[1:])


def _fetched(answer: Command, asked: int) -> Fetched:
    try:
        ext = answer.ext
        to, minimum, maximum = int(ext["nextBeginOffset"]), int(ext["minOffset"]), int(ext["maxOffset"])
    except (KeyError, ValueError) as error:
        raise Malformed(f"an answer to a pull without offsets: {dict(answer.ext)}") from error
    gap = None
    if answer.code == ResponseCode.PULL_OFFSET_MOVED:
        gap = Gap(_cause(answer), asked, to)
    body = answer.body if answer.code == ResponseCode.SUCCESS else b""
    return Fetched(body, to, minimum, maximum, gap)


def _cause(answer: Command) -> Cause:
    if answer.remark == _NO_QUEUE:
        return Cause.EMPTY
    try:
        return Cause(answer.remark or "")
    except ValueError as error:
        raise BrokerError(f"the offset was moved for an unknown cause: {answer.remark}", code=answer.code) from error
