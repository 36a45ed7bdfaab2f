"""Databases on real servers for tests: an empty one for each test that wants one, gone when the test ends.

``BRIDGE_TEST_POSTGRESQL`` and ``BRIDGE_TEST_MARIADB`` hold a SQLAlchemy URL of a user who may make databases
(`make services-up` prints them). Without them those tests are skipped.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, make_url

SERVERS = {"postgresql": "BRIDGE_TEST_POSTGRESQL", "mariadb": "BRIDGE_TEST_MARIADB"}
PARAMS = [pytest.param(server, marks=pytest.mark.external) for server in SERVERS]
"""For fixtures that run once with each server."""


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The URL of an empty database. Skips the test where the variable of its server is not set."""
    address = os.environ.get(SERVERS[server])
    if not address:
        pytest.skip(f"{SERVERS[server]} names no server")
    name = f"bridge_test_{secrets.token_hex(6)}"
    _run(address, f"CREATE DATABASE {name}")
    try:
        yield make_url(address).set(database=name).render_as_string(hide_password=False)
    finally:
        _run(address, f"DROP DATABASE {name}" + (" WITH (FORCE)" if server == "postgresql" else ""))


def _run(address: str, statement: str) -> None:
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()
