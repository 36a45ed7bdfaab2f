"""Messages: properties, batches and stored records, there and back."""

import contextlib
import re
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rocketmq.errors import Corrupt, Malformed, Refused, TooLarge
from bridge.rocketmq.records import (
    MAGIC_BLANK,
    MAGIC_V1,
    MAGIC_V2,
    Message,
    StoredMessage,
    decode_batch,
    decode_messages,
    decode_properties,
    encode_batch,
    encode_message,
    encode_properties,
    message_id,
    parse_message_id,
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x01\x02"), max_size=12)
names = texts.filter(bool)
properties = st.dictionaries(names, texts, max_size=6)
int32 = st.integers(-(2**31), 2**31 - 1)
int64 = st.integers(-(2**63), 2**63 - 1)
ports = st.integers(0, 2**32 - 1)
hosts = st.ip_addresses(v=4).flatmap(lambda ip: ports.map(lambda port: f"{ip}:{port}")) | st.ip_addresses(v=6).flatmap(
    lambda ip: ports.map(lambda port: f"[{ip}]:{port}")
)
stored = st.builds(
    StoredMessage,
    topic=texts,
    queue_id=int32,
    queue_offset=int64,
    body=st.binary(max_size=30),
    properties=properties,
    physical_offset=int64,
    born_time_ms=int64,
    store_time_ms=int64,
    born_host=hosts,
    store_host=hosts,
    sys_flag=st.sampled_from([0, 2, 8, 12]),
    flag=int32,
    reconsume_times=int32,
    prepared_offset=int64,
)
MESSAGE = StoredMessage("demo", 1, 2, b"body", {"KEYS": "k", "CE_id": "1"})


def without_host_bits(message: StoredMessage) -> StoredMessage:
    return message._replace(sys_flag=message.sys_flag & ~48)


@given(properties)
def test_properties_round_trip(given_properties: dict[str, str]) -> None:
    """What is read is what was written, empty values included, in the same order."""
    text = encode_properties(given_properties)
    assert list(decode_properties(text).items()) == list(given_properties.items())


@given(st.text(st.sampled_from("ab\x01\x02"), max_size=12))
def test_properties_read_as_java_does(text: str) -> None:
    """Each piece up to byte 2 is split at its first byte 1; pieces without a name or a byte 1 are passed over."""
    expected = {}
    for piece in text.split("\x02"):
        name, separator, value = piece.partition("\x01")
        if name and separator:
            expected[name] = value
    assert decode_properties(text) == expected


@pytest.mark.parametrize("bad", [{"": "x"}, {"a\x01": "x"}, {"a": "x\x02"}, {"a": "\x01"}, {"fine": "1", "a\x02": ""}])
def test_properties_that_would_break_the_text(bad: dict[str, str]) -> None:
    """Separators inside and empty names are refused; the name is shown."""
    with pytest.raises(Refused, match="a property without a name"):
        encode_properties(bad)


def test_properties_have_a_limit_in_bytes() -> None:
    """32,767 bytes of UTF-8, separators included."""
    assert len(encode_properties({"a": "x" * 32764})) == 32767
    assert encode_properties({"a": "ü" * 16382})
    for too_long in ("x" * 32765, "ü" * 16383):
        with pytest.raises(TooLarge, match="at most 32767"):
            encode_properties({"a": too_long})


def test_properties_that_are_no_unicode() -> None:
    """A lone surrogate is no text."""
    with pytest.raises(Refused, match="ud800"):
        encode_properties({"a": "\ud800"})


@given(st.lists(st.builds(Message, st.just("t"), st.binary(max_size=20), properties, int32, st.just(0)), max_size=4))
def test_batches_round_trip(messages: list[Message]) -> None:
    """Bodies, flags and properties of each member come back."""
    assert decode_batch("t", encode_batch(messages)) == messages


@given(
    st.lists(st.dictionaries(st.text("ab\x01\x02ü\ud800", max_size=3), st.text("a\x01\x02ü"), max_size=3), max_size=4)
)
def test_a_batch_takes_what_each_message_may_have(many: list[dict[str, str]]) -> None:
    """Its properties are judged together, to the same end: what is wrong with one is told as it is of that one alone."""
    try:
        texts = [encode_properties(one) for one in many]
    except Refused as error:
        with pytest.raises(Refused, match=re.escape(str(error))):
            encode_batch([Message("t", b"", one) for one in many])
    else:
        batch = encode_batch([Message("t", b"", one) for one in many])
        assert batch == b"".join(encode_batch([Message("t", b"")], [text]) for text in texts)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_batch_or_malformed(data: bytes) -> None:
    """Hostile bytes give Malformed, nothing else."""
    with contextlib.suppress(Malformed):
        decode_batch("t", data)


@given(st.lists(stored, max_size=3))
def test_records_round_trip(messages: list[StoredMessage]) -> None:
    """Every field of each record comes back, with IPv4 and IPv6 hosts, short and long topics."""
    read = decode_messages(b"".join(map(encode_message, messages)))
    assert list(map(without_host_bits, read)) == messages


@given(st.binary(max_size=150))
def test_any_bytes_are_messages_or_malformed(data: bytes) -> None:
    """Hostile bytes give Malformed, nothing else."""
    with contextlib.suppress(Malformed):
        decode_messages(data)


@given(stored, st.data())
def test_a_changed_byte_gives_another_record_or_malformed(message: StoredMessage, data) -> None:
    """So does a record with one byte changed, and one that is cut."""
    record = bytearray(encode_message(message))
    record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    for hostile in (bytes(record), bytes(record[: data.draw(st.integers(0, len(record)))])):
        with contextlib.suppress(Malformed):
            decode_messages(hostile, check_crc=False)


def test_a_record_is_laid_out_as_specified() -> None:
    """The fixed fields stand where they should, so two wrongs do not make a right."""
    record = encode_message(
        StoredMessage("t", 1, 2, b"body", {"a": "b"}, 3, 4, 5, "1.2.3.4:6", "7.8.9.10:11", 0, 12, 13, 14)
    )
    assert record == (
        struct.pack(">iiIiiqqiq", len(record), MAGIC_V1, zlib.crc32(b"body") & 0x7FFFFFFF, 1, 12, 2, 3, 0, 4)
        + bytes([1, 2, 3, 4])
        + struct.pack(">iq", 6, 5)
        + bytes([7, 8, 9, 10])
        + struct.pack(">iiq", 11, 13, 14)
        + struct.pack(">i4sB1sh4s", 4, b"body", 1, b"t", 4, b"a\x01b\x02")
    )


def test_long_topics_have_two_bytes_of_length() -> None:
    """Above 127 bytes the record is of the second kind."""
    for length, magic in ((127, MAGIC_V1), (128, MAGIC_V2), (255, MAGIC_V2)):
        message = MESSAGE._replace(topic="t" * length)
        record = encode_message(message)
        assert struct.unpack_from(">i", record, 4)[0] == magic
        assert decode_messages(record) == [message]


def test_more_hosts_than_are_remembered() -> None:
    """Each producer has one of its own, and there may be any number of them."""
    messages = [MESSAGE._replace(born_host=f"127.0.0.1:{port}") for port in (*range(1500), *range(10))]
    assert decode_messages(b"".join(map(encode_message, messages))) == messages


def test_blanks_and_unknown_ends_are_passed_over() -> None:
    """A blank fills the end of a file; a record may have more at its end than we know."""
    record = encode_message(MESSAGE)
    longer = struct.pack(">i", len(record) + 3) + record[4:] + b"new"
    blank = struct.pack(">ii", 20, MAGIC_BLANK) + bytes(12)
    assert decode_messages(longer + blank + record) == [MESSAGE, MESSAGE]


def test_a_wrong_checksum_is_told_apart() -> None:
    """Who wants the message nonetheless reads it without the check."""
    record = bytearray(encode_message(MESSAGE))
    record[record.index(b"body")] ^= 1
    with pytest.raises(Corrupt, match="message 2 in queue 1 of demo does not fit its checksum"):
        decode_messages(bytes(record))
    assert decode_messages(bytes(record), check_crc=False) == [MESSAGE._replace(body=b"cody")]


@pytest.mark.parametrize(
    ("at", "value"), [(0, 7), (0, -1), (0, 2**31 - 1), (0, 90), (4, 12345), (84, -1), (84, 2**31 - 1), (84, 60)]
)
def test_sizes_that_lie_are_malformed(at: int, value: int) -> None:
    """Of the record, of the body; and an unknown kind of record."""
    record = bytearray(encode_message(MESSAGE) * 2)
    struct.pack_into(">i", record, at, value)
    with pytest.raises(Malformed):
        decode_messages(bytes(record))


def test_text_that_is_no_utf8_is_replaced() -> None:
    """As Java does: a foreign message stays readable."""
    record = encode_message(MESSAGE).replace(b"CE_id\x011", b"CE_id\x01\xff").replace(b"demo", b"d\xc3mo")
    [message] = decode_messages(record)
    assert message.properties == {"KEYS": "k", "CE_id": "�"}
    assert message.topic == "d�mo"


def test_content_of_a_compressed_message() -> None:
    """The body stays as it was sent; its content is unpacked on demand."""
    packed = MESSAGE._replace(body=zlib.compress(b"body"), sys_flag=769)
    assert packed.is_compressed
    assert packed.content() == b"body"
    assert not MESSAGE.is_compressed
    assert MESSAGE.content() == b"body"


@given(hosts, st.integers(0, 2**63 - 1))
def test_message_ids_round_trip(host: str, offset: int) -> None:
    """An id leads back to the broker and the place in its log."""
    text = message_id(host, offset)
    assert len(text) == (56 if "[" in host else 32)
    assert text == text.upper()
    assert parse_message_id(text) == (host, offset)


@pytest.mark.parametrize(
    "bad", ["", "7F", "x" * 32, "7F00000100002A9F00000000931507B", " 7F00000100002A9F0000000093150", "é" * 32]
)
def test_texts_that_are_no_message_id(bad: str) -> None:
    """Other lengths and other characters are refused."""
    with pytest.raises(Refused, match="is no message id"):
        parse_message_id(bad)


def test_a_message_knows_its_id() -> None:
    """From its store host and physical offset."""
    message = MESSAGE._replace(store_host="127.0.0.1:10911", physical_offset=0x931507B6)
    assert message.message_id == "7F00000100002A9F00000000931507B6"
    with pytest.raises(Refused, match="is no address and port"):
        message_id("localhost:1", 0)
