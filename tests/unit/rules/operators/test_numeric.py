"""`numeric`."""

import pytest

from tests.operators import holds, parse, refusal


@pytest.mark.parametrize(
    ("comparison", "inside", "outside"),
    [
        ('["=",5]', ["5", "5.0", "50e-1"], ["4.9999999999", "5.0000000001"]),
        ('["<",5]', ["4.999", "-1e308"], ["5", "6"]),
        ('["<=",5]', ["5", "-1e308"], ["5.001"]),
        ('[">",5]', ["5.001", "1e308"], ["5"]),
        ('[">=",5]', ["5", "1e308"], ["4.999"]),
        ('[">",0,"<=",5]', ["0.1", "5"], ["0", "-0.0", "5.1"]),
        ('[">=",-1e-5,"<",0]', ["-1e-5", "-5e-324"], ["0", "-2e-5"]),
        ('["=",0]', ["-0", "0e5"], ["5e-324"]),
        ('["=",1e23]', ["100000000000000000000000"], ["100000000000000000000001"]),
    ],
)  # fmt: skip
def test_numbers_inside_and_outside(comparison: str, inside: list[str], outside: list[str]) -> None:
    """Doubles over their whole range."""
    alternative = f'{{"numeric":{comparison}}}'
    assert [number for number in inside if not holds(alternative, number)] == []
    assert [number for number in outside if holds(alternative, number)] == []


@pytest.mark.parametrize("value", ['"5"', "true", "null", "12345678901234567890", "1e400", "-1e400", "1e-400"])
def test_what_never_holds(value: str) -> None:
    """Other types, and numbers that no double stands for."""
    assert not any(holds(f'{{"numeric":["{sign}",5]}}', value) for sign in ("<", ">=", "="))


@pytest.mark.parametrize(
    ("comparison", "path", "reason"),
    [
        ("5", "", "takes a list with a comparison, not a number"),
        ("[]", "", "not an empty one"),
        ('["!=",5]', "[0]", "starts with one of `=`"),
        ('["==",5]', "[0]", "starts with one of"),
        ("[5]", "[0]", "starts with one of"),
        ('["="]', "[1]", "`=` is followed by a number"),
        ('["=","5"]', "[1]", "`=` is followed by a number"),
        ('["<",true]', "[1]", "followed by a number"),
        ('[">",1,"<"]', "[3]", "`<` is followed by a number"),
        ('["<",5,">",1]', "", "a lower one (`>` or `>=`), then an upper one"),
        ('["=",5,"<",9]', "", "a lower one"),
        ('[">",5,">",9]', "", "a lower one"),
        ('[">",1,"<",3,"<",5]', "", "a lower one"),
        ('[">",5,"<",1]', "", "nothing lies between 5 and 1"),
        ('[">=",5,"<=",5]', "", "nothing lies between"),
        ('[">=",-0.0,"<=",0]', "", "nothing lies between"),
        ('["=",1e400]', "[1]", "not exact as a double"),
        ('[">",0,"<",12345678901234567890]', "[3]", "not exact as a double"),
    ],
)  # fmt: skip
def test_what_is_refused(comparison: str, path: str, reason: str) -> None:
    """With the path of the bad part and an example."""
    where, why = refusal(f'{{"numeric":{comparison}}}')
    assert where == f".numeric{path}"
    assert reason in why


@pytest.mark.parametrize(("comparison", "words"), [('[">",50]', "> 50"), ('[">=",0.0,"<",1e3]', ">= 0.0 and < 1e3")])
def test_in_words(comparison: str, words: str) -> None:
    """As written."""
    assert parse(f'{{"numeric":{comparison}}}').wanted == words
