"""`anything-but` in all its forms."""

import pytest

from bridge.rules.operators.anything_but import INNER
from tests.operators import holds, parse, refusal, text_holds

OF_TEXTS = ['"a"', '["a","b"]', '{"prefix":"a"}', '{"prefix":["a","b"]}', '{"suffix":"a"}', '{"suffix":["a"]}',
            '{"equals-ignore-case":"a"}', '{"equals-ignore-case":["a"]}', '{"wildcard":"a*"}', '{"wildcard":["a*"]}']  # fmt: skip


@pytest.mark.parametrize("argument", OF_TEXTS)
def test_of_strings_every_other_type_differs(argument: str) -> None:
    """Numbers, booleans and null satisfy it; so does another string, and the refused one does not."""
    alternative = f'{{"anything-but":{argument}}}'
    assert all(holds(alternative, value) for value in ("5", "true", "false", "null", '"x"', '""'))
    assert not text_holds(alternative, "a")


@pytest.mark.parametrize("argument", ["5", "[5]", "[5.0,6]"])
def test_of_numbers_every_other_type_differs(argument: str) -> None:
    """By value; a number that is not comparable differs from all."""
    alternative = f'{{"anything-but":{argument}}}'
    assert all(holds(alternative, value) for value in ('"5"', "true", "null", "7", "12345678901234567890"))
    assert not any(holds(alternative, value) for value in ("5", "5.0", "50e-1"))


@pytest.mark.parametrize(
    ("argument", "refused", "accepted"),
    [
        ('["a","b"]', ["a", "b"], ["c", "A", ""]),
        ('""', [""], ["a"]),
        ('[""]', [""], ["a"]),
        ('{"prefix":["a","b"]}', ["ax", "b"], ["xa", ""]),
        ('{"suffix":["a","b"]}', ["xa", "b"], ["ax", ""]),
        ('{"equals-ignore-case":["Ab","ß"]}', ["aB", "SS"], ["a", "ss"]),
        ('{"equals-ignore-case":""}', [""], ["a"]),
        ('{"wildcard":["a*b","*c"]}', ["ab", "axb", "xc"], ["a", "abx"]),
        ('{"wildcard":""}', [""], ["a"]),
        ('"10.0.0.7"', ["10.0.0.7"], ["010.0.0.7"]),
    ],
)  # fmt: skip
def test_strings_that_are_refused_and_accepted(argument: str, refused: list[str], accepted: list[str]) -> None:
    """A list means none of these; plain text is never an address."""
    alternative = f'{{"anything-but":{argument}}}'
    assert [text for text in refused if text_holds(alternative, text)] == []
    assert [text for text in accepted if not text_holds(alternative, text)] == []


@pytest.mark.parametrize(
    ("argument", "path", "reason"),
    [
        ("null", "", "strings or numbers, not null"),
        ("true", "", "strings or numbers"),
        ("[]", "", "at least one value"),
        ("[null]", "[0]", "strings or numbers"),
        ('["a",{"prefix":"b"}]', "[1]", "not an object"),
        ('[["a"]]', "[0]", "not a list"),
        ('["a",1]', "", "all strings or all numbers"),
        ("1e400", "", "not exact as a double"),
        ("[1,12345678901234567890]", "[1]", "not exact as a double"),
        ("{}", "", "exactly one of"),
        ('{"prefix":"a","suffix":"b"}', "", "exactly one of"),
        ('{"numeric":[">",1]}', "", "exactly one of"),
        ('{"exactly":"a"}', "", "exactly one of"),
        ('{"prefix":""}', ".prefix", "non-empty"),
        ('{"suffix":["a",""]}', ".suffix[1]", "non-empty"),
        ('{"prefix":[]}', ".prefix", "at least one string"),
        ('{"wildcard":[]}', ".wildcard", "at least one string"),
        ('{"prefix":1}', ".prefix", "takes a string"),
        ('{"prefix":{"equals-ignore-case":"a"}}', ".prefix", "takes a string"),
        ('{"equals-ignore-case":[1]}', "['equals-ignore-case'][0]", "takes a string"),
        ('{"wildcard":["a","b**"]}', ".wildcard[1]", "two stars"),
    ],
)  # fmt: skip
def test_what_is_refused(argument: str, path: str, reason: str) -> None:
    """With the path of the bad part."""
    where, why = refusal(f'{{"anything-but":{argument}}}')
    assert where == f"['anything-but']{path}"
    assert reason in why


@pytest.mark.parametrize("argument", ['"a"', "5", '["a"]', "[5]", '{"prefix":"a"}'])
def test_what_aliyun_has(argument: str) -> None:
    """Values, lists and one prefix."""
    parse(f'{{"anything-but":{argument}}}', "aliyun")


@pytest.mark.parametrize("argument", [*(f'{{"{name}":"a"}}' for name in INNER if name != "prefix"), '{"prefix":["a"]}'])
def test_what_aliyun_lacks(argument: str) -> None:
    """The other inner operators, and lists of them."""
    assert "not part of the aliyun dialect" in refusal(f'{{"anything-but":{argument}}}', "aliyun")[1]


@pytest.mark.parametrize(
    ("argument", "words"),
    [('["a","b"]', 'anything but "a" or "b"'), ("5", "anything but 5"), ('{"prefix":"a"}', 'anything but prefix "a"')],
)
def test_in_words(argument: str, words: str) -> None:
    """For explanations."""
    assert parse(f'{{"anything-but":{argument}}}').wanted == words
