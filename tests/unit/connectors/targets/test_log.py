"""The log target: one line per event, bounded."""

import pytest
from structlog.testing import capture_logs

from bridge.connectors.targets.log import LogTarget
from bridge.errors import InvalidConfig
from bridge.model.delivery import Payload
from bridge.model.event import Event
from bridge.testing.connectors import make_delivery, make_event, make_target


@pytest.mark.parametrize(
    ("config", "path"),
    [({"level": "loud"}, "$.level"), ({"message": ""}, "$.message"), ({"maxData": "1"}, "$.maxData")],
)
def test_what_is_wrong_in_a_config_is_named_by_its_path(config: dict[str, object], path: str) -> None:
    """When the rule is made."""
    with pytest.raises(InvalidConfig) as caught:
        make_target(LogTarget, **config)
    assert caught.value.path == path


async def test_a_line_holds_the_event() -> None:
    """Its attributes with a prefix, its position, its data as text."""
    target = make_target(LogTarget, level="warning", message="a light")
    event = make_event("7", b'{"a":1}', subject="x", level="high", raw=b"\x01")
    with capture_logs() as lines:
        await target.send([make_delivery(target, event, offset=3)])
    assert lines == [
        {
            "event": "a light", "log_level": "warning", "event_id": "7", "event_source": "/junction/7",
            "event_type": "light.changed", "event_subject": "x", "event_level": "high", "event_raw": "AQ==",
            "partition": 0, "offset": 3, "data": '{"a":1}',
        }
    ]  # fmt: skip


async def test_a_payload_stands_in_place_of_the_data_and_both_are_cut() -> None:
    """Bytes that are no text are shown as far as they are."""
    target = make_target(LogTarget, maxData="4B")
    with capture_logs() as lines:
        await target.send(
            [
                make_delivery(target, payload=Payload(b"a long payload", "text/plain")),
                make_delivery(target, make_event(data=b"\xff\x00ab")),
                make_delivery(target, make_event(data=None)),
            ]
        )
    assert [(line.get("payload"), line.get("data")) for line in lines] == [
        ("a lo", None),
        (None, "\ufffd\x00ab"),
        (None, None),
    ]
    quiet = make_target(LogTarget, maxData="0B")
    with capture_logs() as lines:
        await quiet.send([make_delivery(quiet)])
    assert "data" not in lines[0]


async def test_the_message_is_that_of_the_delivery() -> None:
    """Filled in from the event; percent signs in it mean nothing."""
    target = make_target(LogTarget, message="${data.note}")
    filled = make_target(LogTarget, message="100 %s").config
    with capture_logs() as lines:
        await target.send([make_delivery(target, config=filled)])
    assert lines[0]["event"] == "100 %s"


async def test_no_attribute_can_disturb_the_line() -> None:
    """Whatever extensions are called."""
    target = make_target(LogTarget)
    names = ["event", "level", "self", "timestamp", "loglevel", "args", "name", "exc", "offset", "data", "excinfo"]
    event = Event("1", "/s", "t", {n: "x" for n in names if n != "data"})
    with capture_logs() as lines:
        await target.send([make_delivery(target, event)])
    assert (lines[0]["offset"], lines[0]["event"], lines[0]["event_offset"]) == (0, "event", "x")
