"""Metrics: counted per batch, shown in the Prometheus text format."""

from bridge.telemetry import Latencies, Telemetry


def test_counters_carry_their_labels() -> None:
    """Each name begins with the product's."""
    telemetry = Telemetry()
    telemetry.received.labels("traffic").inc(3)
    assert 'bridge_received_total{bus="traffic"} 3.0' in telemetry.text().decode()


def test_many_equal_latencies_are_one_observation() -> None:
    """Buckets are cumulative; the sum counts each."""
    latencies = Latencies()
    latencies.observe(0.004, 10)
    latencies.observe(1000)
    buckets = dict(latencies.buckets())
    assert (buckets["0.0025"], buckets["0.005"], buckets["600.0"], buckets["+Inf"]) == (0, 10, 10, 11)
    assert latencies.sum == 10 * 0.004 + 1000


def test_histograms_are_shown_by_label() -> None:
    """Looking one up twice gives the same."""
    telemetry = Telemetry()
    telemetry.latencies("put_seconds", "traffic").observe(0.01)
    telemetry.latencies("put_seconds", "traffic").observe(0.01)
    text = telemetry.text().decode()
    assert 'bridge_put_seconds_count{bus="traffic"} 2.0' in text
    assert 'bridge_put_seconds_bucket{bus="traffic",le="0.01"} 2.0' in text


def test_gauges_are_asked_at_each_scrape() -> None:
    """One family for all labels."""
    telemetry = Telemetry()
    values = {"a": 1.0}
    telemetry.ask(lambda: [("lag", "Events behind", {"target": name}, value) for name, value in values.items()])
    assert 'bridge_lag{target="a"} 1.0' in telemetry.text().decode()
    values |= {"a": 5.0, "b": 2.0}
    text = telemetry.text().decode()
    assert 'bridge_lag{target="a"} 5.0' in text
    assert 'bridge_lag{target="b"} 2.0' in text
