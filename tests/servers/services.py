"""The databases of the catalog without containers, PostgreSQL and MariaDB, as processes of this machine."""

import shutil
import signal
from collections.abc import Iterator

from tests.servers import mariadb, postgresql, probe
from tests.servers.processes import Row, describe, find, stop
from tests.servers.settings import Settings

STOPS = {postgresql.FOLDER: signal.SIGINT, mariadb.FOLDER: signal.SIGTERM}
"""On SIGTERM PostgreSQL would wait until its last client has gone; on SIGINT it ends their sessions in good order."""


def up(settings: Settings) -> None:
    """Ready when this returns."""
    postgresql.up(settings)
    mariadb.up(settings)


def down(settings: Settings) -> list[str]:
    """Names of those that ran and have ended now."""
    return [name for folder, sign in STOPS.items() for name in stop([settings.state / folder], sign)]


def clean(settings: Settings) -> list[str]:
    """Stops them, then deletes their data and logs. Returns the folders deleted."""
    down(settings)
    folders = [settings.state / name for name in STOPS if (settings.state / name).is_dir()]
    for folder in folders:
        shutil.rmtree(folder)
    return [str(folder) for folder in folders]


def is_running(settings: Settings) -> bool:
    """Whether any of them lives."""
    return any(find(settings.state / name) for name in STOPS)


def status(settings: Settings) -> Iterator[Row]:
    """Each that was ever started here."""
    for name in STOPS:
        if (settings.state / name).is_dir():
            yield describe(settings.state / name, probe.listens)
