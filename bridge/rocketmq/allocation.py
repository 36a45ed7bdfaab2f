"""Who reads which queue: the rule by which the members of a group share queues out, each for itself. Pure.

It is the average rule of the Java client, per topic, so members of both kinds can share a group.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from bridge.rocketmq.routes import Queue


def allocate(queues: Iterable[Queue], members: Iterable[str], me: str) -> tuple[Queue, ...]:
    """The share of member ``me``, sorted; nothing when ``me`` is not among the members.

    Of each topic's q queues and c members, the first q mod c members get one more; shares are contiguous; when there
    are more members than queues the last ones get nothing. A member that is listed twice counts once.
    """
    sharers = sorted(set(members))
    if me not in sharers:
        return ()
    place = sharers.index(me)
    topics = groupby(sorted(set(queues)), key=lambda queue: queue.topic)
    return tuple(queue for _, own in topics for queue in _share(list(own), len(sharers), place))


def _share(queues: Sequence[Queue], sharers: int, place: int) -> Sequence[Queue]:
    size, more = divmod(len(queues), sharers)
    start = place * size + min(place, more)
    return queues[start : start + size + (place < more)]


class Change(NamedTuple):
    """From what a member reads to what it shall read. Both sorted."""

    revoked: tuple[Queue, ...]
    gained: tuple[Queue, ...]


def change(owned: Iterable[Queue], share: Iterable[Queue]) -> Change:
    """What to give up first, and what to take over then."""
    before, after = set(owned), set(share)
    return Change(tuple(sorted(before - after)), tuple(sorted(after - before)))
