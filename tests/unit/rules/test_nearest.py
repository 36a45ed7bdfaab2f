"""The nearest miss."""

import pytest

from bridge.rules.document import read_document
from bridge.rules.nearest import nearest_miss, nearest_path
from bridge.rules.pattern import parse_pattern


@pytest.mark.parametrize(
    ("alternatives", "values", "wanted", "seen"),
    [
        ('[{"numeric":[">",50]},{"numeric":["<",10]}]', "[48,30]", "> 50", "48"),
        ('[100,{"numeric":[">",0,"<",10]}]', "[12]", "> 0 and < 10", "12"),
        ('["x",7]', "[5]", "7", "5"),
        ('["green","amber"]', '["blue","ambre"]', '"amber"', "ambre"),
        ('[{"prefix":"light."},{"suffix":"x"}]', '["lihgt.changed"]', 'prefix "light."', "lihgt.changed"),
        ('[1e400,{"numeric":["=",5]}]', "[6]", "= 5", "6"),
        ("[5]", "[1e400,9]", "5", "9"),
        ('[null,"a"]', '["b",1]', '"a"', "b"),
        ('["",{"exists":false}]', '["a"]', '""', "a"),
        ("[true]", "[1]", "true", "1"),
        ('[""]', '[""]', '""', ""),
    ],
)  # fmt: skip
def test_the_pair_that_came_closest(alternatives: str, values: str, wanted: str, seen: str) -> None:
    """Numbers by distance, texts by what they share at both ends, other kinds last."""
    [branch] = parse_pattern(f'{{"f":{alternatives}}}').branches
    miss = nearest_miss(branch.fields[0].alternatives, read_document(f'{{"f":{values}}}').at("f"))
    assert miss.operator.wanted == wanted
    assert getattr(miss.leaf.value, "text", miss.leaf.value) == seen


def test_only_the_beginning_of_long_texts_is_compared() -> None:
    """And of long names nothing: nobody would read the question."""
    [branch] = parse_pattern(f'{{"f":["{"a" * 300}","b"]}}').branches
    miss = nearest_miss(branch.fields[0].alternatives, read_document(f'{{"f":"{"a" * 250}b"}}').at("f"))
    assert miss.operator is branch.fields[0].alternatives[0]
    assert nearest_path("a" * 300, read_document(f'{{"{"a" * 299}":1}}')) is None


@pytest.mark.parametrize(
    ("path", "meant"), [("data.Speed", "data.speed"), ("data.sped", "data.speed"), ("data.colour", None)]
)
def test_the_path_that_may_be_meant(path: str, meant: str | None) -> None:
    """One that differs in letter case, else one much alike."""
    assert nearest_path(path, read_document('{"data":{"speed":1,"speeds":2}}')) == meant
