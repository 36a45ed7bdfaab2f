"""PostgreSQL and MariaDB: command lines, who runs them, packages."""

import os
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.servers import databases, mariadb, packages, postgresql
from tests.servers.errors import ServerProblem
from tests.servers.settings import Settings

SETTINGS = Settings(state=Path("/state"), cache=Path("/cache"), postgresql_port=4000, mariadb_port=5000)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_postgresql_listens_on_the_loopback() -> None:
    """At its port, with no socket file anywhere."""
    command = postgresql.program(SETTINGS, "/bin/postgres", "postgres").command
    assert command[:3] == ("/bin/postgres", "-D", "/state/postgresql/data")
    assert {"--listen_addresses=127.0.0.1", "--port=4000", "--unix_socket_directories="} <= set(command)


def test_mariadb_listens_on_the_loopback() -> None:
    """At its port; no configuration of the machine's own MariaDB counts."""
    command = mariadb.program(SETTINGS, "/sbin/mariadbd", None).command
    assert command[:2] == ("/sbin/mariadbd", "--no-defaults")
    assert {"--bind-address=127.0.0.1", "--port=5000", "--datadir=/state/mariadb/data"} <= set(command)


@pytest.mark.parametrize(
    ("url", "dialect", "port"),
    [(postgresql.url(SETTINGS), "postgresql", 4000), (mariadb.url(SETTINGS), "mysql", 5000)],
)
def test_urls_are_sqlalchemys(url: str, dialect: str, port: int) -> None:
    """Same user, password and database for both."""
    found = make_url(url)
    assert (found.get_backend_name(), found.host, found.port) == (dialect, "127.0.0.1", port)
    assert (found.username, found.password, found.database) == ("bridge", "bridge", "bridge")


def test_root_leaves_servers_to_their_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody else runs them."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert databases.owner("postgres") == "postgres"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert databases.owner("postgres") is None


def test_a_folder_that_their_user_cannot_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before the server says something less clear."""
    (tmp_path / "mine").mkdir(mode=0o700)
    monkeypatch.setattr(databases.shutil, "chown", lambda *_: None)
    with pytest.raises(ServerProblem, match=r"user nobody, .* may not enter .*/mine; .*CLUSTER_STATE"):
        databases.prepare_folder(tmp_path / "mine" / "data", "nobody")


def test_a_tool_that_fails_is_quoted(tmp_path: Path) -> None:
    """By its name and its own words."""
    with pytest.raises(ServerProblem, match=r"^sh failed:\nno room$"):
        databases.run_or_fail(None, tmp_path, "/bin/sh", "-c", "printf 'no room' >&2; exit 1")


def test_newest_postgresql_is_looked_for_first() -> None:
    """By number: 15 is newer than 9.6."""
    folders = [Path("/usr/lib/postgresql") / version / "bin" for version in ("9.6", "15", "17")]
    assert postgresql.newest_first(folders) == [folders[2], folders[1], folders[0]]


def test_a_program_that_is_there_is_not_installed(programs: Path) -> None:
    """Found on the path, or in the folders that are named."""
    server = programs / "no-such-server"
    server.touch(mode=0o755)
    assert packages.ensure_installed("no-such-server", "no-such-package") == str(server)
    server.rename(programs.parent / "no-such-server")
    assert packages.find_program("no-such-server", lambda: [programs.parent]) == str(programs.parent / "no-such-server")


def test_without_apt(programs: Path) -> None:
    """The error names the package for Debian and for Homebrew."""
    with pytest.raises(
        ServerProblem, match=r"no no-such-server here.*apt-get install mariadb-server; Homebrew: mariadb\)"
    ):
        packages.ensure_installed("no-such-server", "mariadb-server")


def test_without_root(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to run."""
    (programs / "apt-get").touch(mode=0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ServerProblem, match="needs root: sudo apt-get install no-such-package"):
        packages.ensure_installed("no-such-server", "no-such-package")


def test_installed_by_root(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without package lists it works the second time; services stay down meanwhile, and no longer."""
    policy = tmp_path / "policy-rc.d"
    script = f"""#!/bin/sh
        case "$*" in
            update) /usr/bin/touch {tmp_path}/lists ;;
            *) test -e {tmp_path}/lists -a -x {policy} && echo > {programs}/no-such-server && /bin/chmod +x {programs}/no-such-server ;;
        esac"""
    (programs / "apt-get").write_text(script)
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "POLICY", policy)
    assert packages.ensure_installed("no-such-server", "p") == str(programs / "no-such-server")
    assert not policy.exists()


def test_a_failed_installation_is_quoted(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of apt-get."""
    (programs / "apt-get").write_text("#!/bin/sh\necho 'E: no such package' >&2; exit 100\n")
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    with pytest.raises(ServerProblem, match=r"(?s)apt-get install .* p failed:\nE: no such package"):
        packages.ensure_installed("no-such-server", "p")
