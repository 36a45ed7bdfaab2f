"""docs/targets.md has every member, policy and reason as it is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml
from msgspec import NODEFAULT

from bridge.connectors.schema import spell
from bridge.dataplane.breaker import USUAL
from bridge.dataplane.retry import Reason
from bridge.dataplane.valve import SICK_FOR_S
from bridge.model.documents import parse_json
from bridge.model.retry import DEFAULT, NAMED, Policy
from bridge.model.rule import Batching, DeadLetterPlace, Retry, RuleSpec, TargetSpec
from bridge.model.units import Duration

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "targets.md").read_text("utf-8")
NESTED: dict[str, type[msgspec.Struct]] = {"retry": Retry, "batch": Batching, "deadLetters": DeadLetterPlace}
SAID = {"config": "{}", "transform": "{original: true}", "retry": "see below", "batch": ""}
SAID |= {f"retry.{name}": "the policy's" for name in ("maxAttempts", "maxAge", "jitter")}


def members(struct: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every member by its dotted name, with its default as users write it."""
    for field in msgspec.structs.fields(struct):
        name = f"{prefix}{field.encode_name}"
        default = "required" if field.default is NODEFAULT else field.default
        default = str(default).lower() if isinstance(default, bool) else default
        yield name, SAID.get(name, str("" if default is None else spell(default)))
        if name in NESTED:
            yield from members(NESTED[name], f"{name}.")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that has this heading."""
    table = PAGE[PAGE.index(f"\n{heading}\n") + 1 :].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_every_member_stands_there_with_its_default() -> None:
    """In the order of the definition."""
    listed = [(name.strip("`"), default) for name, default, _ in rows("| member | default | |")]
    assert listed == list(members(TargetSpec))


def test_every_policy_stands_there_with_its_numbers() -> None:
    """And the default first."""
    listed = rows("| policy | attempts | age | jitter | waits; the last one repeats |")
    assert listed == [numbers("none named", DEFAULT), *(numbers(f"`{name}`", policy) for name, policy in NAMED.items())]


def numbers(name: str, policy: Policy) -> list[str]:
    waits = ", ".join(str(spell(Duration(wait_s))) for wait_s in policy.waits_s)
    return [name, str(policy.max_attempts), str(spell(Duration(policy.max_age_s))), f"{policy.jitter:.3g}", waits]


def test_every_reason_stands_there() -> None:
    """Of dead letters."""
    assert [name.strip("`") for name, _ in rows("| reason | the delivery |")] == list(Reason)


def test_the_numbers_of_the_breaker_stand_there() -> None:
    """As they are by default."""
    assert f"of at least {USUAL.requests} requests within {USUAL.window_s / 60:g} minutes" in PAGE
    assert f"{USUAL.failures:.0%}".replace("%", " %") in PAGE
    assert f"nothing is tried for {USUAL.half_open_s:g} s" in PAGE
    assert f"for {SICK_FOR_S / 3600:g} hours" in PAGE


def test_the_example_is_a_definition() -> None:
    """Read as one, it says what it shows."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (target,) = parse_json(json.dumps(yaml.safe_load(block)), RuleSpec).targets
    assert (target.order, target.rate, target.batch.wait) == ("key", 100, 0.2)
