"""Load for the benchmarks: events and requests made beforehand, clients that keep a number of calls in flight."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp
import grpc

from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest
from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent

BUS = "bench"
METHOD = "/bridge.v1.Events/PutEvents"
STREAM = "/bridge.v1.Events/StreamEvents"
Value = CloudEvent.CloudEventAttributeValue


class Rate(NamedTuple):
    events: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


def data(number: int) -> bytes:
    """1 KiB of JSON."""
    body = {
        "number": number,
        "from": "amber",
        "to": "red",
        "speed": number % 90,
        "place": {"junction": 7, "arm": "north"},
    }
    body["note"] = "x" * (1024 - len(json.dumps(body)) - 12)
    return json.dumps(body).encode()


def cloud_event(number: int) -> CloudEvent:
    event = CloudEvent(id=f"event-{number:09}", source="/junction/7", spec_version="1.0", type="light.changed")
    event.attributes["subject"].CopyFrom(Value(ce_string=f"light-{number % 64}"))
    event.attributes["datacontenttype"].CopyFrom(Value(ce_string="application/json"))
    event.binary_data = data(number)
    return event


def json_event(number: int) -> bytes:
    head = f'{{"specversion":"1.0","id":"event-{number:09}","source":"/junction/7","type":"light.changed","subject":"light-{number % 64}","datacontenttype":"application/json","data":'
    return head.encode() + data(number) + b"}"


def put_requests(events: int, batch: int) -> list[bytes]:
    """Serialised PutEventsRequests."""
    return [
        PutEventsRequest(bus=BUS, events=[cloud_event(n) for n in range(start, start + batch)]).SerializeToString()
        for start in range(0, events, batch)
    ]


def json_batches(events: int, batch: int) -> list[bytes]:
    return [b"[" + b",".join(json_event(n) for n in range(s, s + batch)) + b"]" for s in range(0, events, batch)]


async def in_flight(calls: int, bodies: list[bytes], call: Callable[[bytes], Awaitable[object]]) -> float:
    """Make every call, so many at once; returns the seconds it took."""
    waiting = iter(bodies)

    async def work() -> None:
        for body in waiting:
            await call(body)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(calls)))
    return time.perf_counter() - began


async def grpc_unary(address: str, requests: list[bytes], batch: int, calls: int) -> Rate:
    async with grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        put = channel.unary_unary(METHOD)
        await put(requests[0])
        return Rate(len(requests) * batch, await in_flight(calls, requests, put))


async def grpc_stream(address: str, requests: list[bytes], batch: int) -> Rate:
    async with grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        await channel.unary_unary(METHOD)(requests[0])
        call = channel.stream_stream(STREAM)()

        async def write() -> None:
            for request in requests:
                await call.write(request)
            await call.done_writing()

        began = time.perf_counter()
        writing = asyncio.ensure_future(write())
        answers = 0
        async for _ in call:
            answers += 1
        await writing
        assert answers == len(requests)
        return Rate(len(requests) * batch, time.perf_counter() - began)


async def http_posts(address: str, bodies: list[bytes], batch: int, calls: int, content_type: str) -> Rate:
    url = f"http://{address}/v1/buses/{BUS}/events"
    connector = aiohttp.TCPConnector(limit=calls)
    async with aiohttp.ClientSession(connector=connector, headers={"content-type": content_type}) as session:

        async def put(body: bytes) -> None:
            async with session.post(url, data=body) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()

        await put(bodies[0])
        return Rate(len(bodies) * batch, await in_flight(calls, bodies, put))
