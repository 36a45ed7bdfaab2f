"""A real bridge in a process of its own, for tests through the public doors: started, killed, started again."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_GRPC = re.compile(r"^ +gRPC +(\S+)")
_HTTP = re.compile(r"^ +HTTP +http://(\S+)")


def environ_of_users() -> dict[str, str]:
    """What a process inherits that runs as users run it: asyncio's debug mode, which tests set for themselves, takes twice
    the time; where tests find servers is no setting.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONASYNCIODEBUG" and not name.startswith("BRIDGE_TEST_")
    }


class BridgeProcess:
    """``bridge serve`` on free ports of the loopback, with its data in ``folder``. Its log goes to ``folder/log``.

    ``program``: what Python runs in place of the module, such as one that changes something before.
    """

    def __init__(
        self,
        folder: Path,
        *flags: str,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "bridge"),
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._flags = flags
        self._program = program
        self._environ = environ_of_users() | dict(environ or {})
        self._process: subprocess.Popen[str] | None = None
        self.grpc = self.http = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and return once it says that it is ready. Raises RuntimeError with its log when it ends instead."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, *self._program, "serve", "--store", f"lmdb:{self.data}"),
            *("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", *self._flags),
        ]
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder, env=self._environ
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := _GRPC.match(line):
                self.grpc = found[1]
            if found := _HTTP.match(line):
                self.http = found[1]
            if line.startswith("Try"):
                return
        raise RuntimeError(f"it ended with {self.wait()}:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    def interrupt(self) -> None:
        """One Ctrl-C; does not wait."""
        self._signal(signal.SIGINT)

    def stop(self) -> int:
        """Ctrl-C, and its exit code once it has stopped."""
        self.interrupt()
        return self.wait()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Its exit code; it must end within half a minute."""
        assert self._process is not None
        process, self._process = self._process, None
        process.communicate(timeout=30)
        return process.returncode

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
