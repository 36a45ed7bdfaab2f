"""One SQL database behind one thread: what the SQL stores share, so that the event loop never waits for a disk.

Statements are SQLAlchemy Core without dialect words, so SQLite, PostgreSQL and MySQL understand them. SQLite is used
with a write-ahead log and ``synchronous=FULL``: a commit is durable when it returns.

Each store (a *part*: ``catalog``, ``deadletters``) writes its schema version beside its tables from the first day on;
several parts may share a database.

A database on a server has many users: instances of bridge that write at the same time. Transactions there read what is
committed (``READ COMMITTED``, whatever the server's default is), one that the server ends because of another (a deadlock,
the same new row twice) is run again, and a server that does not answer in time is unavailable. One instance at a time makes
or upgrades tables.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from bridge.errors import StartError, StoreError, StoreUnavailable
from bridge.stores.lock import sole_user

T = TypeVar("T")


def text(length: int) -> String:
    """Text of up to so many characters: compared and sorted byte by byte by every database."""
    made = String(length).with_variant(String(length, collation="C"), "postgresql")
    return made.with_variant(String(length, collation="utf8mb4_bin"), "mysql", "mariadb")


Text = text(127)
"""A name."""

Blob = LargeBinary().with_variant(LargeBinary(2**24), "mysql", "mariadb")
"""Bytes of any length; MySQL wants to know that it may be more than 64 KiB."""

SCHEMAS = Table("bridge_schema", MetaData(), Column("part", Text, primary_key=True), Column("version", Integer))

PRAGMAS = ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "cache_size=-1024")
CHECKED_BYTES = 2**24
"""SQLite files up to this size are checked through when they are opened."""

ADVICE = "; several instances need one in PostgreSQL or MySQL"

ANSWER_S = 30
"""How long a server may think about a statement."""
PATIENCE: Mapping[str, Mapping[str, Any]] = {
    "psycopg": {
        "connect_timeout": 10,
        "tcp_user_timeout": ANSWER_S * 1000,
        "options": f"-c statement_timeout={ANSWER_S}s",
    },
    "pymysql": {"connect_timeout": 10, "read_timeout": ANSWER_S, "write_timeout": ANSWER_S},
}
"""What each driver is told about waiting; a URL that says otherwise is obeyed."""

TRIES = 5
"""How often a transaction is run that comes into the way of another one."""
AGAIN_S = 0.02
COLLISIONS = {"40001", "40P01", 1205, 1213}
"""What servers call it: serialization failure and deadlock (SQLSTATE); lock wait timeout and deadlock (MySQL's numbers)."""


class Database:
    """``open`` before anything else. ``read`` and ``write`` run their work in the thread, one after another."""

    def __init__(
        self,
        url: str,
        part: str,
        tables: MetaData,
        schema: int,
        *,
        alone: bool = False,
        upgrades: Mapping[int, Callable[[Connection], None]] = MappingProxyType({}),
    ) -> None:
        """``url`` as SQLAlchemy has it; ``alone``: a SQLite file may have no other process beside this one.

        ``upgrades``: by schema version, what leads to the next one. A step may be repeated after a crash.
        """
        self._url = url
        self._part = part
        self._tables = tables
        self._schema = schema
        self._alone = alone
        self._upgrades = upgrades
        self._stack = ExitStack()
        self._engine: Engine | None = None
        self._asking: Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self.place = url
        self.is_sqlite = False

    async def open(self, then: Callable[[Connection], T]) -> T:
        """Connect, make the tables, run ``then`` in a first transaction. Raises StartError."""
        self._thread = ThreadPoolExecutor(1, self._part)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._start, then)
        except BaseException:
            self._thread.shutdown(wait=False)
            self._thread = None
            raise

    async def close(self) -> None:
        """Let work under way finish, then let go."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._stack.close)
            thread.shutdown()

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._run(self._read, work)

    async def write(self, work: Callable[[Connection], T], then: Callable[[T], None] | None = None) -> T:
        """Run ``work`` in one transaction: all of it or, if it raises, nothing.

        ``then`` runs in the thread once that is committed, even if the caller was cancelled meanwhile.
        """

        def both() -> T:
            answer = self._write(work)
            if then is not None:
                then(answer)
            return answer

        return await self._run(both)

    async def ask(self, query: Select[Any]) -> Any:
        """One value of what is committed by now. For what is asked all the time: of a server it takes one round trip."""
        return await self._run(self._ask, query)

    def check(self) -> None:
        if self._thread is None:
            raise StoreUnavailable(f"the {self._part} is closed")

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        self.check()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    # In the thread

    def _read(self, work: Callable[[Connection], T]) -> T:
        assert self._engine is not None
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise self._failure(error) from error

    def _write(self, work: Callable[[Connection], T]) -> T:
        for number in range(1, 1 if self.is_sqlite else TRIES):
            try:
                return self._begin(work)
            except DBAPIError as error:
                if not _is_collision(error):
                    raise self._failure(error) from error
            sleep(AGAIN_S * number)  # else we might take again what the other one waits for
        try:
            return self._begin(work)
        except SQLAlchemyError as error:
            raise self._failure(error) from error

    def _begin(self, work: Callable[[Connection], T]) -> T:
        assert self._engine is not None
        with self._engine.begin() as connection:
            return work(connection)

    def _ask(self, query: Select[Any]) -> Any:
        for again in (True, False):
            try:
                return self._asker().scalar(query)
            except SQLAlchemyError as error:
                self._end_asking()
                if not (again and isinstance(error, DBAPIError) and error.connection_invalidated):
                    raise self._failure(error) from error
        raise AssertionError("the second time it answers or raises")

    def _asker(self) -> Connection:
        """A connection without transactions, so that nothing has to be begun and ended for each question."""
        assert self._engine is not None
        if self._asking is None:
            self._asking = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return self._asking

    def _end_asking(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.close()

    def _start(self, then: Callable[[Connection], T]) -> T:
        try:
            with ExitStack() as stack:
                answer = self._connect(stack, then)
                self._stack = stack.pop_all()
                return answer
        except (OSError, SQLAlchemyError, ImportError) as error:
            reason = _first_line(error)
            raise StartError(f"cannot use the {self._part} {self.place}: {reason}") from error

    def _connect(self, stack: ExitStack, then: Callable[[Connection], T]) -> T:
        url = make_url(self._url)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.place = (self.is_sqlite and url.database) or url.render_as_string(hide_password=True)
        file = Path(url.database) if self.is_sqlite and url.database not in {None, "", ":memory:"} else None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            if self._alone:
                lock = file.with_name(file.name + "-lock")
                stack.enter_context(sole_user(lock, f"the {self._part} {file}", ADVICE))
        self._engine = _engine(url)
        stack.callback(self._engine.dispose)
        stack.callback(self._end_asking)
        with self._engine.begin() as connection, _sole_maker(connection):
            if file is not None and file.stat().st_size <= CHECKED_BYTES:
                self._check_file(connection)
            self._check_schema(connection)
            self._tables.create_all(connection)
            return then(connection)

    def _check_file(self, connection: Connection) -> None:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise StartError(f"the {self._part} {self.place} is damaged: {found}")

    def _check_schema(self, connection: Connection) -> None:
        SCHEMAS.create(connection, checkfirst=True)
        found = connection.scalar(select(SCHEMAS.c.version).where(SCHEMAS.c.part == self._part))
        if found is None:
            connection.execute(insert(SCHEMAS).values(part=self._part, version=self._schema))
        elif found > self._schema:
            raise StartError(
                f"the {self._part} {self.place} was written by a newer version of bridge "
                f"(schema {found}, this version knows {self._schema})"
            )
        elif found < self._schema:
            self._upgrade(connection, found)

    def _upgrade(self, connection: Connection, found: int) -> None:
        for version in range(found, self._schema):
            self._upgrades[version](connection)
        connection.execute(update(SCHEMAS).where(SCHEMAS.c.part == self._part).values(version=self._schema))

    def _failure(self, error: SQLAlchemyError) -> StoreError:
        """Not now, or not at all: only a damaged database and a wrong statement are beyond another try."""
        text = f"the {self._part} {self.place} failed: {_first_line(error)}"
        passing = isinstance(error, OperationalError | IntegrityError) or not isinstance(error, DatabaseError)
        if isinstance(error, DBAPIError) and (passing or error.connection_invalidated):
            return StoreUnavailable(text)
        return StoreError(text)


def _engine(url: URL) -> Engine:
    """One connection, as there is one thread, and one that asks; a server may have closed ours since the last time."""
    if url.get_backend_name() != "sqlite":
        patience = PATIENCE.get(url.get_driver_name(), {})
        arguments = {name: value for name, value in patience.items() if name not in url.query}
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_size=2,
            max_overflow=0,
            isolation_level="READ COMMITTED",
            connect_args=arguments,
        )
    engine = create_engine(url, poolclass=StaticPool)
    event.listen(engine, "connect", _prepare)
    return engine


@contextmanager
def _sole_maker(connection: Connection) -> Iterator[None]:
    """No other instance makes or upgrades tables meanwhile: databases do not take turns at that by themselves."""
    match connection.dialect.name:
        case "postgresql":
            connection.execute(sql("SELECT pg_advisory_xact_lock(hashtext('bridge_schema'))"))
            yield
        case "mysql" | "mariadb":
            connection.execute(sql(f"SELECT GET_LOCK(CONCAT('bridge_schema ', SHA1(DATABASE())), {ANSWER_S - 5})"))
            try:
                yield
            finally:
                connection.execute(sql("SELECT RELEASE_LOCK(CONCAT('bridge_schema ', SHA1(DATABASE())))"))
        case _:
            yield


def _is_collision(error: DBAPIError) -> bool:
    """Whether it failed because of what another one did at the same time, so that the next try may do better."""
    cause = error.orig
    number = getattr(cause, "sqlstate", None) or next(iter(getattr(cause, "args", ())), None)
    return isinstance(error, IntegrityError) or number in COLLISIONS


def _prepare(connection: Any, _: object) -> None:
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _first_line(error: BaseException) -> str:
    """What the driver or the system said, without SQLAlchemy's statement and links."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause).split("\n", 1)[0]
