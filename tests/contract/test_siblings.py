"""The metrics of several workers are told as one, whichever is asked."""

from contextlib import AsyncExitStack
from pathlib import Path

from bridge.app.siblings import Siblings, merge_metrics
from bridge.telemetry import Telemetry


def telemetry(events: int, bus: str = 'a{"b') -> Telemetry:
    made = Telemetry()
    made.received.labels(bus).inc(events)
    made.latencies("put_seconds", bus).observe(0.004)
    made.ask(lambda: [("lag", "How far", {"bus": bus}, 7.0)])
    return made


def test_families_come_once_and_samples_of_all() -> None:
    """With a label that tells the workers apart; the text is one that Prometheus reads."""
    from prometheus_client.parser import text_string_to_metric_families as parse

    merged = merge_metrics({"1": telemetry(3).text(), "2": telemetry(4).text()}).decode()
    families = {family.name: family for family in parse(merged)}
    assert merged.count("# TYPE bridge_received_total counter") == 1
    samples = {s.labels["worker"]: s for s in families["bridge_received"].samples if s.name.endswith("total")}
    assert {worker: (s.value, s.labels["bus"]) for worker, s in samples.items()} == {
        "1": (3.0, 'a{"b'),
        "2": (4.0, 'a{"b'),
    }
    assert {s.labels["worker"] for s in families["bridge_overloaded"].samples} == {"1", "2"}
    single = {family.name: family for family in parse(telemetry(3).text().decode())}
    assert families.keys() == single.keys()
    for name, family in single.items():
        assert len(families[name].samples) == 2 * len(family.samples)
        assert (families[name].type, families[name].documentation) == (family.type, family.documentation)


def test_a_family_that_only_one_has_is_there() -> None:
    """And nothing comes of nothing."""
    merged = merge_metrics(
        {"1": b"# HELP a x\n# TYPE a gauge\na 1.0\n", "2": b'# HELP b y\n# TYPE b gauge\nb{c="d e"} 2.0\n'}
    )
    assert merged == (
        b'# HELP a x\n# TYPE a gauge\na{worker="1"} 1.0\n# HELP b y\n# TYPE b gauge\nb{worker="2",c="d e"} 2.0\n'
    )
    assert merge_metrics({}) == b""


async def test_whoever_is_asked_tells_of_all(tmp_path: Path) -> None:
    """Those that answer; one that died, or lived before under the same number, is no trouble."""
    (tmp_path / "2.sock").touch()
    some = [Siblings(tmp_path, number, lambda n=number: b"# HELP up x\nup %d\n" % n) for number in (1, 2, 3)]
    async with AsyncExitStack() as stack:
        for one in some:
            await stack.enter_async_context(one.answering())
        (tmp_path / "4.sock").touch()
        wanted = b'# HELP up x\nup{worker="1"} 1\nup{worker="2"} 2\nup{worker="3"} 3\n'
        assert [await one.metrics() for one in some] == [wanted] * 3
    assert await some[0].metrics() == b'# HELP up x\nup{worker="1"} 1\n'
