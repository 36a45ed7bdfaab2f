"""Tasks that a store owns."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.stores.chores import Chores


async def test_chores_end_with_their_store() -> None:
    """Also those that are begun while others end."""
    chores, ended = Chores(), []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)
            if name == "first":
                chores.run(work("last"))

    chores.run(work("first"))
    await asyncio.sleep(0)
    await chores.close()
    await chores.close()
    assert ended[0] == "first"


async def test_what_fails_is_told() -> None:
    """In the log where nobody waits, else to who does."""

    async def fail() -> None:
        raise RuntimeError("bug")

    chores = Chores()
    with capture_logs() as logs:
        chores.run(fail())
        with pytest.raises(RuntimeError, match="bug"):
            await chores.begin(fail())
    assert [entry["event"] for entry in logs] == ["a part of a store failed"]
