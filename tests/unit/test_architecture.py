"""Imports point one way: the table of docs and design, held by walking the syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bridge"

GROUND = {"version", "errors", "model", "_proto"}
MAY_IMPORT: dict[str, set[str]] = {
    "version": set(),
    "_proto": {"_proto"},
    "errors": set(),
    "crashpoints": {"errors"},  # a leaf for every room that stores something
    "model": {"errors", "model"},
    "codec": GROUND | {"codec", "rocketmq.records", "rocketmq.errors"},  # records are pure, too
    "rules": GROUND | {"rules", "codec"},
    "rocketmq": {"rocketmq"},  # could be a package of its own
    "telemetry": GROUND,
    "settings": GROUND | {"settings"},
    "stores": GROUND | {"stores", "telemetry", "codec", "rocketmq"},  # on RocketMQ an event is a message
    "connectors": GROUND | {"connectors", "codec", "telemetry"},
    "dataplane": GROUND
    | {"dataplane", "codec", "rules", "telemetry", "stores.bus.base", "stores.catalog.base", "stores.deadletters.base"}
    | {"stores.timers.base", "stores.instances.base"}
    | {"connectors.base", "crashpoints"},
    "controlplane": GROUND
    | {"controlplane", "codec", "rules", "telemetry"}
    | {"stores.bus.base", "stores.catalog.base", "stores.deadletters.base", "connectors.base", "crashpoints"},
    "client": GROUND | {"client", "codec"},
    "cli": {"version", "errors", "model", "client", "cli", "app", "settings", "rules.explain", "rules.preview"},
    "testing": {"*"},
    "app": {"*"},
    "__init__": {"version"},
    "__main__": {"cli"},
}


def imports(path: Path) -> Iterator[str]:
    """Names below ``bridge`` that a module imports, late imports included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("bridge.") for name in names if name.startswith("bridge."))


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "_proto" not in p.parts)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    """Every module imports only what its room may see."""
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room in MAY_IMPORT, f"{room} has no row in the table"
    allowed = MAY_IMPORT[room]
    for name in imports(path):
        fine = "*" in allowed or any(name == a or name.startswith(f"{a}.") for a in allowed)
        assert fine, f"{path.relative_to(ROOT)} imports bridge.{name}: {room} may see {sorted(allowed)}"


def test_pure_rooms_do_no_io() -> None:
    """Model, codec, rules and errors import nothing that opens a file, a socket or a thread."""
    banned = {"asyncio", "socket", "threading", "os", "pathlib", "subprocess", "aiohttp", "sqlalchemy", "lmdb", "grpc"}
    for path in modules():
        if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in {"model", "codec", "rules", "errors"}:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            bad = {name.split(".")[0] for name in names} & banned
            assert not bad, f"{path.relative_to(ROOT)} imports {bad}"
