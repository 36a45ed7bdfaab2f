"""YAML as people mean it."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.controlplane.exact import format_exact, parse_exact
from bridge.controlplane.yaml import format_yaml, parse_yaml
from bridge.errors import InvalidConfig


def read(text: str) -> list[str]:
    return [format_exact(document) for document in parse_yaml(text)]


@pytest.mark.parametrize(
    ("scalar", "json"),
    [
        ("on", '"on"'), ("no", '"no"'), ("y", '"y"'), ("yes", '"yes"'), ("Off", '"Off"'),
        ("12:30:00", '"12:30:00"'), ("2026-11-24", '"2026-11-24"'), ("2026-11-24T08:30:00Z", '"2026-11-24T08:30:00Z"'),
        ("0x1f", '"0x1f"'), ("0o17", '"0o17"'), ("017", '"017"'), ("1_000", '"1_000"'), ("+49", '"+49"'),
        (".5", '".5"'), (".inf", '".inf"'), (".nan", '".nan"'), ("1.", '"1."'), ("=", '"="'), ("10GiB", '"10GiB"'),
        ("1", "1"), ("-0", "-0"), ("1.10", "1.10"), ("1e5", "1e5"), ("-1.5E+3", "-1.5E+3"),
        ("123456789012345678901234567890.000000000000000000001", "123456789012345678901234567890.000000000000000000001"),
        ("true", "true"), ("True", "true"), ("FALSE", "false"), ("null", "null"), ("~", "null"), ("", "null"),
        ("'1'", '"1"'), ('"true"', '"true"'), ("!!str 1.0", '"1.0"'), ("!!int '5'", "5"), ("! 5", '"5"'),
        ("'a ''b'''", '"a \'b\'"'),
    ],
)  # fmt: skip
def test_scalars_are_what_they_look_like(scalar: str, json: str) -> None:
    """Only what JSON calls a number is one; words and times stay text."""
    assert read(f"a: {scalar}") == [f'{{"a":{json}}}']


def test_names_are_text() -> None:
    """Whatever they look like."""
    assert read("on: 1\n1: 2\nnull: 3\n2026-01-01: 4") == ['{"on":1,"1":2,"null":3,"2026-01-01":4}']


def test_several_documents_and_block_text() -> None:
    """Documents come in order; block scalars keep their lines."""
    assert read("a: |\n  x\n  y\n---\n- b\n---\n") == ['{"a":"x\\ny\\n"}', '["b"]', "null"]


def test_aliases_repeat_what_they_name() -> None:
    """Anchors on values and on names."""
    assert read("a: &x {b: [1]}\nc: *x\n&n d: *n") == ['{"a":{"b":[1]},"c":{"b":[1]},"d":"d"}']


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: 2\na: 3", r"'a' is given twice \(line 3, column 1\)"),
        ("a: b: c", r"mapping values are not allowed in this context \(line 1, column 5\)"),
        ("a:\n  - [1, 2", r"\(line 3, column 1\)"),
        ("a:\n\t- 1", r"\(line 2, column 1\)"),
        ("a: *x", r"the alias \*x has no anchor before it \(line 1, column 4\)"),
        ("a: &x [*x]", r"the alias \*x has no anchor"),
        ("<<: {a: 1}", "merging by << is not supported"),
        ("a: !!binary aGk=", "the tag !!binary 'aGk=' is not understood here"),
        ("a: !!timestamp 2026-01-01", "the tag !!timestamp"),
        ("a: !!python/object:os.system {}", "the tag !!python/object:os.system"),
        ("a: !!int x", "the tag !!int 'x'"),
        ("!!set {a, b}", "the tag !!set"),
        ("[a]: 1", "the name of a member must be text"),
        ("? {a: 1}\n: 2", "the name of a member must be text"),
        ("a: \x07", "control characters are not allowed"),
        ("a: '\ud800'", "surrogates not allowed"),
        ("[" * 101 + "]" * 101, "nested deeper than 100 levels"),
        ("[" * 100_000, "nest"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(text: str, reason: str) -> None:
    """Line and column, and what is wrong."""
    with pytest.raises(InvalidConfig, match=reason):
        parse_yaml(text)


def test_aliases_cannot_unfold_without_bound() -> None:
    """Nine levels of ten would be a billion; it is refused at once."""
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]")
    began = time.perf_counter()
    with pytest.raises(InvalidConfig, match="unfold into too much"):
        parse_yaml("\n".join(lines))
    assert time.perf_counter() - began < 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), inner),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_what_is_written_reads_back_the_same(value: object) -> None:
    """Any JSON value survives the way through YAML."""
    import json

    exact = parse_exact(json.dumps(value))
    assert parse_yaml(format_yaml(exact)) == [exact]


@settings(deadline=None)
@given(JSON)
def test_other_parsers_read_the_same(value: object) -> None:
    """Also one that follows YAML 1.1, as many tools do."""
    import json

    import yaml

    exact = parse_exact(json.dumps(value))
    assert yaml.load(format_yaml(exact), Loader=yaml.CSafeLoader) == value


@settings(deadline=None)
@given(st.text() | st.text(alphabet="{}[]:,&*!|>-?'\"#%@` \n\tab1"))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but InvalidConfig comes out."""
    with contextlib.suppress(InvalidConfig):
        parse_yaml(text)
