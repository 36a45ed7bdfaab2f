"""Putting events through every door of a running bridge; what is said about each of them.

"refused" only where the bridge said so itself: a call whose answer is lost says nothing.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest, PutEventsResponse
from bridge._proto.bridge.v1.events_pb2_grpc import EventsStub
from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent
from bridge.client import Client, PutResult
from bridge.client.events import Mode
from bridge.client.problems import error_of
from bridge.errors import BridgeError, InvalidInput, Overloaded, StoreUnavailable
from bridge.model.times import format_time
from bridge.testing.process import BridgeProcess
from tests.faults.history.record import Numbered, Outcome, Place
from tests.faults.history.scene import EVENT_SIZE

FLAWS = ("no type", "old", "too large")
ANSWER_S = 15.0


class Result(NamedTuple):
    outcome: Outcome
    place: Place | None = None


UNKNOWN, REFUSED = Result("unknown"), Result("refused")


class Parcel(NamedTuple):
    """An event that is to be put, and what is wrong with it, if anything."""

    event: Numbered
    flaw: str = ""


class Doors:
    def __init__(self, client: Client, events: EventsStub) -> None:
        self.client = client
        self._events = events

    @classmethod
    @asynccontextmanager
    async def open(cls, process: BridgeProcess) -> AsyncIterator[Self]:
        options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        async with (
            Client(process.http, timeout_s=ANSWER_S) as client,
            grpc.aio.insecure_channel(process.grpc, options=options) as channel,
        ):
            yield cls(client, EventsStub(channel))

    async def put(self, parcels: Sequence[Parcel], dice: random.Random) -> list[Result]:
        """All to one bus, in one call through some door."""
        door = dice.choice([self._http_single, self._http_batch, self._grpc, self._grpc, self._stream])
        if len(parcels) > 1 and door == self._http_single:
            door = self._http_batch
        try:
            return await door(parcels, dice)
        except (InvalidInput, Overloaded, StoreUnavailable):
            return [REFUSED] * len(parcels)
        except BridgeError:
            return [UNKNOWN] * len(parcels)
        except grpc.aio.AioRpcError as error:
            return [REFUSED if _is_refusal(error) else UNKNOWN] * len(parcels)

    async def _http_single(self, parcels: Sequence[Parcel], dice: random.Random) -> list[Result]:
        mode: Mode = "structured" if parcels[0].flaw or dice.random() < 0.5 else "binary"
        return [_http_result(await self.client.put(parcels[0].event.bus, _json(parcels[0]), mode=mode))]

    async def _http_batch(self, parcels: Sequence[Parcel], _: random.Random) -> list[Result]:
        results = await self.client.put_batch(parcels[0].event.bus, [_json(one) for one in parcels])
        return [_http_result(result) for result in results]

    async def _grpc(self, parcels: Sequence[Parcel], _: random.Random) -> list[Result]:
        return _grpc_results(await self._events.PutEvents(_request(parcels), timeout=ANSWER_S))

    async def _stream(self, parcels: Sequence[Parcel], _: random.Random) -> list[Result]:
        """In several requests, which are all sent before the first is answered."""
        parts = [parcels[start : start + 3] for start in range(0, len(parcels), 3)]
        results: list[Result] = []
        call = self._events.StreamEvents(timeout=ANSWER_S)
        try:
            for part in parts:
                await call.write(_request(part))
            await call.done_writing()
            while (response := await call.read()) is not grpc.aio.EOF:
                results += _grpc_results(response)
        except grpc.aio.AioRpcError as error:
            if _is_refusal(error) and len(parts) == 1:  # of several nobody knows which was refused
                raise
        except asyncio.InvalidStateError:  # it had failed before the next request was written
            pass
        return results + [UNKNOWN] * (len(parcels) - len(results))


def _http_result(result: PutResult) -> Result:
    if result.error is not None:
        return REFUSED if isinstance(result.error, InvalidInput) else UNKNOWN
    return Result("acknowledged", result.position)


def _grpc_results(response: PutEventsResponse) -> list[Result]:
    return [
        REFUSED
        if one.WhichOneof("result") == "error"
        else Result("acknowledged", (one.position.partition, one.position.offset) if one.HasField("position") else None)
        for one in response.results
    ]


def _is_refusal(error: grpc.aio.AioRpcError) -> bool:
    """Whether the bridge said that nothing of a call was stored."""
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = ErrorInfo()
        if detail.Unpack(info):
            return isinstance(error_of({"code": info.reason}), InvalidInput | Overloaded | StoreUnavailable)
    return False


def _data(parcel: Parcel) -> dict[str, Any]:
    large = {"filler": "x" * 2 * EVENT_SIZE} if parcel.flaw == "too large" else {}
    return {"n": parcel.event.number} | large


def _json(parcel: Parcel) -> dict[str, Any]:
    event, flaw = parcel
    made = {
        "specversion": "0.2" if flaw == "old" else "1.0",
        "id": str(event.number),
        "source": "/driver",
        "type": event.type,
        "subject": event.key,
        "data": _data(parcel),
    }
    if flaw == "no type":
        del made["type"]
    return made | _extensions(event)


def _extensions(event: Numbered) -> dict[str, str]:
    mark = {"mark": "rare"} if event.is_rare else {}
    return mark | ({"delivertime": format_time(event.due)} if event.due is not None else {})


def _request(parcels: Sequence[Parcel]) -> PutEventsRequest:
    return PutEventsRequest(bus=parcels[0].event.bus, events=[_message(parcel) for parcel in parcels])


def _message(parcel: Parcel) -> CloudEvent:
    event, flaw = parcel
    attributes = {"subject": event.key} | _extensions(event)
    return CloudEvent(
        id=str(event.number),
        source="/driver",
        spec_version="0.2" if flaw == "old" else "1.0",
        type="" if flaw == "no type" else event.type,
        attributes={name: CloudEvent.CloudEventAttributeValue(ce_string=value) for name, value in attributes.items()},
        binary_data=str(_data(parcel)).encode(),
    )
