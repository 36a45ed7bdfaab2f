"""Generated functions."""

import pytest

from bridge.rules.matching.generate import MAX_TERMS, MEMO_SIZE, MEMO_TEXT, Code, Memo, Term, bits_of, joined


def run(terms: list[Term], every: int = 7, **values: object) -> int:
    code = Code()
    code.masks(terms, every)
    code.lines.append("return m")
    return code.function("run", "e, get", values)(None, lambda _: "data")


def test_masks_are_anded() -> None:
    """However many there are; without any, all bits are left."""
    assert run([Term("A", {"A": 6}, 0, 7), Term("B", {"B": 3}, 4, 7)]) == 2
    assert run([]) == 7
    assert run([Term(f"A{n}", {f"A{n}": ~(1 << n)}, 0, 1 << n) for n in range(5 * MAX_TERMS)], 0) < 0


@pytest.mark.parametrize(("first", "asked"), [(1, True), (2, False)])
def test_a_dear_term_waits_until_it_matters(first: int, asked: bool) -> None:
    """If others may have taken every bit that it could take."""
    seen: list[int] = []
    terms = [Term("A", {"A": first}, 0, 3), Term("F()", {"F": lambda: seen.append(1) or 1}, 4, 1)]
    run(terms)
    assert bool(seen) is asked


def test_a_dear_term_with_a_bit_of_its_own_is_always_asked() -> None:
    """A test whether it matters would be wasted."""
    code = Code()
    code.masks([Term("A", {"A": 1}, 0, 1), Term("B", {"B": 7}, 4, 2)], 3)
    assert code.lines == ["m = A & B"]


@pytest.mark.parametrize(("attributes", "decoded"), [(0, False), (1, True)])
def test_data_is_decoded_when_a_branch_is_left_that_names_it(attributes: int, decoded: bool) -> None:
    """Attributes come first."""
    seen: list[object] = []
    terms = [
        Term("F(d)", {"F": lambda d: seen.append(d) or 1}, 0, 1, in_data=True),
        Term("A", {"A": attributes}, 5, 1),
    ]
    assert run(terms) == attributes
    assert seen == ["data"] * decoded


def test_a_memory_is_bounded() -> None:
    """In number and size; what it does not keep, it computes again."""
    memo = Memo(len)
    for number in range(MEMO_SIZE + 10):
        assert memo[str(number)] == len(str(number))
    assert len(memo) == 10
    assert memo["x" * (MEMO_TEXT + 1)] == MEMO_TEXT + 1
    assert len(memo) == 10
    assert memo.misses == MEMO_SIZE + 11


def test_code_of_one_form_is_compiled_once() -> None:
    """Functions differ by what their names stand for."""
    one, other = Code(), Code()
    for code, value in ((one, 1), (other, 2)):
        code.lines.append(f"return {code.bind('A', value)}")
    first, second = one.function("f", "", {}), other.function("f", "", {})
    assert (first(), second()) == (1, 2)
    assert first.__code__ is second.__code__


def test_bits_are_numbered_from_the_lowest() -> None:
    """As many as are set."""
    assert bits_of(0b101001) == [0, 3, 5]
    assert bits_of(0) == []
    assert joined([1, 4, 4]) == 5
