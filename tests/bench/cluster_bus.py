"""The bus on one broker, from put to file: events per second, what an idle bus takes for one, memory and CPU seconds."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from bridge.testing.process import BridgeProcess
from tests.bench import load
from tests.bench.bench_flow import BATCH, apply, file_latency, rule, throughput
from tests.bench.priority import prefer
from tests.cluster.own import BROKER, OwnCluster


class Case(NamedTuple):
    """``matching`` of ``rules`` rules get every event."""

    title: str
    rules: int
    matching: int


CASES = (
    Case("one rule, matches all", 1, 1),
    Case("ten rules, one matches", 10, 1),
    Case("ten rules, all match: ten lines an event", 10, 10),
)


class Used(NamedTuple):
    """CPU seconds so far."""

    bridge: float
    broker: float


@contextmanager
def bridge_on(own: OwnCluster, folder: Path, case: Case) -> Iterator[BridgeProcess]:
    """A bridge of its own for each case, with topics of its own."""
    name = f"bench{CASES.index(case)}"
    environ = {"BRIDGE_ROCKETMQ_TOPIC_PREFIX": name}
    with BridgeProcess(folder / name, "--store", f"rocketmq://{own.name_server}", environ=environ) as bridge:
        prefer(bridge.pid)
        apply(bridge, [rule(n, f"out{n}", matches=n < case.matching) for n in range(case.rules)])
        yield bridge


async def flow(own: OwnCluster, folder: Path, events: int) -> None:
    print(
        f"{'bus on RocketMQ: put (gRPC, batches of 100) to file':54}{'events/s':>10}{'per CPU s of bridge':>22}{'broker':>10}"
    )
    requests = load.put_requests(events, BATCH)
    for case in CASES:
        with bridge_on(own, folder, case) as bridge:
            files = [bridge.folder / f"out{n}" for n in range(case.matching)]
            if case is CASES[0]:
                cuts = statistics.quantiles(await file_latency(bridge, files[0]), n=100)
                print(f"{'idle put to file, ms: p50, p99':54}{cuts[49]:10.2f}{cuts[98]:8.2f}")
            few = requests[: len(requests) // case.matching]
            await throughput(bridge, few[: max(2, len(few) // 10)], files, stream=False)  # warms both
            for stream in (False, True):
                before = _used(own, bridge)
                rate = await throughput(bridge, few, files, stream)
                after = _used(own, bridge)
                sent = len(few) * BATCH
                per = [sent / (now - then) for now, then in zip(after, before, strict=True)]
                print(
                    f"{case.title + (', one stream' if stream else ', 32 calls'):54}{rate:10,.0f}{per[0]:22,.0f}{per[1]:10,.0f}"
                )
            print(f"{'memory afterwards, MiB: resident, of its own':54}{_resident(bridge):10.0f}{_own(bridge):8.0f}")


def _used(own: OwnCluster, bridge: BridgeProcess) -> Used:
    return Used(*[sum(psutil.Process(pid).cpu_times()[:2]) for pid in (bridge.pid, own.pid(BROKER))])


def _resident(bridge: BridgeProcess) -> float:
    return float(psutil.Process(bridge.pid).memory_info().rss / 2**20)


def _own(bridge: BridgeProcess) -> float:
    return sum(m.anonymous for m in psutil.Process(bridge.pid).memory_maps()) / 2**20
