"""Tokens into a tree, by precedence (section 3.6 of the specification).

From tight to loose: functions; ``NOT`` and ``-`` before one operand; ``LIKE`` and ``IN`` behind one; ``* / %``; ``+ -``;
comparisons; ``AND OR XOR``, which are one level, from left to right. So ``NOT a LIKE 'x'`` is ``(NOT a) LIKE 'x'``.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from bridge.errors import InvalidFilter
from bridge.rules.cesql.like import parse_like
from bridge.rules.cesql.tokens import Token, TokenKind, tokenize
from bridge.rules.cesql.tree import (
    LEVEL_COUNT,
    LEVELS,
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Constant,
    Exists,
    Expression,
    In,
    Like,
    Logic,
    Negative,
    Node,
    Not,
)
from bridge.rules.cesql.values import HIGHEST, LOWEST

MAX_SIZE = 64 * 1024
"""Characters of an expression."""
MAX_NESTING = 50
"""Parentheses, function calls and signs inside each other: the parser's own recursion."""
MAX_HEIGHT = 100
"""Levels of the tree, everything counted: the recursion of what compiles and evaluates it."""
_CHAINS: tuple[Callable[..., Node], ...] = (Logic, Comparison, Arithmetic, Arithmetic)


def parse_sql(text: str) -> Expression:
    """Read an expression. Raises InvalidFilter with the position of what is wrong."""
    if len(text) > MAX_SIZE:
        raise InvalidFilter(f"longer than {MAX_SIZE:,} characters")
    root = _Parser(tokenize(text)).whole()
    if _is_higher(root, MAX_HEIGHT):
        raise InvalidFilter(f"nested more than {MAX_HEIGHT} levels deep")
    return Expression(root)


def _is_higher(root: Node, height: int) -> bool:
    level: list[Node] = [root]
    for _ in range(height):
        level = [child for node in level for child in node.children()]
        if not level:
            return False
    return True


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = iter(tokens)
        self._token = next(self._tokens)
        self._nesting = 0

    def whole(self) -> Node:
        root = self._chain(0)
        if self._token.kind is not TokenKind.END:
            self._refuse("an operator or the end")
        return root

    def _chain(self, level: int) -> Node:
        """Operands joined by operators of one level, or the only operand."""
        if level == LEVEL_COUNT:
            return self._operand()
        first = self._chain(level + 1)
        steps = []
        while self._is_operator() and LEVELS.get(self._token.text) == level:
            operator = self._take().text
            steps.append((operator, self._chain(level + 1)))
        return _CHAINS[level](first, tuple(steps)) if steps else first

    def _is_operator(self) -> bool:
        return self._token.kind in {TokenKind.KEYWORD, TokenKind.SIGN}

    def _operand(self) -> Node:
        """An operand with what stands behind it: LIKE and IN, with NOT or without."""
        node = self._unary()
        while True:
            negated = self._accept(TokenKind.KEYWORD, "NOT")
            if self._accept(TokenKind.KEYWORD, "LIKE"):
                node = Like(node, self._pattern(), negated)
            elif self._accept(TokenKind.KEYWORD, "IN"):
                node = In(node, self._list(), negated)
            elif negated:
                self._refuse("LIKE or IN behind NOT")
            else:
                return node

    def _pattern(self) -> str:
        if self._token.kind is not TokenKind.STRING:
            self._refuse("a string behind LIKE")
        token = self._take()
        try:
            parse_like(token.text)
        except InvalidFilter as error:
            raise InvalidFilter(error.reason, position=token.start + 1) from error
        return token.text

    def _list(self) -> tuple[Node, ...]:
        """One or more expressions in parentheses."""
        if not self._accept(TokenKind.SIGN, "("):
            self._refuse("a list in parentheses behind IN")
        return self._rest_of_list()

    def _rest_of_list(self) -> tuple[Node, ...]:
        nodes = [self._nested()]
        while self._accept(TokenKind.SIGN, ","):
            nodes.append(self._nested())
        self._close()
        return tuple(nodes)

    def _unary(self) -> Node:
        if self._accept(TokenKind.KEYWORD, "NOT"):
            return Not(self._deeper(self._unary))
        sign = self._token
        if sign.kind is TokenKind.SIGN and sign.text in {"+", "-"}:
            self._take()
            if self._token.kind is TokenKind.INTEGER and self._token.start == sign.end:
                return self._integer(sign.text)
            if sign.text == "-":
                return Negative(self._deeper(self._unary))
            self._refuse("digits behind the sign +")
        return self._primary()

    def _primary(self) -> Node:
        token = self._token
        match token.kind:
            case TokenKind.INTEGER:
                return self._integer("")
            case TokenKind.STRING:
                return Constant(self._take().text)
            case TokenKind.WORD:
                return self._named(self._take())
            case TokenKind.KEYWORD if token.text in {"TRUE", "FALSE"}:
                return Constant(self._take().text == "TRUE")
            case TokenKind.KEYWORD if token.text == "EXISTS":
                self._take()
                return Exists(self._name())
        if not self._accept(TokenKind.SIGN, "("):
            self._refuse("a value")
        node = self._nested()
        self._close()
        return node

    def _named(self, word: Token) -> Node:
        """A function that is called, or an attribute."""
        if not self._accept(TokenKind.SIGN, "("):
            return Attribute(_attribute_name(word))
        if any(character.isdecimal() for character in word.text):
            raise InvalidFilter(f"`{word.text}` is no name of a function", position=word.start + 1)
        if self._accept(TokenKind.SIGN, ")"):
            return Call(word.text.upper(), ())
        return Call(word.text.upper(), self._rest_of_list())

    def _name(self) -> str:
        if self._token.kind is not TokenKind.WORD:
            self._refuse("the name of an attribute behind EXISTS")
        return _attribute_name(self._take())

    def _integer(self, sign: str) -> Node:
        token = self._take()
        digits = token.text.lstrip("0") or "0"
        value = int(sign + digits) if len(digits) <= 10 else HIGHEST + 1
        if not LOWEST <= value <= HIGHEST:
            raise InvalidFilter("this integer does not fit in 32 bits", position=token.start + 1)
        return Constant(value)

    def _nested(self) -> Node:
        return self._deeper(lambda: self._chain(0))

    def _deeper(self, read: Callable[[], Node]) -> Node:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise InvalidFilter(f"nested more than {MAX_NESTING} levels deep", position=self._token.start + 1)
        node = read()
        self._nesting -= 1
        return node

    def _close(self) -> None:
        if not self._accept(TokenKind.SIGN, ")"):
            self._refuse("`)`")

    def _accept(self, kind: TokenKind, text: str) -> bool:
        if self._token.kind is not kind or self._token.text != text:
            return False
        self._take()
        return True

    def _take(self) -> Token:
        token, self._token = self._token, next(self._tokens, self._token)
        return token

    def _refuse(self, expected: str) -> NoReturn:
        token = self._token
        found = "the expression ends" if token.kind is TokenKind.END else f"found {_shown(token)}"
        raise InvalidFilter(f"expected {expected}, but {found}", position=token.start + 1)


def _attribute_name(word: Token) -> str:
    if "_" in word.text:
        raise InvalidFilter(
            f"no attribute is named `{word.text}`: names are letters and digits", position=word.start + 1
        )
    return word.text.lower()


def _shown(token: Token) -> str:
    text: Any = token.text if len(token.text) <= 40 else f"{token.text[:40]}…"
    return f"the string {text!r}" if token.kind is TokenKind.STRING else f"`{text}`"
