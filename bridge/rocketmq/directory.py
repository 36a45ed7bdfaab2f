"""What is known of topics and brokers, kept beyond what name servers know at the moment. Pure.

A route lists living brokers only, and name servers forget a broker at once. So a topic keeps its last route, and a
broker its last address.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.rocketmq.errors import RocketMQError
from bridge.rocketmq.routes import BrokerData, Route


@dataclass(slots=True)
class Entry:
    """One topic. Times are those of the caller's clock, in seconds."""

    route: Route | None = None  # the last good one
    error: RocketMQError | None = None  # what came of the last question, None if ``route`` did
    begun: int = 0  # number of the last question to a name server
    answered: int = 0  # number of the last one that was answered, in whatever way
    asked_at: float = float("-inf")
    used_at: float = float("-inf")

    def failed(self, error: RocketMQError, now: float) -> None:
        """No route came of the last question; the last good one stays."""
        self.error, self.asked_at, self.answered = error, now, self.begun

    def found(self, route: Route, now: float) -> bool:
        """The last question was answered with ``route``; true when it differs from the last one."""
        changed = self.route != route
        self.route, self.error, self.asked_at, self.answered = route, None, now, self.begun
        return changed


class Directory:
    """Routes by topic, addresses by broker name."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._addresses: dict[str, str] = {}

    def entry(self, topic: str) -> Entry:
        """What is known of a topic; a new entry if nothing is."""
        entry = self._entries.get(topic)
        if entry is None:
            entry = self._entries[topic] = Entry()
        return entry

    def address(self, broker: str) -> str | None:
        """The last known address of a broker's master."""
        return self._addresses.get(broker)

    def learn(self, route: Route, now: float) -> bool:
        """The last question for a topic was answered with a route; true when it differs from the last one."""
        self.learn_brokers(route.brokers.values())
        return self.entry(route.topic).found(route, now)

    def learn_brokers(self, brokers: Iterable[BrokerData]) -> None:
        self._addresses.update((broker.name, broker.master) for broker in brokers if broker.master)

    def used_since(self, time: float) -> list[str]:
        """Topics whose route was wanted at ``time`` or later."""
        return [topic for topic, entry in self._entries.items() if entry.used_at >= time]
