"""Where a topic's queues are: route (105) and cluster info (106), read and written. Pure.

A route lists living brokers only: while one restarts, its queues are missing, and a topic that lives on it alone is
unknown to name servers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from functools import cached_property
from typing import Any, Final, NamedTuple

from bridge.rocketmq.loosejson import dumps, dumps_object_keys, loads, reading

MASTER: Final = 0
"""The broker id of a master; replicas have others."""
_MAX_QUEUES: Final = 65536


class Queue(NamedTuple):
    """One queue of a topic. Sorted, they are in the order in which members of a group share them out."""

    topic: str
    broker: str
    id: int


class Permission(IntFlag):
    """Bits of ``perm``. A broker refuses reads without READ but stores sends without WRITE: the client must not send."""

    INHERIT = 1
    WRITE = 2
    READ = 4


@dataclass(frozen=True, slots=True)
class QueueData:
    """The queues of one topic on one broker: ids 0 … n-1."""

    broker: str
    read_queues: int
    write_queues: int
    perm: int = 6
    sys_flag: int = 0


@dataclass(frozen=True, slots=True)
class BrokerData:
    """One broker and its replicas: ``addresses`` (``host:port``) by broker id, 0 is the master."""

    cluster: str
    name: str
    addresses: Mapping[int, str]

    @property
    def master(self) -> str | None:
        """``host:port``, None while only replicas are up."""
        return self.addresses.get(MASTER)


@dataclass(frozen=True)
class Route:
    """What name servers know of a topic: living brokers only."""

    topic: str
    queues: tuple[QueueData, ...]
    brokers: Mapping[str, BrokerData] = field(default_factory=dict)

    @cached_property
    def readable(self) -> tuple[Queue, ...]:
        """Queues to read from, sorted."""
        found = [data for data in self.queues if data.perm & Permission.READ]
        return tuple(sorted(Queue(self.topic, data.broker, i) for data in found for i in range(data.read_queues)))

    @cached_property
    def writable(self) -> tuple[Queue, ...]:
        """Queues to send to, sorted: write bit set, master known."""
        found = [data for data in self.queues if data.perm & Permission.WRITE and self.master(data.broker)]
        return tuple(sorted(Queue(self.topic, data.broker, i) for data in found for i in range(data.write_queues)))

    def master(self, broker: str) -> str | None:
        """The address of a broker's master, None if the route does not have it."""
        data = self.brokers.get(broker)
        return data.master if data else None


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """Every broker that is registered, and which cluster each belongs to."""

    brokers: Mapping[str, BrokerData]
    clusters: Mapping[str, tuple[str, ...]]


@reading("a route")
def parse_route(topic: str, body: bytes) -> Route:
    """The answer of 105, standard JSON or not. Raises Malformed."""
    members = loads(body)
    brokers = [_parse_broker(broker) for broker in members["brokerDatas"]]
    queues = tuple(_parse_queues(queues) for queues in members["queueDatas"])
    return Route(topic, queues, {broker.name: broker for broker in brokers})


def format_route(route: Route) -> bytes:
    """The body of an answer to 105, in standard JSON."""
    brokers = [_format_broker(broker) for broker in route.brokers.values()]
    queues = [_format_queues(data) for data in route.queues]
    return dumps({"brokerDatas": brokers, "filterServerTable": {}, "queueDatas": queues})


@reading("a list of brokers")
def parse_cluster_info(body: bytes) -> ClusterInfo:
    """The answer of 106, which is no JSON (keys without quotes). Raises Malformed."""
    members = loads(body)
    brokers = {str(name): _parse_broker(broker) for name, broker in members["brokerAddrTable"].items()}
    clusters = {name: tuple(map(_text, names)) for name, names in members["clusterAddrTable"].items()}
    return ClusterInfo(brokers, clusters)


def format_cluster_info(info: ClusterInfo) -> bytes:
    """The body of an answer to 106, keys of ``brokerAddrs`` without quotes as name servers write them."""
    brokers = b",".join(dumps(name) + b":" + _format_loose(broker) for name, broker in info.brokers.items())
    clusters = dumps({name: list(names) for name, names in info.clusters.items()})
    return b'{"brokerAddrTable":{%b},"clusterAddrTable":%b}' % (brokers, clusters)


def _parse_broker(members: dict[str, Any]) -> BrokerData:
    addresses = {int(number): _text(address) for number, address in members["brokerAddrs"].items()}
    return BrokerData(_text(members["cluster"]), _text(members["brokerName"]), addresses)


def _format_broker(broker: BrokerData) -> dict[str, Any]:
    addresses = {str(number): address for number, address in broker.addresses.items()}
    return {
        "brokerAddrs": addresses,
        "brokerName": broker.name,
        "cluster": broker.cluster,
        "enableActingMaster": False,
    }


def _format_loose(broker: BrokerData) -> bytes:
    addresses = dumps_object_keys({str(number): address for number, address in broker.addresses.items()})
    rest = dumps({**_format_broker(broker), "brokerAddrs": None})
    return rest.replace(b'"brokerAddrs":null', b'"brokerAddrs":' + addresses, 1)


def _parse_queues(members: dict[str, Any]) -> QueueData:
    read, write = int(members["readQueueNums"]), int(members["writeQueueNums"])
    if not (0 <= read <= _MAX_QUEUES and 0 <= write <= _MAX_QUEUES):
        raise ValueError(f"{read} and {write} queues")
    return QueueData(_text(members["brokerName"]), read, write, int(members["perm"]), int(members["topicSysFlag"]))


def _format_queues(data: QueueData) -> dict[str, Any]:
    return {
        "brokerName": data.broker,
        "perm": data.perm,
        "readQueueNums": data.read_queues,
        "topicSysFlag": data.sys_flag,
        "writeQueueNums": data.write_queues,
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value
