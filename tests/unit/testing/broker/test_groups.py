"""Definitions of consumer groups."""

import pytest

from bridge.rocketmq.configs import GroupConfig
from bridge.testing.broker.config import Config
from bridge.testing.broker.groups import Groups
from bridge.testing.broker.requests import Refusal


def test_a_group_is_created_by_whoever_mentions_it() -> None:
    """With the usual settings."""
    groups = Groups(Config())
    assert "g" not in groups
    assert groups.require("g") == GroupConfig("g")
    assert "g" in groups


def test_brokers_may_be_told_not_to() -> None:
    """Then an unknown group is refused with 26."""
    groups = Groups(Config({"autoCreateSubscriptionGroup": "false"}))
    assert groups.reach("g") is None
    with pytest.raises(Refusal) as refused:
        groups.require("g")
    assert refused.value.answer.code == 26
    groups.put(GroupConfig("g"))
    assert groups.require("g") == GroupConfig("g")
    groups.delete("g")
    groups.delete("g")
    assert list(groups) == []


@pytest.mark.parametrize("name", ["", "a.b", "x" * 121])
def test_bad_names_are_refused(name: str) -> None:
    """With 29 when they are defined; whoever only mentions one does not create it."""
    groups = Groups(Config())
    with pytest.raises(Refusal) as refused:
        groups.put(GroupConfig(name))
    assert refused.value.answer.code == 29
    assert groups.reach(name) is None
