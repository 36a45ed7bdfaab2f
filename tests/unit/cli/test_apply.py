"""`bridge apply`: files to one request, outcomes to people, errors to their file."""

import json
from pathlib import Path

import pytest

from bridge.errors import InvalidConfig
from bridge.testing.server import FakeServer

BUS = {"kind": "Bus", "name": "traffic"}
DONE = {"results": [{"action": "created", "resource": BUS}]}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "b.yaml").write_bytes("\ufeffkind: Bus\nname: b\n---\n\n---\nkind: Rule\nname: r\n".encode())
    (tmp_path / "defs" / "a.yml").write_text("kind: Bus\nname: a\n", "utf-8")
    (tmp_path / "defs" / "c.json").write_text('{"kind":"Bus","name":"c"}', "utf-8")
    (tmp_path / "defs" / "notes.txt").write_text("not a definition", "utf-8")


def test_yaml_goes_together_and_json_alone(run, server: FakeServer) -> None:
    """Folders stand for their definitions, in order of their names."""
    server.answer("POST", "/v1/apply", DONE)
    run("apply", "-f", "defs")
    yaml, json_ = server.asked
    assert yaml.body.decode() == "kind: Bus\nname: a\n\n---\nkind: Bus\nname: b\n---\n\n---\nkind: Rule\nname: r\n"
    assert (json_.body, json_.headers["content-type"]) == (b'{"kind":"Bus","name":"c"}', "application/json")


def test_standard_input_is_a_file(run, server: FakeServer) -> None:
    """`-f -`."""
    server.answer("POST", "/v1/apply", DONE)
    assert run("apply", "-f", "-", given="kind: Bus").stdout == "created    Bus traffic\n"
    assert (server.asked[0].body, server.asked[0].query) == (b"kind: Bus", {})


def test_a_dry_run_shows_the_diff(run, server: FakeServer) -> None:
    """Coloured on a terminal; warnings are prose."""
    diff = "--- old\n+++ new\n@@ -1 +1 @@\n-a: 1\n+a: 2\n"
    changed = {"action": "changed", "resource": BUS, "diff": diff, "warnings": ["odd"]}
    server.answer("POST", "/v1/apply", {"results": [changed, {"action": "unchanged", "resource": BUS}]})
    result = run("apply", "-f", "-", "--dry-run", given="x: 1")
    assert server.asked[0].query == {"dryRun": ["true"]}
    head, *lines, tail = result.stdout.splitlines()
    assert (head, tail) == ("would be changed  Bus traffic", "unchanged         Bus traffic")
    assert [line.removeprefix("    ") for line in lines] == diff.splitlines()
    assert result.stderr == "warning: Bus traffic: odd\n"
    assert "\x1b[32m+a: 2" in run("apply", "-f", "-", "--dry-run", given="x: 1", color=True).stdout


def test_outcomes_for_scripts(run, server: FakeServer) -> None:
    """Names, JSON, YAML."""
    server.answer("POST", "/v1/apply", DONE)
    assert run("apply", "-f", "-", "-o", "name", given="x: 1").stdout == "traffic\n"
    [one] = json.loads(run("apply", "-f", "-", "-o", "json", given="x: 1").stdout)
    assert (one["action"], one["resource"]["name"]) == ("created", "traffic")
    assert run("apply", "-f", "-", "-o", "yaml", given="x: 1").stdout.startswith("action: created\n")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("$[0].name", "$.name: bad (defs/a.yml)"),
        ("$[1].spec.x", "$[0].spec.x: bad (defs/b.yaml)"),
        ("$[2]", "$[1]: bad (defs/b.yaml)"),
        (None, "bad (defs/a.yml, defs/b.yaml)"),
    ],
)
def test_an_error_names_its_file(run, server: FakeServer, path: str | None, shown: str) -> None:
    """The number in the request becomes the file and the number there; empty documents do not count."""
    server.answer("POST", "/v1/apply", InvalidConfig("bad", path=path))
    assert run("apply", "-f", "defs/a.yml", "-f", "defs/b.yaml", code=1).stderr == f"error: {shown}\n"


def test_an_error_of_one_file_keeps_its_path(run, server: FakeServer) -> None:
    """Nothing to translate."""
    server.answer("POST", "/v1/apply", InvalidConfig("bad", path="$[1].spec"))
    assert run("apply", "-f", "defs/b.yaml", code=1).stderr == "error: $[1].spec: bad (defs/b.yaml)\n"


def test_broken_yaml_is_found_in_its_file(run, server: FakeServer) -> None:
    """Line and column are those of the file, and nothing is sent."""
    Path("defs/broken.yaml").write_text("kind: Bus\nname: [\n", "utf-8")
    stderr = run("apply", "-f", "defs/a.yml", "-f", "defs/broken.yaml", code=1).stderr
    assert "not valid YAML" in stderr
    assert "defs/broken.yaml, line 3, column 1" in stderr
    Path("defs/broken.yaml").write_bytes(b"\xff\xfe\x00")
    assert "defs/broken.yaml" in run("apply", "-f", "defs/broken.yaml", code=1).stderr
    assert not server.asked


def test_some_files_may_fail(run, server: FakeServer) -> None:
    """Exit code 3, with what was done and what was not."""
    server.answer("POST", "/v1/apply", DONE, InvalidConfig("bad", path="$.spec"))
    result = run("apply", "-f", "defs", code=3)
    assert (result.stdout, result.stderr) == ("created    Bus traffic\n", "error: $.spec: bad (defs/c.json)\n")


def test_wrong_use(run) -> None:
    """No file, one that is not there, a folder without any."""
    assert "Missing option '-f'" in run("apply", code=2).stderr
    assert "cannot read nowhere.yaml: No such file" in run("apply", "-f", "nowhere.yaml", code=2).stderr
    Path("empty").mkdir()
    assert "empty holds no *.yaml" in run("apply", "-f", "empty", code=2).stderr
