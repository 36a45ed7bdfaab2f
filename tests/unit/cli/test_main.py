"""The command line as a whole: help, version, errors, exit codes, documentation."""

import re
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bridge import __version__
from bridge.cli.main import TASKS, Tasks, commands, main
from bridge.errors import Conflict, InUse, NotFound
from bridge.testing.server import FakeServer

DOCS = Path(__file__).resolve().parents[3] / "docs" / "cli.md"
ALL = dict(commands(main, click.Context(main, info_name="bridge")))


def test_version_is_the_package_version() -> None:
    """`bridge --version` prints one line."""
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"bridge, version {__version__}\n")


def test_version_is_quick() -> None:
    """Nothing that is slow to import is imported for it: no HTTP client, no YAML, no tables."""
    slow = "aiohttp yaml rich msgspec sqlalchemy grpc bridge.app bridge.client"
    check = f"import sys; sys.argv = ['bridge', '--version']\nfrom bridge.cli.main import main\ntry: main()\nexcept SystemExit: print([m for m in {slow.split()} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [f"bridge, version {__version__}", "[]"]


def test_help_fits_on_one_screen() -> None:
    """At most 40 lines of 80 columns, grouped by task, with every command."""
    text = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    lines = text.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    for task, entries in TASKS.items():
        assert f"{task}:" in lines
        assert all(re.search(rf"^  {name} ", text, re.MULTILINE) for name in entries)


@pytest.mark.parametrize("words", ALL)
def test_every_command_shows_an_example(words: str) -> None:
    """Its help ends with one that begins like a command one would type."""
    text = CliRunner().invoke(main, [*words.split()[1:], "--help"]).output
    _, _, example = text.partition("Example:\n")
    assert words in example


@pytest.mark.parametrize("words", ALL)
def test_every_option_says_what_it_is(words: str) -> None:
    """No option without a word of help."""
    for option in ALL[words].params:
        assert not isinstance(option, click.Option) or option.help, option.name


def test_the_documentation_has_every_command_and_option() -> None:
    """docs/cli.md: a heading for each command, and below it each of its options; and none that does not exist."""
    sections = dict(
        re.findall(r"^### `(bridge [^`]+)`\n(.*?)(?=^##|\Z)", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    )
    documented = {
        " ".join(w for w in title.split() if w.islower() and w.isalpha()): body for title, body in sections.items()
    }
    assert list(documented) == list(ALL)
    for words, command in ALL.items():
        options = {
            max(option.opts, key=len)
            for option in command.params
            if isinstance(option, click.Option) and option.name not in {"server", "help", "form"}
        }
        assert set(re.findall(r"^\| `(?:-\w, )?(--[a-z-]+)", documented[words], re.MULTILINE)) == options, words


def test_unknown_commands_and_options_are_wrong_use() -> None:
    """Exit code 2, with what is meant."""
    assert CliRunner().invoke(main, ["frobnicate"]).exit_code == 2
    assert CliRunner().invoke(main, ["status", "--fast"]).exit_code == 2
    assert CliRunner().invoke(main, ["put"]).exit_code == 2


def test_no_server_is_a_failure_that_says_what_to_do() -> None:
    """Exit code 1, a sentence on stderr, nothing on stdout."""
    result = CliRunner().invoke(main, ["--server", "127.0.0.1:1", "status"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: no bridge answers at http://127.0.0.1:1 (")
    assert "`bridge serve`" in result.stderr


@pytest.mark.parametrize(
    "error", [NotFound("there is no Bus x"), Conflict("stale", path="$.revision"), InUse("in use")]
)
def test_errors_of_the_server_are_sentences(run, server: FakeServer, error: Exception) -> None:
    """With the path of the bad part, exit code 1."""
    server.answer("GET", "/v1/status", error)
    assert run("status", code=1).stderr == f"error: {error}\n"


def test_the_server_comes_from_option_variable_or_default(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--server` of the command, then of `bridge`, then BRIDGE_SERVER."""
    server.answer("GET", "/v1/buses", {"items": []})
    monkeypatch.setenv("BRIDGE_SERVER", server.address)
    assert CliRunner().invoke(main, ["get", "buses"]).exit_code == 0
    monkeypatch.setenv("BRIDGE_SERVER", "127.0.0.1:1")
    assert CliRunner().invoke(main, ["get", "buses"]).exit_code == 1
    assert CliRunner().invoke(main, ["--server", server.address, "get", "buses"]).exit_code == 0
    assert (
        CliRunner().invoke(main, ["--server", "127.0.0.1:1", "get", "buses", "--server", server.address]).exit_code == 0
    )
    wrong = CliRunner().invoke(main, ["--server", "nonsense:port", "get", "buses"])
    assert (wrong.exit_code, "no address such as" in wrong.stderr) == (1, True)


def test_colour_only_where_it_is_wanted(run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, and not with NO_COLOR."""
    server.answer("GET", "/v1/buses", {"items": [{"kind": "Bus", "name": "traffic", "revision": 1}]})
    assert "\x1b[" in run("get", "buses", color=True).stdout
    assert "\x1b[" not in run("get", "buses").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("get", "buses", color=True).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    """Each shell gets a script that asks `bridge` back."""
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert "_BRIDGE_COMPLETE" in result.output
    assert CliRunner().invoke(main, ["completion", "csh"]).exit_code == 2


def test_completion_completes_commands_and_kinds() -> None:
    """Words of ours, without a server."""

    def complete(words: str) -> list[str]:
        environ = {"_BRIDGE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        result = CliRunner().invoke(main, [], env=environ, prog_name="bridge")
        return [line.partition(",")[2] for line in result.output.splitlines()]

    assert complete("bridge dead") == ["deadletters"]
    assert complete("bridge get ") == ["buses", "rules"]
    assert complete("bridge deadletters p") == ["purge"]


def test_the_group_finds_only_what_is_in_its_table() -> None:
    """A command that is not there is None, as click wants it."""
    assert Tasks("bridge").get_command(click.Context(main), "nothing") is None


def test_start_time_leaves_room(capsys: pytest.CaptureFixture[str]) -> None:
    """`bridge --version` takes well under the 150 ms that people do not notice (here with a large margin for slow machines)."""
    command = [sys.executable, "-m", "bridge", "--version"]
    took = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.6
