"""``exists``: whether there is a leaf at all. ``Absent`` is the one operator that no value can satisfy."""

from bridge.rules.jsontext import Json, Scalar
from bridge.rules.operators.base import BOTH, Operator, Site, Unit, kind_of


class Exists(Operator, frozen=True):
    """Any leaf, null included."""

    def holds(self, value: Scalar) -> bool:
        return True

    @property
    def wanted(self) -> str:
        return "any value"


class Absent(Operator, frozen=True):
    """No leaf that agrees with the array elements chosen so far (evaluated by the matcher, not on a value)."""

    def holds(self, value: Scalar) -> bool:
        return False

    @property
    def wanted(self) -> str:
        return "no value"


def _parse(argument: Json, at: Site) -> Operator:
    if not isinstance(argument, bool):
        at.refuse(f"`exists` takes true or false, not {kind_of(argument)}")
    return Exists() if argument else Absent()


EXISTS = Unit("exists", BOTH, _parse)
