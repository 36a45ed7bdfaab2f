"""Operators that nothing satisfies, and operators that everything does: the cases that can be seen without an event."""

from bridge.rules.operators.affix import Contains, Prefix, Suffix
from bridge.rules.operators.anything_but import AnythingBut
from bridge.rules.operators.base import Operator
from bridge.rules.operators.cidr import Cidr
from bridge.rules.operators.exact import Equals, EqualsAddress, EqualsNumber
from bridge.rules.operators.exists import Exists
from bridge.rules.operators.ignore_case import EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase
from bridge.rules.operators.numeric import Numeric
from bridge.rules.operators.table import AllOf
from bridge.rules.operators.wildcard import Wildcard

_OF_TEXT = (
    Contains,
    Prefix,
    Suffix,
    Cidr,
    EqualsAddress,
    EqualsIgnoreCase,
    PrefixIgnoreCase,
    SuffixIgnoreCase,
    Wildcard,
)
_OF_NUMBERS = (Numeric, EqualsNumber)


def accepts_text(operator: Operator) -> bool:
    """Whether some string may satisfy it."""
    if isinstance(operator, AllOf):
        return all(accepts_text(part) for part in operator.operators)
    if isinstance(operator, Equals):
        return isinstance(operator.value, str)
    return not isinstance(operator, _OF_NUMBERS)


def is_contradiction(operator: Operator) -> bool:
    """Whether several operators in one object exclude each other. False where that cannot be seen."""
    if not isinstance(operator, AllOf):
        return False
    parts = operator.operators
    exact = next((part.value for part in parts if isinstance(part, Equals)), None)
    if isinstance(exact, str):
        return not operator.holds(exact)
    if any(isinstance(part, _OF_NUMBERS) for part in parts) and any(isinstance(part, _OF_TEXT) for part in parts):
        return True
    refused = [inner for part in parts if isinstance(part, AnythingBut) for inner in part.refused]
    return any(_excludes(inner, part) for inner in refused for part in parts)


def _excludes(refused: Operator, wanted: Operator) -> bool:
    """Whether everything that ``wanted`` accepts is refused."""
    if isinstance(refused, Prefix) and isinstance(wanted, Prefix):
        return wanted.text.startswith(refused.text)
    if isinstance(refused, Suffix) and isinstance(wanted, Suffix):
        return wanted.text.endswith(refused.text)
    if isinstance(refused, EqualsNumber) and isinstance(wanted, Numeric):
        return wanted.low == wanted.high == refused.number.value
    return False


def is_tautology(operator: Operator, *, text: bool) -> bool:
    """Whether every value (every string, if ``text``) satisfies it."""
    if isinstance(operator, Exists):
        return True
    if isinstance(operator, AllOf):
        return all(is_tautology(part, text=text) for part in operator.operators)
    return text and (
        (isinstance(operator, Prefix | Suffix | PrefixIgnoreCase | SuffixIgnoreCase) and not operator.text)
        or (isinstance(operator, Wildcard) and operator.pieces == ("", ""))
    )
