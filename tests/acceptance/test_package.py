"""What is published: the wheel holds the package and runs, the source distribution holds all that belongs to it."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from bridge.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NOT_SOURCE = {".git", ".cluster", ".venv", "data", "out", "build", "dist", "bridge.egg-info"}
BESIDE = ("docs", "examples", "protos", "tests", ".ci")
FILES = ("README.md", "CHANGELOG.md", "LICENSE", "Makefile", "constraints.txt", "pyproject.toml")
INDIRECT = {"httptools", "googleapis-common-protos", "protobuf"}
"""Not found by the name of a module: uvicorn's parser, and those that share the name `google`."""


def files_below(*folders: str) -> set[str]:
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    found = {str(p.relative_to(ROOT)) for p in paths if p.is_file() and p.suffix != ".pyc"}
    return {name for name in found if "/." not in name}


def run(*command: object, cwd: Path, **environ: str) -> str:
    ran = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=100,
        check=False,
        env=os.environ | environ,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions, built from a copy of the sources, the wheel from the source distribution."""
    folder = tmp_path_factory.mktemp("package")
    copy = folder / "source"
    shutil.copytree(ROOT, copy, ignore=lambda _, names: {n for n in names if n in NOT_SOURCE or n.endswith("_cache")})
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", copy, cwd=folder)
    return folder / "dist"


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_the_wheel_is_complete_and_holds_nothing_else(built: Path) -> None:
    """The modules, the generated code with its types, the mark that there are types; no tests."""
    (wheel,) = built.glob("*.whl")
    assert wheel.name == f"bridge-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"bridge-{VERSION}.dist-info/METADATA").decode()
    package = {name for name in names if name.startswith("bridge/")}
    assert package == files_below("bridge")
    assert {"bridge/py.typed", "bridge/_proto/bridge/v1/events_pb2.pyi"} <= package
    assert {name.split("/")[0] for name in names} == {"bridge", f"bridge-{VERSION}.dist-info"}
    assert "Requires-Python: >=3.11" in metadata
    assert "License-Expression: Apache-2.0" in metadata


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_the_source_distribution_is_complete(built: Path) -> None:
    """Whoever unpacks it can build, test and read everything."""
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert files_below("bridge", *BESIDE) | set(FILES) | {".ci/run"} <= names
    assert not [name for name in names if name.endswith(".pyc")]


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_the_wheel_runs(built: Path, tmp_path: Path) -> None:
    """Installed alone, away from the sources, with the dependencies that are there."""
    (wheel,) = built.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps")
    run(*pip, "--target", tmp_path / "site", wheel, cwd=tmp_path)
    where = run(
        sys.executable, "-c", "import bridge.app.serving; print(bridge.__file__)", cwd=tmp_path, PYTHONPATH="site"
    )
    assert where.strip() == "site/bridge/__init__.py" or str(tmp_path / "site") in where
    command = (sys.executable, tmp_path / "site" / "bin" / "bridge")
    assert VERSION in run(*command, "--version", cwd=tmp_path, PYTHONPATH="site")


def test_what_is_imported_is_declared() -> None:
    """And what is declared is imported: by its own name, not by luck of another's dependencies."""
    owners = packages_distributions()
    imported = {owners[module][0].lower().replace("_", "-") for module in modules() - {"bridge"} if module in owners}
    declared = {distribution(line) for line in PROJECT["dependencies"]}
    extras = ("signatures", "compression")
    optional = {distribution(line) for extra in extras for line in PROJECT["optional-dependencies"][extra]}
    assert imported - INDIRECT - declared - optional == set()
    assert declared - imported - INDIRECT == set()


def test_generated_code_runs_with_the_oldest_versions_allowed() -> None:
    """It refuses a protobuf or grpcio that is older than the one that made it."""
    oldest = {distribution(line): line.partition(">=")[2].partition(";")[0] for line in PROJECT["dependencies"]}
    for path in (ROOT / "bridge" / "_proto").rglob("*_pb2*.py"):
        text = path.read_text("utf-8")
        found = {
            "protobuf": re.search(r"^# Protobuf Python Version: (\S+)", text, re.MULTILINE),
            "grpcio": re.search(r"^GRPC_GENERATED_VERSION = '(\S+)'", text, re.MULTILINE),
        }
        for name, made_by in found.items():
            assert made_by is None or version(made_by[1]) <= version(oldest[name]), path.name


def test_constraints_are_exact_and_cover_what_is_declared() -> None:
    """Versions and nothing else: no addresses, no ranges."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").split()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    pinned = {line.partition("==")[0].lower().replace("_", "-"): line.partition("==")[2] for line in lines}
    for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]:
        assert version(pinned[distribution(line)]) >= version(line.partition(">=")[2].partition(";")[0]), line


def modules() -> set[str]:
    """The top names of what bridge imports."""
    trees = [ast.parse(p.read_text("utf-8")) for p in (ROOT / "bridge").rglob("*.py") if "_proto" not in p.parts]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in plain | {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}}


def distribution(requirement: str) -> str:
    return re.split(r"[>=;\[ ]", requirement)[0].lower()


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.strip().split(".") if part.isdigit())
