"""Events: put one, a batch or a stream of batches; read a log back; follow it."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from bridge.client.answers import Entry, Page, PutResult
from bridge.client.connection import Connection, escape
from bridge.client.problems import error_of
from bridge.errors import BridgeError, InvalidEvent, InvalidInput, Overloaded
from bridge.model.log import Position

Mode = Literal["batched", "structured", "binary"]
Put = bytes | Mapping[str, Any]
"""An event in the CloudEvents JSON format: its text, sent as it stands, or its members."""
Answered = Callable[[Sequence[Put], Sequence[PutResult]], None]

_BATCH = {"content-type": "application/cloudevents-batch+json"}
_SINGLE = {"content-type": "application/cloudevents+json"}
_PATIENCE = 20
"""How often a stream comes back after `too much is under way`, which stored nothing."""
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Result(msgspec.Struct):
    id: str = ""
    partition: int = -1
    offset: int = -1
    scheduled: str = ""
    error: dict[str, Any] | None = None


class _Results(msgspec.Struct):
    results: list[_Result]


class Events(Connection):
    async def put(self, bus: str, event: Put, *, mode: Mode = "structured") -> PutResult:
        """Put one event; durable when this returns. Raises what the server says against it."""
        text = event if isinstance(event, bytes) else msgspec.json.encode(event)
        return await self._post_one(bus, text, mode, patience=0)

    async def put_batch(
        self, bus: str, events: Sequence[Put], *, mode: Mode = "batched", patience: int = 0
    ) -> list[PutResult]:
        """Put events; one result for each, in order. Raises only what concerns all of them, such as NotFound.

        ``patience`` is how often to come back, after the time the server asks for, when it is overloaded.
        """
        texts = [e if isinstance(e, bytes) else msgspec.json.encode(e) for e in events]
        flaws = [_flaw(text) for text in texts]
        sound = [text for text, flaw in zip(texts, flaws, strict=True) if flaw is None]
        if mode == "batched":
            answers = iter(await self._post_batch(bus, sound, patience) if sound else [])
        else:
            answers = iter(await self._post_each(bus, sound, mode, patience))
        return [next(answers) if flaw is None else PutResult("", None, flaw) for flaw in flaws]

    async def put_stream(
        self,
        bus: str,
        batches: AsyncIterable[Sequence[Put]],
        answered: Answered,
        *,
        mode: Mode = "batched",
        concurrency: int = 4,
    ) -> None:
        """Put batches, up to ``concurrency`` at a time, taking the next one only when there is room for it.

        ``answered`` is called for each batch as its results come in, in any order. An error that concerns a whole batch
        ends the stream: batches under way are still answered, then it is raised.
        """
        source, turn, failures = aiter(batches), asyncio.Lock(), list[Exception]()

        async def work() -> None:
            while not failures:
                async with turn:
                    batch = await anext(source, None)
                if batch is None:
                    return
                try:
                    answered(batch, await self.put_batch(bus, batch, mode=mode, patience=_PATIENCE))
                except Exception as error:
                    failures.append(error)

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
        if failures:
            raise failures[0]

    async def read(
        self, bus: str, *, start: str = "earliest", end: str = "", pattern: str = "", limit: int | None = None
    ) -> Page:
        """A page of the log. ``start``: earliest, latest, an RFC 3339 time, ``partition:offset``, or a page's token."""
        query = {"from": start, "to": end, "pattern": pattern, "limit": limit}
        return await self._call("GET", _events(bus), Page, query=query)

    async def tail(self, bus: str, *, start: str = "latest", pattern: str = "") -> AsyncIterator[Entry]:
        """Events as they come, until the server stops."""
        query = {"from": start, "pattern": pattern, "watch": "true"}
        async for message in self._stream(_events(bus), query):
            yield msgspec.json.decode(message.data, type=Entry)

    async def _post_batch(self, bus: str, texts: Sequence[bytes], patience: int) -> list[PutResult]:
        try:
            results = await self._post(bus, b"[" + b",".join(texts) + b"]", _BATCH, patience)
        except InvalidInput as error:
            return [PutResult("", None, error)] * len(texts)
        if len(results) != len(texts):
            raise BridgeError(f"{self.server} answered {len(results)} results for {len(texts)} events")
        return results

    async def _post_each(self, bus: str, texts: Sequence[bytes], mode: Mode, patience: int) -> list[PutResult]:
        results = []
        for text in texts:
            try:
                results.append(await self._post_one(bus, text, mode, patience))
            except InvalidInput as error:
                results.append(PutResult(_id(text), None, error))
        return results

    async def _post_one(self, bus: str, text: bytes, mode: Mode, patience: int) -> PutResult:
        if mode == "binary":
            from bridge.codec.http import format_binary
            from bridge.codec.json import parse_event

            message = format_binary(parse_event(text))
            [result] = await self._post(bus, message.body, message.headers, patience)
            return result
        body, headers = (text, _SINGLE) if mode == "structured" else (b"[%b]" % text, _BATCH)
        [result] = await self._post(bus, body, headers, patience)
        if result.error is not None:
            raise result.error
        return result

    async def _post(self, bus: str, body: bytes, headers: Mapping[str, str], patience: int) -> list[PutResult]:
        while True:
            try:
                answer = await self._call("POST", _events(bus), _Results, body=body, headers=headers)
            except Overloaded as error:
                if not patience:
                    raise
                patience -= 1
                await asyncio.sleep(error.after_s)
            else:
                return [_result(r) for r in answer.results]


def _events(bus: str) -> str:
    return f"/v1/buses/{escape(bus)}/events"


def _result(result: _Result) -> PutResult:
    if result.error is not None:
        return PutResult(result.id, None, error_of(result.error))
    if result.scheduled:
        return PutResult(result.id, None, None, result.scheduled)
    return PutResult(result.id, Position(result.partition, result.offset), None)


def _flaw(text: bytes) -> InvalidEvent | None:
    """What would spoil the batch around it: no JSON object. Everything else is the server's to judge."""
    try:
        str(text, "utf-8")
        _object.decode(text)
    except UnicodeDecodeError as error:
        return InvalidEvent(f"not UTF-8: {error.reason} at byte {error.start}")
    except (msgspec.DecodeError, RecursionError) as error:
        return InvalidEvent(f"not a JSON object: {error}")
    return None


def _id(text: bytes) -> str:
    value = _object.decode(text).get("id")
    return str(msgspec.json.decode(value)) if value is not None else ""
