"""What PostgreSQL and MariaDB have in common here: one user and one database, both named ``bridge``, and who runs them.

Neither waits for the disk at a commit: what they hold survives a killed process, not a power cut, which suits data that
tests make. Both answer at 127.0.0.1 only.
"""

import os
import shutil
import stat
import subprocess
from pathlib import Path

from tests.servers.errors import ServerProblem
from tests.servers.processes import Program, as_user

NAME = PASSWORD = "bridge"
"""No secret: whoever reaches the port is on this machine."""


def owner(package_user: str) -> str | None:
    """Who runs the server: root leaves that to the user that the package made (servers refuse root), others do it themselves."""
    return package_user if os.geteuid() == 0 else None


def prepare_folder(folder: Path, user: str | None) -> None:
    """Makes the server's folder, which its user owns. Raises ServerProblem if that user could not get there."""
    folder.mkdir(parents=True, exist_ok=True)
    if user:
        shutil.chown(folder, user)
        for parent in folder.parents:
            if not parent.stat().st_mode & stat.S_IXOTH and parent.owner() != user:
                raise ServerProblem(
                    f"the user {user}, who runs this server for root, may not enter {parent}; "
                    "choose a folder that others may enter with CLUSTER_STATE=..."
                )


def run_as(user: str | None, folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A tool of the server, run to its end."""
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"LC_ALL": "C"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **as_user(user),
    )


def run_or_fail(user: str | None, folder: Path, *command: str, **environment: str) -> None:
    """Raises ServerProblem with what the tool said."""
    ran = run_as(user, folder, *command, **environment)
    if ran.returncode:
        raise ServerProblem(f"{Path(command[0]).name} failed:\n{ran.stderr or ran.stdout}")


def complaint(this: Program, *command: str) -> str:
    """What a tool that asks the server says while it is not ready; nothing once it is."""
    ran = run_as(None, this.folder, *command)
    return f"{this.name} does not answer: {(ran.stdout + ran.stderr).strip()}" if ran.returncode else ""
