"""The http target as a sender of webhooks: signatures, handshake, compression, what the receiver may order. Real sockets."""

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.connectors.base import Target
from bridge.connectors.targets.http import HttpConfig, HttpTarget
from bridge.errors import PartlyFailed, Rejected, Retryable
from bridge.model.delivery import Payload
from bridge.testing.clock import ManualClock
from bridge.testing.connectors import FakeHost, make_delivery, make_event, make_target
from bridge.testing.sink import Answer, HttpSink, Received

OLD, NEW = (f"whsec_{base64.b64encode(bytes([i]) * 32).decode()}" for i in (1, 2))
CONSENT = Answer(200, {"WebHook-Allowed-Origin": "bridge.example", "Allow": "POST"})
WISH = {"origin": "bridge.example"}
LONG = json.dumps({"note": "x" * 5000}).encode()


@pytest.fixture
async def sink() -> AsyncIterator[HttpSink]:
    async with HttpSink() as made:
        yield made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1795428000.75)


async def opened(sink: HttpSink, clock: ManualClock, **config: Any) -> Target:
    target = make_target(HttpTarget, FakeHost(clock), **({"url": f"{sink.url}/hooks"} | config))
    await target.open()
    return target


async def push(target: Target, offset: int = 0, **changed: Any) -> None:
    await target.send([make_delivery(target, offset=offset, **changed)])


def is_signed(request: Received, secret: str) -> bool:
    """What a receiver does that knows this secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    head = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}."
    wanted = base64.b64encode(hmac.new(key, head.encode() + request.body, hashlib.sha256).digest()).decode()
    given = [one.partition(",") for one in request.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(one, wanted) for version, _, one in given)


@pytest.mark.parametrize("mode", ["binary", "structured", "batched", "payload"])
async def test_requests_are_signed_in_every_mode(sink: HttpSink, clock: ManualClock, mode: str) -> None:
    """As they are sent; a receiver that does not know the secret sees that."""
    target = await opened(sink, clock, mode=mode, signing={"secrets": [OLD]})
    await push(target)
    (request,) = sink.received
    assert is_signed(request, OLD)
    assert not is_signed(request, NEW)
    assert not is_signed(request._replace(body=request.body + b" "), OLD)
    assert request.headers["webhook-timestamp"] == "1795428000"
    await target.close()


async def test_a_secret_is_changed_without_a_gap(sink: HttpSink, clock: ManualClock) -> None:
    """While both are in force, whoever knows one of them is content."""
    for secrets, known in (([OLD], {OLD}), ([NEW, OLD], {OLD, NEW}), ([NEW], {NEW})):
        target = await opened(sink, clock, signing={"secrets": secrets})
        await push(target)
        assert {secret for secret in (OLD, NEW) if is_signed(sink.received[-1], secret)} == known
        await target.close()


async def test_each_attempt_has_the_same_id_and_its_own_time(sink: HttpSink, clock: ManualClock) -> None:
    """Also by another instance, after a restart; another event has another id."""
    sink.script = [Answer(503), Answer(503)]
    for attempt in range(3):
        target = await opened(sink, clock, signing={"secrets": [OLD]})
        if attempt < 2:
            with pytest.raises(Retryable):
                await push(target, 7)
        else:
            await push(target, 7)
            await push(target, 8)
        clock.advance(60)
        await target.close()
    ids = [r.headers["webhook-id"] for r in sink.received]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert [int(r.headers["webhook-timestamp"]) for r in sink.received[:3]] == [1795428000, 1795428060, 1795428120]
    assert all(is_signed(request, OLD) for request in sink.received)


async def test_long_bodies_are_compressed_and_signed_as_they_are_sent(sink: HttpSink, clock: ManualClock) -> None:
    """Short ones are not; very long ones are compressed beside the event loop."""
    target = await opened(sink, clock, gzip=True, signing={"secrets": [OLD]})
    huge = json.dumps(list(range(200_000))).encode()
    for data in (b"{}", LONG, huge):
        await push(target, event=make_event(data=data))
    short, long, longest = sink.received
    assert ("content-encoding" in short.headers, short.body) == (False, b"{}")
    assert [r.headers["content-encoding"] for r in (long, longest)] == ["gzip", "gzip"]
    assert (gzip.decompress(long.body), gzip.decompress(longest.body)) == (LONG, huge)
    assert (len(long.body) < 100, long.headers["content-type"]) == (True, "application/json")
    assert all(is_signed(request, OLD) for request in sink.received)
    await target.close()


async def test_nothing_is_compressed_unasked(sink: HttpSink, clock: ManualClock) -> None:
    """Not every receiver can."""
    target = await opened(sink, clock)
    await push(target, event=make_event(data=LONG))
    assert sink.received[0].body == LONG
    await target.close()


async def test_consent_is_asked_once_before_the_first_delivery(sink: HttpSink, clock: ManualClock) -> None:
    """By OPTIONS to the URL of the deliveries; each of these says who sends it."""
    sink.script = [CONSENT]
    headers = {"Authorization": "Bearer abc", "X-Light": "${subject}"}
    target = await opened(sink, clock, handshake=WISH, headers=headers)
    await push(target, 0, config=HttpConfig(url=f"{sink.url}/hooks", headers={"X-Light": "3"}))
    await push(target, 1)
    asked, *delivered = sink.received
    assert (asked.method, asked.target, asked.body) == ("OPTIONS", "/hooks", b"")
    assert (asked.headers["webhook-request-origin"], asked.headers["authorization"]) == ("bridge.example", "Bearer abc")
    assert not {"webhook-request-rate", "x-light", "content-type"} & set(asked.headers)
    assert [r.method for r in delivered] == ["POST", "POST"]
    assert all(r.headers["webhook-request-origin"] == "bridge.example" for r in delivered)
    await target.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(200, {"Allow": "POST"}), "no consent.*status 200.*no WebHook-Allowed-Origin"),
        (Answer(405), "no consent.*status 405"),
        (
            Answer(200, {"WebHook-Allowed-Origin": "other.example"}),
            "allows the origin other.example, not bridge.example",
        ),
        (Answer(301, {"Location": "/"}), "no consent.*status 301"),
        (Answer(200, {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "10"}), "it allows 10; ask for no more"),
    ],
)
async def test_without_consent_nothing_is_delivered(
    sink: HttpSink, clock: ManualClock, answer: Answer, reason: str
) -> None:
    """It may be given later: opened again, the target asks again."""
    sink.script = [answer, Answer(204, {"webhook-allowed-origin": "*", "webhook-allowed-rate": "*"})]
    target = make_target(HttpTarget, FakeHost(clock), url=sink.url, handshake=WISH | {"rate": 120})
    with pytest.raises(Retryable, match=reason):
        await target.open()
    await target.close()
    assert sink.received[0].headers["webhook-request-rate"] == "120"
    await target.open()
    await push(target)
    assert [r.method for r in sink.received] == ["OPTIONS", "OPTIONS", "POST"]
    await target.close()


async def test_a_target_that_is_not_there_gives_no_consent(clock: ManualClock) -> None:
    """It is tried again, with the reason, as for any delivery."""
    async with HttpSink() as gone:
        pass
    target = make_target(HttpTarget, FakeHost(clock), url=gone.url, handshake=WISH)
    with pytest.raises(Retryable, match="cannot connect"):
        await target.open()
    await target.close()


@pytest.mark.parametrize(
    ("answer", "failure", "reason"),
    [
        (Answer(410), Rejected, "the target is retired: status 410"),
        (Answer(503, {"webhook-delivery": "abort-message"}), Retryable, "status 503"),
        (Answer(429, {"Retry-After": "31536000"}), Retryable, "status 429"),
        (Answer(503, {"Retry-After": "next year"}), Retryable, "status 503"),
    ],
)
async def test_what_the_receiver_may_order(
    sink: HttpSink, clock: ManualClock, answer: Answer, failure: type[Exception], reason: str
) -> None:
    """Over plain http only what a status says. How long a wait is granted is not the connector's business."""
    sink.script = [answer]
    target = await opened(sink, clock)
    with pytest.raises(failure, match=reason) as caught:
        await push(target)
    wish = answer.headers.get("Retry-After", "")
    if isinstance(caught.value, Retryable):
        assert caught.value.after_s == caught.value.hold_s == (31_536_000.0 if wish.isdigit() else None)
    assert caught.value.retire is (answer.status == 410)
    await target.close()


async def test_a_taken_delivery_over_plain_http_retires_nothing(sink: HttpSink, clock: ManualClock) -> None:
    """Anybody in between could have written that header."""
    sink.default = Answer(200, {"webhook-delivery": "disable"})
    target = await opened(sink, clock)
    for offset in range(3):
        await push(target, offset)
    assert len(sink.received) == 3
    await target.close()


async def test_a_retired_target_gets_nothing_of_the_batch_any_more(sink: HttpSink, clock: ManualClock) -> None:
    """The delivery that was refused is rejected; the others wait."""
    sink.script = [Answer(), Answer(410)]
    target = await opened(sink, clock, mode="batched")
    payload = Payload(b"{}", "application/json")
    with pytest.raises(PartlyFailed) as caught:
        await target.send([make_delivery(target, offset=offset, payload=payload) for offset in range(4)])
    failures = caught.value.failures
    assert {offset: type(failure) for offset, failure in failures.items()} == {1: Rejected, 2: Retryable, 3: Retryable}
    assert all(failure.retire for failure in failures.values())
    assert len(sink.received) == 2
    await target.close()


@pytest.mark.parametrize(
    ("path", "hold_s", "overload", "retire"),
    [("/hooks", 60.0, True, True), ("/hooks/${data.x}", 60.0, True, False), (":${data.port}/", None, False, False)],
)
async def test_one_of_many_addresses_does_not_speak_for_the_target(
    sink: HttpSink, clock: ManualClock, path: str, hold_s: float | None, overload: bool, retire: bool
) -> None:
    """Who may choose the address by an event must not stop the deliveries of others."""
    host = sink.url if path.startswith("/") else "http://127.0.0.1"
    target = await opened(sink, clock, url=host + path)
    config = HttpConfig(url=f"{sink.url}/x")
    for answer, wanted in (
        (Answer(410), (None, False, retire)),
        (Answer(429, {"Retry-After": "60"}), (hold_s, overload, False)),
    ):
        sink.script = [answer]
        with pytest.raises((Rejected, Retryable)) as caught:
            await push(target, config=config)
        assert (caught.value.hold_s, caught.value.overload, caught.value.retire) == wanted
    assert isinstance(caught.value, Retryable)
    assert caught.value.after_s == 60.0
    await target.close()
