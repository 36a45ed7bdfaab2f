"""Our RocketMQ client as a benchmark's process, until it is killed: it sends or reads as fast as it can.

``python -m tests.bench.cluster_client NAME_SERVER TOPIC single|gathered|batch|consume [IN_FLIGHT [BATCH]]``
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable

import uvloop

from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.consumer import Puller
from bridge.rocketmq.lingering import LingeringProducer
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.producer import Producer
from bridge.rocketmq.records import Message
from bridge.stores.heap import keep_freed_memory

BODY = b"x" * 1024
GROUP = "bench_ours"
PULL = 1024


async def _for_ever(tasks: int, work: Callable[[], Awaitable[object]]) -> None:
    async def repeat() -> None:
        while True:
            await work()

    await asyncio.gather(*[repeat() for _ in range(tasks)])


async def single(cluster: Cluster, topic: str, tasks: int, _: int) -> None:
    """One send per task at a time."""
    producer, message = Producer(cluster), Message(topic, BODY)
    await _for_ever(tasks, lambda: producer.send(message))


async def gathered(cluster: Cluster, topic: str, tasks: int, _: int) -> None:
    """As ``single`` to its callers; those of one moment leave as one batch."""
    message = Message(topic, BODY)
    async with LingeringProducer(Producer(cluster)) as producer:
        await _for_ever(tasks, lambda: producer.send(message))


async def batch(cluster: Cluster, topic: str, tasks: int, size: int) -> None:
    """Each message made anew, as a caller would."""
    producer = Producer(cluster)
    await _for_ever(tasks, lambda: producer.send_many(None, [Message(topic, BODY) for _ in range(size)]))


async def consume(cluster: Cluster, topic: str, _: int, __: int) -> None:
    """Every queue, from where the group is: all messages decoded, each pull commits what the one before brought."""
    queues = (await cluster.route(topic)).readable
    starts = [await Offsets(cluster, GROUP).committed(queue) for queue in queues]
    await asyncio.gather(
        *[_read(Puller(cluster, GROUP, q), start or 0) for q, start in zip(queues, starts, strict=True)]
    )


async def _read(puller: Puller, offset: int) -> None:
    while True:
        offset = (await puller.pull(offset, PULL, commit=offset)).next_offset


async def main(name_server: str, topic: str, kind: str, *numbers: str) -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as `bridge serve` does
    keep_freed_memory()  # the same
    tasks, size = [*map(int, numbers), 1, 1][:2]
    async with Cluster([name_server]) as cluster:
        await {"single": single, "gathered": gathered, "batch": batch, "consume": consume}[kind](
            cluster, topic, tasks, size
        )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
