"""The tables of the registry in the catalog's database."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table

from bridge.stores.database import Blob, Text

SCHEMA = 1
TABLES = MetaData()
LOGS = Table(
    "rocketmq_logs",
    TABLES,
    Column("id", Text, primary_key=True),  # never given twice, unlike names
    Column("name", Text, nullable=False, unique=True),
    Column("topic", Text, nullable=False, unique=True),
    Column("queues", Blob, nullable=False),  # JSON: broker and queue id of each partition
    Column("leaving", Boolean, nullable=False),
)
CURSORS = Table(
    "rocketmq_cursors",
    TABLES,
    Column("log", Text, primary_key=True),
    Column("cursor", Text, primary_key=True),  # a hash of its name
    Column("partition_number", Integer, primary_key=True, autoincrement=False),
    Column("name", Blob, nullable=False),
    Column("group_name", Text, nullable=False),
    Column("start", BigInteger, nullable=False),
)
NUMBERS = Table(
    "rocketmq_numbers",
    TABLES,
    Column("log", Text, primary_key=True),
    Column("partition_number", Integer, primary_key=True, autoincrement=False),
    Column("segments", Blob, nullable=False),  # JSON: start and shift of each
    Column("boot_ms", BigInteger),  # of the broker, when its queue was last looked at
)
CATALOG = Table(
    "rocketmq_catalog",
    TABLES,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row
    Column("token", Text, nullable=False),
)
