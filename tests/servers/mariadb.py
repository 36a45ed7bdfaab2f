"""MariaDB for the catalog: Debian's package, run by its user when we are root."""

import shutil

from tests.servers.databases import NAME, PASSWORD, complaint, owner, prepare_folder, run_or_fail
from tests.servers.errors import ServerProblem
from tests.servers.packages import ensure_installed, find_program
from tests.servers.processes import Program, ensure_started, wait_until_ready
from tests.servers.settings import Settings

FOLDER = "mariadb"
OPTIONS = {
    "bind-address": "127.0.0.1",
    "socket": "mariadb.sock",  # in the data folder; a whole path may be longer than a socket's name can be
    "innodb-buffer-pool-size": "32M",
    "innodb-flush-log-at-trx-commit": "2",
    "character-set-server": "utf8mb4",
    "skip-name-resolve": "1",
}
FIRST_WORDS = f"""\
CREATE DATABASE IF NOT EXISTS {NAME};
CREATE USER IF NOT EXISTS '{NAME}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON *.* TO '{NAME}'@'127.0.0.1' WITH GRANT OPTION;
"""
"""Run at every start, before the first connection is taken."""


def url(settings: Settings) -> str:
    """As SQLAlchemy has it."""
    return f"mysql+pymysql://{NAME}:{PASSWORD}@127.0.0.1:{settings.mariadb_port}/{NAME}?charset=utf8mb4"


def up(settings: Settings) -> None:
    server = ensure_installed("mariadbd", "mariadb-server")
    this = program(settings, server, owner("mysql"))
    prepare_folder(this.folder, this.user)
    if not (this.folder / "data").exists():
        _make_data(this)
    ensure_started(this, {"first-words.sql": FIRST_WORDS})
    login = (f"--user={NAME}", f"--password={PASSWORD}", "--host=127.0.0.1", f"--port={settings.mariadb_port}")
    ping = (_tool("mariadb-admin"), "--no-defaults", "--connect-timeout=3", *login, "ping")
    wait_until_ready([this], settings.wait_s, lambda: complaint(this, *ping))


def program(settings: Settings, server: str, user: str | None) -> Program:
    folder, port = settings.state / FOLDER, settings.mariadb_port
    places = {"datadir": folder / "data", "init-file": folder / "first-words.sql", "pid-file": folder / "data" / "pid"}
    options = (f"--{name}={value}" for name, value in (OPTIONS | places | {"port": port}).items())
    return Program(
        name=FOLDER,
        command=(server, "--no-defaults", *options),
        folder=folder,
        ports={"MARIADB_PORT": port},
        user=user,
    )


def _make_data(this: Program) -> None:
    """The name ``data`` means that it is whole."""
    new = this.folder / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    install = (
        _tool("mariadb-install-db"),
        "--no-defaults",
        f"--datadir={new}",
        "--skip-test-db",
        "--skip-name-resolve",
    )
    run_or_fail(this.user, this.folder, *install, "--auth-root-authentication-method=socket")
    new.rename(this.folder / "data")


def _tool(name: str) -> str:
    found = find_program(name)
    if not found:
        raise ServerProblem(f"there is a mariadbd, but no {name} beside it")
    return found
