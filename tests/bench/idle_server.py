"""Servers of the same kind that do nothing: they decode a put and answer one result per event. The baseline of puts.

``python -m tests.bench.idle_server`` prints its gRPC and HTTP addresses and serves until it is killed.
"""

import asyncio
import json
import socket
import sys

import grpc
import uvicorn
import uvloop

from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest, PutEventsResponse


def answer(request: PutEventsRequest) -> PutEventsResponse:
    response = PutEventsResponse()
    for number, event in enumerate(request.events):
        result = response.results.add()
        result.id = event.id
        result.position.offset = number
    return response


async def put(request: PutEventsRequest, _: object) -> PutEventsResponse:
    return answer(request)


async def stream(requests, _):
    async for request in requests:
        yield answer(request)


async def app(scope, receive, send) -> None:
    """Reads the body and answers as many results as a put would, without looking at it."""
    if scope["type"] != "http":
        return
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    events = b"".join(parts).count(b'"specversion"')
    body = json.dumps({"results": [{"id": "event", "partition": 0, "offset": n} for n in range(events)]}).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body})


async def main() -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler = grpc.method_handlers_generic_handler(
        "bridge.v1.Events",
        {
            "PutEvents": grpc.unary_unary_rpc_method_handler(
                put, PutEventsRequest.FromString, PutEventsResponse.SerializeToString
            ),
            "StreamEvents": grpc.stream_stream_rpc_method_handler(
                stream, PutEventsRequest.FromString, PutEventsResponse.SerializeToString
            ),
        },
    )
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"127.0.0.1:{port} 127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", http="httptools", ws="none")
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
