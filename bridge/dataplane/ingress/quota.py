"""How many bytes of requests are under way, in all and of each bus, so that a flood ends at the door and harms one bus only."""

SHARE = 2
"""A bus may hold the bridge's bytes divided by this, unless it says otherwise: a flooded one leaves room for the others."""


class Quota:
    """Counts; it is the caller who waits or refuses. ``total``: bytes of all buses together."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = total
        self._held: dict[str, int] = {}

    def lack(self, bus: str, size: int, limit: int | None) -> str | None:
        """Why so many bytes more of a bus are too many now; None when they are not.

        ``limit``: of this bus; None is its share. A request beyond it is let in while none of the same bus is under way.
        """
        if size > self._free:
            return "too many bytes are under way; come back a little later"
        held = self._held.get(bus, 0)
        most = self.total // SHARE if limit is None else limit
        if held and held + size > most:
            return f"too many bytes of the bus {bus} are under way; come back a little later"
        return None

    def take(self, bus: str, size: int) -> None:
        self._free -= size
        self._held[bus] = self._held.get(bus, 0) + size

    def give(self, bus: str, size: int) -> None:
        """What was taken is free again. A bus of which nothing is left is forgotten."""
        self._free += size
        left = self._held.pop(bus, 0) - size  # absent: an empty request, whose neighbour was empty too
        if left:
            self._held[bus] = left
