"""Delayed messages: when one is due, what it waits as, what it becomes.

A timer message waits in a topic of the broker's own and is appended to its real topic when it is due, with a new offset
and store time. A timer is never early and up to a second late, as the wheel turns once a second. Order among those of
one second is kept here; a real broker does not promise it.
"""

import heapq
from collections.abc import Mapping
from typing import NamedTuple

from bridge.rocketmq.codes import ResponseCode
from bridge.rocketmq.records import StoredMessage
from bridge.testing.broker.config import Config
from bridge.testing.broker.java import hash_map
from bridge.testing.broker.requests import Refusal, integer
from bridge.testing.broker.topics import SCHEDULE_TOPIC, TIMER_TOPIC

LEVELS_S = (1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200)
TIMER_PROPERTIES = ("TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS")


class Delay(NamedTuple):
    """Where a delayed message waits, until when, and what it carries meanwhile. ``out_ms`` is None for delay levels."""

    topic: str
    queue_id: int
    due_ms: int
    out_ms: int | None
    properties: dict[str, str]


def plan_delay(message: StoredMessage, config: Config, now_ms: int) -> Delay | None:
    """How a message that was sent alone must wait; None if it need not. Refused with 13, or 1 without a timer wheel."""
    if (level := integer(message.properties.get("DELAY", "0"))) > 0:
        return _by_level(message, min(level, len(LEVELS_S)), now_ms)
    if not any(name in message.properties for name in TIMER_PROPERTIES):
        return None
    if not config.flag("timerWheelEnable"):
        remark = "accurate timer message is not enabled, timerWheelEnable is false"
        raise Refusal(ResponseCode.SYSTEM_ERROR, remark)
    return _by_timer(message, config, now_ms)


def _by_level(message: StoredMessage, level: int, now_ms: int) -> Delay:
    kept = {name: value for name, value in message.properties.items() if name not in TIMER_PROPERTIES}
    due_ms = now_ms + LEVELS_S[level - 1] * 1000
    return Delay(SCHEDULE_TOPIC, level - 1, due_ms, None, _waiting(message, kept))


def _by_timer(message: StoredMessage, config: Config, now_ms: int) -> Delay | None:
    precision_ms, longest_ms = config.number("timerPrecisionMs"), config.number("timerMaxDelaySec") * 1000
    deliver_ms = _deliver_ms(message.properties, now_ms)
    if deliver_ms is None or deliver_ms - now_ms > longest_ms:
        raise Refusal(
            ResponseCode.MESSAGE_ILLEGAL,
            f"timer message illegal, the delay time should not be bigger than the max delay {longest_ms}ms; "
            "or if set del msg, the delay time should be bigger than the current time",
        )
    if deliver_ms <= now_ms:
        return None
    out_ms = (deliver_ms - 1) // precision_ms * precision_ms
    kept = {**message.properties, "TIMER_OUT_MS": str(out_ms)}
    return Delay(TIMER_TOPIC, 0, out_ms + precision_ms, out_ms, _waiting(message, kept))


def _deliver_ms(properties: Mapping[str, str], now_ms: int) -> int | None:
    """The absolute time that the first of the three properties asks for; None if it is no number."""
    name = next(name for name in TIMER_PROPERTIES if name in properties)
    try:
        value = integer(properties[name])
    except Refusal:
        return None
    return {"TIMER_DELAY_SEC": now_ms + value * 1000, "TIMER_DELAY_MS": now_ms + value}.get(name, value)


def _waiting(message: StoredMessage, properties: Mapping[str, str]) -> dict[str, str]:
    real = {"REAL_TOPIC": message.topic, "REAL_QID": str(message.queue_id)}
    return hash_map([*properties.items(), *real.items()])


class Timers:
    """What waits, by due time. ``stuck`` is set by a batch whose header holds a timer property: nothing is delivered
    while it is, until the broker is told to pass over such errors (``timerSkipUnknownError``).
    """

    def __init__(self) -> None:
        self.stuck = False
        self._heap: list[tuple[int, int, StoredMessage, int]] = []
        self._recalled: set[tuple[str, str]] = set()
        self._added = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_ms(self) -> int | None:
        """When the next message is due."""
        return self._heap[0][0] if self._heap and not self.stuck else None

    def add(self, waiting: StoredMessage, due_ms: int, now_ms: int) -> None:
        """``waiting``: the message as it is stored meanwhile."""
        self._added += 1
        heapq.heappush(self._heap, (due_ms, self._added, waiting, now_ms))

    def recall(self, topic: str, unique_key: str) -> None:
        """It will not be delivered; a key that nobody knows is taken too."""
        self._recalled.add((topic, unique_key))

    def due(self, now_ms: int) -> list[StoredMessage]:
        """Take out what is due, as it must be stored in its real topic now."""
        ready = []
        while self._heap and self._heap[0][0] <= now_ms and not self.stuck:
            _, _, waiting, added_ms = heapq.heappop(self._heap)
            message = _real(waiting, added_ms, now_ms)
            if (message.topic, message.properties.get("UNIQ_KEY", "")) not in self._recalled:
                ready.append(message)
        return ready


def _real(waiting: StoredMessage, added_ms: int, now_ms: int) -> StoredMessage:
    properties = dict(waiting.properties)
    if waiting.topic == TIMER_TOPIC:
        properties["TIMER_ENQUEUE_MS"] = str(added_ms // 1000 * 1000)
        properties["TIMER_DEQUEUE_MS"] = str(now_ms)
    return waiting._replace(
        topic=properties["REAL_TOPIC"],
        queue_id=int(properties["REAL_QID"]),
        properties=hash_map(properties.items()),
        store_time_ms=now_ms,
    )
