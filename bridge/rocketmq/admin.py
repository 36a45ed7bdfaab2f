"""Administration: topics, consumer groups and brokers.

Definitions live on each broker of its own, so changes go to every master that name servers know; a broker that is down
learns nothing of them. All changes may be repeated: creating what exists changes it, deleting what is gone is no error.
Methods raise what ``Cluster.call_broker`` and ``Cluster.info`` raise; of several brokers' errors the first one, after
all were asked.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bridge.rocketmq.bodies import (
    format_broker_config,
    parse_broker_config,
    parse_consumer_list,
    parse_offset_table,
    parse_runtime_info,
    parse_topic_list,
)
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.configs import (
    GroupConfig,
    TopicConfig,
    format_group_config,
    parse_group_configs,
    parse_topic_config,
    parse_topic_configs,
    topic_ext,
)
from bridge.rocketmq.errors import CallTimeout
from bridge.rocketmq.frames import Command
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.routes import Queue, Route

_ROUTE_POLL_S = 0.05


class _Admin:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def masters(self) -> list[str]:
        """The names of all brokers with a living master, sorted."""
        brokers = (await self._cluster.info()).brokers
        return sorted(name for name, broker in brokers.items() if broker.master is not None)

    async def _ask_each(
        self,
        brokers: Collection[str],
        code: int,
        ext: Mapping[str, str],
        body: bytes = b"",
        *,
        accept: Collection[int] = (0,),
    ) -> dict[str, Command]:
        calls = [self._cluster.call_broker(broker, code, ext, body, accept=accept) for broker in brokers]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return {broker: answer for broker, answer in zip(brokers, answers, strict=True) if isinstance(answer, Command)}


class Topics(_Admin):
    """Topics of the cluster."""

    async def create(
        self, config: TopicConfig, brokers: Sequence[str] | None = None, *, visible_within_s: float = 5.0
    ) -> Route:
        """Create or change a topic on these brokers (None: on every master); returns its route once it shows.

        Fewer queues: reduce the write queues first, read what is left, then reduce the read queues. Raises Refused for
        a bad name (letters, digits, ``%|-_``, at most 127) or attribute, CallTimeout when no name server shows the
        topic in time, though it is there.
        """
        chosen = list(brokers) if brokers is not None else await self.masters()
        await self._ask_each(chosen, RequestCode.UPDATE_AND_CREATE_TOPIC, topic_ext(config))
        return await self._visible(config, chosen, visible_within_s)

    async def delete(self, name: str) -> None:
        """Delete a topic with its messages' places and the offsets of all groups. Readers get TopicNotFound.

        The messages themselves are found by key and id until the log expires.
        """
        await self._ask_each(await self.masters(), RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": name})
        await self._cluster.call_name_servers(RequestCode.DELETE_TOPIC_IN_NAMESRV, {"topic": name})

    async def names(self) -> list[str]:
        """Every topic that name servers know, RocketMQ's own ones too, sorted."""
        answer = await self._cluster.call_name_server(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, {})
        return sorted(parse_topic_list(answer.body))

    async def find(self, name: str) -> dict[str, TopicConfig]:
        """The topic's definition on each living broker that has it, by broker."""
        accept = (ResponseCode.SUCCESS, ResponseCode.TOPIC_NOT_EXIST)
        answers = await self._ask_each(
            await self.masters(), RequestCode.GET_TOPIC_CONFIG, {"topic": name}, accept=accept
        )
        return {
            broker: parse_topic_config(answer.body)
            for broker, answer in answers.items()
            if answer.code == ResponseCode.SUCCESS
        }

    async def all_of(self, broker: str) -> dict[str, TopicConfig]:
        """All topics of one broker, by name."""
        return parse_topic_configs((await self._cluster.call_broker(broker, RequestCode.GET_ALL_TOPIC_CONFIG, {})).body)

    async def _visible(self, config: TopicConfig, brokers: Sequence[str], within_s: float) -> Route:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while True:
            route = await self._cluster.find_route(config.name)
            if route is not None and _shows(route, config, brokers):
                return await self._cluster.route(config.name, fresh=True)
            if loop.time() >= deadline:
                raise CallTimeout(f"topic {config.name} is made, but its route does not show it after {within_s:g} s")
            await asyncio.sleep(_ROUTE_POLL_S)


def _shows(route: Route, config: TopicConfig, brokers: Sequence[str]) -> bool:
    shown = {data.broker: (data.read_queues, data.write_queues, data.perm) for data in route.queues}
    wanted = (config.read_queues, config.write_queues, config.perm)
    return all(shown.get(broker) == wanted for broker in brokers)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a group is in one queue; ``committed`` is None when it has committed nothing there."""

    queue: Queue
    committed: int | None
    minimum: int
    maximum: int

    @property
    def lag(self) -> int:
        """Messages that are kept and not read yet; delayed ones count once they are delivered."""
        return max(0, self.maximum - max(self.committed or 0, self.minimum))


class Groups(_Admin):
    """Consumer groups of the cluster."""

    async def create(self, config: GroupConfig, brokers: Sequence[str] | None = None) -> None:
        """Create or change a group on these brokers (None: on every master)."""
        chosen = list(brokers) if brokers is not None else await self.masters()
        body = format_group_config(config)
        await self._ask_each(chosen, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, body)

    async def delete(self, name: str, *, with_offsets: bool = True) -> None:
        """Delete a group, and what it has committed unless told otherwise."""
        ext = {"groupName": name, "cleanOffset": "true" if with_offsets else "false"}
        await self._ask_each(await self.masters(), RequestCode.DELETE_SUBSCRIPTIONGROUP, ext)

    async def find(self, name: str) -> dict[str, GroupConfig]:
        """The group's definition on each living broker that has it. (Asking a broker for one group would create it.)"""
        answers = await self._ask_each(await self.masters(), RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, {})
        found = {broker: parse_group_configs(answer.body).get(name) for broker, answer in answers.items()}
        return {broker: config for broker, config in found.items() if config is not None}

    async def members(self, name: str) -> list[str]:
        """The client ids of the group's members, sorted, as any broker knows them."""
        accept = (ResponseCode.SUCCESS, ResponseCode.SYSTEM_ERROR)  # 1: no member there
        answers = await self._ask_each(
            await self.masters(), RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": name}, accept=accept
        )
        found = [parse_consumer_list(a.body) for a in answers.values() if a.code == ResponseCode.SUCCESS]
        return sorted({member for members in found for member in members})

    async def progress(self, name: str, topic: str) -> list[Progress]:
        """How far the group is in each queue that the topic's route shows, sorted."""
        offsets = Offsets(self._cluster, name)
        queues = (await self._cluster.route(topic)).readable
        return list(await asyncio.gather(*[_progress(offsets, queue) for queue in queues]))

    async def reset(self, name: str, queue: Queue, offset: int) -> dict[Queue, int]:
        """Let the group continue at ``offset`` of one queue: readers are told by their next pull (``Cause.RESET``),
        commits are void until then. Raises BrokerError for an offset outside of what the queue holds.
        """
        ext = _reset_ext(name, queue.topic, queue.id, 0) | {"offset": str(offset)}
        answer = await self._cluster.call_broker(queue.broker, RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, ext)
        return parse_offset_table(answer.body)

    async def reset_to_time(self, name: str, topic: str, time_ms: int) -> dict[Queue, int]:
        """As ``reset``, in all queues of the topic, to the first message stored at the time or later."""
        brokers = [data.broker for data in (await self._cluster.route(topic)).queues]
        ext = _reset_ext(name, topic, -1, time_ms)
        answers = await self._ask_each(brokers, RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, ext)
        return {queue: to for answer in answers.values() for queue, to in parse_offset_table(answer.body).items()}


def _reset_ext(group: str, topic: str, queue_id: int, time_ms: int) -> dict[str, str]:
    return {"group": group, "topic": topic, "queueId": str(queue_id), "timestamp": str(time_ms), "isForce": "true"}


async def _progress(offsets: Offsets, queue: Queue) -> Progress:
    committed, minimum, maximum = await asyncio.gather(
        offsets.committed(queue), offsets.minimum(queue), offsets.maximum(queue)
    )
    return Progress(queue, committed, minimum, maximum)


class Brokers(_Admin):
    """Brokers themselves."""

    async def runtime(self, broker: str) -> dict[str, str]:
        """The state of a broker, as it names it: version, disk use, rates."""
        return parse_runtime_info(
            (await self._cluster.call_broker(broker, RequestCode.GET_BROKER_RUNTIME_INFO, {})).body
        )

    async def config(self, broker: str) -> dict[str, str]:
        """All settings of a broker, by key."""
        return parse_broker_config((await self._cluster.call_broker(broker, RequestCode.GET_BROKER_CONFIG, {})).body)

    async def change_config(self, broker: str, settings: Mapping[str, str]) -> None:
        """Change settings at run time. Unknown keys are accepted in silence, and the broker **rewrites its file** with
        every key it knows.
        """
        body = format_broker_config(settings)
        await self._cluster.call_broker(broker, RequestCode.UPDATE_BROKER_CONFIG, {}, body)
