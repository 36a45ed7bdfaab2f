"""What of Java shows on the wire: the hash by which tags are compared, and the order in which a map comes back."""

import struct
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def java_hash(text: str) -> int:
    """``String.hashCode()``: 32 bits, signed, over UTF-16 units."""
    units = text.encode("utf-16-le", "surrogatepass")
    value = 0
    for unit in struct.unpack(f"<{len(units) // 2}H", units):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


@lru_cache(maxsize=4096)
def _spread(name: str) -> int:
    value = java_hash(name)
    return (value ^ ((value & 0xFFFFFFFF) >> 16)) & 0xFFFFFFFF


def hash_map(items: Iterable[tuple[str, str]], capacity: int = 128) -> dict[str, str]:
    """The items in the order of a ``HashMap`` made with that capacity; it doubles when three quarters are taken.

    Brokers read the properties of a single send into such a map and write them out again, so they come back in it.
    """
    table = dict(items)
    while len(table) > capacity * 3 // 4:
        capacity *= 2
    return {name: table[name] for name in sorted(table, key=lambda name: _spread(name) & (capacity - 1))}
