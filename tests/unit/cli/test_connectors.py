"""`bridge connectors`: what targets there are."""

import json
from typing import Any

from bridge.connectors.registry import Registry
from bridge.errors import NotFound
from bridge.testing.server import FakeServer

FILE: dict[str, Any] = {
    "kind": "file", "summary": "Appends events to a file.", "guarantee": "At least once.", "retried": "a full disk",
    "available": True, "install": "",
    "schema": {
        "required": ["path"],
        "properties": {
            "path": {"type": "string", "description": "The file.", "x-expression": True},
            "password": {"type": "string", "default": "", "writeOnly": True, "description": "Its key."},
            "mode": {"enum": ["a", "b"], "default": "a"},
            "wait": {"type": "string", "examples": ["15s"], "default": "1s"},
            "rotate": {"anyOf": [{"$ref": "#/$defs/Rotation"}, {"type": "null"}], "default": None},
        },
    },
}  # fmt: skip
KAFKA = {
    "kind": "kafka",
    "summary": "Kafka.",
    "guarantee": "",
    "retried": "",
    "available": False,
    "install": "bridge[kafka]",
}


def test_list(run, server: FakeServer) -> None:
    """Each kind with its summary; one that is not installed says how it would be."""
    server.answer("GET", "/v1/connectors", {"items": [FILE, KAFKA]})
    assert run("connectors", "list").stdout.splitlines() == [
        "KIND   AVAILABLE                    SUMMARY",
        "file   yes                          Appends events to a file.",
        "kafka  pip install 'bridge[kafka]'  Kafka.",
    ]
    assert run("connectors", "list", "-o", "name").stdout == "file\nkafka\n"
    assert [c["kind"] for c in json.loads(run("connectors", "list", "-o", "json").stdout)] == ["file", "kafka"]


def test_show(run, server: FakeServer) -> None:
    """Guarantee, retries, and each member of the config in a row."""
    server.answer("GET", "/v1/connectors/file", FILE)
    out = run("connectors", "show", "file").stdout
    assert out.startswith("file: Appends events to a file.\n\nGuarantee: At least once.\n\nRetried: a full disk\n")
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert "path string required The file. (may hold ${…})" in rows
    assert 'password string "" Its key. (secret)' in rows
    assert 'mode a|b "a"' in rows
    assert 'wait such as 15s "1s"' in rows
    assert "rotate object or null null" in rows
    assert json.loads(run("connectors", "show", "file", "-o", "json").stdout) == FILE


def test_show_what_is_not_installed_or_not_there(run, server: FakeServer) -> None:
    """The first says how to get it, the second is an error."""
    server.answer("GET", "/v1/connectors/kafka", KAFKA)
    server.answer("GET", "/v1/connectors/pigeon", NotFound("there is no connector 'pigeon'"))
    assert "pip install 'bridge[kafka]'" in run("connectors", "show", "kafka").stdout
    assert "pigeon" in run("connectors", "show", "pigeon", code=1).stderr


def test_every_real_connector_can_be_shown(run, server: FakeServer) -> None:
    """Schemas as they are made."""
    for description in Registry.discover().describe():
        server.answer("GET", f"/v1/connectors/{description.kind}", description)
        assert "CONFIG" in run("connectors", "show", description.kind).stdout
