"""docs/delivery.md: every test that it names exists, and its targets are definitions that would be taken."""

import json
import re
from pathlib import Path

import pytest
import yaml

from bridge.connectors.base import load_config
from bridge.connectors.registry import Registry
from bridge.dataplane.aftermath import LONGEST_REST_S
from bridge.dataplane.burial_bus import PATIENCE_S
from bridge.dataplane.pipeline import STEADY
from bridge.model.documents import parse_json
from bridge.model.rule import RuleSpec
from bridge.model.status import TargetStatus

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "delivery.md").read_text("utf-8")
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def test_the_tests_that_hold_the_promises_exist() -> None:
    """Each promise has one at least."""
    named = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert len(named) > 20
    assert {path for path in named if not (ROOT / path).exists()} == set()
    table = PAGE[PAGE.index("| promise | held by |") :].partition("\n\n")[0].splitlines()[2:]
    assert all("`tests/" in row or "history checker" in row for row in table)


def test_every_state_stands_there() -> None:
    """As the status describes them."""
    table = PAGE[PAGE.index("| state | what happens") :].partition("\n\n")[0].splitlines()[2:]
    states = [row.split("`")[1] for row in table]
    known = (TargetStatus.__doc__ or "").partition("``state`` is")[2].partition("``since``")[0]
    assert states == [word for word in re.findall(r"``(\w+)``", known) if word in states]
    assert len(states) == 6


@pytest.mark.parametrize("target", BLOCKS, ids=lambda target: target["name"])
def test_the_targets_are_definitions(target: dict) -> None:
    """Their connectors' settings included."""
    (read,) = parse_json(json.dumps({"targets": [target]}).encode(), RuleSpec).targets
    found = Registry.discover(plugins=()).find(read.kind)
    assert found is not None
    load_config(found, read.config)


def test_its_numbers_are_those_of_the_code() -> None:
    """Of waits, patience and commits."""
    assert f"of more than {LONGEST_REST_S:g} s are durable" in PAGE
    assert (STEADY.patience_s, STEADY.commit_every_s) == (0.25, 0.1)
    assert "a quarter of a second" in PAGE
    assert "ten times a second" in PAGE
    assert PATIENCE_S == 30
    assert "for half a minute" in PAGE
