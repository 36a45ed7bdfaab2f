"""Whether a RocketMQ cluster is ready: its brokers stand in the route of the cluster's own topic, and each answers.

An open port means little: a name server listens before it knows any broker, and a broker before it has read its store.
"""

import socket
from collections.abc import Iterable

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import RocketMQError
from bridge.rocketmq.frames import Command, FrameReader, encode
from bridge.rocketmq.routes import parse_route

TIMEOUT_S = 3
CHUNK_BYTES = 65_536


def call(address: str, code: int, **ext: str) -> Command:
    """One request on a connection of its own. Raises OSError if nobody answers, RocketMQError if somebody else does."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        connection.sendall(encode(Command(code, ext=ext)))
        reader = FrameReader()
        while data := connection.recv(CHUNK_BYTES):
            for answer in reader.feed(data):
                return answer
    raise ConnectionError(f"{address} closed the connection without an answer")


def is_name_server(address: str) -> bool:
    """Whether a name server answers there, with or without brokers."""
    return _try(address, RequestCode.GET_ROUTEINFO_BY_TOPIC, topic="any", acceptStandardJsonOnly="true") is not None


def is_broker(address: str, cluster: str) -> bool:
    """Whether a broker of that cluster answers there."""
    answer = _try(address, RequestCode.GET_MAX_OFFSET, topic=cluster, queueId="0")
    return answer is not None and answer.code == ResponseCode.SUCCESS


def missing(name_server: str, cluster: str, wanted: Iterable[str]) -> set[str]:
    """Those of the wanted brokers that are not in the route yet, or do not answer."""
    known = brokers(name_server, cluster)
    return {name for name in wanted if name not in known or not is_broker(known[name], cluster)}


def brokers(name_server: str, cluster: str) -> dict[str, str]:
    """Name and address of each living broker of the cluster; empty while none has registered, or no name server answers."""
    answer = _try(name_server, RequestCode.GET_ROUTEINFO_BY_TOPIC, topic=cluster, acceptStandardJsonOnly="true")
    if answer is None or answer.code != ResponseCode.SUCCESS:
        return {}
    found = parse_route(cluster, answer.body).brokers
    return {name: broker.master for name, broker in found.items() if broker.master}


def listens(address: str) -> bool:
    """Whether anything listens there: for a server that opens its port when it is ready."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _try(address: str, code: int, **ext: str) -> Command | None:
    try:
        return call(address, code, **ext)
    except (OSError, RocketMQError):
        return None
