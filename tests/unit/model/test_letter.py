"""A dead letter as users see it."""

import msgspec

from bridge.model.letter import AttemptView, LetterView


def test_its_json_is_camel_case_and_read_back_as_it_was() -> None:
    """What is not known is left out; the event keeps its text; members of a later version are left aside."""
    attempt = AttemptView(started="2026-11-24T08:00:00.000Z", duration="0.012s", outcome="status 503", answer="no")
    letter = LetterView(
        id="1", bus="b", rule="r", target="t", partition=0, offset=7, event_id="e", reason="rejected", detail="no",
        time="2026-11-24T08:00:01.000Z", tries=1, attempts=[attempt], payload_hash="ab", event=msgspec.Raw(b'{"n":1.10}'),
    )  # fmt: skip
    text = msgspec.json.encode(letter)
    assert b'"eventId":"e"' in text
    assert b'"payloadHash":"ab","event":{"n":1.10}' in text
    assert b"policy" not in text
    assert msgspec.json.decode(text[:-1] + b',"mood":"fine"}', type=LetterView) == letter


def test_a_list_has_no_events() -> None:
    """Absent, which is not null."""
    text = b'{"id":"1","bus":"b","rule":"r","target":"t","partition":0,"offset":7,"eventId":"e","reason":"x","detail":"","time":""}'
    assert msgspec.json.decode(text, type=LetterView).event is msgspec.UNSET
