"""Bodies that producers compressed: zlib is always there, LZ4 and zstd where their packages are installed. Pure.

A small body may unpack to a huge one, so each codec stops at a limit.
"""

import zlib
from collections.abc import Callable

from bridge.rocketmq.errors import Unreadable

_ZSTD_STEP_BYTES = 1024
"""Its frames do not say how long they unpack to, and a few bytes may make 128 KiB: so many are unpacked at a time."""


def unpack(kind: int, data: bytes, limit_bytes: int) -> bytes:
    """Unpack ``data``; ``kind`` are bits 8 to 10 of ``sys_flag``, 0 is what old clients send.

    Raises Unreadable when it is broken, longer than ``limit_bytes``, or the codec's package is not installed.
    """
    codec = _CODECS.get(kind)
    if codec is None:
        raise Unreadable(f"a body compressed in the unknown way {kind}")
    content, complete = codec(data, limit_bytes)
    if len(content) > limit_bytes:
        raise Unreadable(f"a compressed body that unpacks to more than {limit_bytes} bytes")
    if not complete:
        raise Unreadable("a compressed body that is cut short")
    return content


def _zlib(data: bytes, limit: int) -> tuple[bytes, bool]:
    unpacking = zlib.decompressobj()
    try:
        return unpacking.decompress(data, limit + 1), unpacking.eof
    except zlib.error as error:
        raise Unreadable(f"a broken compressed body: {error}") from error


def _lz4(data: bytes, limit: int) -> tuple[bytes, bool]:
    try:
        from lz4.frame import LZ4FrameDecompressor
    except ImportError as error:
        raise Unreadable("a body compressed with LZ4: install the package lz4") from error
    unpacking = LZ4FrameDecompressor()
    try:
        return unpacking.decompress(data, limit + 1), unpacking.eof
    except (RuntimeError, EOFError) as error:
        raise Unreadable(f"a broken LZ4 body: {error}") from error


def _zstd(data: bytes, limit: int) -> tuple[bytes, bool]:
    try:
        from zstandard import ZstdDecompressor, ZstdError
    except ImportError as error:
        raise Unreadable("a body compressed with zstd: install the package zstandard") from error
    unpacking, pieces, size = ZstdDecompressor().decompressobj(), [], 0
    try:
        for start in range(0, len(data), _ZSTD_STEP_BYTES):
            pieces.append(unpacking.decompress(data[start : start + _ZSTD_STEP_BYTES]))
            size += len(pieces[-1])
            if unpacking.eof or size > limit:
                break
    except ZstdError as error:
        raise Unreadable(f"a broken zstd body: {error}") from error
    return b"".join(pieces), unpacking.eof


_CODECS: dict[int, Callable[[bytes, int], tuple[bytes, bool]]] = {0: _zlib, 1: _lz4, 2: _zstd, 3: _zlib}
