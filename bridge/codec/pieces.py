"""JSON arrays and objects cut into their pieces without recursion, and without asking what the pieces hold.

For text that msgspec gives up on although it can be cut: nested deeper than parsers go, or with a piece that holds half a
surrogate pair. So one such event of a batch does not drag its neighbours, and what was accepted can always be read back,
however deep the stack is by then. Slow, and hardly ever needed.
"""

import json
import re

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{},:]', re.DOTALL)


def is_well_formed(text: bytes) -> bool:
    """Whether text is JSON by its grammar alone (RFC 8259): half surrogate pairs pass, any depth passes unseen."""
    try:
        json.loads(text, parse_constant=_refuse)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def split(text: bytes, opening: bytes) -> list[bytes]:
    """The elements of an array (opening ``[``) or members of an object (``{``). Raises ValueError if it is none."""
    text = text.strip(b" \t\r\n")
    pieces: list[bytes] = []
    open_: list[bytes] = []
    start = 1
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in b"[{":
            open_.append(token)
        elif token in b"]}":
            if not open_ or open_.pop() != (b"[" if token == b"]" else b"{"):
                raise ValueError("brackets do not match")
            if not open_ and found.end() != len(text):
                raise ValueError("more than one value")
        elif token == b"," and len(open_) == 1:
            pieces.append(text[start : found.start()])
            start = found.end()
    if open_ or text[:1] != opening:
        raise ValueError("not closed, or no such container")
    return [*pieces, text[start:-1]] if pieces or text[start:-1].strip() else []


def split_member(piece: bytes) -> tuple[bytes, bytes]:
    """Name (with its quotes) and value of a member. Raises ValueError."""
    name = _TOKEN.match(piece.lstrip(b" \t\r\n"))
    if name is None or not name[0].startswith(b'"'):
        raise ValueError("a member has no name")
    between, colon, value = piece.lstrip(b" \t\r\n")[name.end() :].partition(b":")
    if between.strip() or not colon:
        raise ValueError("a member has no value")
    return name[0], value.strip(b" \t\r\n")
