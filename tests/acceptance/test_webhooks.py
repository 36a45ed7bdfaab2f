"""Webhooks through the whole product: signed by secrets that nobody is shown, and never to an address inside."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bridge.testing.process import BridgeProcess
from tests.acceptance.conftest import Door, bus, event, rule, until

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


class Receiver:
    """A server that keeps headers (names in lower case) and bodies."""

    def __init__(self) -> None:
        received = self.received = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def to_http(url: str, **config: Any) -> dict[str, Any]:
    return {"name": "http", "kind": "http", "config": {"url": url, **config}}


def is_signed(headers: dict[str, str], body: bytes) -> bool:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split(" ")


def test_the_secret_is_used_and_kept_and_shown_to_nobody(fresh: Door, receiver: Receiver) -> None:
    """Not by the API nor the command line; what they show can be applied again, and the secret stays."""
    fresh.apply(bus("b"), rule("hook", "b", to_http(receiver.url, signing={"secrets": [SECRET]})))
    fresh.put("b", event(1))
    until(lambda: receiver.received)
    shown = fresh.http("GET", "/v1/buses/b/rules/hook").body
    assert shown["spec"]["targets"][0]["config"] == {"url": receiver.url, "signing": {"secrets": ["********"]}}
    text = fresh.cli("get", "rule", "b/hook", "-o", "yaml")
    assert "********" in text
    listed = [fresh.http("GET", "/v1/rules").body, fresh.cli("get", "rules", "-o", "json")]
    assert SECRET not in json.dumps([shown, text, *listed])
    assert "unchanged" in fresh.cli("apply", "-f", "-", given=text)
    changed = text.replace("/hooks", "/other")
    answer = fresh.cli("apply", "-f", "-", given=changed)
    assert "/other" in answer or "changed" in answer
    assert SECRET not in answer
    fresh.put("b", event(2))
    until(lambda: len(receiver.received) == 2)
    assert all(is_signed(headers, body) for headers, body in receiver.received)


def test_an_address_inside_is_refused_when_the_rule_is_applied(door: Door) -> None:
    """By its path, with what would allow it; the target may ask for it."""
    wanted = rule("hook", "b", to_http("http://169.254.169.254/latest"))
    got = door.http("POST", "/v1/apply", [bus("b"), wanted])
    assert (got.status, got.body["path"]) == (400, "$[1].spec.targets[0].config.url")
    assert "allowPrivate" in got.body["detail"]
    assert door.apply(bus("b"), rule("hook", "b", to_http("http://169.254.169.254/latest", allowPrivate=True)))


def test_the_settings_may_forbid_what_a_target_asks_for(tmp_path: Path, receiver: Receiver) -> None:
    """An address in a URL at once; a name leads to a dead letter, with the reason and without a connection."""
    with BridgeProcess(tmp_path, environ={"BRIDGE_TARGETS_ALLOW_PRIVATE": "none"}) as process:
        door = Door(process)
        got = door.http("POST", "/v1/apply", [bus("b"), rule("r", "b", to_http(receiver.url))])
        assert (got.status, got.body["path"]) == (400, "$[1].spec.targets[0].config.url")
        got = door.http("POST", "/v1/apply", [bus("b"), rule("r", "b", to_http(receiver.url, allowPrivate=True))])
        assert (got.status, got.body["path"]) == (400, "$[1].spec.targets[0].config.allowPrivate")
        door.apply(bus("b"), rule("r", "b", to_http(receiver.url.replace("127.0.0.1", "localhost"))))
        door.put("b", event(1))
        (letter,) = until(lambda: door.http("GET", "/v1/buses/b/dead-letters").body["items"])
        assert letter["reason"] == "rejected"
        assert "is no public address (loopback)" in letter["detail"]
        assert not receiver.received
