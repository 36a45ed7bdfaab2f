"""Instances in a SQL database, that of the catalog: a row for each, and one for each request to it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from bridge.stores.database import Blob, Database, Text, text
from bridge.stores.instances.base import Instance, Instances

SCHEMA = 1
TABLES = MetaData()
INSTANCES = Table(
    "instances",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("address", text(255), nullable=False),
    Column("started", Double, nullable=False),
    Column("seen", Double, nullable=False),  # by the clock of the database
    Column("status", Blob, nullable=False),
)
REQUESTS = Table(
    "instance_requests",
    TABLES,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("instance", Text, nullable=False, index=True),
    Column("body", Blob, nullable=False),
)
COLUMN = INSTANCES.c


class Now(FunctionElement[float]):
    """Seconds since the epoch by the clock of the database. Each says it in its own words."""

    type = Double()
    inherit_cache = True


@compiles(Now, "sqlite")
def _now_in_sqlite(*_: object, **__: object) -> str:
    return "(julianday('now') - 2440587.5) * 86400.0"


@compiles(Now, "postgresql")
def _now_in_postgresql(*_: object, **__: object) -> str:
    return "EXTRACT(EPOCH FROM clock_timestamp())::double precision"


@compiles(Now, "mysql", "mariadb")
def _now_in_mysql(*_: object, **__: object) -> str:
    return "CAST(UNIX_TIMESTAMP(SYSDATE(6)) AS DOUBLE)"


class SqlInstances(Instances):
    def __init__(self, url: str) -> None:
        """``url``: a SQLAlchemy URL."""
        self._database = Database(url, "register of instances", TABLES, SCHEMA)

    async def open(self) -> None:
        await self._database.open(lambda _: None)

    async def close(self) -> None:
        await self._database.close()

    async def tell(self, instance: Instance) -> None:
        await self._database.write(lambda connection: _tell(connection, instance))

    async def list(self, within_s: float) -> Sequence[Instance]:
        age_s = (Now() - COLUMN.seen).label("age_s")
        query = select(COLUMN.id, COLUMN.address, COLUMN.started, COLUMN.status, age_s)
        query = query.where(COLUMN.seen >= Now() - within_s).order_by(COLUMN.started, COLUMN.id)
        return await self._database.read(
            lambda connection: [Instance(**row) for row in connection.execute(query).mappings()]
        )

    async def leave(self, instance_id: str) -> None:
        await self._database.write(lambda connection: _leave(connection, [instance_id]))

    async def forget(self, after_s: float) -> int:
        query = select(COLUMN.id).where(COLUMN.seen < Now() - after_s)
        return await self._database.write(
            lambda connection: _leave(connection, connection.execute(query).scalars().all())
        )

    async def ask(self, instance_id: str, request: bytes) -> None:
        statement = insert(REQUESTS).values(instance=instance_id, body=request)
        await self._database.write(lambda connection: connection.execute(statement).close())

    async def take(self, instance_id: str) -> Sequence[bytes]:
        mine = select(REQUESTS.c.number, REQUESTS.c.body).where(REQUESTS.c.instance == instance_id)
        query = mine.order_by(REQUESTS.c.number)
        found = await self._database.read(lambda connection: connection.execute(query).all())
        if found:
            done = delete(REQUESTS).where(REQUESTS.c.number.in_([number for number, _ in found]))
            await self._database.write(lambda connection: connection.execute(done).close())
        return [body for _, body in found]


# In the database's thread


def _tell(connection: Connection, instance: Instance) -> None:
    told: dict[str, Any] = {"address": instance.address, "started": instance.started, "seen": Now()}
    if instance.status:
        told["status"] = instance.status
    found = connection.execute(update(INSTANCES).where(COLUMN.id == instance.id).values(**told))
    if not found.rowcount:
        connection.execute(insert(INSTANCES).values(id=instance.id, **{"status": b""} | told))


def _leave(connection: Connection, gone: Sequence[str]) -> int:
    if not gone:
        return 0
    connection.execute(delete(REQUESTS).where(REQUESTS.c.instance.in_(gone)))
    return connection.execute(delete(INSTANCES).where(COLUMN.id.in_(gone))).rowcount
