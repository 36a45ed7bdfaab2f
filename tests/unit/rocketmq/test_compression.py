"""Compressed bodies: what producers pack is unpacked, what is broken or a bomb is refused."""

import builtins
import contextlib
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rocketmq.compression import unpack
from bridge.rocketmq.errors import Unreadable

CONTENT = b"compress me " * 1000


def pack_zlib(data: bytes) -> bytes:
    return zlib.compress(data)


def pack_lz4(data: bytes) -> bytes:
    return bytes(pytest.importorskip("lz4.frame").compress(data))


def pack_zstd(data: bytes) -> bytes:
    """As Java does: the frame does not say how long the content is."""
    packing = pytest.importorskip("zstandard").ZstdCompressor().compressobj()
    return bytes(packing.compress(data) + packing.flush())


KINDS = [(0, pack_zlib), (1, pack_lz4), (2, pack_zstd), (3, pack_zlib)]
each_kind = pytest.mark.parametrize(("kind", "pack"), KINDS)


@each_kind
def test_what_is_packed_is_unpacked(kind: int, pack: Callable[[bytes], bytes]) -> None:
    """Also nothing at all."""
    assert unpack(kind, pack(CONTENT), 2**20) == CONTENT
    assert unpack(kind, pack(b""), 2**20) == b""


@each_kind
def test_a_bomb_stops_at_the_limit(kind: int, pack: Callable[[bytes], bytes]) -> None:
    """Exactly the limit is fine, one byte more is not."""
    assert len(unpack(kind, pack(bytes(100_000)), 100_000)) == 100_000
    with pytest.raises(Unreadable, match="more than 99999 bytes"):
        unpack(kind, pack(bytes(100_000)), 99_999)


@each_kind
def test_a_body_that_is_cut_short_or_broken_is_refused(kind: int, pack: Callable[[bytes], bytes]) -> None:
    """Neither gives half a content."""
    packed = pack(CONTENT)
    for broken in (packed[:-6], packed[:1], b"", b"nonsense"):
        with pytest.raises(Unreadable):
            unpack(kind, broken, 2**20)


@given(st.integers(0, 7), st.binary(max_size=60))
def test_any_bytes_are_unpacked_or_refused(kind: int, data: bytes) -> None:
    """Hostile bytes give Unreadable, nothing else."""
    with contextlib.suppress(Unreadable):
        unpack(kind, data, 2**16)


def test_unknown_kinds_are_refused() -> None:
    """There are three ways."""
    with pytest.raises(Unreadable, match="unknown way 4"):
        unpack(4, b"", 1)


@pytest.mark.parametrize(("kind", "package"), [(1, "lz4"), (2, "zstandard")])
def test_a_missing_package_is_named(kind: int, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks it is told what to install."""
    real = builtins.__import__

    def without(name: str, *args, **options):
        if name.split(".", maxsplit=1)[0] == package:
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Unreadable, match=f"install the package {package}"):
        unpack(kind, b"", 1)
