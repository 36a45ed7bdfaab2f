"""What following JSONPaths may take: values visited, seconds in regular expressions. A path may be quadratic, or worse.

Allowances nest: one for each path, one for all paths of whatever is done around. They belong to the running context, so
that what is tried in another thread takes nothing from deliveries.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bridge.errors import InvalidTransform

VISITS = 500_000
"""For one path and one event; about a microsecond each."""
REGEXP_S = 0.05


class Allowance:
    """What is left."""

    __slots__ = ("regexp_s", "visits")

    def __init__(self, visits: int, regexp_s: float) -> None:
        self.visits = visits
        self.regexp_s = regexp_s


_current: ContextVar[tuple[Allowance, ...]] = ContextVar("allowances", default=())


@contextmanager
def allowed(visits: int = VISITS, regexp_s: float = REGEXP_S) -> Iterator[None]:
    """Everything inside together may take no more than this."""
    token = _current.set((*_current.get(), Allowance(visits, regexp_s)))
    try:
        yield
    finally:
        _current.reset(token)


def visit(number: int) -> None:
    """Before looking at so many values. Raises InvalidTransform when it is too much."""
    for allowance in _current.get():
        allowance.visits -= number
        if allowance.visits < 0:
            raise InvalidTransform("too many values of this event would have to be looked at")


def regexp_left_s() -> float:
    """How long the next regular expression may take."""
    return max(0.0, min((allowance.regexp_s for allowance in _current.get()), default=REGEXP_S))


def spend_regexp(seconds: float) -> None:
    for allowance in _current.get():
        allowance.regexp_s -= seconds
