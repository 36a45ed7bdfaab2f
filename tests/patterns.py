"""Random patterns and events of the pattern language, as JSON text.

Text, since spelling matters: repeated members, ``5.0`` beside ``5``, numbers that no double holds. Names and values come
from small pools, so that patterns and events meet; the pools hold what implementations get wrong.

Written on ``random.Random``, and offered as Hypothesis strategies (``patterns``, ``documents``, ``pairs``), which shrink,
and as plain functions (``random_pair`` ...), which make thousands a second.
"""

import json
from collections.abc import Callable
from random import Random

from hypothesis import strategies as st

from bridge.rules.document import Leaf, read_document
from bridge.rules.numbers import Number, parse_number

NAMES = ("a", "b", "x", "y", "a.b", "é", "Z")
TEXTS = (
    "", "a", "ab", "abc", "A", "aB", "b", "ß", "SS", "ss", "ﬁ", "FI", "k", "\u212a", "K", "σ", "ς", "🚦", "*", "\\", "5",
    "10.0.0.7", "010.000.0.07", "10.0.1.7", "::1", "0:0:0:0:0:0:0:1", "2001:DB8::1", "true", "null", "é", "e\u0301",
)  # fmt: skip
NUMBERS = (
    "0", "-0", "0.0", "1", "1.0", "10e-1", "5", "5.0", "5e0", "0.1", "0.10", "-3", "1e3", "9007199254740992", "1e308",
    "5e-324", "9007199254740993", "12345678901234567890", "12345678901234567890.0", "0.1000000000000000055", "1e400",
    "10e399", "1e-400",
)  # fmt: skip
COMPARABLE = tuple(text for text in NUMBERS if parse_number(text).value is not None)
"""Those that ``numeric`` and ``anything-but`` accept."""
BLOCKS = ("10.0.0.0/24", "10.0.0.7/31", "0.0.0.0/0", "::/0", "::1/127", "2001:db8::/32")
WILDCARD_PIECES = ("a", "b", "ab", r"\*", r"\\", "ß", "🚦", "*")

Maker = Callable[[Random], str]


def random_document(random: Random) -> str:
    """An event: any JSON object, with arrays of objects, nested arrays, repeated and dotted names."""
    return _object(random, 3, random.randint(0, 4))


def random_pattern(random: Random, dialect: str = "bridge") -> str:
    """A legal pattern of ``bridge`` or ``aws``, with nesting, dotted and repeated names, and ``$or``."""
    return _fields(random, 2, dialect)


def random_pair(random: Random, dialect: str = "bridge") -> tuple[str, str]:
    """A pattern and an event. Half of them are made for each other, so that about every third pair matches."""
    event = random_document(random)
    leaves = read_document(event).leaves
    if not leaves or random.random() < 0.4:
        return random_pattern(random, dialect), event
    fields = []
    for _ in range(random.randint(1, 3)):
        leaf = random.choice(leaves)
        alternatives = [_fitting(random, leaf), *_several(random, 0, 1, lambda r: _alternative(r, dialect))]
        fields.append(members([(leaf.path, listed(alternatives))]))
    if random.random() < 0.3:
        near = random.choice(leaves).path.rpartition(".")[0] + random.choice(["a", ".a", ".b", ".x", ".y"])
        fields.append(members([(near, '[{"exists":false}]')]))
    if len(fields) > 1 and random.random() < 0.3:
        return members([("$or", listed(fields))]), event
    return "{" + ",".join(field[1:-1] for field in fields) + "}", event


def documents() -> st.SearchStrategy[str]:
    return st.randoms(use_true_random=False).map(random_document)


def patterns(dialect: str = "bridge") -> st.SearchStrategy[str]:
    return st.randoms(use_true_random=False).map(lambda random: random_pattern(random, dialect))


def pairs(dialect: str = "bridge") -> st.SearchStrategy[tuple[str, str]]:
    return st.randoms(use_true_random=False).map(lambda random: random_pair(random, dialect))


def quoted(text: str) -> str:
    """With escapes or without, so that both are read."""
    return json.dumps(text, ensure_ascii=len(text) % 2 == 0)


def listed(texts: list[str]) -> str:
    return f"[{','.join(texts)}]"


def members(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{quoted(name)}:{value}" for name, value in pairs) + "}"


def _several(random: Random, least: int, most: int, make: Maker) -> list[str]:
    return [make(random) for _ in range(random.randint(least, most))]


def _one_or_more(random: Random, make: Maker) -> str:
    return make(random) if random.random() < 0.5 else listed(_several(random, 1, 3, make))


def _object(random: Random, depth: int, size: int) -> str:
    return members([(random.choice(NAMES), _value(random, depth)) for _ in range(size)])


def _value(random: Random, depth: int) -> str:
    kind = random.random()
    if depth == 0 or kind < 0.5:
        return _scalar(random)
    if kind < 0.65:
        return listed(_several(random, 0, 3, lambda r: _value(r, depth - 1)))
    if kind < 0.85:
        return listed(_several(random, 1, 3, lambda r: _object(r, depth - 1, r.randint(1, 3))))
    return _object(random, depth - 1, random.randint(0, 3))


def _scalar(random: Random) -> str:
    kind = random.random()
    if kind < 0.5:
        return _text(random)
    return random.choice(NUMBERS) if kind < 0.85 else random.choice(["true", "false", "null"])


def _text(random: Random) -> str:
    return quoted(random.choice(TEXTS))


def _non_empty(random: Random) -> str:
    return quoted(random.choice(TEXTS[1:]))


def _comparable(random: Random) -> str:
    return random.choice(COMPARABLE)


def _wildcard(random: Random) -> str:
    pieces = random.choices(WILDCARD_PIECES, k=random.randint(0, 5))
    return quoted(
        "".join(piece for piece, before in zip(pieces, ["", *pieces], strict=False) if not piece == before == "*")
    )


def _range(random: Random) -> str:
    if random.random() < 0.6:
        return f'["{random.choice(["=", "<", "<=", ">", ">="])}",{_comparable(random)}]'
    low, high = random.choice(["-3", "0", "0.1"]), random.choice(["1", "5.0", "1e3"])
    return f'["{random.choice([">", ">="])}",{low},"{random.choice(["<", "<="])}",{high}]'


def _operator(name: str, argument: str) -> str:
    return f'{{"{name}":{argument}}}'


def _affix(random: Random) -> str:
    return _text(random) if random.random() < 0.6 else _operator("equals-ignore-case", _text(random))


def _anything_but(random: Random) -> str:
    kind = random.random()
    if kind < 0.5:
        return _one_or_more(random, _text if kind < 0.3 else _comparable)
    inner: dict[str, Maker] = {
        "prefix": _non_empty,
        "suffix": _non_empty,
        "equals-ignore-case": _text,
        "wildcard": _wildcard,
    }
    name = random.choice(list(inner))
    return _operator(name, _one_or_more(random, inner[name]))


ARGUMENTS: dict[str, Maker] = {
    "exactly": _text,
    "prefix": _affix,
    "suffix": _affix,
    "equals-ignore-case": _text,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _range,
    "cidr": lambda random: quoted(random.choice(BLOCKS)),
    "exists": lambda random: random.choice(["true", "false", "false"]),
}
"""Of the aws dialect."""
CONJOINED: dict[str, Maker] = {**ARGUMENTS, "contains": _non_empty, "exists": lambda _: "true"}


def _alternative(random: Random, dialect: str) -> str:
    kind = random.random()
    if kind < 0.35:
        return _scalar(random)
    if dialect == "bridge" and kind < 0.5:
        names = random.sample(list(CONJOINED), random.randint(1, 3))
        return members([(name, CONJOINED[name](random)) for name in names])
    name = random.choice(list(ARGUMENTS))
    return _operator(name, ARGUMENTS[name](random))


def _leaf(random: Random, dialect: str) -> str:
    return listed(_several(random, 1, 3, lambda r: _alternative(r, dialect)))


def _fields(random: Random, depth: int, dialect: str) -> str:
    """Several ``$or`` stand at the root only, so that their product stays within the language's limit."""
    may_be_or = [True, depth == 2, depth == 2]
    return members([_field(random, depth, dialect, may_be_or[n]) for n in range(random.randint(1, 3))])


def _field(random: Random, depth: int, dialect: str, may_be_or: bool) -> tuple[str, str]:
    kind = random.random()
    if depth and may_be_or and kind < 0.2:
        return "$or", listed(_several(random, 2, 3, lambda r: _fields(r, depth - 1, dialect)))
    if depth and kind < 0.5:
        return random.choice(NAMES), _fields(random, depth - 1, dialect)
    return random.choice(NAMES), _leaf(random, dialect)


def _fitting(random: Random, leaf: Leaf) -> str:
    """An alternative that one leaf of an event satisfies, often."""
    value = leaf.value
    forms = ['{"exists":true}', _operator("anything-but", _one_or_more(random, _text))]
    if isinstance(value, Number):
        return random.choice([value.text, _operator("numeric", _range(random)), *forms])
    if not isinstance(value, str):
        return random.choice([json.dumps(value), *forms])
    text, start, end = quoted(value), quoted(value[:1]), quoted(value[-1:])
    star = quoted(value[:1].replace("\\", "\\\\").replace("*", "\\*") + "*")
    forms += [text, _operator("exactly", text), _operator("prefix", start), _operator("suffix", end)]
    forms += [_operator("wildcard", star), _operator("equals-ignore-case", quoted(value.swapcase()))]
    forms += [_operator("prefix", _operator("equals-ignore-case", start)), _operator("cidr", ARGUMENTS["cidr"](random))]
    return random.choice(forms)
