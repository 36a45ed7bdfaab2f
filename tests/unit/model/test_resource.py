"""Resources and their names."""

import pytest

from bridge.errors import InvalidConfig
from bridge.model.resource import Ref, Resource, check_name


@pytest.mark.parametrize("name", ["a", "9", "red-lights", "A_b", "x" * 127])
def test_names(name: str) -> None:
    """Letters, digits, underscore and dash, up to 127."""
    check_name(name, "$.name")


@pytest.mark.parametrize("name", ["", "-a", "_a", "a b", "a\n", "é", "x" * 128, "a/b"])
def test_other_names_are_refused_with_their_path(name: str) -> None:
    """The error names the member."""
    with pytest.raises(InvalidConfig, match="is not a name") as caught:
        check_name(name, "$.name")
    assert caught.value.path == "$.name"


def test_a_resource_is_named_by_its_ref() -> None:
    """Kind, bus and name; without a bus the bus is left out of the text."""
    assert str(Resource(kind="Rule", bus="traffic", name="red").ref) == "Rule traffic/red"
    assert str(Ref("Bus", "", "traffic")) == "Bus traffic"
