"""Paths of errors."""

import pytest

from bridge.controlplane.paths import below, child, document
from bridge.errors import InvalidConfig, StoreUnavailable


def test_errors_move_below_where_the_part_is() -> None:
    """Blocks nest from the root to the part."""
    with pytest.raises(InvalidConfig) as caught, document(1, 2), below("$.spec"), below("$.targets[0]"):
        raise InvalidConfig("bad", path="$.kind")
    assert caught.value.path == "$[1].spec.targets[0].kind"


def test_a_single_document_has_no_number() -> None:
    """Its paths begin at the root."""
    with pytest.raises(InvalidConfig) as caught, document(0, 1):
        raise InvalidConfig("bad", path="$.kind")
    assert caught.value.path == "$.kind"


def test_errors_that_are_not_the_inputs_get_no_path() -> None:
    """A store that is down is nobody's member."""
    with pytest.raises(StoreUnavailable) as caught, document(1, 2), below("$.spec"):
        raise StoreUnavailable
    assert caught.value.path is None


def test_odd_names_stand_in_brackets() -> None:
    """As RFC 9535 wants it."""
    assert child("$", "a_1") == "$.a_1"
    assert child("$", "x-light") == '$["x-light"]'
    assert child("$", "") == '$[""]'
    assert child("$", "1a") == '$["1a"]'
