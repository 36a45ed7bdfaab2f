"""The description of the API agrees with its routes, and with the page for people."""

import re
from pathlib import Path
from typing import Any

import pytest

from bridge.controlplane.http import all_endpoints
from bridge.controlplane.openapi import EVENTS

API = Path(__file__).resolve().parents[3] / "docs" / "api.md"


@pytest.fixture
async def description(world) -> dict[str, Any]:
    return (await world.call("GET", "/openapi.json")).json


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        found = [part["$ref"]] if "$ref" in part else []
        return found + [ref for value in part.values() for ref in references(value)]
    return [ref for value in part for ref in references(value)] if isinstance(part, list) else []


def test_docs_list_every_route_and_no_other(world) -> None:
    """docs/api.md has one row of a table for each."""
    listed = re.findall(r"^\| `([A-Z]+) (/\S*)` \|", API.read_text("utf-8"), re.MULTILINE)
    served = [(e.method, e.path) for e in [*EVENTS, *all_endpoints(world.resources, world.operations)]]
    assert sorted(listed) == sorted(served)


def test_docs_list_every_query_parameter(world) -> None:
    """Each is named in the row of its route."""
    rows = {
        row[:2]: row[2] for row in re.findall(r"^\| `([A-Z]+) (/\S*)` \| (.*)$", API.read_text("utf-8"), re.MULTILINE)
    }
    for endpoint in all_endpoints(world.resources, world.operations):
        for name in endpoint.query.__struct_encode_fields__:
            assert f"`{name}`" in rows[endpoint.method, endpoint.path], f"{endpoint.path}: {name}"


def test_every_reference_leads_somewhere(description) -> None:
    """No schema is missing, none is left over."""
    schemas = description["components"]["schemas"]
    named = {ref.removeprefix("#/components/schemas/") for ref in references(description)}
    assert named == set(schemas)
    assert {"Bus", "Rule"} <= {name.removesuffix("Spec") for name in schemas}


def test_parameters_of_paths_are_described(description) -> None:
    """Each name in a path, and nothing else, is a path parameter."""
    for path, methods in description["paths"].items():
        for operation in methods.values():
            described = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert described == set(re.findall(r"{(\w+)}", path)), path


def test_a_body_that_may_be_left_out_is_described_so(description) -> None:
    """Pausing needs no reason; most bodies are needed."""
    one = "/v1/buses/{bus}/rules/{rule}/targets/{target}"
    bodies = {
        path: operation["requestBody"]["required"]
        for path, methods in description["paths"].items()
        for operation in methods.values()
        if "requestBody" in operation
    }
    assert bodies["/v1/apply"]
    assert [path for path, required in bodies.items() if not required] == [f"{one}/pause", f"{one}/resume"]


def test_units_are_described_as_text(description) -> None:
    """As people write them."""
    retry = description["components"]["schemas"]["Retry"]["properties"]
    assert retry["retryAfterMax"] == {
        "type": "string",
        "description": "A duration, at most 366d.",
        "examples": ["200ms", "30s", "15m", "12h", "7d"],
    }
    assert retry["maxAge"]["anyOf"][0]["description"] == "A duration, at least 1ms and at most 366d."
    assert retry["maxAttempts"] == {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1000}, {"type": "null"}]}


async def test_the_page_needs_nothing_from_elsewhere(world) -> None:
    """No script, no style, no picture of another host."""
    page = await world.call("GET", "/docs")
    text = page.body.decode()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"(?:https?:)?//\w|<script|<img|<link|@import", text)
    assert "/v1/buses/{bus}/rules/{rule}" in text
    for anchor in re.findall(r'href="#(\w+)"', text):
        assert f'id="{anchor}"' in text
