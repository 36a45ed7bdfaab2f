"""``match()`` and ``search()`` of JSONPath filters (RFC 9535, section 2.4): I-Regexp, in bounded time.

The functions that come with jsonpath-rfc9535 can be made to run for hours by an event of forty letters.
"""

import time
from functools import lru_cache
from typing import Any

import regex
from iregexp_check import check
from jsonpath_rfc9535.function_extensions import ExpressionType, FilterFunction

from bridge.errors import InvalidTransform
from bridge.rules.allowance import regexp_left_s, spend_regexp


class Matching(FilterFunction):
    """``match`` (the whole string) or ``search`` (some part of it)."""

    arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - declared so by the base class
    return_type = ExpressionType.LOGICAL

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def __call__(self, text: object, pattern: object) -> bool:
        """False for what is no string and no I-Regexp. Raises InvalidTransform when the time for it is spent."""
        compiled = _compile(pattern) if isinstance(pattern, str) else None
        if compiled is None or not isinstance(text, str):
            return False
        began = time.perf_counter()
        try:
            find = compiled.fullmatch if self._whole else compiled.search
            return find(text, timeout=max(regexp_left_s(), 0.001)) is not None
        except TimeoutError as error:
            raise InvalidTransform(f"the regular expression {pattern!r} takes too long for this event") from error
        finally:
            spend_regexp(time.perf_counter() - began)


@lru_cache(maxsize=512)
def _compile(pattern: str) -> Any:
    """None when it is no I-Regexp (RFC 9485), or not one that can be run."""
    if not check(pattern):
        return None
    try:
        return regex.compile(_translate(pattern), regex.VERSION1)
    except (regex.error, RecursionError):
        return None


def _translate(pattern: str) -> str:
    """In an I-Regexp a dot is any character but the ends of lines (RFC 9485, section 5.3)."""
    translated: str = _TOKEN.sub(lambda found: r"[^\n\r]" if found[0] == "." else found[0], pattern)
    return translated


_TOKEN = regex.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\.", regex.DOTALL)
