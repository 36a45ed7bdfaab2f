"""Every connector keeps the form, and docs/connectors.md shows it as it is."""

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

from bridge.connectors import targets
from bridge.connectors.base import Description
from bridge.connectors.registry import Registry

DOCS = Path(__file__).resolve().parents[3] / "docs" / "connectors.md"
DESCRIPTIONS = Registry.discover(plugins=[]).describe()
each = pytest.mark.parametrize("described", DESCRIPTIONS, ids=lambda d: d.kind)


def test_every_module_declares_one_connector() -> None:
    """Of the kind that is its name, and none is left out."""
    modules = {p.stem for p in Path(targets.__path__[0]).glob("*.py")} - {"__init__"}
    assert {d.kind for d in DESCRIPTIONS} == modules


@each
def test_it_says_what_it_does_what_it_guarantees_and_what_it_retries(described: Description) -> None:
    """The summary and the guarantee in one sentence each."""
    assert described.summary.count(". ") == described.guarantee.count(". ") == 0
    assert described.guarantee.startswith(("At least once", "At most once"))
    assert described.retried


@each
def test_its_docstring_comes_first_then_its_config_then_its_class(described: Description) -> None:
    """The order in which a newcomer asks."""
    path = Path(inspect.getfile(targets)).with_name(f"{described.kind}.py")
    body = ast.parse(path.read_text("utf-8")).body
    classes = [node.name for node in body if isinstance(node, ast.ClassDef)]
    assert ast.get_docstring(ast.Module(body, []))
    assert classes[-2:] == [f"{described.kind.capitalize()}Config", f"{described.kind.capitalize()}Target"]


@each
def test_every_field_says_what_it_is(described: Description) -> None:
    """Nested ones, too."""
    for name, shown in fields(described):
        assert shown.get("description"), f"{described.kind}: {name} says nothing"


@each
def test_it_stands_in_the_docs(described: Description) -> None:
    """The row of the table, and one row for each field, word for word."""
    lines = DOCS.read_text("utf-8").splitlines()
    assert row(described) in lines
    table = lines[lines.index("| field | default | |", lines.index(f"## {described.kind}")) + 2 :]
    rows = table[: table.index("")]
    assert rows == [field_row(name, shown) for name, shown in fields(described)]


def row(described: Description) -> str:
    assert described.features is not None
    most = described.features.max_batch
    return f"| [`{described.kind}`](#{described.kind}) | {described.summary} | {described.guarantee} | {most:,} |"


def fields(described: Description) -> list[tuple[str, dict[str, Any]]]:
    """Every field by its dotted name, with its schema."""
    schema = described.schema
    assert schema is not None
    return list(_fields(schema["properties"], schema.get("$defs", {}), ""))


def _fields(properties: dict[str, Any], definitions: dict[str, Any], prefix: str) -> Any:
    for name, shown in properties.items():
        yield f"{prefix}{name}", shown
        for form in (shown, *shown.get("anyOf", ())):
            if "$ref" in form:
                inner = definitions[form["$ref"].rpartition("/")[2]]["properties"]
                yield from _fields(inner, definitions, f"{prefix}{name}.")


def field_row(name: str, shown: dict[str, Any]) -> str:
    default = shown.get("default", "required")
    if default in ({}, [], "", None) or default is False:
        default = "false" if default is False else ""
    elif default is True:
        default = "true"
    note = " May hold placeholders." if shown.get("x-expression") else ""
    choices = f" One of {', '.join(f'`{c}`' for c in shown['enum'])}." if "enum" in shown else ""
    return f"| `{name}` | {default} | {shown['description']}{choices}{note} |"
