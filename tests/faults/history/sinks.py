"""The HTTP servers that targets push to: one listener, one path for each target, one mood for each path."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from tests.faults.history import moods
from tests.faults.history.clock import MovedClock
from tests.faults.history.moods import Answer, Mood
from tests.faults.history.record import History, Names, Seen
from tests.faults.history.scene import NEVER, Watched

LONGEST_STALL_S = 1.0


class Sinks:
    """``clock``: the bridge's, by which a delayed event may be early."""

    def __init__(self, history: History, seed: str, clock: MovedClock) -> None:
        self._history = history
        self._seed = seed
        self._clock = clock
        self._moods: dict[Names, Mood] = {}
        self._stalled: dict[Names, float] = {}
        self.calm = False
        self.url = ""

    def add(self, watched: Watched) -> None:
        if watched.mood != "file":
            dice = random.Random(f"{self._seed}/{watched.names}")
            self._moods[watched.names] = moods.make(watched.mood, dice)

    def stall(self, names: Names, seconds: float) -> None:
        """Answer nothing for a while."""
        self._stalled[names] = time.monotonic() + min(seconds, LONGEST_STALL_S)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = web.Server(self._answer, access_log=None)  # type: ignore[arg-type]  # its stubs want another request
        listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            listener.close()
            await server.shutdown(0.1)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        bus, rule, target = request.path.lstrip("/").split("/")
        names = (bus, rule, target)
        numbers = _numbers(request.headers.get("ce-id"), body)
        stalled_s = self._stalled.get(names, 0.0) - time.monotonic()
        if stalled_s > 0:
            await asyncio.sleep(stalled_s)
        answer = self._judge(names, numbers)
        if answer.after_s:
            await asyncio.sleep(answer.after_s)
        if request.transport is None or request.transport.is_closing():
            answer = moods.UNHEARD  # whoever sent it was killed, or has lost patience
        self._record(names, numbers, answer)
        return _perform(request, answer)

    def _judge(self, names: Names, numbers: Sequence[int]) -> Answer:
        mood = self._moods[names]
        return mood(numbers) if not self.calm or names == NEVER else moods.TAKEN

    def _record(self, names: Names, numbers: Sequence[int], answer: Answer) -> None:
        now, bridge_now = time.monotonic(), self._clock.highest()
        for number in numbers:
            put = self._history.puts.get(number)
            due = put.event.due if put is not None else None
            early_s = due - bridge_now if due is not None else 0.0
            self._history.seen[names].append(Seen(number, now, answer.takes, early_s))


def _numbers(single: str | None, body: bytes) -> list[int]:
    """Of an event in binary mode, of a batch, or of a payload that was made from an event."""
    if single is not None:
        return [int(single)]
    content = json.loads(body)
    return [int(one["id"]) for one in (content if isinstance(content, list) else [content])]


def _perform(request: web.BaseRequest, answer: Answer) -> web.Response:
    transport = request.transport
    if answer.how != "answered" and transport is not None:
        if answer.how == "half":
            transport.write(b"HTTP/1.1 200 OK\r\ncontent-len")
        if answer.how == "garbage":
            transport.write(b"\x00\x01 not HTTP\r\n\r\n")
        transport.close() if answer.how in {"half", "garbage"} else transport.abort()
    headers = {"retry-after": answer.retry_after} if answer.retry_after else {}
    return web.Response(status=answer.status, headers=headers)
