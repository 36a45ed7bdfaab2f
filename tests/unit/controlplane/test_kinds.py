"""Rules for every kind: names, labels, lengths."""

import msgspec
import pytest

from bridge.controlplane.kinds import Kind, check_common
from bridge.errors import InvalidConfig
from bridge.model.bus import BusSpec
from bridge.model.resource import Resource


class Plain(Kind):
    name, plural, in_bus, Spec = "Plain", "plains", False, BusSpec

    def check(self, resource: Resource) -> list[str]:
        return []


class Inner(Plain):
    in_bus = True


def resource(**members: object) -> Resource:
    return Resource(**({"kind": "Plain", "name": "a"} | members))


@pytest.mark.parametrize(
    "members",
    [
        {"name": "A-1_b"}, {"name": "1" * 127}, {"description": "d" * 1024}, {"labels": {"a.b/c-d_e": "any: thing ü", "x": ""}},
        {"labels": {"k" * 127: "v" * 255}}, {"labels": {f"k{i}": "" for i in range(64)}},
        {"spec": msgspec.Raw(b" " * (1024 * 1024))},
    ],
)  # fmt: skip
def test_what_is_within_the_limits_passes(members: dict[str, object]) -> None:
    """Each limit, reached."""
    check_common(Plain(), resource(**members))


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"name": ""}, "$.name"), ({"name": "a b"}, "$.name"), ({"name": "-a"}, "$.name"), ({"name": "a" * 128}, "$.name"),
        ({"name": "a\n"}, "$.name"), ({"name": "ä"}, "$.name"), ({"bus": "b"}, "$.bus"),
        ({"description": "d" * 1025}, "$.description"),
        ({"labels": {f"k{i}": "" for i in range(65)}}, "$.labels"),
        ({"labels": {"": "x"}}, '$.labels[""]'), ({"labels": {"a=b": "x"}}, '$.labels["a=b"]'),
        ({"labels": {"k" * 128: "v"}}, f"$.labels.{'k' * 128}"), ({"labels": {"k": "v" * 256}}, "$.labels.k"),
        ({"labels": {"k": "a\nb"}}, "$.labels.k"),
        ({"spec": msgspec.Raw(b" " * (1024 * 1024 + 1))}, "$.spec"),
    ],
)  # fmt: skip
def test_what_is_beyond_a_limit_is_refused(members: dict[str, object], path: str) -> None:
    """With its path."""
    with pytest.raises(InvalidConfig) as caught:
        check_common(Plain(), resource(**members))
    assert caught.value.path == path


def test_a_kind_in_a_bus_names_it() -> None:
    """And the name must be one."""
    with pytest.raises(InvalidConfig) as caught:
        check_common(Inner(), resource())
    assert caught.value.path == "$.bus"
