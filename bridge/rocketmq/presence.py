"""One member of a consumer group as brokers see it: heartbeats, who else is there, good-bye."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bridge.rocketmq.bodies import ConsumerData, Heartbeat, Subscription, format_heartbeat, parse_consumer_list
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import RocketMQError
from bridge.rocketmq.problems import failures
from bridge.rocketmq.routes import Queue

Failed = dict[str, RocketMQError]
"""What failed, by broker or topic."""


@dataclass(frozen=True, slots=True)
class Member:
    """Who shares what. ``queues``, if any, are shared instead of all that the routes of the topics show."""

    group: str
    client_id: str
    topics: tuple[str, ...]
    queues: tuple[Queue, ...] = ()


class Presence:
    """Of one member at all brokers that have its queues. Nothing here raises a RocketMQError: they are returned."""

    def __init__(self, cluster: Cluster, member: Member, timeout_s: float) -> None:
        self._cluster = cluster
        self._member = member
        self._timeout_s = timeout_s

    async def send_heartbeat(self) -> Failed:
        """Make every broker know of the member. A heartbeat creates the topic ``%RETRY%<group>``, too."""
        subscriptions = tuple(Subscription(topic) for topic in self._member.topics)
        consumer = ConsumerData(self._member.group, subscriptions)
        body = format_heartbeat(Heartbeat(self._member.client_id, consumers=(consumer,)))
        return await self._tell_all(RequestCode.HEART_BEAT, {}, body)

    async def leave(self) -> Failed:
        """Tell every broker that the member is gone; they tell the others."""
        ext = {"clientID": self._member.client_id, "consumerGroup": self._member.group}
        return await self._tell_all(RequestCode.UNREGISTER_CLIENT, ext)

    async def members(self) -> tuple[set[str], Failed]:
        """All members that any broker knows of: a broker that has just restarted may know only some."""
        brokers, failed = await self._brokers()
        answers = await asyncio.gather(*[self._members_at(broker) for broker in brokers], return_exceptions=True)
        failed |= failures(brokers, answers)
        return {member for answer in answers if not isinstance(answer, BaseException) for member in answer}, failed

    async def queues(self) -> tuple[Sequence[Queue], Failed]:
        """What is to be shared out; nothing if that is not known for each of the topics."""
        if self._member.queues:
            return self._member.queues, {}
        found: list[Queue] = []
        for topic in self._member.topics:
            try:
                found += (await self._cluster.route(topic)).readable
            except RocketMQError as error:
                return (), {f"topic {topic}": error}
        return found, {}

    async def _tell_all(self, code: RequestCode, ext: Mapping[str, str], body: bytes = b"") -> Failed:
        brokers, failed = await self._brokers()
        calls = [self._cluster.call_broker(broker, code, ext, body, timeout_s=self._timeout_s) for broker in brokers]
        return failed | failures(brokers, await asyncio.gather(*calls, return_exceptions=True))

    async def _brokers(self) -> tuple[list[str], Failed]:
        """The brokers of the member's queues, sorted, and the errors of topics whose route is not known."""
        brokers = {queue.broker for queue in self._member.queues}
        failed: Failed = {}
        for topic in self._member.topics:
            try:
                brokers |= {data.broker for data in (await self._cluster.route(topic)).queues}
            except RocketMQError as error:
                failed[f"topic {topic}"] = error
        return sorted(brokers), failed

    async def _members_at(self, broker: str) -> Collection[str]:
        answer = await self._cluster.call_broker(
            broker,
            RequestCode.GET_CONSUMER_LIST_BY_GROUP,
            {"consumerGroup": self._member.group},
            timeout_s=self._timeout_s,
            accept=(ResponseCode.SUCCESS, ResponseCode.SYSTEM_ERROR),  # 1: the group has no member there
        )
        return () if answer.code == ResponseCode.SYSTEM_ERROR else parse_consumer_list(answer.body)
