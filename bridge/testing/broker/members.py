"""Members of consumer groups: one per connection and group, kept alive by heartbeats.

Two connections that name the same client id are two members. A member is dropped when its connection closes, or when it
has sent no heartbeat for 120 s; brokers look every 10 s, here it happens at once.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from bridge.rocketmq.bodies import ConsumerData, Subscription
from bridge.testing.broker.requests import Session

LIVE_MS = 120_000


class Member(NamedTuple):
    client_id: str
    language: str
    version: int
    seen_ms: int


@dataclass(slots=True)
class Group:
    """A group with at least one member; what the newest heartbeat said of it."""

    members: dict[Session, Member] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    data: ConsumerData | None = None


class Members:
    """Every change is returned, so that the caller tells the others."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}

    def find(self, group: str) -> Group | None:
        return self._groups.get(group)

    def client_ids(self, group: str) -> list[str]:
        """One for each connection."""
        found = self._groups.get(group)
        return [member.client_id for member in found.members.values()] if found else []

    def sessions(self, group: str) -> list[Session]:
        found = self._groups.get(group)
        return list(found.members) if found else []

    def beat(self, session: Session, member: Member, data: ConsumerData) -> bool:
        """Take one group of a heartbeat; is the member new, or does the group want other topics than before?"""
        group = self._groups.setdefault(data.group, Group())
        before = set(group.subscriptions)
        known = session in group.members
        group.members[session] = member
        group.data = data
        group.subscriptions = {sub.topic: _newer(sub, group.subscriptions.get(sub.topic)) for sub in data.subscriptions}
        return not known or before != set(group.subscriptions)

    def leave(self, session: Session, group: str) -> bool:
        """Take the connection's member out; was there one?"""
        found = self._groups.get(group)
        if found is None or found.members.pop(session, None) is None:
            return False
        if not found.members:
            del self._groups[group]
        return True

    def disconnect(self, session: Session) -> list[str]:
        """Take the connection out of every group; returns those it was in."""
        return [group for group in list(self._groups) if self.leave(session, group)]

    def silent(self, now_ms: int) -> list[Session]:
        """Connections with a member that sent no heartbeat in time."""
        every = [(session, member) for group in self._groups.values() for session, member in group.members.items()]
        return list({session: None for session, member in every if now_ms - member.seen_ms > LIVE_MS})

    @property
    def next_ms(self) -> int | None:
        """When the next member will have been silent for too long."""
        seen = [member.seen_ms for group in self._groups.values() for member in group.members.values()]
        return min(seen) + LIVE_MS + 1 if seen else None

    def clear(self) -> None:
        self._groups.clear()


def _newer(sub: Subscription, known: Subscription | None) -> Subscription:
    return known if known is not None and known.version >= sub.version else sub
