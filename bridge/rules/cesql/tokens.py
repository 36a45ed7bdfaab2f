"""Text cut into tokens: words, integers, strings and signs, each with its place."""

import re
from enum import Enum, auto
from typing import NamedTuple, NoReturn

from bridge.errors import InvalidFilter

KEYWORDS = frozenset({"AND", "OR", "XOR", "NOT", "LIKE", "IN", "EXISTS", "TRUE", "FALSE"})
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
    | (?P<word>[A-Za-z0-9_]+)
    | (?P<string>'(?:[^'\\]|\\.)*+' | "(?:[^"\\]|\\.)*+")
    | (?P<sign>!=|<>|<=|>=|[-+*/%=<>(),])
    """,
    re.VERBOSE | re.DOTALL,
)
_HINTS = {
    "'": "this string has no end (a quotation mark inside it is escaped by a backslash)",
    '"': "this string has no end (a quotation mark inside it is escaped by a backslash)",
    "&": "write AND",
    "|": "write OR",
    "!": "write NOT, or != for unequal",
    ".": "numbers are integers, and attributes have no fields inside; for fields of the data use `pattern`",
    ";": "a filter is one expression",
    "`": "strings stand in ' or \"",
}


class TokenKind(Enum):
    KEYWORD = auto()
    WORD = auto()
    INTEGER = auto()
    STRING = auto()
    SIGN = auto()
    END = auto()


class Token(NamedTuple):
    """``text``: of a keyword in upper case, of a string what it stands for. ``start`` and ``end`` count characters."""

    kind: TokenKind
    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """All tokens, the last one END. Raises InvalidFilter."""
    tokens, position = [], 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            _refuse(text, position)
        if found.lastgroup != "space":
            tokens.append(_token(found))
        position = found.end()
    tokens.append(Token(TokenKind.END, "", len(text), len(text)))
    return tokens


def _token(found: re.Match[str]) -> Token:
    kind, text = _classify(found)
    return Token(kind, text, found.start(), found.end())


def _classify(found: re.Match[str]) -> tuple[TokenKind, str]:
    text = found[0]
    if found.lastgroup == "sign":
        return TokenKind.SIGN, text
    if found.lastgroup == "string":
        return TokenKind.STRING, _unescape(text)
    if text.isdecimal():
        return TokenKind.INTEGER, text
    return (TokenKind.KEYWORD, text.upper()) if text.upper() in KEYWORDS else (TokenKind.WORD, text)


def read_string(literal: str) -> str | None:
    """What a string literal stands for; None when it is none."""
    found = _TOKEN.fullmatch(literal)
    return _unescape(literal) if found and found.lastgroup == "string" else None


def _unescape(literal: str) -> str:
    """Only the literal's own quotation mark is escaped; every other backslash is a character."""
    mark, inside = literal[0], literal[1:-1]
    if "\\" not in inside:
        return inside
    return re.sub(r"\\(.)", lambda pair: pair[1] if pair[1] == mark else pair[0], inside, flags=re.DOTALL)


def _refuse(text: str, position: int) -> NoReturn:
    character = text[position]
    hint = _HINTS.get(character)
    raise InvalidFilter(f"unexpected {character!r}" + (f": {hint}" if hint else ""), position=position + 1)
