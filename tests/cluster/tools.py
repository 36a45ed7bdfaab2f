"""RocketMQ's own Java programs, run to their end or until they have said enough, and what their tables say."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.servers import rocketmq
from tests.servers.java import find_java, jars
from tests.servers.settings import DOCKER, parse_settings

PRODUCER = "org.apache.rocketmq.example.operation.Producer"
CONSUMER = "org.apache.rocketmq.example.operation.Consumer"
LIMIT_S = 120


class QueueLine(NamedTuple):
    """What a table says of one queue: ``topicStatus`` the offsets kept, ``consumerProgress`` end and committed."""

    broker: str
    queue_id: int
    first: int
    second: int


class Tools:
    """``folder`` takes their logs."""

    def __init__(self, name_server: str, folder: Path) -> None:
        self._name_server = name_server
        self._folder = folder
        self._java = find_java()
        self._jars = jars(DOCKER / "pom.xml", parse_settings(os.environ).cache)

    async def admin(self, command: str, *words: str) -> str:
        """What a command of mqadmin says; it ends with 0 also when it fails."""
        said = await self.run(rocketmq.MQADMIN, command, "-n", self._name_server, *words)
        assert "Exception" not in said, said
        return said

    async def run(self, main: str, *words: str) -> str:
        """What a program says until it ends."""
        async with self.running(main, *words) as process, asyncio.timeout(LIMIT_S):
            said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    @asynccontextmanager
    async def running(self, main: str, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A program that is killed at the end of the block, if it has not ended by itself."""
        command = rocketmq.tool_command(self._java, self._jars, self._folder, *words, main=main)
        command = (command[0], *rocketmq.SMALL, *command[1:])
        environment = os.environ | {"ROCKETMQ_HOME": str(self._folder), "NAMESRV_ADDR": self._name_server}
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
        process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=self._folder, **pipes)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def says(self, enough: int, pattern: str, main: str, *words: str) -> list[tuple[str, ...]]:
        """The groups of a pattern in what a program says, once it has said so many; then the program is killed."""
        found: list[tuple[str, ...]] = []
        async with self.running(main, *words) as process, asyncio.timeout(LIMIT_S):
            assert process.stdout is not None
            async for line in process.stdout:
                found += [match.groups() for match in re.finditer(pattern, line.decode())]
                if len(found) >= enough:
                    return found
        raise AssertionError(f"it ended after {found}")


def queue_lines(table: str, *, columns: Sequence[int]) -> list[QueueLine]:
    """Lines that begin with a broker and a queue id in these two columns; the numbers are in the last two of the four."""
    found = []
    for line in table.splitlines():
        words = line.split()
        if len(words) > max(columns) and not line.startswith("#") and words[columns[1]].isdigit():
            broker, queue_id, first, second = (words[column] for column in columns)
            found.append(QueueLine(broker, int(queue_id), int(first), int(second)))
    return sorted(found)


def field(text: str, name: str) -> str:
    """The value of a line ``name:  value``."""
    found = re.search(rf"^{re.escape(name)}:\s*(.*?)\s*$", text, re.MULTILINE)
    assert found is not None, f"no {name} in:\n{text}"
    return found[1]
