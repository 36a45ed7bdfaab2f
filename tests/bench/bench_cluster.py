"""One RocketMQ broker on this machine: Java's benchmark programs beside our client, then the bus from put to file.

``python -m tests.bench.bench_cluster [--rounds 2] [--seconds 5] [--events 100000] [--only client|bus]``

Needs Java. It brings a cluster of its own, which takes some GB of disk until it ends.
"""

import argparse
import asyncio
import tempfile
from collections import defaultdict
from pathlib import Path

import uvloop

from bridge.rocketmq.cluster import Cluster
from tests.bench.cluster_bus import flow
from tests.bench.cluster_loads import LOADS, Bench, Load, Window
from tests.bench.priority import prefer
from tests.cluster.own import BROKER, OwnCluster
from tests.servers.settings import ROOT

STATE = ROOT / ".cluster"
WARM_S = 8.0
SIDES = ("java", "ours")


async def clients(own: OwnCluster, folder: Path, rounds: int, seconds: float) -> None:
    found: dict[tuple[Load, str], list[Window]] = defaultdict(list)
    async with Cluster([own.name_server]) as cluster:
        bench = Bench(own, cluster, folder)
        await bench.prepare()
        for side in SIDES:
            await bench.run(LOADS[0], side, WARM_S, seconds)  # for the broker, which begins cold
        for number in range(rounds):
            for load in LOADS:
                for side in SIDES if number % 2 == 0 else SIDES[::-1]:
                    if (window := await bench.run(load, side, WARM_S, seconds)) is not None:
                        found[load, side].append(window)
    print(f"{'1 KiB messages, one broker':34}{'messages/s':^25}  {'per CPU s of client':^19}  {'of broker':^19}")
    print(f"{'':34}{'Java':>9}{'ours':>9}{'ratio':>7}  {'Java':>9}{'ours':>9}   {'Java':>9}{'ours':>9}")
    for load in LOADS:
        print(_line(load, found[load, "java"], found[load, "ours"]))


def _line(load: Load, java: list[Window], ours: list[Window]) -> str:
    """The ratio is that of the rounds' sums; in each round both sides ran one after the other."""
    ratio = f"{_rate(ours) / _rate(java):7.2f}" if java else f"{'':7}"
    rates = f"{_number(_rate(java))}{_number(_rate(ours))}{ratio}"
    client = f"{_number(_per(java, 'client_cpu_s'))}{_number(_per(ours, 'client_cpu_s'))}"
    return (
        f"{load.name:34}{rates}  {client}   {_number(_per(java, 'broker_cpu_s'))}{_number(_per(ours, 'broker_cpu_s'))}"
    )


def _number(value: float) -> str:
    return f"{value:9,.0f}" if value else f"{'':9}"


def _rate(windows: list[Window]) -> float:
    return sum(w.messages for w in windows) / sum(w.seconds for w in windows) if windows else 0.0


def _per(windows: list[Window], cpu: str) -> float:
    return sum(w.messages for w in windows) / sum(getattr(w, cpu) for w in windows) if windows else 0.0


async def run(given: argparse.Namespace) -> None:
    STATE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=STATE) as name:
        folder = Path(name)
        own = OwnCluster(folder / "cluster")
        try:
            await own.up()
            prefer(own.pid(BROKER))
            if given.only != "bus":
                await clients(own, folder, given.rounds, given.seconds)
            if given.only != "client":
                await flow(own, folder, given.events)
        finally:
            own.clean()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--only", choices=("client", "bus"))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
