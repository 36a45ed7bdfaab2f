"""One string, many operators: always what asking each of them would say."""

from random import Random

import pytest

from bridge.rules.matching.texts import TextTable
from bridge.rules.operators.base import Operator
from bridge.rules.pattern import parse_pattern
from tests.patterns import TEXTS, quoted

TEXTUAL = [
    '"a"', '"10.0.0.7"', '"::1"', '{"prefix":"a"}', '{"prefix":""}', '{"suffix":"b"}', '{"suffix":"ß"}', '{"contains":"b"}',
    '{"wildcard":"*"}', '{"wildcard":"a*b"}', '{"wildcard":"*b*"}', '{"wildcard":"a*b*c"}', '{"wildcard":""}',
    '{"wildcard":"ab*"}', '{"wildcard":"*bc"}', '{"equals-ignore-case":"Ab"}', '{"equals-ignore-case":"ß"}',
    '{"prefix":{"equals-ignore-case":"aB"}}', '{"suffix":{"equals-ignore-case":"BC"}}', '{"cidr":"10.0.0.0/24"}',
    '{"cidr":"::/64"}', '{"prefix":"a","suffix":"c"}', '{"exactly":"10.0.0.7"}', '{"prefix":"\U0010ffff"}',
    '{"suffix":{"equals-ignore-case":"k"}}', '{"wildcard":"ab*ab"}',
]  # fmt: skip
VALUES = [
    *TEXTS,
    "abab",
    "aba",
    "abbc",
    "aXbYc",
    "\U0010ffffx",
    "10.0.0.8",
    "10.0.0",
    "1.2.3.4.5",
    "10.0.0.300",
    "xbc",
    "éK",
]


def operator(alternative: str) -> Operator:
    [branch] = parse_pattern(f'{{"f":[{alternative}]}}').branches
    return branch.fields[0].alternatives[0]


OPERATORS = [operator(text) for text in TEXTUAL]


@pytest.mark.parametrize("seed", range(150))
def test_a_table_says_what_its_operators_say(seed: int) -> None:
    """Few or many operators, accepted and refused, of all kinds."""
    chance = Random(seed)
    accepted = [(chance.choice(OPERATORS), 1 << chance.randrange(6)) for _ in range(chance.choice([0, 1, 3, 12]))]
    refused = [(chance.choice(OPERATORS), 1 << chance.randrange(6)) for _ in range(chance.choice([0, 0, 1, 4]))]
    default = chance.randrange(64)
    table = TextTable(default, accepted, refused)
    for value in VALUES:
        expected = default & ~sum({bit for one, bit in refused if one.holds(value)})
        expected |= sum({bit for one, bit in accepted if one.holds(value)})
        assert table.find(value) == expected, value
        if table.exact is not None:
            assert table.exact.get(value, default) == expected
        if table.ranges is not None:
            assert table.ranges.find(value[::-1] if table.reversed else value) == expected


def test_equality_alone_is_a_dict() -> None:
    """And nothing else is."""
    assert TextTable(0, [(operator('"a"'), 1)], [(operator('"b"'), 2)]).exact == {"a": 1, "b": 0}
    assert TextTable(0, [(operator('{"prefix":"a"}'), 1)], []).exact is None


@pytest.mark.parametrize(("alternative", "reverse"), [('{"prefix":"a"}', False), ('{"suffix":"a"}', True)])
def test_affixes_beside_equal_strings_are_one_search(alternative: str, reverse: bool) -> None:
    """From the start or from the end."""
    table = TextTable(4, [(operator(alternative), 1), (operator('{"wildcard":"x"}'), 2)], [])
    assert (table.ranges is not None) is not reverse
    alone = TextTable(4, [(operator(alternative), 1)], [])
    assert alone.ranges is not None
    assert alone.reversed is reverse


def test_many_wildcards_are_asked_only_where_their_ends_fit() -> None:
    """A thousand of them cost one search for a string that fits none."""
    operators = [(operator(f'{{"wildcard":{quoted(f"{n}x*y*{n}z")}}}'), 1 << n) for n in range(1_000)]
    table = TextTable(0, operators, [])
    assert table.find("17x--y--17z") == 1 << 17
    assert table.find("17x--y--18z") == 0
