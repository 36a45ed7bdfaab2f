"""Definitions of consumer groups: made by request, and by whatever only mentions one, where the broker allows that."""

import re
from collections.abc import Iterator

from bridge.rocketmq.codes import ResponseCode
from bridge.rocketmq.configs import GroupConfig
from bridge.testing.broker.config import Config
from bridge.testing.broker.requests import FAQ, Refusal

_LONGEST = 120
_LEGAL = "^[%|a-zA-Z0-9_-]+$"


class Groups:
    """By name."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._table: dict[str, GroupConfig] = {}

    def __iter__(self) -> Iterator[GroupConfig]:
        return iter(self._table.values())

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def put(self, config: GroupConfig) -> None:
        """Create or change. Refused with 29 for a bad name."""
        if (remark := _fault(config.name)) is not None:
            raise Refusal(ResponseCode.INVALID_PARAMETER, remark)
        self._table[config.name] = config

    def delete(self, name: str) -> None:
        self._table.pop(name, None)

    def reach(self, name: str) -> GroupConfig | None:
        """The definition; a group that is not there is created if brokers may do so, else None."""
        if name not in self._table and self._config.flag("autoCreateSubscriptionGroup"):
            try:
                self.put(GroupConfig(name))
            except Refusal:
                return None
        return self._table.get(name)

    def require(self, name: str) -> GroupConfig:
        """As ``reach``. Refused with 26."""
        if (config := self.reach(name)) is None:
            remark = f"subscription group [{name}] does not exist, \n{FAQ}"
            raise Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark)
        return config


def _fault(name: str) -> str | None:
    """What is wrong with a name, None if nothing is."""
    if not name.strip():
        return "The specified group is blank."
    if not re.fullmatch(_LEGAL, name):
        return f"The specified group: {name}, contains illegal characters, allowing only {_LEGAL}"
    return f"The specified group: {name}, is longer than group max length: {_LONGEST}" if len(name) > _LONGEST else None
