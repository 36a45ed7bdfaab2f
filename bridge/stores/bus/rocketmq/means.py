"""What all logs of a store on RocketMQ share."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.model.clock import Clock
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.groups import Cadence
from bridge.rocketmq.producer import Producer
from bridge.rocketmq.unique import UniqueIds
from bridge.stores.bus.rocketmq.registry import Registry
from bridge.stores.bus.rocketmq.trouble import Durability, Troubles
from bridge.stores.chores import Chores


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """``client_id`` is this process's, as a member of groups; ``is_shared``: other processes with the same catalog read
    the same buses; ``token`` makes names that never were; ``batch_bytes``: what brokers take at once; ``patience_s``:
    how long a reader waits for a broker that is down.
    """

    cluster: Cluster
    producer: Producer
    registry: Registry
    chores: Chores
    troubles: Troubles
    durability: Durability
    clock: Clock
    ids: UniqueIds
    token: Callable[[], str]
    client_id: str
    is_shared: bool
    cadence: Cadence
    batch_bytes: int
    patience_s: float
