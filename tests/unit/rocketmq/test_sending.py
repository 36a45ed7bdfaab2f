"""What a send consists of."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import Malformed, Refused, TooLarge
from bridge.rocketmq.frames import Command
from bridge.rocketmq.records import Message, decode_batch, decode_properties, encode_batch
from bridge.rocketmq.routes import Queue
from bridge.rocketmq.sending import TIMED, Ids, cut, pack, pack_batch, receipts

QUEUE = Queue("t", "broker-a", 1)


def maker() -> Ids:
    """Ids id0, id1 ..."""
    numbers = count()
    return lambda number: [f"id{next(numbers)}" for _ in range(number)]


def test_a_single_message_carries_its_properties_and_an_id() -> None:
    """The id is added where there is none."""
    parcel = pack(Message("t", b"x", {"KEYS": "k"}, flag=7, sys_flag=769), 1234, maker())
    assert parcel.code == RequestCode.SEND_MESSAGE_V2
    assert parcel.unique_ids == ("id0",)
    assert decode_properties(parcel.fields["i"]) == {"KEYS": "k", "UNIQ_KEY": "id0"}
    assert (parcel.fields["f"], parcel.fields["g"], parcel.fields["h"], parcel.fields["m"]) == (
        "769",
        "1234",
        "7",
        "false",
    )


def test_an_id_that_is_there_stays() -> None:
    """In single sends and in batches."""
    message = Message("t", b"x", {"UNIQ_KEY": "mine"})
    assert pack(message, 0, maker()).unique_ids == ("mine",)
    (batch,) = pack_batch([message, Message("t", b"y")], 0, maker(), limit_bytes=1000)
    assert batch.unique_ids == ("mine", "id0")
    assert [m.properties["UNIQ_KEY"] for m in decode_batch("t", batch.body)] == ["mine", "id0"]


def test_a_message_without_body_goes_as_a_batch() -> None:
    """Brokers refuse it alone."""
    parcel = pack(Message("t", b"", {"a": "b"}), 0, maker())
    assert parcel.code == RequestCode.SEND_BATCH_MESSAGE
    assert parcel.fields["m"] == "true"
    assert decode_batch("t", parcel.body) == [Message("t", b"", {"a": "b", "UNIQ_KEY": "id0"})]


def test_the_id_must_fit_too() -> None:
    """Into the properties of a member of a batch, which have 32,767 bytes."""
    message = Message("t", b"x", {"a": "b" * 32_760})
    with pytest.raises(TooLarge, match="32805"):
        pack_batch([message], 0, maker32(), limit_bytes=10**6)


def maker32() -> Ids:
    return lambda number: ["0" * 32] * number


@pytest.mark.parametrize("name", sorted(TIMED))
def test_delayed_messages_never_enter_a_batch(name: str) -> None:
    """Brokers would deliver them at once; one without a body cannot be sent at all."""
    message = Message("t", b"x", {name: "1"})
    with pytest.raises(Refused, match="delayed"):
        pack_batch([Message("t", b"y"), message], 0, maker(), limit_bytes=1000)
    with pytest.raises(Refused, match="delayed"):
        pack(message._replace(body=b""), 0, maker())


def test_nothing_of_a_message_gets_into_the_header_of_a_batch() -> None:
    """A timer there would stop the broker's; an id would make it one inner batch."""
    (parcel,) = pack_batch([Message("t", b"x", {"KEYS": "k"})], 0, maker(), limit_bytes=1000)
    assert parcel.fields["i"] == ""


@pytest.mark.parametrize("other", [Message("u", b"x"), Message("t", b"x", sys_flag=769)])
def test_a_batch_has_one_topic_and_one_compression(other: Message) -> None:
    """The members share both."""
    with pytest.raises(Refused):
        pack_batch([Message("t", b"y"), other], 0, maker(), limit_bytes=1000)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=30), st.integers(82, 300))
def test_batches_are_cut_between_members(bodies: list[bytes], limit: int) -> None:
    """Nothing is lost, the order is kept, no part is above the limit, and none could take its next member too."""
    encoded = encode_batch([Message("t", body) for body in bodies])
    parts = cut(encoded, limit)
    assert b"".join(part for _, part in parts) == encoded
    assert [len(decode_batch("t", part)) for _, part in parts] == [number for number, _ in parts]
    assert all(0 < len(part) <= limit for _, part in parts)
    firsts = [22 + len(decode_batch("t", part)[0].body) for _, part in parts]
    assert all(len(part) + first > limit for (_, part), first in zip(parts, firsts[1:], strict=False))


def test_a_message_that_fits_no_batch_is_too_large() -> None:
    """Told before anything is sent, with its place."""
    with pytest.raises(TooLarge, match="message 1 takes"):
        pack_batch([Message("t", b"x"), Message("t", b"y" * 500)], 0, maker(), limit_bytes=200)


def test_ids_follow_the_parts() -> None:
    """Each part knows the ids of its own members."""
    messages = [Message("t", bytes(100)) for _ in range(5)]
    parcels = pack_batch(messages, 0, maker(), limit_bytes=300)
    assert [parcel.unique_ids for parcel in parcels] == [("id0", "id1"), ("id2", "id3"), ("id4",)]


def test_receipts_count_from_the_first_offset() -> None:
    """A batch is answered with the ids of all and the offset of the first."""
    (parcel,) = pack_batch([Message("t", b"x")] * 3, 0, maker(), limit_bytes=1000)
    answer = Command(0, ext={"queueOffset": "41", "msgId": "A,B,C", "queueId": "1"})
    got = receipts(parcel, QUEUE, answer)
    assert [(r.queue, r.offset, r.message_id, r.unique_id) for r in got] == [
        (QUEUE, 41, "A", "id0"),
        (QUEUE, 42, "B", "id1"),
        (QUEUE, 43, "C", "id2"),
    ]


def test_weak_storage_shows_in_the_receipt() -> None:
    """It is stored, so it is no error."""
    answer = Command(10, ext={"queueOffset": "0", "msgId": "A"})
    (receipt,) = receipts(pack(Message("t", b"x"), 0, maker()), QUEUE, answer)
    assert receipt.status is ResponseCode.FLUSH_DISK_TIMEOUT


@pytest.mark.parametrize("ext", [{}, {"queueOffset": "x", "msgId": "A"}, {"queueOffset": "0", "msgId": "A,B"}])
def test_an_answer_without_places_is_malformed(ext: dict[str, str]) -> None:
    """Whether it was stored is unknown then."""
    with pytest.raises(Malformed):
        receipts(pack(Message("t", b"x"), 0, maker()), QUEUE, Command(0, ext=ext))
