"""RocketMQ's official Python client, run in a process of its own (``v5``)."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("v5.py")
LIMIT_S = 150


class Official:
    """Runs the official client in a process of its own; ``home`` takes its logs."""

    def __init__(self, proxy: str, home: Path) -> None:
        self._proxy = proxy
        self._environment = os.environ | {"HOME": str(home)}

    async def run(self, *words: str, given: str = "") -> list[dict[str, Any]]:
        command = (sys.executable, "-P", str(PROGRAM), self._proxy, *words)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, env=self._environment
        )
        try:
            async with asyncio.timeout(LIMIT_S):
                said, complaint = await process.communicate(given.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        assert process.returncode == 0, complaint.decode()
        return [json.loads(line) for line in said.splitlines()]
