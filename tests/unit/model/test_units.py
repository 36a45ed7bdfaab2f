"""Durations, sizes, rates."""

import pytest

from bridge.errors import InvalidConfig
from bridge.model.units import Duration, Rate, Size


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(Duration, "200ms", 0.2), (Duration, "7d", 604800), (Duration, "1.5m", 90), (Size, "256KiB", 262144),
     (Size, "10GiB", 10 * 2**30), (Rate, "100/s", 100), (Rate, "6000/m", 100)],
)  # fmt: skip
def test_text_becomes_a_number(kind: type, text: str, value: float) -> None:
    """Each unit has its factor."""
    assert kind.parse(text) == pytest.approx(value)


@pytest.mark.parametrize("kind", [Duration, Size, Rate])
@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1 fortnight", 5, None, "1e3s", "1s ", "٣s" * 2])
def test_anything_else_is_refused(kind: type, text: object) -> None:
    """The error shows the text and what would have been right."""
    with pytest.raises(InvalidConfig, match="such as"):
        kind.parse(text)
