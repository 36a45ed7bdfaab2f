"""The gRPC door, with stubs that a user would generate from our protos."""

import json
import subprocess
import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

from tests.acceptance.conftest import Door

ROOT = Path(__file__).resolve().parents[2]


def test_a_client_with_its_own_stubs(door: Door, tmp_path: Path) -> None:
    """Puts one and many, streams, subscribes with a durable cursor, asks for health and reflection."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    files = [str(path.relative_to(ROOT / "protos")) for path in (ROOT / "protos").glob("*/v1/*.proto")]
    include = Path(grpc_tools.__file__).parent / "_proto"
    outs = [f"--python_out={stubs}", f"--grpc_python_out={stubs}"]
    assert protoc.main(["protoc", f"-I{ROOT / 'protos'}", f"-I{include}", *outs, *files]) == 0
    for package in (
        "bridge",
        "cloudevents",
    ):  # regular packages, so that installed ones of the name stay out of the way
        for folder in (package, f"{package}/v1"):
            (stubs / folder / "__init__.py").touch()
    client = Path(__file__).with_name("clients") / "grpc_client.py"
    command = [sys.executable, str(client), str(stubs), door.process.grpc, "traffic"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["applied"] == [1, 1]
    good = [{"id": "0", "offset": 0}, {"id": "1", "offset": 1}]
    assert found["put"] == [good[0], {"id": "99", "code": "INVALID_EVENT", "path": "$.specversion"}, good[1]]
    assert found["stream"] == [[{"id": str(n), "offset": n}, {"id": str(n + 1), "offset": n + 1}] for n in (2, 4, 6)]
    assert found["unknown"] == "NOT_FOUND"
    assert found["subscribed"] == ["0", "2", "3", "4", "5", "6", "7"]
    assert found["unaltered"]
    assert found["resumed"][:2] == ["6", "7"]
    assert found["health"] == 1
    assert {"bridge.v1.Events", "bridge.v1.Resources", "bridge.v1.Operations"} <= set(found["services"])
