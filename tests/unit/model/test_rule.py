"""The spec of a rule."""

import pytest

from bridge.errors import InvalidConfig
from bridge.model.documents import parse_json
from bridge.model.rule import RuleSpec


def test_a_rule_needs_little() -> None:
    """A target's name and kind are enough; the rest has defaults."""
    spec = parse_json(b'{"targets":[{"name":"a","kind":"log"}]}', RuleSpec)
    assert spec.enabled
    assert bytes(spec.pattern) == b"{}"
    assert bytes(spec.filter) == b"[]"
    assert spec.targets[0].retry.max_attempts == 4


def test_the_pattern_keeps_its_text() -> None:
    """Duplicate members and long numbers reach the pattern parser as written."""
    text = b'{"pattern":{"a":[1.0],"a":[12345678901234567890]},"targets":[{"name":"a","kind":"log"}]}'
    assert bytes(parse_json(text, RuleSpec).pattern) == b'{"a":[1.0],"a":[12345678901234567890]}'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b'{"targets":[]}', "$.targets"),
        (b'{"targets":[{"name":"a\\n","kind":"log"}]}', "$.targets[0].name"),
        (b'{"targets":[{"name":"a b","kind":"log"}]}', "$.targets[0].name"),
        (b'{"targets":[{"name":"a","kind":"log","retries":1}]}', "$.targets[0].retries"),
        (b'{"targets":[{"name":"a","kind":"log","timeout":"soon"}]}', "$.targets[0].timeout"),
        (b'{"targets":[{"name":"a","kind":"log","paused":true}]}', "$.targets[0].paused"),
        (b"{}", "$"),
    ],
)
def test_bad_specs_are_refused_with_their_path(text: bytes, path: str) -> None:
    """The path points at the bad member."""
    with pytest.raises(InvalidConfig) as caught:
        parse_json(text, RuleSpec)
    assert caught.value.path == path
