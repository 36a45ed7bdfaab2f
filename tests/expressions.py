"""Random expressions of CloudEvents SQL: as trees, as text, as a soup of words; and events to go with them.

Names and values come from small pools, so that expressions and events meet.
"""

from hypothesis import strategies as st

from bridge.model.event import Event
from bridge.rules.cesql.functions import FUNCTIONS
from bridge.rules.cesql.tree import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Constant,
    Exists,
    Expression,
    In,
    Like,
    Logic,
    Negative,
    Node,
    Not,
)

NAMES = ("id", "type", "source", "specversion", "subject", "speed", "urgent", "bin", "missing")
TEXTS = (
    "",
    "a",
    "ab",
    "light.changed",
    "5",
    "-7",
    "true",
    "FALSE",
    "it's",
    'say "x"',
    "50%",
    "a_b",
    "ß",
    "🚦",
    "\u00a0x ",
)
INTEGERS = (0, 1, -1, 2, 5, 10, -7, 2**31 - 1, -(2**31))
PATTERNS = ("%", "", "a%", "%b", "%a%", "_", "a_b%", r"50\%", "%_%_%", "light.%", "%.%ed")
WORDS = (
    *NAMES, "AND", "or", "XOR", "NOT", "LIKE", "IN", "EXISTS", "TRUE", "false", "LENGTH", "CONCAT", "abs", "(", ")", ",",
    "+", "-", "*", "/", "%", "=", "!=", "<>", "<", ">=", "'a'", "'%a_'", '"b"', "'", "5", "2147483648", "a_b", "1a", ".", "🚦",
)  # fmt: skip

texts = st.sampled_from(TEXTS)
names = st.sampled_from(NAMES)
constants = st.one_of(texts, st.sampled_from(INTEGERS), st.booleans()).map(Constant)
events = st.builds(
    Event,
    st.sampled_from(["1", "a"]),
    st.sampled_from(["/j/7", "a"]),
    st.sampled_from(["light.changed", "a", "5"]),
    st.dictionaries(
        st.sampled_from(["subject", "speed", "urgent"]), st.one_of(texts, st.sampled_from(INTEGERS), st.booleans())
    ).flatmap(lambda found: st.sampled_from([found, {**found, "bin": b"\x00\xff"}])),
)
soups = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


def _chains(kind: type[Node], signs: tuple[str, ...], operands: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    step = st.tuples(st.sampled_from(signs), operands)
    return st.builds(kind, operands, st.lists(step, min_size=1, max_size=3).map(tuple))


def _larger(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    some = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Not, parts),
        st.builds(Negative, parts),
        st.builds(Like, parts, st.sampled_from(PATTERNS), st.booleans()),
        st.builds(In, parts, some, st.booleans()),
        st.builds(Call, st.sampled_from([*FUNCTIONS, "FOO"]), some),
        _chains(Logic, ("AND", "OR", "XOR"), parts),
        _chains(Comparison, ("=", "!=", "<>", "<", "<=", ">", ">="), parts),
        _chains(Arithmetic, ("+", "-"), parts),
        _chains(Arithmetic, ("*", "/", "%"), parts),
    )


nodes = st.recursive(
    st.one_of(constants, st.builds(Attribute, names), st.builds(Exists, names)), _larger, max_leaves=12
)
expressions = nodes.map(Expression)
