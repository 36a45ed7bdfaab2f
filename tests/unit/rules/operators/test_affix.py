"""`prefix`, `suffix` and `contains`."""

import pytest

from tests.operators import holds, parse, refusal, text_holds


@pytest.mark.parametrize(
    ("alternative", "fits", "fails"),
    [
        ('{"prefix":"ab"}', ["ab", "abc"], ["", "a", "Abc", "xab"]),
        ('{"suffix":"ab"}', ["ab", "xab"], ["", "b", "xAb", "abx"]),
        ('{"contains":"ab"}', ["ab", "xabx"], ["", "aXb", "AB"]),
        ('{"prefix":"abc\\""}', ['abc"d'], ["abc"]),
        ('{"suffix":"\\"abc"}', ['d"abc'], ["abc"]),
        ('{"prefix":"é"}', ["éa"], ["e\u0301a"]),
        ('{"prefix":{"equals-ignore-case":"aß"}}', ["Aß", "aSSx"], ["a", "assx"]),
        ('{"suffix":{"equals-ignore-case":"aß"}}', ["xAß", "xaSS"], ["a", "xass"]),
    ],
)
def test_strings_that_fit_and_fail(alternative: str, fits: list[str], fails: list[str]) -> None:
    """Case sensitive, character by character, no normalisation."""
    assert [text for text in fits if not text_holds(alternative, text)] == []
    assert [text for text in fails if text_holds(alternative, text)] == []


@pytest.mark.parametrize("alternative", ['{"prefix":""}', '{"suffix":""}', '{"prefix":{"equals-ignore-case":""}}',
                                         '{"suffix":{"equals-ignore-case":""}}'])  # fmt: skip
def test_the_empty_one_fits_every_string_and_only_strings(alternative: str) -> None:
    """Not a number, not null."""
    assert text_holds(alternative, "")
    assert text_holds(alternative, "x")
    assert not any(holds(alternative, value) for value in ("5", "null", "true"))


@pytest.mark.parametrize("alternative", ['{"prefix":"5"}', '{"suffix":"5"}', '{"contains":"5"}'])
def test_other_types_never_fit(alternative: str) -> None:
    """A number is no string, whatever its digits."""
    assert not holds(alternative, "5")


@pytest.mark.parametrize("name", ["prefix", "suffix"])
@pytest.mark.parametrize("argument", ["5", "null", '["a"]'])
def test_a_string_or_an_object_is_taken(name: str, argument: str) -> None:
    """And the message says so."""
    path, reason = refusal(f'{{"{name}":{argument}}}')
    assert path == f".{name}"
    assert 'takes a string or {"equals-ignore-case": "…"}' in reason


@pytest.mark.parametrize("name", ["prefix", "suffix"])
@pytest.mark.parametrize("inner", ["{}", '{"prefix":"a"}', '{"equals-ignore-case":"a","x":1}'])
def test_the_object_has_one_form(name: str, inner: str) -> None:
    """`equals-ignore-case` alone."""
    path, reason = refusal(f'{{"{name}":{inner}}}')
    assert path == f".{name}"
    assert "takes exactly" in reason


@pytest.mark.parametrize("name", ["prefix", "suffix"])
def test_the_inner_argument_is_a_string(name: str) -> None:
    """Its own path is named."""
    assert refusal(f'{{"{name}":{{"equals-ignore-case":1}}}}')[0] == f".{name}['equals-ignore-case']"


@pytest.mark.parametrize("name", ["prefix", "suffix"])
def test_ignoring_case_is_not_of_aliyun(name: str) -> None:
    """It is named as such."""
    assert "`equals-ignore-case` inside" in refusal(f'{{"{name}":{{"equals-ignore-case":"a"}}}}', "aliyun")[1]


def test_contains_takes_a_non_empty_string() -> None:
    """What an empty one means is nowhere documented."""
    assert "non-empty" in refusal('{"contains":""}')[1]
    assert "takes a string" in refusal('{"contains":5}')[1]
    assert "not part of the aws dialect" in refusal('{"contains":"a"}', "aws")[1]


@pytest.mark.parametrize(("alternative", "words"), [('{"prefix":"a"}', 'prefix "a"'), ('{"suffix":"a"}', 'suffix "a"'),
                                                    ('{"contains":"a"}', 'contains "a"')])  # fmt: skip
def test_in_words(alternative: str, words: str) -> None:
    """For explanations."""
    assert parse(alternative).wanted == words
