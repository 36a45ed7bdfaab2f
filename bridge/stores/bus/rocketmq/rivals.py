"""Bridges with another catalog on the same topics: each would deliver every event, and move the other's cursors.

Every process shows itself as a member of the groups of its buses, with an id that says which catalog it has. So whoever
comes second sees that somebody is there already.
"""

from bridge.errors import StoreUnavailable
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.presence import Member, Presence
from bridge.stores.bus.rocketmq.registry import LogRow

TIMEOUT_S = 3.0


class Rivals:
    """``catalog`` is part of ``client_id``, and of the ids of all who have the same catalog."""

    def __init__(self, cluster: Cluster, client_id: str, catalog: str, *, shared: bool) -> None:
        """``shared``: this process reads its buses as a member of their groups anyway."""
        self._cluster = cluster
        self._client_id = client_id
        self._catalog = catalog
        self._shared = shared

    async def check(self, row: LogRow) -> None:
        """Raises StoreUnavailable when somebody else is a member of the bus's group. What cannot be seen is not there."""
        members, _ = await self._presence(row).members()
        others = sorted(member for member in members if self._catalog not in member)
        if others:
            raise StoreUnavailable(
                f"the group {row.topic} has other members: {', '.join(others)}. If they are a bridge, it has another "
                "catalog: give both the same (catalog.url), or each its own topics (rocketmq.topic_prefix)"
            )

    async def show(self, row: LogRow) -> None:
        """Be a member, for the next two minutes."""
        if not self._shared:
            await self._presence(row).send_heartbeat()

    def _presence(self, row: LogRow) -> Presence:
        return Presence(self._cluster, Member(row.topic, self._client_id, (row.topic,), row.queues), TIMEOUT_S)
