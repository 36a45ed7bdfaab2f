"""The README's tour: its blocks run as they stand, in a fresh folder, and print what the README shows."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from bridge.testing.process import environ_of_users

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
FRESH = ("Makefile", "pyproject.toml", "constraints.txt", "examples")
"""What the tour needs of a clean work folder."""
PORTS = {"BRIDGE_HTTP_LISTEN": "127.0.0.1:8080", "BRIDGE_GRPC_LISTEN": "127.0.0.1:50051"}
LOOKS = re.compile(r"(cat|bridge (tail|status|deadletters list))\b")
"""Commands that change nothing: asked again, as what they show happens in another process."""
VARYING = {
    r"\d{4}-\d\d-\d\dT[\d:.]+Z": "TIME",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "UUID",
    r"\b\d+[smh] ago|\bup \d+[smh]": "AGO",
    r"\b[\d.]+/s\b": "RATE",
    r"\b[\d.]+ (B|KiB)(?= )": "SIZE",
    r"\[Errno \d+\]": "ERRNO",
    r"\S+/data\b": "DATA",
    r" {2,}": "  ",  # a table is as wide as its values
}
"""What differs from run to run."""


class Step(NamedTuple):
    commands: str
    shown: str


def steps(text: str) -> list[Step]:
    return [Step(commands, shown) for commands, shown in BLOCK.findall(text)]


def plain(text: str) -> str:
    for pattern, word in VARYING.items():
        text = re.sub(pattern, word, text)
    return text


def is_free(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_server((host, int(port))).close()
    except OSError:
        return False
    return True


def other_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


class Folder:
    """A clean work folder, whose environment is the one of this test."""

    def __init__(self, path: Path, environ: dict[str, str]) -> None:
        self.path = path
        foreign = re.compile(r"BRIDGE_|MAKE|MFLAGS|VENV$|.*_PROXY$", re.IGNORECASE)
        self.environ = {name: value for name, value in environ_of_users().items() if not foreign.match(name)} | environ
        for name in FRESH:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, path / name)
        (path / ".venv").mkdir()
        (path / ".venv" / "bin").symlink_to(Path(sys.prefix) / "bin")
        (path / ".venv" / ".run").touch()  # `make run` need not install

    @contextmanager
    def running(self, step: Step) -> Iterator[None]:
        """The bus in the first terminal: what it says at the start is checked; Ctrl-C ends it."""
        with (self.path / "log").open("w") as log:
            first = subprocess.Popen(
                ["sh", "-c", step.commands], stdout=subprocess.PIPE, stderr=log, text=True, **self._terminal()
            )
        assert first.stdout is not None
        try:
            said = "".join(line for _, line in zip(step.shown.splitlines(), first.stdout, strict=False))
            assert plain(said) == plain(step.shown), (self.path / "log").read_text()
            yield
        finally:
            os.killpg(first.pid, signal.SIGINT)
            try:
                first.communicate(timeout=20)
            finally:
                if first.poll() is None:
                    os.killpg(first.pid, signal.SIGKILL)

    def run(self, step: Step) -> str:
        """What is printed, on both streams."""
        commands = f". .venv/bin/activate\n{step.commands}"
        ran = subprocess.run(
            ["sh", "-ec", commands],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=30,
            check=False,
            **self._terminal(),
        )
        assert ran.returncode == 0, f"{step.commands}\n{ran.stdout}"
        return ran.stdout

    def show(self, step: Step) -> str:
        """What is printed, once it is what should be; after a while, whatever it is."""
        end = time.monotonic() + (10 if LOOKS.match(step.commands) else 0)
        while plain(printed := self.run(step)) != plain(step.shown) and time.monotonic() < end:
            time.sleep(0.1)
        return printed

    def _terminal(self) -> dict:
        return {"cwd": self.path, "env": self.environ, "stdin": subprocess.DEVNULL, "start_new_session": True}


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="the tour uses make and curl")
def test_the_tour_shows_what_it_says(tmp_path: Path) -> None:
    """On the default ports; where something else listens there, on others."""
    text, environ = README, {}
    if not all(map(is_free, PORTS.values())):
        environ = {name: other_port() for name in PORTS}
        for name, address in PORTS.items():
            text = text.replace(address, environ[name])
        environ["BRIDGE_SERVER"] = environ["BRIDGE_HTTP_LISTEN"]
    start, *rest = steps(text)
    assert (start.commands, len(rest) > 8) == ("make run\n", True)
    folder = Folder(tmp_path, environ)
    with folder.running(start):
        for step in rest:
            assert plain(folder.show(step)) == plain(step.shown), step.commands
    assert '"event": "red light at /junction/7"' in (tmp_path / "log").read_text()


def test_what_varies_is_all_that_may_differ() -> None:
    """Times, ids, rates, sizes, widths of columns; every other character counts."""
    one = "a  1.5/s  2m ago  799 B  2026-11-24T08:31:00.118Z  /x/data [Errno 111]"
    other = "a    22/s  9s ago    1.5 KiB  2026-11-25T01:00:00Z  /home/y/data [Errno 61]"
    assert plain(one) == plain(other)
    assert plain("offset 1") != plain("offset 2")
