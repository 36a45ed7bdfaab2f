"""JSONPaths of errors: where in a document the bad part is, and in which of several documents."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.errors import Conflict, InvalidInput, NotFound


@contextmanager
def below(path: str) -> Iterator[None]:
    """Errors of the input raised inside have paths that begin at a part; make them begin at the root, where the part is
    at ``path``.
    """
    try:
        yield
    except (InvalidInput, NotFound, Conflict) as error:
        raise error.under(path) from error.__cause__


@contextmanager
def document(index: int, count: int) -> Iterator[None]:
    """Errors raised inside are about one document; where there are several, ``$.spec`` becomes ``$[1].spec``."""
    if count == 1:
        yield
        return
    with below(f"$[{index}]"):
        yield


def child(path: str, name: str) -> str:
    """The path of a member: ``$.spec`` where the name allows, ``$["a b"]`` where not (RFC 9535)."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()
    return f"{path}.{name}" if plain else f"{path}[{json.dumps(name, ensure_ascii=False)}]"
