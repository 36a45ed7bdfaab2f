"""A server that gives canned answers, and a client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bridge.client import Client
from bridge.testing.server import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture
async def bridge(server: FakeServer) -> AsyncIterator[Client]:
    async with Client(server.address) as client:
        yield client
