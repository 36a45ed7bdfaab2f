"""What users see of an event that waits."""

import msgspec

from bridge.model.delayed import DelayedView


def test_only_what_there_is_is_shown() -> None:
    """An event without subject has none in JSON, either."""
    view = DelayedView(id="1", source="/s", type="t", scheduled="2026-09-21T14:13:20.000Z")
    text = msgspec.json.encode(view)
    assert text == b'{"id":"1","source":"/s","type":"t","scheduled":"2026-09-21T14:13:20.000Z"}'
    assert msgspec.json.decode(text, type=DelayedView) == view
