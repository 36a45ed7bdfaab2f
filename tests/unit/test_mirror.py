"""Every module of the pure rooms has a test file of its name."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("model", "codec", "rules", "connectors/targets")
WITHOUT = {
    "model/bus.py",  # two structs without behaviour
    "model/clock.py",  # one call
    "model/delivery.py",  # structs without behaviour
}
"""Modules without a test file; this list only shrinks."""


def modules() -> list[str]:
    package = ROOT / "bridge"
    found = [p for room in ROOMS for p in (package / room).rglob("*.py") if p.name != "__init__.py"]
    return sorted(str(p.relative_to(package)) for p in found)


@pytest.mark.parametrize("module", [m for m in modules() if m not in WITHOUT])
def test_module_has_its_test_file(module: str) -> None:
    """bridge/a/b.py is tested by tests/unit/a/test_b.py."""
    path = Path(module)
    test = ROOT / "tests" / "unit" / path.parent / f"test_{path.name}"
    assert test.is_file(), f"{test.relative_to(ROOT)} is missing"


def test_exceptions_exist() -> None:
    """The list of exceptions names modules that exist and have no test."""
    assert set(modules()) >= WITHOUT
