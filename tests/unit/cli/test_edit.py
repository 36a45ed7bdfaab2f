"""`bridge edit`: the editor is a small program here."""

import sys
from pathlib import Path

import pytest

from bridge.errors import Conflict, InvalidConfig
from bridge.testing.server import FakeServer

RULE = {
    "kind": "Rule", "bus": "traffic", "name": "red", "spec": {"pattern": {"n": [1.10]}}, "revision": 3,
    "created": "2026-11-24T08:00:00Z", "updated": "2026-11-24T08:00:00Z", "status": {"starts": {}},
}  # fmt: skip
TEXT = "kind: Rule\nbus: traffic\nname: red\nspec:\n  pattern:\n    n:\n    - 1.1\nrevision: 3\n"
EDIT = ("edit", "rule", "traffic/red")


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> "Editor":
    server.answer("GET", "/v1/buses/traffic/rules/red", RULE)
    return Editor(tmp_path, monkeypatch)


class Editor:
    """Replaces words, a pair for each time it is opened, and keeps what it was given. "" stops without saving."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._script = folder / "editor.py"
        monkeypatch.setenv("VISUAL", f"{sys.executable} {self._script}")
        monkeypatch.setenv("TMPDIR", str(folder))

    def will(self, *steps: tuple[str, str]) -> None:
        self._script.write_text(
            "import pathlib, sys, os\n"
            f"folder, steps = pathlib.Path({str(self._folder)!r}), {list(steps)!r}\n"
            "text, number = pathlib.Path(sys.argv[1]).read_text('utf-8'), len(list(folder.glob('given-*')))\n"
            "(folder / f'given-{number}').write_text(text, 'utf-8')\n"
            "old, new = steps[number]\n"
            "if old:\n"
            "    pathlib.Path(sys.argv[1]).write_text(text.replace(old, new), 'utf-8')\n"
            "    os.utime(sys.argv[1], (0, number))\n",
            "utf-8",
        )

    @property
    def given(self) -> list[str]:
        return [path.read_text("utf-8") for path in sorted(self._folder.glob("given-*"))]


def test_a_change_is_applied_with_the_revision_that_was_read(run, server: FakeServer, editor: Editor) -> None:
    """What the server writes itself is not shown; the note above is not sent."""
    editor.will(("1.1", "2.20"))
    server.answer("POST", "/v1/apply", {"results": [{"action": "changed", "resource": RULE}]})
    assert run(*EDIT).stdout == "changed  Rule traffic/red\n"
    assert editor.given[0].endswith("\n" + TEXT)
    assert editor.given[0].startswith("# ")
    assert server.asked[-1].body.decode() == TEXT.replace("1.1", "2.20")


@pytest.mark.parametrize("step", [("", ""), ("red", "red")])
def test_no_change_is_no_request(run, server: FakeServer, editor: Editor, step: tuple[str, str]) -> None:
    """Closed without saving, or saved as it was."""
    editor.will(step)
    assert run(*EDIT).stdout == "unchanged  Rule traffic/red\n"
    assert len(server.asked) == 1


def test_what_is_refused_is_opened_again(run, server: FakeServer, editor: Editor) -> None:
    """With the reason above it, and what was typed below."""
    editor.will(("1.1", "x"), ("x", "5"))
    refused = InvalidConfig("must be a number", path="$.spec.pattern.n[0]")
    server.answer("POST", "/v1/apply", refused, {"results": [{"action": "changed", "resource": RULE}]})
    run(*EDIT)
    assert "# REFUSED: $.spec.pattern.n[0]: must be a number\n" in editor.given[1]
    assert editor.given[1].endswith(TEXT.replace("1.1", "x"))
    assert server.asked[-1].body.decode() == TEXT.replace("1.1", "5")


def test_a_change_in_between_says_how_to_go_on(run, server: FakeServer, editor: Editor) -> None:
    """The revision of now overwrites."""
    editor.will(("1.1", "2"), ("revision: 3", "revision: 4"))
    conflict = Conflict("Rule traffic/red has revision 4, not 3", path="$.revision")
    server.answer("POST", "/v1/apply", conflict, {"results": [{"action": "changed", "resource": RULE}]})
    run(*EDIT)
    assert "# To overwrite it, write the revision that it has now.\n" in editor.given[1]
    assert b"revision: 4" in server.asked[-1].body


def test_giving_up_loses_no_text(
    run, server: FakeServer, editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept in a file that is named; exit code 1."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    editor.will(("1.1", "x"), ("", ""))
    server.answer("POST", "/v1/apply", InvalidConfig("no"))
    stderr = run(*EDIT, code=1).stderr
    assert stderr.startswith("error: nothing was changed; your text is kept in ")
    assert Path(stderr.split()[-1]).read_text("utf-8") == TEXT.replace("1.1", "x")


def test_what_looks_like_a_mistake_is_a_warning(run, server: FakeServer, editor: Editor) -> None:
    """As with `bridge apply`."""
    editor.will(("1.1", "2"))
    done = {"action": "changed", "resource": RULE, "warnings": ["$.spec.pattern: can never match: no event passes"]}
    server.answer("POST", "/v1/apply", {"results": [done]})
    assert run(*EDIT).stderr == "warning: Rule traffic/red: $.spec.pattern: can never match: no event passes\n"
