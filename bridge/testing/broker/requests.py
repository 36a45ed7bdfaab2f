"""What a handler gets and gives: a request with the connection it came on; an answer, or a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bridge.rocketmq.codes import ResponseCode
from bridge.rocketmq.frames import Command

FAQ = "See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
NULL = "java.lang.NullPointerException"
UNSET = "not set any response code"
"""Remarks that servers send; the last one with code 0."""


class Session(Protocol):
    """One connection of a client. It is compared by identity."""

    peer: str
    """``host:port`` of the client."""

    def push(self, command: Command) -> None:
        """Send a request to the client."""

    def answer(self, request: Command, answer: "Answer") -> None:
        """Answer a request later, one that was held."""

    def close(self) -> None:
        """Close the connection, from this side."""


class Answer(NamedTuple):
    """Becomes an answer's frame."""

    code: int = ResponseCode.SUCCESS
    ext: Mapping[str, str] = {}
    body: bytes = b""
    remark: str | None = None


class Refusal(Exception):
    """Ends a request with this answer."""

    def __init__(self, code: int, remark: str | None = None, ext: Mapping[str, str] | None = None) -> None:
        super().__init__(code, remark)
        self.answer = Answer(code, ext or {}, remark=remark)


@dataclass(frozen=True, slots=True)
class Request:
    """A request, its arguments read as a server reads them: a required one that is missing ends it with 1."""

    command: Command
    session: Session
    now_ms: int

    @property
    def body(self) -> bytes:
        return self.command.body

    def find(self, name: str) -> str | None:
        return self.command.ext.get(name)

    def text(self, name: str) -> str:
        value = self.command.ext.get(name)
        if value is None:
            raise Refusal(ResponseCode.SYSTEM_ERROR, NULL)
        return value

    def number(self, name: str, default: int | None = None) -> int:
        value = self.command.ext.get(name)
        if value is None and default is not None:
            return default
        return integer(self.text(name))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Whether the argument is ``true``, as Java reads it: in any case."""
        value = self.command.ext.get(name)
        return default if value is None else value.lower() == "true"


def integer(text: str) -> int:
    """A number as Java reads one: ASCII digits with an optional sign. Refused with 1 if it is none."""
    digits = text[1:] if text[:1] in {"-", "+"} else text
    if not (digits.isascii() and digits.isdigit()):
        raise Refusal(ResponseCode.SYSTEM_ERROR, f'java.lang.NumberFormatException: For input string: "{text}"')
    return int(text)
