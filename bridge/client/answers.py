"""What the server answers, as structs. JSON that somebody wrote (specs, events) stays text, with every digit of it."""

from typing import Any, NamedTuple

import msgspec

from bridge.errors import BridgeError
from bridge.model.letter import LetterView
from bridge.model.log import Position


class _Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the structs: members that this version does not know are left aside."""


class Definition(_Answer, frozen=True, kw_only=True, omit_defaults=True):
    """A resource as the server shows it. ``created`` and ``updated`` are RFC 3339; ``spec`` is JSON text."""

    kind: str
    bus: str = ""
    name: str
    description: str = ""
    labels: dict[str, str] = {}
    spec: msgspec.Raw = msgspec.Raw(b"{}")
    revision: int = 0
    created: str = ""
    updated: str = ""
    status: dict[str, Any] = {}

    @property
    def name_in_full(self) -> str:
        """``traffic/red-lights`` for what is named within a bus, ``traffic`` for a bus."""
        return f"{self.bus}/{self.name}" if self.bus else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name_in_full}"


class Applied(_Answer, frozen=True, kw_only=True):
    """What became of one document: ``created``, ``changed`` or ``unchanged``; ``diff`` is a unified diff of YAML."""

    action: str
    resource: Definition
    diff: str = ""
    warnings: list[str] = []


class Change(NamedTuple):
    """Of a watch. ``exists`` for what is there at its start, then ``put`` and ``delete``."""

    action: str
    version: int
    resource: Definition


class PutResult(NamedTuple):
    """What became of one event: its place in the log, or why it was refused, or when (RFC 3339) it enters its bus."""

    id: str
    position: Position | None
    error: BridgeError | None
    scheduled: str = ""


class Entry(_Answer, frozen=True, kw_only=True):
    """One event of a log. ``event`` is a CloudEvent in the JSON format, ``received_time`` RFC 3339."""

    partition: int
    offset: int
    received_time: str
    event: msgspec.Raw


class Page(_Answer, frozen=True, kw_only=True):
    """Some events; ``next_page_token`` is the ``start`` of the next page, empty after the last one."""

    events: list[Entry]
    next_page_token: str = ""


DeadLetter = LetterView
"""An event that a target did not take; a list leaves its ``event`` out."""
