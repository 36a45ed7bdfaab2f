"""Generates ``bridge/_proto`` from ``protos/``: ``python -m tests.protos generate`` (or ``make proto``).

The generated modules live in a package of ours, so that no top-level ``cloudevents`` or ``bridge.v1`` of somebody else
is shadowed; protoc knows nothing of that, hence the rewritten imports.
"""

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE, TARGET = ROOT / "protos", ROOT / "bridge" / "_proto"
DOC = '"""Generated from protos/ by `make proto`; do not edit."""\n'


def generated() -> dict[str, str]:
    """What ``bridge/_proto`` must hold: relative path to text."""
    import grpc_tools
    from grpc_tools import protoc

    files = sorted(str(p.relative_to(SOURCE)) for p in SOURCE.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        include = Path(grpc_tools.__file__).parent / "_proto"
        outs = [f"--{kind}={folder}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
        if protoc.main(["protoc", f"-I{SOURCE}", f"-I{include}", *outs, *files]):
            raise SystemExit("protoc failed")
        made = {str(p.relative_to(folder)): p.read_text("utf-8") for p in Path(folder).rglob("*.py*")}
    services = {f.removesuffix(".proto") for f in files if "\nservice " in (SOURCE / f).read_text("utf-8")}
    texts = {n: _rehome(t) for n, t in made.items() if "_grpc" not in n or n.removesuffix("_pb2_grpc.py") in services}
    for name in list(texts):
        for parent in [p for p in Path(name).parents if str(p) != "."]:
            texts[str(parent / "__init__.py")] = DOC
    return texts | {"__init__.py": DOC}


def _rehome(text: str) -> str:
    return re.sub(r"^from (bridge|cloudevents)\b", r"from bridge._proto.\1", text, flags=re.MULTILINE)


def main() -> None:
    for name, text in generated().items():
        path = TARGET / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__" and sys.argv[1:] == ["generate"]:
    main()
