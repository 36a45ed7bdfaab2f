"""The table of operators, and the operator object: ``{"prefix": "a"}``, or several that must all hold."""

from difflib import get_close_matches
from typing import NoReturn

from bridge.rules.jsontext import Members, Scalar
from bridge.rules.operators.affix import CONTAINS, PREFIX, SUFFIX
from bridge.rules.operators.anything_but import ANYTHING_BUT
from bridge.rules.operators.base import ALIYUN, Operator, Site, Unit
from bridge.rules.operators.cidr import CIDR
from bridge.rules.operators.exact import EXACTLY
from bridge.rules.operators.exists import EXISTS, Absent
from bridge.rules.operators.ignore_case import EQUALS_IGNORE_CASE
from bridge.rules.operators.numeric import NUMERIC
from bridge.rules.operators.wildcard import WILDCARD

_UNITS = (
    EXACTLY,
    PREFIX,
    SUFFIX,
    CONTAINS,
    EQUALS_IGNORE_CASE,
    WILDCARD,
    ANYTHING_BUT,
    NUMERIC,
    CIDR,
    EXISTS,
)
OPERATORS: dict[str, Unit] = {unit.name: unit for unit in _UNITS}


class AllOf(Operator, frozen=True):
    """Several operators in one object: the same value satisfies every one. Never holds an Absent or another AllOf."""

    operators: tuple[Operator, ...]

    def holds(self, value: Scalar) -> bool:
        return all(operator.holds(value) for operator in self.operators)

    @property
    def wanted(self) -> str:
        return " and ".join(operator.wanted for operator in self.operators)


def parse_operators(members: Members, at: Site) -> Operator:
    """An operator object."""
    if not members:
        at.refuse('an operator object is not empty: write {"prefix": "a"}, for example')
    names = [name for name, _ in members]
    for name in names:
        if name not in OPERATORS:
            _refuse_unknown(name, at)
        at.require(f"`{name}`", OPERATORS[name].dialects)
    if len(names) > 1:
        at.require("an object with several operators", ALIYUN)
    if len(set(names)) < len(names):
        at.refuse("the same operator stands twice in one object")
    operators = tuple(OPERATORS[name].parse(argument, at.member(name)) for name, argument in members)
    if len(operators) == 1:
        return operators[0]
    if any(isinstance(operator, Absent) for operator in operators):
        at.refuse('{"exists": false} stands alone: a field that is absent has no value for other operators')
    return AllOf(operators)


def _refuse_unknown(name: str, at: Site) -> NoReturn:
    if name.lower() in OPERATORS:
        at.refuse(f"`{name}` is no operator: they are written in lower case, `{name.lower()}`")
    close = get_close_matches(name.lower(), OPERATORS, n=1)
    if close:
        at.refuse(f"`{name}` is no operator; did you mean `{close[0]}`?")
    at.refuse(f"`{name}` is no operator; there are {', '.join(f'`{known}`' for known in OPERATORS)}")
