"""How things look."""

import json
from typing import Any

import click
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli import output
from bridge.cli.yaml import yaml_of


def test_a_table_has_columns_as_wide_as_they_must_be(capsys: pytest.CaptureFixture[str]) -> None:
    """Wide characters count twice; nothing is cut, and no line ends in blanks."""
    output.table(("NAME", "X"), [("交通", 1), ("a", "long " * 30)])
    assert capsys.readouterr().out == f"NAME  X\n交通  1\na     {('long ' * 30).strip()}\n"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB"), (5 * 2**50, "5120.0 TiB")],
)
def test_sizes_in_words(count: int, text: str) -> None:
    """Binary units, one digit behind the point."""
    assert output.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (61.4, "1m 1s"),
        (3661, "1h 1m"),
        (90061, "1d 1h"),
        (86400 * 400, "400d"),
    ],
)
def test_spans_in_words(seconds: float, text: str) -> None:
    """Two units at most."""
    assert output.span(seconds) == text


def test_rates_counts_and_moments() -> None:
    """Small rates keep their digits; counts get separators; times are UTC."""
    assert [output.rate(r) for r in (0, 0.25, 99.4, 12345.6)] == ["0/s", "0.25/s", "99/s", "12,346/s"]
    assert [output.plural(n, "event") for n in (0, 1, 1000)] == ["0 events", "1 event", "1,000 events"]
    assert [output.ago(then, 5) for then in (None, "", "1970-01-01T00:00:00Z")] == ["-", "-", "5s ago"]


def test_text_from_events_cannot_steer_the_terminal() -> None:
    """Escapes and line breaks are shown, not obeyed."""
    assert output.printable("a\x1b[31m\nb\tü") == "a\ufffd[31m b ü"


def test_several_values(capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON array, or YAML documents that `apply` would take."""
    values = [{"a": 1}, {"b": [True, None]}]
    output.show_each(values, "json")
    assert json.loads(capsys.readouterr().out) == values
    output.show_each(values, "yaml")
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == values


def test_errors_and_warnings_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Data has stdout for itself."""
    output.note("a")
    output.warn("b")
    output.complain(click.ClickException("c"))
    assert capsys.readouterr() == ("", "a\nwarning: b\nerror: c\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_yaml_says_the_same(value: Any) -> None:
    """What any YAML parser reads back is the value."""
    assert yaml.safe_load(yaml_of(json.dumps(value).encode())) == value


def test_yaml_keeps_what_json_says() -> None:
    """Digits, order, names given twice; text that looks like something else is quoted."""
    text = b'{"z":0.1234567890123456789,"a":1e400,"a":12345678901234567890123,"t":["on","1e5","2026-11-24","null","x: y",""]}'
    assert yaml_of(text) == (
        "z: 0.1234567890123456789\na: 1e400\na: 12345678901234567890123\n"
        "t:\n- 'on'\n- '1e5'\n- '2026-11-24'\n- 'null'\n- 'x: y'\n- ''\n"
    )
    assert yaml_of('{"note":"one\\ntwo\\n","ort":"Köln"}'.encode()) == "note: |\n  one\n  two\nort: Köln\n"
    assert yaml_of(b'{"spec":{},"list":[]}') == "spec: {}\nlist: []\n"
    assert yaml_of(b'"alone"') == "alone\n"
