"""Routes and cluster info: what they say about queues and brokers."""

import json

import pytest

from bridge.rocketmq.errors import Malformed
from bridge.rocketmq.routes import (
    BrokerData,
    ClusterInfo,
    Queue,
    QueueData,
    Route,
    format_cluster_info,
    format_route,
    parse_cluster_info,
    parse_route,
)

A = BrokerData("c", "broker-a", {0: "10.0.0.1:10911", 1: "10.0.0.2:10911"})
B = BrokerData("c", "broker-b", {1: "10.0.0.3:10911"})


def route(*queues: QueueData) -> Route:
    return Route("t", queues, {"broker-a": A, "broker-b": B})


def test_routes_round_trip() -> None:
    """In standard JSON, with text as keys."""
    given = route(QueueData("broker-b", 3, 2, 4, 1), QueueData("broker-a", 1, 0))
    assert parse_route("t", format_route(given)) == given
    assert json.loads(format_route(given))["brokerDatas"][0]["brokerAddrs"] == {"0": A.master, "1": "10.0.0.2:10911"}


def test_keys_without_quotes_are_read() -> None:
    """As name servers write for clients below version 401, and for 106 always."""
    info = ClusterInfo({"broker-a": A, "broker-b": B}, {"c": ("broker-a", "broker-b")})
    text = format_cluster_info(info)
    assert b'"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.2:10911"}' in text
    assert parse_cluster_info(text) == info


def test_queues_to_read_and_to_write() -> None:
    """By the permission bits and each broker's own numbers, sorted by broker and id."""
    given = route(QueueData("broker-b", 1, 1, 4), QueueData("broker-a", 2, 1, 6))
    assert given.readable == (Queue("t", "broker-a", 0), Queue("t", "broker-a", 1), Queue("t", "broker-b", 0))
    assert given.writable == (Queue("t", "broker-a", 0),)


@pytest.mark.parametrize(("perm", "readable", "writable"), [(0, 0, 0), (1, 0, 0), (2, 0, 1), (4, 1, 0), (7, 1, 1)])
def test_permission_bits_are_honoured(perm: int, readable: int, writable: int) -> None:
    """Brokers store what is sent without the write bit, so the client must not send."""
    given = route(QueueData("broker-a", 1, 1, perm))
    assert (len(given.readable), len(given.writable)) == (readable, writable)


def test_no_writing_without_a_master() -> None:
    """A broker of which only replicas are up takes nothing."""
    given = route(QueueData("broker-b", 1, 1))
    assert given.readable == (Queue("t", "broker-b", 0),)
    assert given.writable == ()
    assert (given.master("broker-b"), given.master("broker-z"), given.master("broker-a")) == (None, None, A.master)


def test_other_members_are_ignored() -> None:
    """Of newer servers."""
    body = json.loads(format_route(route(QueueData("broker-a", 1, 1))))
    body["new"] = 1
    body["queueDatas"][0]["new"] = 1
    body["brokerDatas"][0]["zoneName"] = "z"
    assert parse_route("t", json.dumps(body).encode()) == route(QueueData("broker-a", 1, 1))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b'{"queueDatas":[],"brokerDatas":{"a":1}}',
        b'{"queueDatas":[],"brokerDatas":[{"brokerName":"b","cluster":"c","brokerAddrs":{0:7}}]}',
        b'{"queueDatas":[],"brokerDatas":[{"brokerName":"b","cluster":"c","brokerAddrs":{x:"a"}}]}',
        b'{"brokerDatas":[],"queueDatas":[{"brokerName":"b","readQueueNums":-1,"writeQueueNums":1,"perm":6,"topicSysFlag":0}]}',
        b'{"brokerDatas":[],"queueDatas":[{"brokerName":"b","readQueueNums":999999999,"writeQueueNums":1,"perm":6,"topicSysFlag":0}]}',
    ],
)
def test_bodies_of_another_shape(body: bytes) -> None:
    """Are malformed, also those whose number of queues would fill the memory."""
    with pytest.raises(Malformed, match="a route that cannot be read"):
        parse_route("t", body)
    with pytest.raises(Malformed, match="a list of brokers that cannot be read"):
        parse_cluster_info(body)
