"""Proof with something we did not write: the official CloudEvents SDK puts and receives."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from tests.acceptance.conftest import Door, bus, rule, until


class Receiver(ThreadingHTTPServer):
    """Reads what it gets with the SDK."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: list[CloudEvent] = []


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.events.append(from_http_event(HTTPMessage(dict(self.headers), body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


DATA = {"from": "amber", "to": "red", "speed": 61, "note": 'quo"te\n', "umlaut": "Grüße, 東京"}


@pytest.mark.parametrize("put_as", [to_binary_event, to_structured_event], ids=["put binary", "put structured"])
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_what_the_sdk_puts_a_server_of_the_sdk_receives(door: Door, receiver: Receiver, put_as: Any, mode: str) -> None:
    """Every attribute, extension and the data, field by field."""
    url = f"http://127.0.0.1:{receiver.server_port}/in"
    target = {"name": "there", "kind": "http", "config": {"url": url, "mode": mode}}
    door.apply(bus("b"), rule("all", "b", target))
    attributes = {
        "id": "7/ü 1",
        "source": "/junction/7?x=%20y",
        "type": "light.changed",
        "specversion": "1.0",
        "time": datetime(2026, 11, 24, 8, 30, 0, 123456, UTC),
        "subject": "light 3 | Ampel",
        "datacontenttype": "application/json",
        "dataschema": "https://schemas.example/light",
        "myextension": "100 % sure",
    }
    message = put_as(CloudEvent(attributes, DATA))
    got = door.http(
        "POST",
        "/v1/buses/b/events",
        bytes(message.body),
        **{k.replace("-", "_"): v for k, v in message.headers.items()},
    )
    assert got.status == 200, got.body
    (received,) = until(lambda: receiver.events)
    assert received.get_attributes() == attributes
    data = received.get_data()
    assert (data if isinstance(data, dict) else json.loads(data)) == DATA
