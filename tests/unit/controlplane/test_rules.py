"""A rule is tried out before it is stored."""

import pytest

from bridge.errors import InvalidConfig, InvalidFilter, InvalidInput, InvalidPattern, InvalidTransform
from bridge.model.resource import Ref

BUS = "kind: Bus\nname: b\n"


def rule(target: str = "", more: str = "") -> str:
    base = "{name: a, kind: paper, config: {path: x}}"
    return f"{BUS}---\nkind: Rule\nbus: b\nname: r\nspec:\n  targets: [{target or base}]\n{more}"


@pytest.mark.parametrize(
    ("text", "path", "kind"),
    [
        (rule(more="  patern: {}"), "$[1].spec.patern", InvalidConfig),
        (rule(more="  enabled: on"), "$[1].spec.enabled", InvalidConfig),
        (rule(more="  dialect: klingon"), "$[1].spec.dialect", InvalidConfig),
        (rule(more="  pattern: {type: light.changed}"), "$[1].spec.pattern.type", InvalidPattern),
        (rule(more="  pattern: {data: {speed: [{nummeric: ['>', 5]}]}}"), "$[1].spec.pattern.data.speed[0]", InvalidPattern),
        (rule(more="  filter: {}"), "$[1].spec.filter", InvalidFilter),
        (rule(more="  filter: [{exact: {type: a}}, {sql: 'type = '}]"), "$[1].spec.filter[1].sql", InvalidFilter),
        (rule(more="  filter: {exact: {type: 5}}"), "$[1].spec.filter.exact.type", InvalidFilter),
        (rule("{name: a, kind: papre}"), "$[1].spec.targets[0].kind", InvalidConfig),
        (rule("{name: a, kind: marble}"), "$[1].spec.targets[0].kind", InvalidConfig),
        (rule("{name: a, kind: paper}"), "$[1].spec.targets[0].config", InvalidConfig),
        (rule("{name: a b, kind: paper}"), "$[1].spec.targets[0].name", InvalidConfig),
        (rule("{name: a, kind: paper, config: {path: x, colour: red}}"), "$[1].spec.targets[0].config.colour", InvalidConfig),
        (rule("{name: a, kind: paper, config: {path: x, mode: eat}}"), "$[1].spec.targets[0].config.mode", InvalidConfig),
        (rule("{name: a, kind: paper, config: {path: /x}}"), "$[1].spec.targets[0].config.path", InvalidConfig),
        (rule("{name: a, kind: paper, config: {path: '${data['}}"), "$[1].spec.targets[0].config.path", InvalidTransform),
        (rule("{name: a, kind: paper, config: {path: x, headers: {h: '${'}}}"), "$[1].spec.targets[0].config.headers.h", InvalidTransform),
        (rule("{name: a, kind: paper, config: {path: x}, transform: {path: '$['}}"), "$[1].spec.targets[0].transform.path", InvalidTransform),
        (rule("{name: a, kind: paper, config: {path: x}, transform: {}}"), "$[1].spec.targets[0].transform", InvalidTransform),
        (rule("{name: a, kind: paper, config: {path: x}, retry: {attempts: 5}}"), "$[1].spec.targets[0].retry.attempts", InvalidConfig),
        (rule("{name: a, kind: paper, config: {path: x}, retry: {schedule: [1s, 0s]}}"), "$[1].spec.targets[0].retry.schedule[1]", InvalidConfig),
        (rule("{name: a, kind: paper, config: {path: x}, retry: {policy: AWS, schedule: [1s]}}"), "$[1].spec.targets[0].retry.schedule", InvalidConfig),
        (rule("{name: a, kind: paper, config: {path: x}, retry: {policy: AWS, maxAttempts: 1000}}"), "$[1].spec.targets[0].retry.maxAttempts", InvalidConfig),
        (rule("{name: a, kind: paper, config: {path: x}, rate: 0/s}"), "$[1].spec.targets[0].rate", InvalidConfig),
        (rule("{name: a, kind: paper, config: {path: x}}, {name: a, kind: paper, config: {path: x}}"), "$[1].spec.targets[1].name", InvalidConfig),
        ("kind: Rule\nbus: b\nname: r\nspec:", "$.spec", InvalidConfig),
        ("kind: Rule\nbus: b\nname: r", "$.spec", InvalidConfig),
        ("kind: Rule\nbus: b\nname: r\nspec: {targets: []}", "$.spec.targets", InvalidConfig),
    ],
)  # fmt: skip
async def test_bad_rules_are_refused_with_their_path(world, text: str, path: str, kind: type[InvalidInput]) -> None:
    """The path leads from the document's root into pattern, transform and config; nothing is stored."""
    with pytest.raises(kind) as caught:
        await world.apply(text)
    assert caught.value.path == path
    assert await world.catalog.version() == 0


async def test_an_unknown_kind_of_target_gets_a_hint(world) -> None:
    """What is close, what is known, or what to install."""
    with pytest.raises(InvalidConfig, match="no kind of target 'papre'; did you mean paper"):
        await world.apply(rule("{name: a, kind: papre}"))
    with pytest.raises(InvalidConfig, match=r"marble is not available here; install bridge\[marble\]"):
        await world.apply(rule("{name: a, kind: marble}"))


async def test_a_pattern_may_repeat_members(world) -> None:
    """The pattern language gives two objects of one name a meaning; JSON brings them through."""
    spec = (
        '{"pattern":{"data":{"a":[1]},"data":{"b":[2]}},"targets":[{"name":"a","kind":"paper","config":{"path":"x"}}]}'
    )
    await world.apply(BUS)
    answer = await world.call("PUT", "/v1/buses/b/rules/r", f'{{"spec":{spec}}}')
    assert answer.status == 201
    assert spec.encode() in answer.body


def with_place(bus: str, more: str = "") -> str:
    return rule(f"{{name: a, kind: paper, config: {{path: x}}, deadLetters: {{bus: {bus}}}{more}}}")


async def test_a_bus_for_dead_letters_must_be_there(world) -> None:
    """Or come along, or be the rule's own; also in a dry run."""
    for dry_run in (True, False):
        with pytest.raises(InvalidConfig, match="there is no Bus failures") as caught:
            await world.apply(with_place("failures"), dry_run=dry_run)
        assert caught.value.path == "$[1].spec.targets[0].deadLetters.bus"
    assert await world.catalog.version() == 0
    await world.apply(with_place("b"))
    (_, applied, _) = await world.apply(f"{with_place('failures')}\n---\nkind: Bus\nname: failures\n")
    assert applied.action == "changed"


async def test_a_bus_for_dead_letters_that_is_gone_hinders_no_other_change(world) -> None:
    """Its dead letters are kept in the store; a new name must be right, though."""
    await world.apply(f"{with_place('failures')}\n---\nkind: Bus\nname: failures\n")
    await world.resources.delete(Ref("Bus", "", "failures"))
    (_, applied) = await world.apply(with_place("failures", ", concurrency: 2"))
    assert applied.action == "changed"
    with pytest.raises(InvalidConfig, match="there is no Bus other"):
        await world.apply(with_place("other"))
