"""PostgreSQL for the catalog: Debian's package, run by its user when we are root."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.servers.databases import NAME, PASSWORD, complaint, owner, prepare_folder, run_as, run_or_fail
from tests.servers.errors import ServerProblem
from tests.servers.packages import ensure_installed
from tests.servers.processes import Program, ensure_started, wait_until_ready
from tests.servers.settings import Settings

FOLDER = "postgresql"
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
}


def url(settings: Settings) -> str:
    """As SQLAlchemy has it."""
    return f"postgresql+psycopg://{NAME}:{PASSWORD}@127.0.0.1:{settings.postgresql_port}/{NAME}"


def up(settings: Settings) -> None:
    server = ensure_installed("postgres", "postgresql", debian_folders)
    this = program(settings, server, owner("postgres"))
    prepare_folder(this.folder, this.user)
    if not (this.folder / "data").exists():
        _make_data(this)
    ensure_started(this, {})
    tools, address = Path(server).resolve().parent, ("-h", "127.0.0.1", "-p", str(settings.postgresql_port))
    wait_until_ready([this], settings.wait_s, lambda: complaint(this, str(tools / "pg_isready"), *address))
    _make_database(this, str(tools / "createdb"), *address)


def _make_data(this: Program) -> None:
    """The name ``data`` means that it is whole."""
    password = this.folder / "password"
    password.write_text(PASSWORD, "ascii")
    new = this.folder / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    login = ("--username", NAME, "--pwfile", str(password), "--auth", "scram-sha-256")
    initdb = str(Path(this.command[0]).resolve().parent / "initdb")
    run_or_fail(this.user, this.folder, initdb, "-D", str(new), *login, "--encoding=UTF8", "--locale=C", "--no-sync")
    new.rename(this.folder / "data")


def _make_database(this: Program, createdb: str, *address: str) -> None:
    words = (createdb, *address, "--username", NAME, "--maintenance-db=postgres", NAME)
    ran = run_as(None, this.folder, *words, PGPASSWORD=PASSWORD)
    if ran.returncode and "already exists" not in ran.stderr:
        raise ServerProblem(f"PostgreSQL made no database:\n{ran.stderr}")


def program(settings: Settings, server: str, user: str | None) -> Program:
    folder, port = settings.state / FOLDER, settings.postgresql_port
    options = (f"--{name}={value}" for name, value in (OPTIONS | {"port": str(port)}).items())
    return Program(
        name=FOLDER,
        command=(server, "-D", str(folder / "data"), *options),
        folder=folder,
        ports={"POSTGRESQL_PORT": port},
        user=user,
    )


def debian_folders() -> list[Path]:
    """Debian keeps each version's programs in a folder of its own, such as ``/usr/lib/postgresql/15/bin``."""
    return newest_first(Path("/usr/lib/postgresql").glob("*/bin"))


def newest_first(folders: Iterable[Path]) -> list[Path]:
    return sorted(folders, key=lambda folder: float(folder.parent.name), reverse=True)
