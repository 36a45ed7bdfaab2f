"""Appends events to a file on this machine, one line each: CloudEvents in the JSON format, or what a transform made.

Guarantee: At least once; in the file when the delivery is done, and with `fsync: true` on the disk.

Retried: whatever the operating system refuses: a full disk, a missing permission, a folder that is gone.

A line is one event: a JSON payload with line breaks is written without them, a text payload with line breaks as a JSON
string; a payload that is not UTF-8 is rejected. Missing folders are made. A line that a crash left half written is ended
before the next one. Several targets may share a path. With `rotate`, PATH becomes PATH.1, PATH.1 becomes PATH.2 and so
on. A file that somebody moves away or deletes is made anew.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Annotated

import msgspec

from bridge.codec.json import write_lines
from bridge.connectors import base
from bridge.connectors.base import Features, Host, field, has_placeholder
from bridge.connectors.linefile import LineFile, Rotation
from bridge.errors import InvalidConfig, PartlyFailed, Rejected, Retryable, TargetError
from bridge.model.delivery import Delivery, Payload
from bridge.model.documents import Document
from bridge.model.event import is_json
from bridge.model.units import Size


class Rotate(Document, frozen=True, kw_only=True):
    size: Annotated[Size, field("A file that would become larger is put aside first.")] = Size(100 * 1024 * 1024)
    keep: Annotated[int, field("How many files that were put aside are kept.", ge=1, le=1000)] = 5


class FileConfig(base.Config, frozen=True, kw_only=True):
    path: Annotated[str, field("The file; relative to where bridge was started.", min_length=1)]
    rotate: Annotated[Rotate | None, field("Start a new file when this one is full; absent: never.")] = None
    fsync: Annotated[bool, field("Wait until each batch is on the disk.")] = False

    @property
    def address(self) -> str:
        return self.path


class FileTarget(base.Target):
    kind = "file"
    Config = FileConfig
    features = Features(max_batch=10_000)

    def __init__(self, config: FileConfig, host: Host) -> None:
        super().__init__(config, host)
        self._rotation = Rotation(config.rotate.size, config.rotate.keep) if config.rotate else None
        self._file: LineFile | None = None

    @classmethod
    def check(cls, config: FileConfig) -> None:
        if has_placeholder(config.path):
            raise InvalidConfig("must not hold placeholders: all events of a target go to one file", path="$.path")
        if "\0" in config.path or config.path.endswith("/"):
            raise InvalidConfig("is not the name of a file", path="$.path")
        if config.rotate and not config.rotate.size:
            raise InvalidConfig("must be at least 1B", path="$.rotate.size")

    async def open(self) -> None:
        try:
            self._file = await LineFile.acquire(self.config.path)
        except OSError as error:
            raise Retryable(f"cannot open the file: {error}") from error

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        assert self._file is not None
        lines, failures = format_lines(deliveries)
        try:
            if lines:
                await self._file.append(lines, self._rotation, sync=self.config.fsync)
        except OSError as error:
            raise Retryable(f"cannot write to the file: {error}") from error
        if failures:
            raise failures[0] if len(deliveries) == 1 else PartlyFailed(failures)

    async def close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            await file.release()


def format_lines(deliveries: Sequence[Delivery]) -> tuple[bytearray, dict[int, TargetError]]:
    """The lines, each with its end, and which deliveries cannot be one."""
    # One growing buffer: keeping a thousand small objects until a join costs several times as much.
    lines = bytearray()
    failures: dict[int, TargetError] = {}
    for is_event, run in groupby(enumerate(deliveries), lambda pair: pair[1].payload is None):
        if is_event:
            write_lines((delivery.event for _, delivery in run), lines)
            continue
        for index, delivery in run:
            assert delivery.payload is not None
            try:
                lines += format_payload(delivery.payload)
            except ValueError as error:
                failures[index] = Rejected(f"the payload cannot be a line: {error}")
            else:
                lines += b"\n"
    return lines, failures


def format_payload(payload: Payload) -> bytes:
    """A payload on one line. Raises ValueError when it is not UTF-8, or only claims to be JSON and has line breaks."""
    body = payload.body
    if not body.isascii():
        str(body, "utf-8")
    if b"\n" not in body and b"\r" not in body:
        return body
    if is_json(payload.content_type):
        return msgspec.json.format(body, indent=-1)
    return msgspec.json.encode(body.decode())
