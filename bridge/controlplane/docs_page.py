"""The page behind /docs: the OpenAPI description as plain HTML, with nothing loaded from anywhere."""

from collections.abc import Iterator
from html import escape
from typing import Any

import msgspec

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
details { border-top: 1px solid #8884; padding: .4rem 0; }
summary { cursor: pointer; }
summary b { display: inline-block; width: 5rem; }
pre { overflow-x: auto; background: #8881; padding: .6rem; }
td { padding: 0 1rem 0 0; vertical-align: top; }
:root { color-scheme: light dark; }
"""


def docs_page(description: dict[str, Any]) -> str:
    """The whole page."""
    info = description["info"]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            f"<title>{escape(info['title'])} {escape(info['version'])}</title><style>{STYLE}</style>",
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
            '<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>',
            *_groups(description),
            "<h2>Schemas</h2>",
            *(_schema(name, schema) for name, schema in sorted(description["components"]["schemas"].items())),
            "</html>\n",
        ]
    )


def _groups(description: dict[str, Any]) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    for tag, operations in groups.items():
        yield f"<h2>{escape(tag)}</h2>"
        yield from operations


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    title = f"<b>{method.upper()}</b> <code>{escape(path)}</code> {escape(operation['summary'])}"
    rows = "".join(map(_row, operation.get("parameters", ())))
    body = operation.get("requestBody", {}).get("content", {})
    parts = [f"<table>{rows}</table>"] if rows else []
    parts += [f"<p>Body: {_media(body)}</p>"] if body else []
    parts += [
        f"<p>{status}: {_media(answer['content'])}</p>"
        for status, answer in operation["responses"].items()
        if status != "default"
    ]
    return f"<details><summary>{title}</summary>{''.join(parts)}</details>"


def _row(parameter: dict[str, Any]) -> str:
    cells = (f"<code>{escape(parameter['name'])}</code>", parameter["in"], escape(parameter.get("description", "")))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _media(content: dict[str, Any]) -> str:
    first: dict[str, Any] = next(iter(content.values()))
    schema = first.get("schema", {})
    return f"{escape(', '.join(content))} {_links(schema)}"


def _links(schema: Any) -> str:
    """The names of the schemas that one refers to."""
    references = sorted(set(_references(schema)))
    return " ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in references)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _schema(name: str, schema: dict[str, Any]) -> str:
    text = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<p>{_links(schema)}</p><pre>{escape(text)}</pre></details>"
    )
