"""The answer of GET /v1/status."""

import msgspec

from bridge.model.status import BusStatus, LastError, RuleStatus, Status, TargetStatus


def test_its_json_is_camel_case_with_times_as_text() -> None:
    """RFC 3339, null where there is none; and it is read back as it was."""
    error = LastError(time="2026-11-24T08:30:00.000Z", reason="503")
    target = TargetStatus(
        name="a", kind="http", state="failing", lag=1, delivered=2, failed=3, dead=0, rate=0.5, last_error=error
    )
    rule = RuleStatus(name="red", enabled=True, matched=5, targets=(target,))
    bus = BusStatus(
        name="b", partitions=1, events=5, size_bytes=9, oldest=None, received=5, rate=0.0, lag=1, rules=(rule,)
    )
    status = Status(version="1", started="2026-11-24T08:00:00.000Z", buses=(bus,))
    shown = msgspec.json.decode(msgspec.json.encode(status))
    assert (shown["started"], shown["buses"][0]["oldest"]) == ("2026-11-24T08:00:00.000Z", None)
    assert shown["buses"][0]["rules"][0]["targets"][0]["lastError"]["time"] == "2026-11-24T08:30:00.000Z"
    assert msgspec.convert(shown, Status) == status
