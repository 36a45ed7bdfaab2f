"""Ids that nobody else makes: of messages (``UNIQ_KEY``) and of clients.

Brokers take them as opaque text. Those of messages have the layout of the Java client all the same, because Java's tools
read the time out of an id to narrow their search for it: 10 bytes of the maker, 4 bytes of milliseconds since the month
began (UTC), 2 bytes of a counter, in hex.
"""

from collections.abc import Callable
from datetime import UTC, datetime

MAKER_BYTES = 10
_NUMBERS = 0x10000
_HEX = [f"{byte:02X}" for byte in range(0x100)]
"""Of each byte; half the cost of writing a number."""


def client_id(host: str, pid: int, noise: bytes) -> str:
    """The id of a member of a group; two members with one id would both read the same share, and nobody the rest."""
    return f"{host}@{pid}@{noise.hex()}"


def month_ms(now_ms: int) -> tuple[int, int]:
    """When the month of ``now_ms`` began and the next one begins (UTC), in ms since the epoch."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return round(start.timestamp() * 1000), round(following.timestamp() * 1000)


class UniqueIds:
    """Called for so many ids: 32 upper-case hex digits each."""

    def __init__(self, maker: bytes, clock: Callable[[], float]) -> None:
        """``maker``: 10 bytes that no other maker has; ``clock``: seconds since the epoch."""
        if len(maker) != MAKER_BYTES:
            raise ValueError(f"a maker has {MAKER_BYTES} bytes, not {len(maker)}")
        self._maker = maker.hex().upper()
        self._clock = clock
        self._start_ms = self._end_ms = self._last_ms = 0
        self._next = 0

    def __call__(self, number: int) -> list[str]:
        now_ms = max(self._last_ms, int(self._clock() * 1000))  # a clock that is set back must not bring ids back
        ids: list[str] = []
        while len(ids) < number:
            ids += self._made(now_ms, min(number - len(ids), _NUMBERS - self._next))
            now_ms = self._last_ms
        return ids

    def _made(self, now_ms: int, number: int) -> list[str]:
        """As many as this millisecond has numbers left."""
        if now_ms >= self._end_ms:
            self._start_ms, self._end_ms = month_ms(now_ms)
        first, end = self._next, self._next + number
        self._next = end % _NUMBERS
        self._last_ms = now_ms if self._next else now_ms + 1  # the numbers of this millisecond may be used up
        head = f"{self._maker}{now_ms - self._start_ms:08X}"
        return [head + _HEX[count >> 8] + _HEX[count & 0xFF] for count in range(first, end)]
