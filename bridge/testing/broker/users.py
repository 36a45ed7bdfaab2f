"""Users and what they may do (ACL 2.0): every request to a broker is signed by one. All refusals are 16."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from bridge.rocketmq.auth import Credentials, sign
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.testing.broker.requests import Refusal, Request
from bridge.testing.broker.sends import SEND_V1


class Grant(NamedTuple):
    """``resource`` is ``Topic:name`` or ``Group:name``, ``*`` for any rest; ``actions``: Pub, Sub, Get, Create, Delete,
    Update, or All.
    """

    resource: str
    actions: frozenset[str] = frozenset({"All"})


class Need(NamedTuple):
    """What a request names: the arguments that hold topic and group, and which actions will do."""

    topic: str | None
    group: str | None
    actions: frozenset[str]


def _need(topic: str | None, group: str | None, *actions: str) -> Need:
    return Need(topic, group, frozenset({"All", *actions}))


_NEEDS: Mapping[int, Need] = {
    SEND_V1: _need("topic", None, "Pub"),
    RequestCode.SEND_MESSAGE_V2: _need("b", None, "Pub"),
    RequestCode.SEND_BATCH_MESSAGE: _need("b", None, "Pub"),
    RequestCode.PULL_MESSAGE: _need("topic", "consumerGroup", "Sub"),
    RequestCode.LITE_PULL_MESSAGE: _need("topic", "consumerGroup", "Sub"),
    RequestCode.UPDATE_CONSUMER_OFFSET: _need("topic", "consumerGroup", "Sub"),
    RequestCode.QUERY_MESSAGE: _need("topic", None, "Sub", "Get"),
    RequestCode.QUERY_CONSUMER_OFFSET: _need("topic", "consumerGroup", "Sub", "Get"),
    RequestCode.GET_CONSUMER_LIST_BY_GROUP: _need(None, "consumerGroup", "Sub", "Get"),
    RequestCode.SEARCH_OFFSET_BY_TIMESTAMP: _need("topic", None, "Get"),
    RequestCode.GET_MAX_OFFSET: _need("topic", None, "Get"),
    RequestCode.GET_MIN_OFFSET: _need("topic", None, "Get"),
    RequestCode.GET_EARLIEST_MSG_STORETIME: _need("topic", None, "Get"),
    RequestCode.VIEW_MESSAGE_BY_ID: _need("topic", None, "Get"),
    RequestCode.GET_TOPIC_STATS_INFO: _need("topic", None, "Get"),
    RequestCode.GET_CONSUME_STATS: _need(None, "consumerGroup", "Get"),
    RequestCode.GET_TOPIC_CONFIG: _need("topic", None, "Get"),
    RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG: _need(None, "group", "Get"),
    RequestCode.UPDATE_AND_CREATE_TOPIC: _need("topic", None, "Create"),
    RequestCode.DELETE_TOPIC_IN_BROKER: _need("topic", None, "Delete"),
    RequestCode.DELETE_SUBSCRIPTIONGROUP: _need(None, "groupName", "Delete"),
    RequestCode.INVOKE_BROKER_TO_RESET_OFFSET: _need("topic", "group", "Update"),
}
"""Requests that are missing here are open to every user that exists, as on a real broker. A heartbeat's groups and
topics are not looked at; there they are."""


class Users:
    """Who there is. Without any, everybody may do everything."""

    def __init__(self, first: Credentials | None = None) -> None:
        """``first`` may do everything."""
        self._secrets: dict[str, Credentials] = {}
        self._grants: dict[str, tuple[Grant, ...] | None] = {}
        if first is not None:
            self.add(first, None)

    def add(self, credentials: Credentials, grants: tuple[Grant, ...] | None = ()) -> None:
        """A user with these grants; None: a super user."""
        self._secrets[credentials.access_key] = credentials
        self._grants[credentials.access_key] = grants

    def check(self, request: Request) -> None:
        """Refused with 16 unless the request is signed by someone who may make it."""
        if not self._secrets:
            return
        name = self._authenticate(request)
        grants, need = self._grants[name], _NEEDS.get(request.command.code)
        if grants is None or need is None:
            return
        for kind, argument in (("Topic", need.topic), ("Group", need.group)):
            value = request.find(argument) if argument else None
            if value is not None and not _granted(grants, f"{kind}:{value}", need.actions):
                host = request.session.peer.rpartition(":")[0]
                remark = f"User:{name} has no permission to access {kind}:{value} from {host}, no matched policies."
                raise Refusal(ResponseCode.NO_PERMISSION, remark)

    def _authenticate(self, request: Request) -> str:
        ext = dict(request.command.ext)
        signature, name = ext.pop("Signature", ""), ext.get("AccessKey")
        if not name:
            raise Refusal(ResponseCode.NO_PERMISSION, "username cannot be null.")
        if name not in self._secrets:
            raise Refusal(ResponseCode.NO_PERMISSION, f"User:{name} is not found.")
        if sign(ext, request.body, self._secrets[name]) != signature:
            raise Refusal(ResponseCode.NO_PERMISSION, "check signature failed.")
        return name


def _granted(grants: tuple[Grant, ...], resource: str, actions: frozenset[str]) -> bool:
    return any(fnmatchcase(resource, grant.resource) and grant.actions & actions for grant in grants)
