"""The topic of a bus: on which queues of which brokers its partitions are; made, mended and deleted there."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

import structlog

from bridge.errors import Conflict, StoreUnavailable
from bridge.rocketmq.admin import Groups, Topics
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.configs import TopicConfig, parse_topic_config
from bridge.rocketmq.routes import MASTER, ClusterInfo, Queue
from bridge.stores.bus.rocketmq.names import RETRY_TOPIC

log = structlog.get_logger()


def spread(topic: str, queues: Sequence[Queue], brokers: Collection[str], partitions: int) -> tuple[Queue, ...]:
    """The queues of that many partitions: those there are, and new ones on the brokers with the fewest. Pure."""
    held = {broker: sum(queue.broker == broker for queue in queues) for broker in sorted(brokers)}
    free = {broker: 1 + max((q.id for q in queues if q.broker == broker), default=-1) for broker in brokers}
    made = list(queues)
    for _ in range(partitions - len(queues)):
        broker = min(held, key=held.__getitem__)
        made.append(Queue(topic, broker, free[broker]))
        free[broker] += 1
        held[broker] += 1
    return tuple(made)


def adopted(topic: str, found: Mapping[str, TopicConfig], partitions: int) -> tuple[Queue, ...]:
    """The partitions that a topic has which is there already: as ``spread`` made them, in the first place. Pure.

    Raises Conflict when it has more queues than there shall be partitions: what is in the others nobody would read.
    """
    queues = [Queue(topic, broker, number) for broker, config in found.items() for number in range(config.read_queues)]
    if len(queues) > partitions:
        raise Conflict(
            f"the topic {topic} is there already, with {len(queues)} queues; a bus that takes it over needs as many partitions"
        )
    return tuple(sorted(queues, key=lambda queue: (queue.id, queue.broker)))


def masters_of(info: ClusterInfo, cluster: str) -> list[str]:
    """The brokers that new partitions go to. Pure. Raises StoreUnavailable when it cannot be said which."""
    names = sorted({broker.cluster for broker in info.brokers.values()})
    wanted = cluster or (names[0] if len(names) == 1 else "")
    if wanted not in names:
        there = f"there are {', '.join(names)}" if names else "no broker is registered at the name server"
        raise StoreUnavailable(f"which RocketMQ cluster? {there} (rocketmq.cluster is {cluster or 'not set'})")
    found = [name for name, broker in info.brokers.items() if broker.cluster == wanted and MASTER in broker.addresses]
    if not found:
        raise StoreUnavailable(f"the RocketMQ cluster {wanted} has no living master")
    return sorted(found)


class BusTopics:
    """Methods raise what ``Cluster.call_broker`` raises, and StoreUnavailable."""

    def __init__(self, cluster: Cluster, cluster_name: str) -> None:
        """``cluster_name``: of several at the same name servers; empty where there is one."""
        self._cluster = cluster
        self._name = cluster_name

    async def masters(self) -> list[str]:
        return masters_of(await self._cluster.info(), self._name)

    async def find(self, topic: str, brokers: Collection[str]) -> dict[str, TopicConfig]:
        """The topic as it is on those of the brokers that have it."""
        accept = (ResponseCode.SUCCESS, ResponseCode.TOPIC_NOT_EXIST)
        ext = {"topic": topic}
        calls = [self._cluster.call_broker(b, RequestCode.GET_TOPIC_CONFIG, ext, accept=accept) for b in brokers]
        answers = zip(brokers, await asyncio.gather(*calls), strict=True)
        return {b: parse_topic_config(a.body) for b, a in answers if a.code == ResponseCode.SUCCESS}

    async def ensure(self, queues: Sequence[Queue]) -> bool:
        """Make what is missing of these queues; whether a broker had lost the topic, or never had it."""
        topic, wanted = queues[0].topic, needed(queues)
        found = await self.find(topic, sorted(wanted))
        for broker, number in wanted.items():
            config = found.get(broker)
            if config is None or min(config.read_queues, config.write_queues) < number:
                number = max(number, config.read_queues if config else 0)  # noqa: PLW2901 - never fewer
                await Topics(self._cluster).create(TopicConfig(topic, number, number), [broker])
        return len(found) < len(wanted)

    async def delete(self, queues: Sequence[Queue], groups: Collection[str]) -> None:
        """Delete topic and groups. Not while a broker is down that has some of it: it would come back with that broker."""
        topic, living = queues[0].topic, (await self._cluster.info()).brokers
        absent = sorted(needed(queues).keys() - living.keys())
        if absent:
            raise StoreUnavailable(f"the topic {topic} cannot be deleted while {', '.join(absent)} is down")
        await Topics(self._cluster).delete(topic)
        for group in groups:
            await Groups(self._cluster).delete(group)
        await Topics(self._cluster).delete(RETRY_TOPIC + topic)


def needed(queues: Sequence[Queue]) -> dict[str, int]:
    """How many queues each broker must have for them."""
    found: dict[str, int] = {}
    for queue in queues:
        found[queue.broker] = max(found.get(queue.broker, 0), queue.id + 1)
    return found
