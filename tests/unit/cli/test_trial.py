"""`bridge pattern test` and `bridge transform test`, through the server and without one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli.main import main
from bridge.errors import InvalidPattern
from bridge.testing.server import FakeServer

PATTERN = '{"data":{"speed":[{"numeric":[">",50]}]}}'
EVENT = '{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"light-3","data":{"speed":48,"to":"red"}}'
NOWHERE = ["--server", "127.0.0.1:1"]


def offline(*words: str, given: str = "", code: int = 0) -> Result:
    result = CliRunner().invoke(main, [*NOWHERE, *words], input=given)
    assert result.exit_code == code, result.stderr
    return result


def test_the_server_is_asked(run, server: FakeServer) -> None:
    """Pattern, event and dialect go there; field by field it says why."""
    fields = [
        {"path": "a", "matched": True, "reason": "`a` fits"},
        {"path": "b", "matched": False, "reason": "`b` does not"},
    ]
    server.answer("POST", "/v1/pattern:test", {"matched": False, "fields": fields})
    out = run("pattern", "test", "--pattern", PATTERN, "--event", EVENT, "--dialect", "aws").stdout
    assert out == "not matched: 1 of 2 is not as wanted\n  + a  fits\n  - b  does not\n"
    assert server.asked[0].json() == {"pattern": json.loads(PATTERN), "event": json.loads(EVENT), "dialect": "aws"}


def test_a_filter_stands_beside_the_pattern_or_alone(run, server: FakeServer) -> None:
    """Its reason is a line of its own."""
    verdict = {"matched": True, "reason": '`type` is "t"'}
    server.answer("POST", "/v1/pattern:test", {"matched": True, "fields": [], "filter": verdict})
    out = run("pattern", "test", "--filter", '{"exact":{"type":"t"}}', "--event", EVENT).stdout
    assert out == 'matched\n  + (filter)  `type` is "t"\n'
    assert server.asked[0].json()["filter"] == {"exact": {"type": "t"}}
    here = offline("pattern", "test", "--filter", '{"sql":"id = \'2\'"}', "--event", EVENT, "--offline")
    assert here.stdout.startswith("not matched: 1 of 1 is not as wanted\n  - (filter)  `id = '2'` is false")
    assert "say what to try" in offline("pattern", "test", "--event", "{}", code=2).stderr


def test_a_stored_event_is_known_to_the_server_only(run, server: FakeServer) -> None:
    """Without the server there is nothing to try on."""
    server.answer("POST", "/v1/pattern:test", {"matched": True, "fields": [], "omitted": 3})
    server.answer("POST", "/v1/transform:test", {"payload": "x", "contentType": "text/plain", "variables": {}})
    stored = ("--stored", "traffic/1:17")
    assert (
        run("pattern", "test", "--pattern", "{}", *stored).stdout == "matched: every event does\n  and 3 fields more\n"
    )
    assert run("transform", "test", "--transform", '{"text":"x"}', *stored).stdout == "x\n"
    place = {"bus": "traffic", "partition": 1, "offset": 17}
    assert [asked.json()["stored"] for asked in server.asked] == [place, place]
    words = ("pattern", "test", "--pattern", "{}", *stored)
    assert "no bridge answers" in offline(*words, code=1).stderr
    assert "leave out --offline" in offline(*words, "--offline", code=2).stderr


def test_errors_of_the_server_are_no_reason_to_go_on_alone(run, server: FakeServer) -> None:
    """Only a server that does not answer is replaced."""
    server.answer("POST", "/v1/pattern:test", InvalidPattern("unknown operator", path="$.pattern.a"))
    assert (
        run("pattern", "test", "--pattern", "{}", "--event", "{}", code=1).stderr
        == "error: $.pattern.a: unknown operator\n"
    )


def test_without_a_server_it_is_tested_here() -> None:
    """And says so beside the answer."""
    result = offline("pattern", "test", "--pattern", PATTERN, "--event", EVENT)
    assert result.stdout == ("not matched: 1 of 1 is not as wanted\n  - data.speed  is 48, pattern wants > 50\n")
    assert result.stderr.startswith("no bridge answers at http://127.0.0.1:1")
    assert result.stderr.endswith("tested here instead\n")


def test_offline_asks_nobody(run, server: FakeServer) -> None:
    """With --offline."""
    result = run("pattern", "test", "--pattern", PATTERN, "--event", EVENT.replace("48", "61"), "--offline")
    assert (result.stdout.splitlines()[0], result.stderr) == ("matched", "")
    assert not server.asked


def test_transforms_give_their_payload_alone_on_stdout() -> None:
    """Variables and their values are prose."""
    result = offline(
        "transform", "test", "--transform", '{"text":"${subject} went ${data.to}"}', "--event", EVENT, "--offline"
    )
    assert result.stdout == "light-3 went red\n"
    assert result.stderr == 'subject = "light-3"\ndata.to = "red"\npayload, text/plain; charset=utf-8:\n'


def test_missing_variables_are_told_from_null() -> None:
    """Both are null in the payload."""
    words = ("transform", "test", "--transform", '{"template":["${a}","${bb}"]}', "--event", '{"a":null}', "--offline")
    result = offline(*words)
    assert result.stdout == "[null,null]\n"
    assert result.stderr.startswith("a  = null\nbb is missing\n")


def test_transform_of_the_server(run, server: FakeServer) -> None:
    """A JSON payload is shown as JSON."""
    server.answer(
        "POST", "/v1/transform:test", {"payload": {"a": 1}, "contentType": "application/json", "variables": {}}
    )
    words = ("transform", "test", "--transform", '{"constant":{"a":1}}', "--event", "{}")
    assert run(*words).stdout == '{"a":1}\n'
    assert json.loads(run(*words, "-o", "json").stdout)["contentType"] == "application/json"


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["pattern", "test", "--pattern", '{"type": "t"}', "--event", "{}"], "error: $.pattern.type: "),
        (["pattern", "test", "--pattern", "{}", "--event", "[]"], "error: $.event"),
        (["pattern", "test", "--filter", '{"x":1}', "--event", "{}"], "error: $.filter.x: "),
        (["transform", "test", "--transform", '{"txet":"x"}', "--event", "{}"], "error: $.transform"),
    ],
)
def test_errors_say_which_part(words: list[str], start: str) -> None:
    """The paths are those that the server gives."""
    assert offline(*words, "--offline", code=1).stderr.startswith(start)


def test_parts_come_from_files_and_stdin(tmp_path: Path) -> None:
    """@file and -."""
    (tmp_path / "p.json").write_text(PATTERN, "utf-8")
    words = ("pattern", "test", "--pattern", f"@{tmp_path / 'p.json'}", "--event", "-", "--offline", "-o", "json")
    assert json.loads(offline(*words, given=EVENT).stdout)["matched"] is False
    assert "cannot read nowhere" in offline("pattern", "test", "--pattern", "@nowhere", "--event", "{}", code=2).stderr
