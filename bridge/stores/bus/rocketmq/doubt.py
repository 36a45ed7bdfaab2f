"""Was it stored? A send whose answer was lost is looked for before it is made again, so that events are not doubled.

What a broker has stored is in its queue, behind what was known of it before; each message carries an id that nobody else
makes. The search comes after a pause: a request that was under way when its connection broke may be carried out late.
"""

import asyncio

from bridge.rocketmq.records import UNIQ_KEY
from bridge.stores.bus.rocketmq.chunks import heads
from bridge.stores.bus.rocketmq.partition import Partition

SETTLE_S = 0.5
"""By then a broker has carried out, or turned away, what it had taken in."""
STEP = 1000
_MARK = f"{UNIQ_KEY}\x01".encode()


def mark_of(member: bytes) -> bytes:
    """What is in this encoded message and in no other one."""
    return member[member.rindex(_MARK) :]


async def find_stored(partition: Partition, start: int, mark: bytes) -> int | None:
    """The offset of the message that holds ``mark``, at ``start`` or behind it; None when it is not there.

    Waits until the broker answers; raises StoreUnavailable when that takes too long.
    """
    await partition.find_ends()
    await asyncio.sleep(SETTLE_S)
    offset = start
    while True:
        fetched = await partition.look(offset, STEP)
        at = fetched.body.find(mark)
        if at >= 0:
            return next(head.offset for head in heads(fetched.body) if head.start < at < head.end)
        if not fetched.body and fetched.next_offset <= offset:
            return None
        offset = fetched.next_offset
