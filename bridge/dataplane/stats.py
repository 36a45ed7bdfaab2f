"""Counts of what happens to one bus, rule and target, for status and metrics."""

from collections.abc import Sequence

from bridge.dataplane.sending import Watcher
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.model.status import LastError
from bridge.model.times import format_time
from bridge.telemetry import Telemetry

WINDOW_S = 10


class Meter:
    """A rate per second over the last ten seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds: dict[int, int] = {}
        self.total = 0

    def add(self, number: int) -> None:
        now = int(self._clock())
        self.total += number
        self._seconds[now] = self._seconds.get(now, 0) + number
        if len(self._seconds) > 2 * WINDOW_S:
            self._seconds = {s: n for s, n in self._seconds.items() if s > now - WINDOW_S}

    @property
    def rate(self) -> float:
        now = int(self._clock())
        return sum(n for s, n in self._seconds.items() if now - WINDOW_S <= s < now) / WINDOW_S


class BusStats:
    """What came in at the doors of one bus."""

    def __init__(self, bus: str, telemetry: Telemetry, clock: Clock) -> None:
        self.received = Meter(clock)
        self._events = telemetry.received.labels(bus)
        self._bytes = telemetry.received_bytes.labels(bus)
        self._refused = telemetry.refused
        self._took = telemetry.latencies("put_seconds", bus)
        self._bus = bus

    def stored(self, events: int, size_bytes: int, took_s: float) -> None:
        self.received.add(events)
        self._events.inc(events)
        self._bytes.inc(size_bytes)
        self._took.observe(took_s)

    def refused(self, code: str) -> None:
        self._refused.labels(self._bus, code).inc()


class TargetStats(Watcher):
    """What became of the deliveries to one target."""

    def __init__(self, bus: str, rule: str, target: str, telemetry: Telemetry, clock: Clock) -> None:
        labels = (bus, rule, target)
        self.delivered_meter = Meter(clock)
        self.failures = self.deaths = 0
        self.last_error: LastError | None = None
        self.failing = False
        self._delivered = telemetry.delivered.labels(*labels)
        self._failed = telemetry.failed.labels(*labels)
        self._dead = telemetry.dead.labels(*labels)
        self._took = telemetry.latencies("delivery_seconds", *labels)
        self._attempt = telemetry.latencies("attempt_seconds", *labels)

    def delivered(self, deliveries: Sequence[Delivery], took_s: float, now: float) -> None:
        self.failing = False
        self.delivered_meter.add(len(deliveries))
        self._delivered.inc(len(deliveries))
        self._attempt.observe(took_s)
        self._took.observe(max(0.0, now - deliveries[0].received), len(deliveries))

    def failed(self, deliveries: int, reason: str, now: float) -> None:
        self.failing = True
        self.failures += deliveries
        self._failed.inc(deliveries)
        self.last_error = LastError(time=format_time(now), reason=reason)

    def buried(self, deliveries: int) -> None:
        self.deaths += deliveries
        self._dead.inc(deliveries)
