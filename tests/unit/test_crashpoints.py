"""Steps at which a test may end the process: off unless asked for, and only where they are known."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.crashpoints import NAMES, VARIABLE, arm, crash_point
from bridge.errors import StartError

PACKAGE = Path(__file__).resolve().parents[2] / "bridge"
PASSES = """
import os
from bridge.crashpoints import arm, crash_point
arm(os.environ)
for number in range(3):
    crash_point("matched")
    crash_point("commit-stored")
    print(number, flush=True)
"""


def passing(wish: str) -> tuple[int, list[str]]:
    """How a process ended that passes two steps three times, and what it said."""
    environ = {**os.environ, VARIABLE: wish}
    ran = subprocess.run([sys.executable, "-c", PASSES], env=environ, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout.split()


def test_it_ends_the_process_at_that_pass_of_that_step() -> None:
    """With SIGKILL: nothing is cleaned up, and other steps do not count."""
    assert passing("matched:1") == (-signal.SIGKILL, [])
    assert passing("commit-stored:3") == (-signal.SIGKILL, ["0", "1"])
    assert passing("matched:4") == (0, ["0", "1", "2"])


def test_nothing_happens_unless_it_is_asked_for() -> None:
    """Passing a step is nothing."""
    arm({})
    arm({VARIABLE: ""})
    for name in NAMES:
        crash_point(name)


@pytest.mark.parametrize("wish", ["matched", "matched:0", "matched:-1", "matched:x", "nowhere:1", ":1"])
def test_what_is_no_step_and_count_is_refused(wish: str) -> None:
    """At the start, naming those that there are."""
    with pytest.raises(StartError, match=r"expected NAME:COUNT, with a NAME of .*matched"):
        arm({VARIABLE: wish})


def test_every_name_is_a_step_of_the_product_and_every_step_has_a_name() -> None:
    """Held by walking the code."""
    used = {
        node.args[0].value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "crash_point"
        and isinstance(node.args[0], ast.Constant)
    }
    assert used == set(NAMES)
