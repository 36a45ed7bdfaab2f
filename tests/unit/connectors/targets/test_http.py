"""The http target's requests and its config, without a network."""

import gzip
import json

import msgspec
import pytest

from bridge.connectors.base import Reach, load_config
from bridge.connectors.targets.http import HttpConfig, HttpTarget, compress, make_request
from bridge.errors import InvalidConfig, Rejected
from bridge.model.delivery import Payload
from bridge.model.event import DataForm, Event
from bridge.rules.expressions import compile_config
from bridge.rules.scope import Names, Scope
from bridge.testing.connectors import make_delivery, make_event, make_target

URL = "https://city.example/hooks"
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({}, "$"),
        ({"url": 1}, "$.url"),
        ({"url": "city.example"}, "$.url"),
        ({"url": "ftp://city.example/${id}"}, "$.url"),
        ({"url": URL, "mode": "xml"}, "$.mode"),
        ({"url": URL, "method": "GET"}, "$.method"),
        ({"url": URL, "header": {}}, "$.header"),
        ({"url": URL, "headers": {"Host": "b"}}, "$.headers.Host"),
        ({"url": URL, "headers": {"content-length": "1"}}, "$.headers.content-length"),
        ({"url": URL, "headers": {"Transfer-Encoding": "chunked"}}, "$.headers.Transfer-Encoding"),
        ({"url": URL, "headers": {"Proxy-Authorization": "x"}}, "$.headers.Proxy-Authorization"),
        ({"url": URL, "headers": {"a b": "1"}}, "$.headers.a b"),
        ({"url": URL, "headers": {"": "1"}}, "$.headers."),
        ({"url": URL, "headers": {"X-A": "1", "x-a": "2"}}, "$.headers.x-a"),
        ({"url": URL, "headers": {"ce-id": "1"}}, "$.headers.ce-id"),
        ({"url": URL, "headers": {"Content-Type": "a/b"}, "mode": "structured"}, "$.headers.Content-Type"),
        ({"url": URL, "tls": {"keyFile": "key.pem"}}, "$.tls.keyFile"),
        ({"url": URL, "tls": {"verify": "no"}}, "$.tls.verify"),
        ({"url": URL, "connectTimeout": 5}, "$.connectTimeout"),
        ({"url": URL, "gzip": True, "headers": {"Content-Encoding": "br"}}, "$.headers.Content-Encoding"),
        ({"url": URL, "signing": {}}, "$.signing"),
        ({"url": URL, "signing": {"secrets": "x"}}, "$.signing.secrets"),
        ({"url": URL, "signing": {"secrets": [SECRET, "********"]}}, "$.signing.secrets[1]"),
        ({"url": URL, "signing": {"secrets": [SECRET] * 9}}, "$.signing.secrets"),
        ({"url": URL, "signing": {"secrets": [SECRET]}, "headers": {"Webhook-Id": "1"}}, "$.headers.Webhook-Id"),
        ({"url": URL, "handshake": {}}, "$.handshake"),
        ({"url": URL, "handshake": {"origin": "a b"}}, "$.handshake.origin"),
        ({"url": URL + "/${id}", "handshake": {"origin": "b"}}, "$.handshake"),
        (
            {"url": URL, "handshake": {"origin": "b"}, "headers": {"WebHook-Request-Origin": "c"}},
            "$.headers.WebHook-Request-Origin",
        ),
    ],
)
def test_what_is_wrong_in_a_config_is_named_by_its_path(config: dict[str, object], path: str) -> None:
    """When the rule is made."""
    with pytest.raises(InvalidConfig) as caught:
        make_target(HttpTarget, **config)
    assert caught.value.path == path


def test_mode_payload_leaves_the_content_headers_to_the_user() -> None:
    """Who makes the payload may also say what it is."""
    make_target(HttpTarget, url="${data.url}", mode="payload", headers={"ce-id": "${id}", "Content-Type": "a/b"})


@pytest.mark.parametrize(
    ("url", "reach", "path"),
    [
        ("http://10.0.0.1/x", Reach.LOOPBACK, "$.url"),
        ("http://10.0.0.1/${id}", Reach.LOOPBACK, "$.url"),
        ("http://[::ffff:10.0.0.1]/", Reach.LOOPBACK, "$.url"),
        ("http://[64:ff9b::a00:1]:80/", Reach.ASKED, "$.url"),
        ("http://127.0.0.1:9000/", Reach.ASKED, "$.url"),
        ("http://127.0.0.1:9000/", Reach.NONE, "$.url"),
        ("http://127.0.0.1:9000/", Reach.LOOPBACK, None),
        ("http://10.0.0.1/", Reach.ALL, None),
        ("http://8.8.8.8/", Reach.NONE, None),
        ("http://10.0.0.${data.x}/", Reach.NONE, None),
        ("${data.url}", Reach.NONE, None),
        ("http://localhost/", Reach.NONE, None),
    ],
)
def test_an_address_that_may_not_be_connected_to_is_refused_at_definition(
    url: str, reach: Reach, path: str | None
) -> None:
    """Where it is certain already; names and placeholders are judged when something is sent."""
    config = load_config(HttpTarget, msgspec.json.encode({"url": url}))
    asking = load_config(HttpTarget, msgspec.json.encode({"url": url, "allowPrivate": True}))
    if path is None:
        HttpTarget.check_reach(config, reach)
    else:
        with pytest.raises(InvalidConfig, match="no public address") as caught:
            HttpTarget.check_reach(config, reach)
        assert caught.value.path == path
    if reach is Reach.NONE:
        with pytest.raises(InvalidConfig, match=r"targets\.allow_private") as caught:
            HttpTarget.check_reach(asking, reach)
        assert caught.value.path == "$.allowPrivate"
    else:
        HttpTarget.check_reach(asking, reach)


def test_a_compressed_body_is_the_same_each_time() -> None:
    """No time of day is in it, so a repeated request is the same request."""
    body = b'{"a":1}' * 1000
    assert compress(body) == compress(body)
    assert gzip.decompress(compress(body)) == body


def test_only_batched_mode_takes_several_deliveries() -> None:
    """An instance narrows what its kind can do."""
    assert HttpTarget.features.max_batch > 1
    assert make_target(HttpTarget, url=URL).features.max_batch == 1
    assert make_target(HttpTarget, url=URL, mode="batched").features.max_batch == HttpTarget.features.max_batch


def test_the_cloudevents_modes() -> None:
    """Binary in headers, structured and batched as JSON."""
    event = make_event("7", b'{"a":1}', subject="x")
    made = {}
    for mode in ("binary", "structured", "batched"):
        target = make_target(HttpTarget, url=URL, mode=mode, headers={"X-Light": "3"})
        made[mode] = make_request([make_delivery(target, event)], target.config)
    assert all((r.method, str(r.url), r.headers["X-Light"]) == ("POST", URL, "3") for r in made.values())
    assert (made["binary"].headers["ce-id"], made["binary"].body) == ("7", b'{"a":1}')
    whole = {"specversion": "1.0", "id": "7", "source": "/junction/7", "type": "light.changed", "subject": "x", "data": {"a": 1}}  # fmt: skip
    assert (json.loads(made["structured"].body), json.loads(made["batched"].body)) == (whole, [whole])
    assert [made[m].headers["content-type"].partition(";")[0] for m in ("structured", "batched")] == [
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    ]


@pytest.mark.parametrize("mode", ["binary", "structured", "batched", "payload"])
def test_what_a_transform_made_is_sent_as_it_is_whatever_the_mode(mode: str) -> None:
    """No attribute of the event beside it."""
    target = make_target(HttpTarget, url=URL, mode=mode)
    request = make_request([make_delivery(target, payload=Payload(b"hello", "text/plain"))], target.config)
    assert (request.headers, request.body) == ({"content-type": "text/plain"}, b"hello")


@pytest.mark.parametrize(
    ("event", "headers", "body"),
    [
        (make_event(data=b"[1]"), {"content-type": "application/json"}, b"[1]"),
        (make_event(data=b"<a/>", datacontenttype="text/xml"), {"content-type": "text/xml"}, b"<a/>"),
        (Event("1", "/s", "t", {}, b"\x00", DataForm.BINARY), {}, b"\x00"),
        (make_event(data=None), {}, b""),
    ],
)
def test_mode_payload_without_a_transform_sends_the_data(event: Event, headers: dict[str, str], body: bytes) -> None:
    """With its media type, JSON where that went without saying, none where nobody knows."""
    target = make_target(HttpTarget, url=URL, mode="payload")
    request = make_request([make_delivery(target, event)], target.config)
    assert (request.headers, request.body) == (headers, body)


def test_a_url_that_is_none_when_filled_in_is_rejected() -> None:
    """It would not be another one next time; its query, which may hold secrets, is not told."""
    target = make_target(HttpTarget, url="${data.url}?token=${data.token}")
    filled = HttpConfig(url="gopher://x/?token=secret")
    with pytest.raises(Rejected, match=r"'gopher://x/' is not usable: must begin with http") as caught:
        make_request([make_delivery(target, config=filled)], target.config)
    assert "secret" not in str(caught.value)


def test_a_placeholder_cannot_change_where_a_url_leads() -> None:
    """The field's mark tells whoever fills it in how to encode values."""
    url = "https://city.example/${data.district}/lights?by=${data.who}"
    target = make_target(HttpTarget, url=url, headers={"x-by": "${data.who}"})
    fill = compile_config(target.config, HttpConfig)
    assert fill is not None
    event = make_event(data=b'{"district":"../a?b#c","who":"x&y=\\u00fc"}')
    config = fill(Scope(event, "traffic", 0.0), Names("rule", "target"))
    request = make_request([make_delivery(target, event, config=config)], target.config)
    assert str(request.url) == "https://city.example/..%2Fa%3Fb%23c/lights?by=x%26y%3D%C3%BC"
    assert request.headers["x-by"] == "x&y=%C3%BC"
