"""Frames: read what was written, in both codecs, cut anywhere; refuse what is none."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rocketmq.errors import NotRocketMQ, Refused, TooLarge
from bridge.rocketmq.frames import (
    LANGUAGES,
    MAX_FRAME_BYTES,
    ONE_WAY,
    RESPONSE,
    Command,
    FrameReader,
    decode,
    encode,
    encode_binary,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
int32 = st.integers(-(2**31), 2**31 - 1)
commands = st.builds(
    Command,
    code=st.integers(-(2**15), 2**15 - 1),
    opaque=int32,
    flag=int32,
    ext=st.dictionaries(texts, texts, max_size=5),
    remark=st.none() | texts,
    body=st.binary(max_size=40),
    language=st.sampled_from(LANGUAGES),
    version=st.integers(-(2**15), 2**15 - 1),
)


@given(commands)
def test_json_frames_round_trip(command: Command) -> None:
    """What is read is what was written."""
    assert decode(encode(command)) == command


@given(commands)
def test_binary_frames_round_trip(command: Command) -> None:
    """The same for binary headers, where an empty remark is none."""
    assert decode(encode_binary(command)) == command._replace(remark=command.remark or None)


@given(st.lists(st.tuples(commands, st.sampled_from([encode, encode_binary])), max_size=5), st.data())
def test_a_reader_does_not_care_how_bytes_are_cut(written, data) -> None:
    """Any cutting of the stream gives the same commands."""
    stream = b"".join(write(command) for command, write in written)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader = FrameReader()
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    read = [command for piece in pieces for command in reader.feed(piece)]
    assert read == [decode(write(command)) for command, write in written]


@given(commands)
def test_a_reader_takes_single_bytes(command: Command) -> None:
    """One byte at a time: the command comes with the last one."""
    frame, reader = encode(command), FrameReader()
    read = [list(reader.feed(frame[at : at + 1])) for at in range(len(frame))]
    assert read == [*([[]] * (len(frame) - 1)), [command]]


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Hostile bytes give NotRocketMQ, nothing else."""
    for read in (lambda: list(FrameReader().feed(data)), lambda: decode(data)):
        with contextlib.suppress(NotRocketMQ):
            read()


@given(st.binary(max_size=60), st.sampled_from([0, 1]))
def test_any_header_is_read_or_refused(header: bytes, codec: int) -> None:
    """The same where the lengths are right."""
    frame = struct.pack(">II", 4 + len(header), codec << 24 | len(header)) + header
    with contextlib.suppress(NotRocketMQ):
        assert isinstance(decode(frame), Command)


@given(commands, st.data())
def test_a_changed_byte_is_read_or_refused(command: Command, data) -> None:
    """A frame with one byte changed is another frame or none."""
    for frame in (bytearray(encode(command)), bytearray(encode_binary(command))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
        with contextlib.suppress(NotRocketMQ):
            decode(bytes(frame))


def framed(header: bytes, codec: int = 0) -> bytes:
    return struct.pack(">II", 4 + len(header), codec << 24 | len(header)) + header


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b"[]",
        b"1",
        b'"text"',
        b'{"code":"x","opaque":1,"flag":0}',
        b'{"code":1,"opaque":null,"flag":0}',
        b'{"code":1,"opaque":1,"flag":0,"extFields":[1]}',
        b'{"code":1,"opaque":1,"flag":0} and more',
        b'{"code":1,"opaque":1,"flag":0,"extFields":{"a":1e999},"version":1e999}',
        b'{"code":1,"opaque":1,"flag":0,"remark":"\xff"}',
        b"[" * 100_000,
        b'{"code":' + b"9" * 5000 + b"}",
    ],
)
def test_headers_that_are_none(header: bytes) -> None:
    """JSON of another shape, invalid UTF-8, too deep, too long a number: all the same error."""
    with pytest.raises(NotRocketMQ):
        decode(framed(header))


@pytest.mark.parametrize("codec", [2, 255])
def test_unknown_codecs_are_refused(codec: int) -> None:
    """Only JSON and binary headers exist."""
    with pytest.raises(NotRocketMQ):
        decode(framed(b"{}", codec))


def test_numbers_and_null_as_arguments_are_read_as_text() -> None:
    """Java writes text only; whoever writes numbers or booleans is understood."""
    header = b'{"code":1,"opaque":1,"flag":0,"extFields":{"a":1,"b":true,"c":false,"d":null,"e":"x"},"remark":7}'
    command = decode(framed(header))
    assert command.ext == {"a": "1", "b": "true", "c": "false", "d": "", "e": "x"}
    assert command.remark == "7"


def test_null_arguments_and_unknown_members_are_fine() -> None:
    """``extFields`` may be null or missing, and headers have members we do not know."""
    assert decode(framed(b'{"code":1,"opaque":1,"flag":0,"extFields":null,"serializeTypeCurrentRPC":"JSON"}')).ext == {}
    assert decode(framed(b'{"code":1,"opaque":1,"flag":0}')).ext == {}


def test_a_length_beyond_the_limit_is_refused_before_it_is_waited_for() -> None:
    """The first eight bytes tell; text of other protocols reads as such a length."""
    for greeting in (b"HTTP/1.1", b"SSH-2.0-", struct.pack(">II", MAX_FRAME_BYTES + 1, 2)):
        with pytest.raises(NotRocketMQ, match="no beginning"):
            list(FrameReader().feed(greeting))


def test_what_came_before_nonsense_is_not_lost() -> None:
    """Commands in front of the first bad bytes are still handed out."""
    reader = FrameReader().feed(encode(Command(1)) + b"nonsense")
    assert next(reader).code == 1
    with pytest.raises(NotRocketMQ):
        next(reader)


def test_part_of_a_frame_and_two_frames_are_not_one() -> None:
    """``decode`` wants exactly one."""
    frame = encode(Command(1))
    for data in (frame[:-1], frame + b"x", frame * 2, b""):
        with pytest.raises(NotRocketMQ, match="not one whole frame"):
            decode(data)


def test_lone_surrogates_cannot_be_sent() -> None:
    """They are no text; the error shows where."""
    for write in (encode, encode_binary):
        with pytest.raises(Refused, match="ud800"):
            write(Command(1, ext={"a": "x\ud800"}))


def test_what_does_not_fit_is_refused() -> None:
    """A code above 16 bits has no place in a binary header, a body above 16 MiB in no frame."""
    with pytest.raises(Refused):
        encode_binary(Command(200050))
    assert decode(encode(Command(200050))).code == 200050
    for write in (encode, encode_binary):
        with pytest.raises(TooLarge, match="16777216"):
            write(Command(1, body=bytes(MAX_FRAME_BYTES)))


def test_languages_nobody_knows_are_other() -> None:
    """In both directions."""
    frame = bytearray(encode_binary(Command(1, language="KLINGON")))
    assert decode(bytes(frame)).language == "OTHER"
    frame[10] = 200
    assert decode(bytes(frame)).language == "OTHER"


def test_flags_and_answers() -> None:
    """An answer repeats the opaque and is marked as one."""
    asked = Command(11, 77, ONE_WAY)
    answer = asked.answer(19, {"a": "1"}, body=b"x", remark="none")
    assert (asked.is_one_way, asked.is_response) == (True, False)
    assert answer == Command(19, 77, RESPONSE, {"a": "1"}, "none", b"x")
    assert answer.is_response
