"""The entrance: pages are found, links lead somewhere, the maps name every room, commands exist."""

import re
from pathlib import Path

import pytest

import bridge

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
ENTRANCE = [ROOT / "README.md", ROOT / "docs" / "index.md"]
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
ROOMS = sorted(p.name for p in (ROOT / "bridge").iterdir() if (p / "__init__.py").is_file() and p.name != "_proto")
FILES = ("app", "errors", "settings", "telemetry")
NOUNS = (
    *("Event", "Bus", "Partition", "Cursor", "Rule", "Pattern", "Transform", "Target", "Lane", "Delivery"),
    *("Attempt", "Outcome", "DeadLetter"),
)


def links(page: Path) -> list[str]:
    return LINK.findall(re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Files exist here, and headings in them."""
    for link in links(page):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        goal = (page.parent / name).resolve() if name else page
        assert goal.exists(), link
        assert not anchor or anchor in anchors(goal), link


def test_every_page_is_in_the_index() -> None:
    """And reached from the README in one step more at most."""
    index = {link.partition("#")[0] for link in links(ROOT / "docs" / "index.md")}
    assert {page.name for page in PAGES} - {"index.md"} <= index
    assert "docs/index.md" in links(ROOT / "README.md")


@pytest.mark.parametrize("room", [*ROOMS, *FILES])
def test_both_maps_name_it(room: str) -> None:
    """The package's docstring, and the README's table of questions."""
    assert f"``{room}``" in (bridge.__doc__ or "")
    assert re.search(rf"`bridge/{room}(\.py)?`", ENTRANCE[0].read_text("utf-8"))


def test_the_words_are_explained() -> None:
    """Each noun that the code, the protos and the command line use."""
    rows = re.findall(r"^\| (\w+) \|", ENTRANCE[0].read_text("utf-8"), re.MULTILINE)
    assert [row for row in rows if row in NOUNS] == list(NOUNS)


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    """Those that a page tells the reader to run."""
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^ {4}|^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE))
    assert named <= targets


def test_benchmarks_are_listed() -> None:
    """Every one can be run by the page's command, and by a target of the Makefile."""
    page, makefile = (ROOT / "docs" / "benchmarks.md").read_text("utf-8"), (ROOT / "Makefile").read_text("utf-8")
    in_make = re.search(r"^BENCHES = (.*)$", makefile, re.MULTILINE)
    assert in_make is not None
    names = {path.stem for path in (ROOT / "tests" / "bench").glob("bench_*.py")}
    assert set(re.findall(r"python -m tests\.bench\.(\w+)", page)) == names
    alone = set(re.findall(r"-m tests\.bench\.(\w+)", makefile)) - {"bench_"}
    assert {f"bench_{name}" for name in in_make[1].split()} | alone == names
