"""JSONPath (RFC 9535). Paths to one value are compiled to a plain key walk, the rest run on the engine jsonpath-rfc9535.

Three spellings are read: ``RFC`` as the standard has it; ``BRIDGE``, which may leave out ``$.`` and takes what
jsonpath-ng writes where it can mean only one thing; ``VENDOR``, which also takes what the cloud products allow.
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError, JSONPathQuery
from jsonpath_rfc9535.node import JSONPathNode
from jsonpath_rfc9535.parse import Parser
from jsonpath_rfc9535.segments import JSONPathChildSegment, JSONPathRecursiveDescentSegment, JSONPathSegment
from jsonpath_rfc9535.selectors import IndexSelector, NameSelector
from jsonpath_rfc9535.tokens import TokenStream

from bridge.errors import InvalidTransform
from bridge.rules.allowance import allowed, visit
from bridge.rules.regexp import Matching

Step = str | int
Steps = tuple[Step, ...]


class Spelling(Enum):
    """How strictly a path must be written."""

    RFC = "rfc"
    BRIDGE = "bridge"
    VENDOR = "vendor"


class Path:
    """A compiled path. ``steps`` are its names and indices when it leads to at most one value, else None.

    Compared and hashed by identity: compile_path gives the same object for the same text, so that a Path is a cheap
    key for what is cached per event.
    """

    __slots__ = ("_query", "last", "parent", "steps", "text")

    def __init__(self, text: str, query: JSONPathQuery) -> None:
        self.text = text
        self.steps = _steps(query)
        self.parent: Steps = (self.steps or ())[:-1]
        """All steps but the last one."""
        self.last: Step | None = self.steps[-1] if self.steps else None
        self._query = query

    @property
    def head(self) -> Step | None:
        """The name of the root's member that the path starts with; None when it may be any."""
        segment = self._query.segments[0] if self._query.segments else None
        return None if segment is None else _only_step(segment)

    def find(self, document: Any) -> list[Any]:
        """The values it selects in decoded JSON, in the order of RFC 9535. Raises InvalidTransform when too deep."""
        if self.steps is not None:
            return [value for _, value in _walk(document, self.steps)]
        return [node.value for node in self._nodes(document)]

    def locate(self, document: Any) -> list[Steps]:
        """Where the selected values lie, in the same order."""
        if self.steps is not None:
            return [place for place, _ in _walk(document, self.steps)]
        return [node.location for node in self._nodes(document)]

    def _nodes(self, document: Any) -> list[Any]:
        try:
            with allowed():
                nodes = list(islice(self._query.finditer(document), MAX_RESULTS + 1))
                visit(_VISITS_OF_A_RESULT * len(nodes))
        except InvalidTransform as error:
            raise InvalidTransform(f"the path {_shown(self.text)} cannot be followed: {error.reason}") from error
        except (JSONPathError, RecursionError) as error:
            raise InvalidTransform(f"the path {self.text} cannot be followed: {error}") from error
        if len(nodes) > MAX_RESULTS:
            raise InvalidTransform(f"the path {self.text} selects more than {MAX_RESULTS} values")
        return nodes


class _Child(JSONPathChildSegment):
    """Counts what it looks at."""

    def resolve(self, nodes: Iterable[JSONPathNode]) -> Iterable[JSONPathNode]:
        return super().resolve(map(_count_one if _only_step(self) is not None else _count_all, nodes))


class _Descent(JSONPathRecursiveDescentSegment):
    """Counts what it looks at."""

    def _visit(self, node: JSONPathNode, depth: int = 1) -> Iterable[JSONPathNode]:
        return super()._visit(_count_all(node), depth)


def _count_one(node: JSONPathNode) -> JSONPathNode:
    visit(1)
    return node


def _count_all(node: JSONPathNode) -> JSONPathNode:
    visit(1 + len(node.value) if isinstance(node.value, dict | list) else 1)
    return node


class _Parser(Parser):
    def parse_query(self, stream: TokenStream, *, in_filter: bool = False) -> Iterable[JSONPathSegment]:
        for segment in super().parse_query(stream, in_filter=in_filter):
            counting = _Descent if isinstance(segment, JSONPathRecursiveDescentSegment) else _Child
            yield counting(env=segment.env, token=segment.token, selectors=segment.selectors)


class _Environment(JSONPathEnvironment):
    parser_class = _Parser
    max_recursion_depth = 400  # nesting that `..` follows; one Python frame each

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions |= {"match": Matching(whole=True), "search": Matching(whole=False)}


_ENVIRONMENT = _Environment()
MAX_RESULTS = 10_000
_VISITS_OF_A_RESULT = 4
"""Its text is cut out of the event afterwards."""
MAX_LENGTH = 4_096
"""Characters of a path."""


@lru_cache(maxsize=4096)
def compile_path(text: str, spelling: Spelling = Spelling.BRIDGE) -> Path:
    """Read a path. Raises InvalidTransform that says where it stops making sense."""
    if not text.strip():
        raise InvalidTransform("a path is needed, such as $.data.id")
    if len(text) > MAX_LENGTH:
        raise InvalidTransform(f"a path of {len(text)} characters is too long; at most {MAX_LENGTH}")
    standard, places = (text, range(len(text))) if spelling is Spelling.RFC else _respell(text, spelling)
    try:
        query = _ENVIRONMENT.compile(standard)
    except JSONPathError as error:
        reason = str(error.args[0]).rstrip(".") if error.args else "not understood"
        at = error.token.index if error.token is not None else 0
        place = places[at] if at < len(places) else len(text)
        raise InvalidTransform(f"{_shown(text)} is not a JSONPath: {reason} (at character {place + 1})") from error
    except (RecursionError, ValueError) as error:
        raise InvalidTransform(f"{_shown(text)} is not a JSONPath: {error}") from error
    return Path(text, query)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


_BRACKET = r"""\[(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^'"\[\]])*\]"""
_NAME = {Spelling.BRIDGE: r"[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff-]*", Spelling.VENDOR: r"[\w\x80-\U0010ffff/-]+"}
_SEGMENT = {
    spelling: re.compile(
        rf"(?P<dots>\.\.?)?(?:(?P<name>{name})|(?P<quoted>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<rest>\*|{_BRACKET}))"
    )
    for spelling, name in _NAME.items()
}
_SHORTHAND = re.compile(r"[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*")


def _respell(text: str, spelling: Spelling) -> tuple[str, Sequence[int]]:
    """Into the standard's spelling, and for each character of it the place in ``text`` that it stems from.

    What is not understood stays as it is, so that the parser complains about it.
    """
    standard, places = "$", [0]
    position = 1 if text.startswith("$") else 0
    while (found := _SEGMENT[spelling].match(text, position)) is not None:
        if found["dots"] is None and found["rest"] in {None, "*"} and position > 0:
            break
        piece = _segment(found)
        standard += piece
        places += [min(position + index, found.end() - 1) for index in range(len(piece))]
        position = found.end()
    return standard + text[position:], [*places, *range(position, len(text))]


def _segment(found: re.Match[str]) -> str:
    """One segment in the standard's spelling."""
    dots = found["dots"] or ""
    name, rest = found["name"], found["rest"]
    if rest == "*" or (name is not None and _SHORTHAND.fullmatch(name)):
        return (dots or ".") + (rest or name)
    bracketed = rest or f"[{found['quoted'] or quoted(name)}]"
    return dots + bracketed if dots == ".." else bracketed


def quoted(name: str) -> str:
    """A name as a quoted member of a path."""
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _steps(query: JSONPathQuery) -> Steps | None:
    steps = [_only_step(segment) for segment in query.segments]
    return None if None in steps else tuple(step for step in steps if step is not None)


def _only_step(segment: Any) -> Step | None:
    if not isinstance(segment, JSONPathChildSegment) or len(segment.selectors) != 1:
        return None
    selector = segment.selectors[0]
    if isinstance(selector, NameSelector):
        return selector.name
    return selector.index if isinstance(selector, IndexSelector) else None


def _walk(value: Any, steps: Steps) -> list[tuple[Steps, Any]]:
    """The value that single steps lead to, with its place; indices from the end are counted from the start there."""
    place: list[Step] = []
    for step in steps:
        if type(step) is int and type(value) is list and -len(value) <= step < len(value):
            place.append(step % len(value))
        elif type(step) is str and type(value) is dict and step in value:
            place.append(step)
        else:
            return []
        value = value[step]
    return [(tuple(place), value)]
