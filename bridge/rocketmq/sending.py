"""What a send consists of: the arguments and the body of a single message or of a batch, and the answer read. Pure.

A batch is stored as one whole: one topic, one queue, in order. Its members carry everything themselves, as nothing of
the batch's own arguments is copied to them.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count, repeat
from struct import Struct
from typing import NamedTuple

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import Malformed, Refused, TooLarge
from bridge.rocketmq.frames import Command
from bridge.rocketmq.records import (
    DELAY,
    TIMER_DELAY_MS,
    TIMER_DELAY_SEC,
    TIMER_DELIVER_MS,
    UNIQ_KEY,
    Message,
    encode_batch,
    encode_properties,
)
from bridge.rocketmq.routes import Queue

STORED = (
    ResponseCode.SUCCESS,
    ResponseCode.FLUSH_DISK_TIMEOUT,
    ResponseCode.SLAVE_NOT_AVAILABLE,
    ResponseCode.FLUSH_SLAVE_TIMEOUT,
)
"""Answers after which the message is stored: sending it again would store it twice."""
TIMED = frozenset((DELAY, TIMER_DELAY_MS, TIMER_DELAY_SEC, TIMER_DELIVER_MS))
"""Properties that never go into a batch: brokers ignore them in a member, and in the batch's own arguments they stop the
timer of the whole broker."""
Ids = Callable[[int], Sequence[str]]
"""Makes so many ids that nobody else makes."""
_SIZE = Struct(">i")
_new = tuple.__new__
"""Makes Receipts without their Python-level constructor, at half of its cost."""
_NO_LIMIT = 2**31


class Receipt(NamedTuple):
    """What became of one message.

    ``offset`` is its place in ``queue`` and ``message_id`` ("offset id") that in the broker's log; for a delayed message
    both belong to the broker's own timer topic. ``status`` is SUCCESS, or one of 10, 11, 12: stored, but not as durably
    as the broker is asked to.
    """

    queue: Queue
    offset: int
    message_id: str
    unique_id: str
    status: ResponseCode = ResponseCode.SUCCESS


class Parcel(NamedTuple):
    """One request to store something, except for where it goes. ``unique_ids`` has one for each message."""

    topic: str
    code: RequestCode
    fields: dict[str, str]
    body: bytes
    unique_ids: tuple[str, ...]


def pack(message: Message, born_ms: int, ids: Ids) -> Parcel:
    """A single message, given a unique id unless it has one. Raises Refused and TooLarge as ``encode_properties``.

    One without a body goes as a batch of one, since brokers refuse it otherwise.
    """
    topic, body, properties, flag, sys_flag = message
    if not body:
        return pack_batch([message], born_ms, ids, limit_bytes=_NO_LIMIT)[0]
    text = encode_properties(properties)
    unique_id = properties.get(UNIQ_KEY)
    if unique_id is None:
        (unique_id,) = ids(1)
        text = f"{text}{UNIQ_KEY}\x01{unique_id}\x02"
    fields = {"f": str(sys_flag), "g": str(born_ms), "h": str(flag), "i": text, "m": "false"}
    return Parcel(topic, RequestCode.SEND_MESSAGE_V2, fields, body, (unique_id,))


def pack_batch(messages: Sequence[Message], born_ms: int, ids: Ids, *, limit_bytes: int) -> list[Parcel]:
    """Messages of one topic as batches of at most ``limit_bytes``, in order; each is given a unique id unless it has one.

    Raises Refused for messages that cannot share a batch (other topics, compressed in another way, delayed ones),
    TooLarge for one that does not fit at all, and as ``encode_properties``.
    """
    _check_alike(messages)
    unique_ids, tails = _with_ids([message.properties for message in messages], ids)
    fields = {"f": str(messages[0].sys_flag), "g": str(born_ms), "h": "0", "i": "", "m": "true"}
    encoded = encode_batch(messages, tails)
    parts = [(len(messages), encoded)] if len(encoded) <= limit_bytes else cut(encoded, limit_bytes)
    parcels, start = [], 0
    for number, body in parts:
        own = tuple(unique_ids[start : start + number])
        parcels.append(Parcel(messages[0].topic, RequestCode.SEND_BATCH_MESSAGE, fields, body, own))
        start += number
    return parcels


def _check_alike(messages: Sequence[Message]) -> None:
    topics, _, properties, _, sys_flags = zip(*messages, strict=True)
    if topics.count(topics[0]) != len(topics) or sys_flags.count(sys_flags[0]) != len(topics):
        raise Refused(f"a batch has one topic ({topics[0]}) and one kind of compression")
    if not all(map(TIMED.isdisjoint, filter(None, properties))):
        raise Refused("a delayed message cannot be part of a batch: send it alone, and with a body")


def _with_ids(properties: Sequence[Mapping[str, str]], ids: Ids) -> tuple[Sequence[str], list[str]]:
    """The unique id of each message, and what it adds to the properties."""
    own = [one.get(UNIQ_KEY) if one else None for one in properties]
    made = ids(own.count(None))
    tails = [f"{UNIQ_KEY}\x01{unique_id}\x02" for unique_id in made]
    if len(made) == len(own):
        return made, tails
    rest = zip(made, tails, strict=True)
    pairs = [next(rest) if unique_id is None else (unique_id, "") for unique_id in own]
    return [unique_id for unique_id, _ in pairs], [tail for _, tail in pairs]


def cut(encoded: bytes, limit_bytes: int) -> list[tuple[int, bytes]]:
    """An encoded batch in parts of whole members, each part within the limit: how many members, and their bytes.

    Raises TooLarge for a member beyond the limit.
    """
    starts, parts, first = _member_starts(encoded), [], 0
    ends = [*starts[1:], len(encoded)]
    for number, end in enumerate(ends):
        if end - starts[number] > limit_bytes:
            raise TooLarge(f"message {number} takes {end - starts[number]} bytes, at most {limit_bytes} are possible")
        if end - starts[first] > limit_bytes:
            parts.append((number - first, encoded[starts[first] : starts[number]]))
            first = number
    parts.append((len(starts) - first, encoded[starts[first] :]))
    return parts


def _member_starts(encoded: bytes) -> list[int]:
    starts, position = [], 0
    while position < len(encoded):
        starts.append(position)
        position += _SIZE.unpack_from(encoded, position)[0]
    return starts


def receipts(parcel: Parcel, queue: Queue, answer: Command) -> list[Receipt]:
    """One for each message of the parcel. Raises Malformed for an answer that does not say where they are."""
    try:
        first = int(answer.ext["queueOffset"])
        message_ids = answer.ext["msgId"].split(",")
        status = ResponseCode(answer.code)
    except (KeyError, ValueError) as error:
        raise Malformed(f"an answer to a send without place: {dict(answer.ext)}") from error
    if len(message_ids) != len(parcel.unique_ids):
        raise Malformed(f"{len(message_ids)} message ids for a batch of {len(parcel.unique_ids)}")
    fields = zip(repeat(queue), count(first), message_ids, parcel.unique_ids, repeat(status), strict=False)
    return list(map(_new, repeat(Receipt), fields))
