"""The progress of a redrive."""

import msgspec

from bridge.model.redrive import Redrive


def test_what_is_settled_is_delivered_parked_or_failed() -> None:
    """And its JSON is read back as it was."""
    redrive = Redrive(
        id="1", bus="b", state="running", matched=9, sent=7, delivered=3, parked=2, failed=1, started="2026-11-24T08:00:00.000Z"
    )  # fmt: skip
    assert redrive.settled == 6
    text = msgspec.json.encode(redrive)
    assert b"ended" not in text
    assert msgspec.json.decode(text, type=Redrive) == redrive
