"""Server-sent events, as far as bridge sends them (WHATWG HTML, section 9.2.6): bytes in, messages out."""

from collections.abc import Iterator
from typing import NamedTuple


class ServerSent(NamedTuple):
    event: str
    id: str
    data: bytes


class Reader:
    """Takes an answer's bytes as they come. Comments and fields that nobody needs fall away."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[bytes, bytes] = {}

    def feed(self, piece: bytes) -> Iterator[ServerSent]:
        """The messages that this piece completes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            line = line.removesuffix(b"\r")  # noqa: PLW2901 - the same line, less its ending
            if line:
                self._field(line)
            elif self._fields:
                fields, self._fields = self._fields, {}
                if b"data" in fields:
                    yield ServerSent(
                        fields.get(b"event", b"message").decode(), fields.get(b"id", b"").decode(), fields[b"data"]
                    )

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data" and name in self._fields:
            value = self._fields[name] + b"\n" + value
        if name:
            self._fields[name] = value
