"""Pattern text into the tree."""

import time

import jsonpath_rfc9535
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidPattern
from bridge.model.rule import Dialect
from bridge.rules.numbers import parse_number
from bridge.rules.operators.exact import Equals, EqualsAddress, EqualsNumber
from bridge.rules.operators.exists import Absent
from bridge.rules.pattern import MATCHES_ALL, MAX_BRANCHES, MAX_DEPTH, MAX_SIZE_BYTES, Pattern, parse_pattern
from tests.patterns import patterns


def shape(text: str, dialect: Dialect = "bridge") -> list[dict[str, list]]:
    """Each branch as path -> plain alternatives."""
    return [
        {field.path: [plain(operator) for operator in field.alternatives] for field in branch.fields}
        for branch in parse_pattern(text, dialect).branches
    ]


def plain(operator: object) -> object:
    if isinstance(operator, EqualsNumber):
        return int(operator.number.text)
    return operator.value if isinstance(operator, Equals) else operator


def members(**lists: list[str]) -> str:
    """An object of lists, from the texts of their elements."""
    return "{" + ",".join(f'"{name}":[{",".join(texts)}]' for name, texts in lists.items()) + "}"


def refused(text: bytes | str, dialect: Dialect = "bridge") -> InvalidPattern:
    with pytest.raises(InvalidPattern) as caught:
        parse_pattern(text, dialect)
    return caught.value


def test_fields_are_anded_and_alternatives_listed() -> None:
    """Scalars of each kind."""
    assert shape('{"a":["x",5,true,null],"b":{"c":[1]}}') == [{"a": ["x", 5, True, None], "b.c": [1]}]


def test_dotted_and_nested_names_are_one_path() -> None:
    """In the order in which choices are made: UTF-16 code units, so 🚦 stands before U+FF61."""
    assert list(shape('{"z":{"y.x":[1]},"\uff61":[1],"🚦":[1],"a.b":{"c":[1]}}')[0]) == [
        "a.b.c",
        "z.y.x",
        "🚦",
        "\uff61",
    ]


def test_where_a_field_comes_from() -> None:
    """The origin is a JSONPath, with brackets where a name needs them."""
    [branch] = parse_pattern('{"a":{"b-c":[1]},"$or":[1]}').branches
    assert [field.origin for field in branch.fields] == ["$['$or']", "$.a['b-c']"]


@pytest.mark.parametrize("text", ["", " \n", b"", b"{}", "{ }"])
def test_the_empty_pattern_matches_all_in_the_bridge_dialect(text: bytes | str) -> None:
    """As does no text at all."""
    assert parse_pattern(text) is MATCHES_ALL


def test_the_empty_pattern_elsewhere() -> None:
    """Aliyun's language has `{}`, AWS's has neither."""
    assert parse_pattern("{}", "aliyun") is MATCHES_ALL
    assert "JSON" in refused("", "aliyun").reason
    assert "at least one field" in refused("{}", "aws").reason
    assert "JSON" in refused("", "aws").reason


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("[]", "$", "a pattern is a JSON object, not a list"),
        ("5", "$", "not a number"),
        ('{"a":{"b":{}}}', "$.a.b", "names at least one field"),
        ('{"a":"x"}', "$.a", 'write ["x"]'),
        ('{"a":5.0}', "$.a", "write [5.0]"),
        ('{"a":null}', "$.a", "write [null]"),
        ('{"a":[]}', "$.a", "the list of alternatives is empty"),
        ('{"a":["x",["y"]]}', "$.a[1]", "side by side"),
        ('{"a b":{"it\'s":[{"prefx":"y"}]}}', "$['a b']['it\\'s'][0]", "did you mean `prefix`?"),
        ('{"$and":[{"a":[1]}]}', "$['$and'][0]", "`a` is no operator"),
        ('{"$or":[{"a":[1]}]}', "$['$or'][0]", "`$or` is read as a field name (as an operator it takes a list of at least two"),
        ('{"$or":[{"a":[1]},{"b":1}]}', "$['$or'][1].b", "not a number"),
    ],
)  # fmt: skip
def test_errors_name_the_path_the_reason_and_what_would_be_right(text: str, path: str, reason: str) -> None:
    """Where the mistake is, and how to mend it."""
    error = refused(text)
    assert error.path == path
    assert reason in error.reason
    jsonpath_rfc9535.compile(path)  # a JSONPath by RFC 9535


def test_or_makes_branches() -> None:
    """At any level, nested; paths inside are relative to where it stands."""
    assert shape('{"s":["x"],"d":{"$or":[{"a":[1]},{"$or":[{"b":[2]},{"c":{"e":[3]}}]}]}}') == [
        {"s": ["x"], "d.a": [1]},
        {"s": ["x"], "d.b": [2]},
        {"s": ["x"], "d.c.e": [3]},
    ]


def test_two_ors_multiply() -> None:
    """Repeated at one level, or at several."""
    text = '{"$or":[{"a":[1]},{"b":[2]}],"$or":[{"c":[3]},{"d":[4]}]}'
    assert shape(text) == [{"a": [1], "c": [3]}, {"b": [2], "c": [3]}, {"a": [1], "d": [4]}, {"b": [2], "d": [4]}]


def test_within_a_branch_the_last_writer_of_a_path_wins() -> None:
    """In document order, `$or` included."""
    assert shape('{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}') == [{"a": [2]}, {"a": [1], "b": [3]}]
    assert shape('{"$or":[{"a":[2]},{"b":[3]}],"a":[1]}') == [{"a": [1]}, {"a": [1], "b": [3]}]


def test_the_same_field_twice() -> None:
    """Of two lists the last wins, two objects are joined, a list and an object both count."""
    assert shape('{"f":[1],"f":[2]}') == [{"f": [2]}]
    assert shape('{"a":{"b":[1]},"a":{"c":[2]}}') == [{"a.b": [1], "a.c": [2]}]
    assert shape('{"a.b":[1],"a":{"b":[2]}}') == [{"a.b": [2]}]
    assert shape('{"a":[1],"a":{"b":[2]}}') == [{"a": [1], "a.b": [2]}]


def test_lists_that_count_nowhere_are_remembered() -> None:
    """One that counts in some branch is not among them."""
    assert parse_pattern('{"f":[1],"f":[2]}').unused == ("$.f",)
    assert parse_pattern('{"$or":[{"a":[2]},{"b":[3]}],"a":[1]}').unused == ("$['$or'][0].a",)
    assert parse_pattern('{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}').unused == ()


@pytest.mark.parametrize(
    ("text", "fields"),
    [('{"$or":[1,2]}', {"$or": [1, 2]}), ('{"$or":{"a":[1]}}', {"$or.a": [1]}),
     ('{"regex":["x"],"prefix":["y"]}', {"regex": ["x"], "prefix": ["y"]})],
)  # fmt: skip
def test_or_and_operators_may_be_field_names(text: str, fields: dict) -> None:
    """Where they cannot be anything else."""
    assert shape(text) == [fields]


def test_operators_beside_or_are_read_by_the_same_rules_as_a_field() -> None:
    """The reference engine falls back to an older reader there, which refuses some of them."""
    text = '{"$or":["x",{"prefix":"y"}],"a":[{"anything-but":{"wildcard":["a*"]}},{"anything-but":{"suffix":["b"]}}]}'
    assert len(parse_pattern(text, "aws").branches) == 1


def test_an_address_is_read_as_one_outside_aliyun() -> None:
    """A plain string there."""
    for dialect in ("bridge", "aws"):
        [[operator]] = [field.alternatives for field in parse_pattern('{"a":["10.0.0.7"]}', dialect).branches[0].fields]
        assert isinstance(operator, EqualsAddress)
    assert shape('{"a":["10.0.0.7"]}', "aliyun") == [{"a": ["10.0.0.7"]}]


def test_numbers_keep_what_was_written() -> None:
    """Beyond doubles too."""
    [[operator]] = [field.alternatives for field in parse_pattern('{"a":[12345678901234567890]}').branches[0].fields]
    assert operator == EqualsNumber(parse_number("12345678901234567890"))


@pytest.mark.parametrize(
    ("text", "dialect", "reason"),
    [
        ('{"$or":[{"a":[1]},{"b":[2]}]}', "aliyun", "`$or` is not part of the aliyun dialect (it is of aws and bridge)"),
        ('{"a":[{"wildcard":"*"}]}', "aliyun", "`wildcard` is not part of the aliyun dialect"),
        ('{"a":[{"contains":"x"}]}', "aws", "`contains` is not part of the aws dialect (it is of aliyun and bridge)"),
        ('{"a":[{"prefix":"x","suffix":"y"}]}', "aws", "several operators"),
        (members(a=[f'{{"prefix":"{n}"}}' for n in range(6)]), "aliyun", "at most 5 operator objects"),
    ],
)  # fmt: skip
def test_what_belongs_to_another_dialect_is_named(text: str, dialect: Dialect, reason: str) -> None:
    """And legal in the superset."""
    assert reason in refused(text, dialect).reason
    parse_pattern(text)


def test_a_pattern_is_a_megabyte_at_most() -> None:
    """Counted in bytes."""
    fitting = '{"a":["%s"]}' % ("x" * (MAX_SIZE_BYTES - 10))
    assert len(fitting) == MAX_SIZE_BYTES
    parse_pattern(fitting)
    assert "longer than" in refused(fitting + " ").reason
    assert "longer than" in refused('{"a":["%s"]}' % ("é" * (MAX_SIZE_BYTES // 2))).reason


def test_nesting_is_bounded() -> None:
    """By a typed error, at a thousand levels and at a hundred thousand."""
    for levels in (MAX_DEPTH, 1_000, 100_000):
        text = '{"a":' * levels + "[1]" + "}" * levels
        assert "nested more than" in refused(text).reason
    inside = MAX_DEPTH - 1
    assert len(parse_pattern('{"a":' * inside + "[1]" + "}" * inside).branches) == 1


def test_or_nested_to_the_bound() -> None:
    """Every level may have one, without an error of the stack."""
    text = '{"a":[1]}'
    for _ in range(MAX_DEPTH // 2 - 1):
        text = f'{{"$or":[{text},{{"b":[2]}}]}}'
    assert len(parse_pattern(text).branches) == MAX_DEPTH // 2


def test_ten_thousand_alternatives_are_accepted() -> None:
    """Of values, and of operators, in well under a few seconds."""
    begun = time.perf_counter()
    for one in ("{}", '{{"prefix":"{}"}}', '{{"wildcard":"*{}*"}}'):
        text = members(a=[one.format(number) for number in range(10_000)])
        [branch] = parse_pattern(text).branches
        assert len(branch.fields[0].alternatives) == 10_000
    assert time.perf_counter() - begun < 10


def test_names_that_multiply_are_refused() -> None:
    """A long name counts for each field inside: a megabyte would become many gigabytes of paths."""
    deep = "{" + '"' + "a" * 4_999 + '":{"' + "b" * 5_001 + '":[1]}}'
    assert "at most 10,000 characters, not 10,001" in refused(deep).reason
    fields = ",".join(f'"{n}":[1]' for n in range(2_000))
    assert "more than 16,777,216 characters" in refused(f'{{"{"a" * 9_000}":{{{fields}}}}}').reason
    assert len(parse_pattern(f'{{"{"a" * 900}":{{{fields}}}}}').branches[0].fields) == 2_000


def test_or_that_explodes_is_refused_with_the_count() -> None:
    """Before it is expanded; up to the bound it is not."""
    two = '"$or":[{"a":[1]},{"b":[2]}]'
    ten = f'"$or":[{",".join(members(**{f"f{n}": ["1"]}) for n in range(10))}]'
    assert "multiplies to 1,024 branches; 1,000 are allowed" in refused("{" + ",".join([two] * 10) + "}").reason
    assert len(parse_pattern("{" + ",".join([ten] * 3) + "}").branches) == MAX_BRANCHES
    assert "more than 1,000,000,000,000,000 branches" in refused("{" + ",".join([two] * 30_000) + "}").reason


def test_fields_times_branches_are_bounded() -> None:
    """A thousand fields outside a `$or` of a thousand branches are a million."""
    outside = {f"f{n}": ["1"] for n in range(1_000)}
    branches = {"$or": [members(g=[str(n)]) for n in range(1_000)]}
    assert "1,001,000 fields" in refused(members(**outside, **branches)).reason


@pytest.mark.parametrize("text", [b'{"a":["\\ud800"]}', b'{"a":["\xff"]}', b'{"a":[NaN]}', b'{"a":["\\u12"]}', b'{"a":[1]} x',
                                  b"\x00", b"\xef\xbb\xbf{}"])  # fmt: skip
def test_broken_text_is_refused(text: bytes) -> None:
    """Half surrogates, invalid UTF-8, NaN, broken escapes, text after the end."""
    assert refused(text).path is None


def test_absence_alone_among_alternatives() -> None:
    """`exists: false` may stand beside values."""
    assert shape('{"a":[{"exists":false},"x"]}') == [{"a": [Absent(), "x"]}]


@given(patterns("aws"))
def test_what_aws_accepts_means_the_same_in_the_superset(text: str) -> None:
    """The superset accepts it, and reads the same tree."""
    assert parse_pattern(text, "aws") == parse_pattern(text, "bridge")


@given(patterns())
def test_every_generated_pattern_is_legal(text: str) -> None:
    """Each branch has each path once, in order."""
    pattern = parse_pattern(text)
    assert isinstance(pattern, Pattern)
    for branch in pattern.branches:
        paths = [field.path.encode("utf-16-be") for field in branch.fields]
        assert paths == sorted(set(paths))


@given(st.binary(max_size=80) | st.text(alphabet='{}[]",:$orabexistsprefix1<>=*\\', max_size=60))
def test_any_text_is_a_pattern_or_refused(text: bytes | str) -> None:
    """With a documented error, in every dialect."""
    for dialect in ("bridge", "aws", "aliyun"):
        try:
            parse_pattern(text, dialect)
        except InvalidPattern as error:
            reason = error.reason
        else:
            reason = "none"
        assert reason
