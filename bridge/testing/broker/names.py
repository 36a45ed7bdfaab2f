"""What name servers know, and what they answer (105, 106, 206, 216, 224): living brokers and their topics.

A broker registers all its topics when it starts and each one that is new or changed; it is forgotten with all of them
when its connection closes. A topic deleted on the broker stays here until it is deleted here.
"""

from bridge.rocketmq.bodies import format_topic_list
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.configs import TopicConfig
from bridge.rocketmq.routes import BrokerData, ClusterInfo, QueueData, Route, format_cluster_info, format_route
from bridge.testing.broker.requests import FAQ, Answer, Refusal, Request
from bridge.testing.broker.state import CLUSTER, Broker

_STANDARD_JSON = 401
"""From this version of a client on, route bodies are standard JSON; before, on demand."""


class Names:
    """One state for all name servers of a cluster. ``redirects`` announce another address for a broker's name."""

    def __init__(self) -> None:
        self.redirects: dict[str, str] = {}
        self._brokers: dict[str, Broker] = {}
        self._topics: dict[str, dict[str, QueueData]] = {}

    def register(self, broker: Broker) -> None:
        """A broker has started."""
        self._brokers[broker.name] = broker
        for config in broker.topics:
            self.announce(broker, config)

    def announce(self, broker: Broker, config: TopicConfig) -> None:
        """A topic of a living broker is new or changed."""
        if broker.name in self._brokers:
            data = QueueData(broker.name, config.read_queues, config.write_queues, config.perm, config.sys_flag)
            self._topics.setdefault(config.name, {})[broker.name] = data

    def forget(self, broker: Broker) -> None:
        """A broker has gone."""
        self._brokers.pop(broker.name, None)
        for data in self._topics.values():
            data.pop(broker.name, None)
        self._topics = {topic: data for topic, data in self._topics.items() if data}

    def answer(self, request: Request) -> Answer:
        """Refused with 3 for anything that a client does not ask a name server."""
        match request.command.code:
            case RequestCode.GET_ROUTEINFO_BY_TOPIC:
                return self._route(request)
            case RequestCode.GET_BROKER_CLUSTER_INFO:
                brokers = {name: self._data(name) for name in self._brokers}
                return Answer(
                    body=format_cluster_info(ClusterInfo(brokers, {CLUSTER: tuple(brokers)} if brokers else {}))
                )
            case RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER:
                return Answer(body=format_topic_list(self._topics))
            case RequestCode.GET_TOPICS_BY_CLUSTER:
                topics = self._topics if request.find("cluster") == CLUSTER else ()
                return Answer(body=format_topic_list(topics))
            case RequestCode.DELETE_TOPIC_IN_NAMESRV:
                self._topics.pop(request.text("topic"), None)
                return Answer()
        raise Refusal(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, f" request type {request.command.code} not supported")

    def _route(self, request: Request) -> Answer:
        topic = request.find("topic") or "null"
        data = self._topics.get(topic)
        if not data:
            remark = f"No topic route info in name server for the topic: {topic}\n{FAQ}"
            raise Refusal(ResponseCode.TOPIC_NOT_EXIST, remark)
        body = format_route(Route(topic, tuple(data.values()), {name: self._data(name) for name in data}))
        standard = request.command.version >= _STANDARD_JSON or request.flag("acceptStandardJsonOnly")
        return Answer(body=body if standard else body.replace(b'{"0":', b"{0:"))

    def _data(self, name: str) -> BrokerData:
        broker = self._brokers[name]
        return BrokerData(broker.cluster, name, {0: self.redirects.get(name, broker.address)})
