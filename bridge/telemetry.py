"""What operators see: log lines (structlog) and metrics (Prometheus). One small function per happening.

Counts are added per batch, never per event. Label values are names from the catalog, so their number is bounded by it.
"""

import logging
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
"""Upper bounds of the latency buckets."""

Gauges = Callable[[], Iterable[tuple[str, str, dict[str, str], float]]]
"""Asked at each scrape: (metric, help, labels, value)."""


def set_up_logging(level: str, form: Literal["auto", "text", "json"]) -> None:
    """Text on a terminal, JSON otherwise, on stderr; the standard library's loggers of our dependencies too."""
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
    last = [render] if text else [structlog.processors.format_exc_info, render]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    logging.basicConfig(
        handlers=[handler], level=max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]), force=True
    )


class Latencies:
    """A histogram that takes many equal observations at once."""

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float, times: int = 1) -> None:
        self.counts[bisect_left(SECONDS, seconds)] += times
        self.sum += seconds * times

    def buckets(self) -> list[tuple[str, float]]:
        total = 0
        found = []
        for bound, count in zip((*map(str, SECONDS), "+Inf"), self.counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


class Telemetry:
    """The metrics of one bridge."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.received = self._counter("received", "Events stored", "bus")
        self.received_bytes = self._counter("received_bytes", "Bytes of stored events", "bus")
        self.refused = self._counter("refused", "Events refused at the door", "bus", "code")
        self.overloaded = self._counter("overloaded", "Requests turned away because too much was under way")
        self.matched = self._counter("matched", "Events that a rule matched", "bus", "rule")
        self.delivered = self._counter("delivered", "Deliveries a target took", "bus", "rule", "target")
        self.failed = self._counter("failed", "Deliveries that failed in an attempt", "bus", "rule", "target")
        self.dead = self._counter("dead", "Deliveries that became dead letters", "bus", "rule", "target")
        self.lost = self._counter("lost", "Events deleted by retention before they were read", "bus", "rule", "target")
        self.trimmed = self._counter("trimmed", "Events deleted by retention", "bus")
        self._latencies: dict[str, tuple[str, tuple[str, ...], dict[tuple[str, ...], Latencies]]] = {
            "put_seconds": ("From request to durable", ("bus",), {}),
            "delivery_seconds": ("From stored to taken by the target", ("bus", "rule", "target"), {}),
            "attempt_seconds": ("One attempt of a target", ("bus", "rule", "target"), {}),
        }
        self._gauges: list[Gauges] = []
        self._registry.register(_Collector(self._collect))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"bridge_{name}", text, labels, registry=self._registry)

    def latencies(self, name: str, *labels: str) -> Latencies:
        """The histogram of these label values; look it up once, not per event."""
        return self._latencies[name][2].setdefault(labels, Latencies())

    def ask(self, gauges: Gauges) -> None:
        """Ask for these gauges at each scrape."""
        self._gauges.append(gauges)

    def text(self) -> bytes:
        """Everything in the Prometheus text format."""
        return generate_latest(self._registry)

    def _collect(self) -> Iterator[Metric]:
        for name, (text, labels, children) in self._latencies.items():
            family = HistogramMetricFamily(f"bridge_{name}", text, labels=labels)
            for values, latencies in list(children.items()):
                family.add_metric(values, latencies.buckets(), latencies.sum)
            yield family
        found: dict[str, GaugeMetricFamily] = {}
        for gauges in self._gauges:
            for name, text, values_by_label, value in gauges():
                gauge = found.setdefault(name, GaugeMetricFamily(f"bridge_{name}", text, labels=list(values_by_label)))
                gauge.add_metric(list(values_by_label.values()), value)
        yield from found.values()


class _Collector:
    """Gives prometheus_client an object with ``collect``."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self.collect = collect
