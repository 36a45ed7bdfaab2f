"""Debian packages of the database servers, installed when they are missing and we may."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.errors import ServerProblem

POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian asks before a package starts its own service; exit code 101 means no."""


Folders = Callable[[], Iterable[Path]]
"""Where to look beside the path; asked again after an installation."""


def nowhere_else() -> Iterable[Path]:
    return ()


def ensure_installed(program: str, package: str, folders: Folders = nowhere_else) -> str:
    """Path of a program; its package is installed if it is missing. Raises ServerProblem without root or apt-get."""
    found = find_program(program, folders)
    if not found:
        _check_may_install(program, package)
        print(f"installing {package} ...", flush=True)
        with _services_kept_down():
            _apt("install", "-y", "--no-install-recommends", package)
        found = find_program(program, folders)
    if not found:
        raise ServerProblem(f"the package {package} brought no {program}")
    return found


def find_program(program: str, folders: Folders = nowhere_else) -> str | None:
    """On the path, in ``folders``, or where Debian keeps servers."""
    places = [os.environ.get("PATH", ""), *map(str, folders()), "/usr/sbin", "/usr/local/sbin"]
    return shutil.which(program, path=os.pathsep.join(filter(None, places)))


def _check_may_install(program: str, package: str) -> None:
    command, homebrew = f"apt-get install {package}", package.partition("-")[0]
    if not shutil.which("apt-get"):
        raise ServerProblem(f"there is no {program} here; install it (Debian: {command}; Homebrew: {homebrew})")
    if os.geteuid() != 0:
        raise ServerProblem(f"there is no {program} here, and installing it needs root: sudo {command}")


def _apt(*arguments: str) -> None:
    """Once more after a refresh of the package lists: on a fresh machine there are none, or old ones."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    for command in (arguments, ("update",), arguments):
        ran = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True, check=False)
        if command == arguments and ran.returncode == 0:
            return
    raise ServerProblem(f"apt-get {' '.join(arguments)} failed:\n{ran.stderr or ran.stdout}")


@contextmanager
def _services_kept_down() -> Iterator[None]:
    """Only files are wanted, not a database server at its usual port."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", "ascii")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
