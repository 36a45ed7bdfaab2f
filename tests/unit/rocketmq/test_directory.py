"""What is kept of topics and brokers while name servers know less."""

from bridge.rocketmq.directory import Directory
from bridge.rocketmq.errors import NoRoute
from bridge.rocketmq.routes import BrokerData, QueueData, Route


def route(topic: str = "t", **brokers: str) -> Route:
    data = {name: BrokerData("c", name, {0: address}) for name, address in brokers.items()}
    return Route(topic, tuple(QueueData(name, 1, 1) for name in brokers), data)


def test_a_route_is_new_when_it_differs() -> None:
    """The first one, another one, not the same again."""
    directory = Directory()
    assert directory.learn(route(a="h:1"), 1)
    assert not directory.learn(route(a="h:1"), 2)
    assert directory.learn(route(a="h:1", b="h:2"), 3)
    assert directory.entry("t").asked_at == 3


def test_the_last_good_route_stays() -> None:
    """When a question fails, the error is noted beside it; the next good answer clears it."""
    directory = Directory()
    directory.learn(route(a="h:1"), 1)
    entry = directory.entry("t")
    entry.failed(NoRoute(), 2)
    assert (entry.route, type(entry.error), entry.asked_at) == (route(a="h:1"), NoRoute, 2)
    assert not directory.learn(route(a="h:1"), 3)
    assert entry.error is None


def test_brokers_stay_known_when_routes_shrink() -> None:
    """By their last address; replicas alone are no address."""
    directory = Directory()
    directory.learn(route(a="h:1", b="h:2"), 1)
    directory.learn(route(a="h:3"), 2)
    directory.learn_brokers([BrokerData("c", "b", {1: "h:9"})])
    assert (directory.address("a"), directory.address("b"), directory.address("z")) == ("h:3", "h:2", None)


def test_topics_in_use() -> None:
    """Those that were wanted lately."""
    directory = Directory()
    directory.entry("old").used_at = 1
    directory.entry("new").used_at = 5
    directory.entry("never")
    assert directory.used_since(5) == ["new"]


def test_answers_are_numbered() -> None:
    """So that who waits can tell whether the question began after it came."""
    entry = Directory().entry("t")
    assert entry.begun == entry.answered == 0
    entry.begun += 1
    entry.failed(NoRoute(), 1)
    assert entry.answered == 1
