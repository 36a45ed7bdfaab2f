"""Finds single messages: by key, by unique id, by offset id.

Brokers index KEYS (separated by blanks) and UNIQ_KEY by a hash, so every hit is checked here. Messages of a topic that
was deleted are still found until the log expires.
"""

import asyncio
from collections.abc import Callable

from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import NotFound, Refused
from bridge.rocketmq.records import KEYS, UNIQ_KEY, StoredMessage, decode_messages, parse_message_id

_NONE = (ResponseCode.SUCCESS, ResponseCode.QUERY_NOT_FOUND)
FOREVER_MS = 2**63 - 1


class Lookup:
    """Asks every broker of a topic's route. Methods raise what ``Cluster.route`` and ``Cluster.call_broker`` raise."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def by_key(
        self, topic: str, key: str, *, begin_ms: int = 0, end_ms: int = FOREVER_MS, limit: int = 32
    ) -> list[StoredMessage]:
        """Messages with this among their KEYS and a store time from ``begin_ms`` to ``end_ms`` (since the epoch), oldest
        first: the newest ``limit`` of each broker. Raises Refused for a key with blanks, which no message can have.
        """
        if not key or " " in key:
            raise Refused(f"a key is not empty and has no blanks: {key!a}")
        ext = {"topic": topic, "key": key, "maxNum": str(limit)} | _times(begin_ms, end_ms)
        return await self._query(topic, ext, lambda message: key in message.properties.get(KEYS, "").split(" "))

    async def by_unique_id(
        self, topic: str, unique_id: str, *, begin_ms: int = 0, end_ms: int = FOREVER_MS
    ) -> list[StoredMessage]:
        """Messages with this UNIQ_KEY, oldest first: several when it was sent more than once."""
        ext = {"topic": topic, "key": unique_id, "maxNum": "32", "_UNIQUE_KEY_QUERY": "true"}
        ext |= _times(begin_ms, end_ms)
        return await self._query(topic, ext, lambda message: message.properties.get(UNIQ_KEY) == unique_id)

    async def by_message_id(self, message_id: str, topic: str = "") -> StoredMessage:
        """The message with this offset id; the broker that the id names is asked. Brokers with an ACL need the topic.

        Raises Refused when it is no such id, NotFound when no message begins there (any more).
        """
        address, offset = parse_message_id(message_id)
        ext = {"offset": str(offset)} | ({"topic": topic} if topic else {})
        accept = (ResponseCode.SUCCESS, ResponseCode.SYSTEM_ERROR)
        answer = await self._cluster.call_broker(address, RequestCode.VIEW_MESSAGE_BY_ID, ext, accept=accept)
        found = decode_messages(answer.body) if answer.code == ResponseCode.SUCCESS else []
        if not found:
            raise NotFound(answer.remark or "no message begins there", code=answer.code, address=address)
        return found[0]

    async def _query(
        self, topic: str, ext: dict[str, str], wanted: Callable[[StoredMessage], bool]
    ) -> list[StoredMessage]:
        brokers = [data.broker for data in (await self._cluster.route(topic)).queues]
        answers = await asyncio.gather(
            *[self._cluster.call_broker(b, RequestCode.QUERY_MESSAGE, ext, accept=_NONE) for b in brokers]
        )
        bodies = [answer.body for answer in answers if answer.code == ResponseCode.SUCCESS]
        found = [message for body in bodies for message in decode_messages(body) if wanted(message)]
        return sorted(found, key=lambda message: message.store_time_ms)


def _times(begin_ms: int, end_ms: int) -> dict[str, str]:
    return {"beginTimestamp": str(begin_ms), "endTimestamp": str(end_ms)}
