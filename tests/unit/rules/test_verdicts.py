"""What is said about one field; the sentences themselves are in test_explain.py."""

import pytest

from bridge.rules.attempts import nearest_attempt
from bridge.rules.document import read_document
from bridge.rules.effort import Effort
from bridge.rules.pattern import parse_pattern
from bridge.rules.verdicts import FieldVerdict, verdict


def said(pattern: str, event: str, *, hint: bool = True) -> FieldVerdict:
    document = read_document(event)
    [finding] = nearest_attempt(parse_pattern(pattern), document, Effort()).findings
    return verdict(finding, document, hint=hint)


@pytest.mark.parametrize("event", ['{"a":"%s"}', '{"a":%s}', '{"a":{"%s":1}}', '{"a":["%s","%s"]}'])
@pytest.mark.parametrize(
    "pattern", ['{"a":["%s"]}', '{"a":[%s]}', '{"a":{"%s":["x"]}}', '{"a":[{"anything-but":"%s"}]}']
)
def test_it_stays_short(pattern: str, event: str) -> None:
    """However long values, names and alternatives are."""
    found = said(pattern.replace("%s", "1" * 9_000), event.replace("%s", "1" * 9_001))
    assert all(len(value) <= 1_000 for value in found.seen if isinstance(value, str))
    assert len(found.path) <= 1_000
    assert len(found.decided_by or "") <= 1_010
    assert len(found.reason) < 1_000
    assert len(found.wanted) < 1_200


def test_a_cut_text_says_so() -> None:
    """By three dots at its end."""
    found = said('{"a":["x"]}', f'{{"a":"{"y" * 2_000}"}}')
    assert found.seen == ["y" * 999 + "…"]
    assert found.reason == f'`a` is "{"y" * 199}…", pattern wants "x"'


def test_without_a_hint_nothing_is_looked_for() -> None:
    """The first value and all that is wanted."""
    assert said('{"a":["x","yy"]}', '{"a":["z","y"]}').reason.endswith(
        'pattern wants "yy" (the nearest of 2 alternatives)'
    )
    assert (
        said('{"a":["x","yy"]}', '{"a":["z","y"]}', hint=False).reason == '`a` is "z", "y", pattern wants "x" or "yy"'
    )
    assert "did you mean" in said('{"Aa":[1]}', '{"aa":1}').reason
    assert said('{"Aa":[1]}', '{"aa":1}', hint=False).reason == "`Aa` is absent, pattern wants 1"
