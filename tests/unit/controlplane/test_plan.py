"""What an apply would do."""

import time

import msgspec
import pytest
from msgspec.structs import replace

from bridge.controlplane.plan import MAX_DIFF_LINES, check_once, diff, plan
from bridge.errors import Conflict, InvalidConfig
from bridge.model.resource import Resource


def bus(spec: str = "{}", **members: object) -> Resource:
    return Resource(kind="Bus", name="a", spec=msgspec.Raw(spec.encode()), **members)


STORED = bus('{"partitions":1,"limits":{}}', revision=4, created=1.0, updated=2.0, status={"x": 1})


def test_what_is_not_there_is_created() -> None:
    """The server's members begin empty."""
    [step] = plan([bus(status={"sent": 1})], {})
    assert (step.action, step.before, step.after.status) == ("created", None, {})


@pytest.mark.parametrize("spec", ['{"partitions":1,"limits":{}}', '{ "limits":{},\n "p\\u0061rtitions" : 1 }'])
def test_equal_content_is_unchanged(spec: str) -> None:
    """However it is written; revision and status do not count."""
    [step] = plan([bus(spec)], {STORED.ref: STORED})
    assert step.action == "unchanged"
    assert step.after is STORED


@pytest.mark.parametrize("spec", ['{"partitions":"1","limits":{}}', '{"partitions":1.0,"limits":{}}', "{}"])
def test_other_content_is_a_change(spec: str) -> None:
    """The server's members stay."""
    [step] = plan([bus(spec)], {STORED.ref: STORED})
    assert step.action == "changed"
    assert (step.after.revision, step.after.created, step.after.status) == (4, 1.0, {"x": 1})


def test_the_order_of_a_template_is_content() -> None:
    """A payload keeps it."""
    stored = bus('{"targets":[{"transform":{"template":{"a":1,"b":2}},"name":"x"}]}', revision=1)
    for spec, action in [
        ('{"targets":[{"name":"x","transform":{"template":{"a":1,"b":2}}}]}', "unchanged"),
        ('{"targets":[{"name":"x","transform":{"template":{"b":2,"a":1}}}]}', "changed"),
    ]:
        assert plan([bus(spec)], {stored.ref: stored})[0].action == action


def test_labels_have_no_order() -> None:
    """They are a map."""
    stored = replace(STORED, labels={"a": "1", "b": "2"})
    [step] = plan([replace(stored, labels={"b": "2", "a": "1"})], {stored.ref: stored})
    assert step.action == "unchanged"


def test_a_revision_is_a_condition() -> None:
    """It must be the stored one; where none is stored, there is none."""
    assert plan([replace(STORED, revision=4)], {STORED.ref: STORED})[0].action == "unchanged"
    with pytest.raises(Conflict, match="has revision 4, not 3") as caught:
        plan([bus(revision=3)], {STORED.ref: STORED})
    assert caught.value.path == "$.revision"
    with pytest.raises(Conflict, match="not there any more") as caught:
        plan([replace(bus(), name="b"), bus(revision=3)], {})
    assert caught.value.path == "$[1].revision"


def test_a_resource_is_given_once() -> None:
    """The second is named."""
    with pytest.raises(InvalidConfig, match=r"Bus a is given twice, first as \$\[0\]") as caught:
        check_once([bus(), replace(bus(), name="b"), bus()])
    assert caught.value.path == "$[2]"


def test_a_diff_compares_the_definitions() -> None:
    """As YAML, without what the server writes."""
    [step] = plan([bus('{"partitions":2,"limits":{}}', description="on")], {STORED.ref: STORED})
    assert diff(step).splitlines() == [
        "--- Bus a as it is", "+++ Bus a as applied", "@@ -1,5 +1,6 @@", " kind: Bus", " name: a", "+description: 'on'",
        " spec:", "-  partitions: 1", "+  partitions: 2", "   limits: {}",
    ]  # fmt: skip


def test_a_diff_is_bounded() -> None:
    """A spec of a megabyte that changed all over is counted, one that changed a little is compared."""
    lines = [f'"k{i}":{i}' for i in range(1, MAX_DIFF_LINES * 5)]
    stored = bus("{" + ",".join(lines) + "}", revision=1)
    began = time.perf_counter()
    [step] = plan([bus("{" + ",".join(f"{line}0" for line in lines) + "}")], {stored.ref: stored})
    assert "too many to compare" in diff(step)
    lines[99] = '"k100":true'
    [step] = plan([bus("{" + ",".join(lines) + "}")], {stored.ref: stored})
    assert "+  k100: true" in diff(step)
    assert time.perf_counter() - began < 10
