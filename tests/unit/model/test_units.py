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


class Nap(Duration):
    least, most = "1s", "1h"


def test_a_unit_may_have_limits() -> None:
    """Both are allowed themselves; the error names the limit as users write it."""
    assert [Nap.parse(text) for text in ("1s", "60m")] == [1, 3600]
    with pytest.raises(InvalidConfig, match=r"'999ms' is less than 1s"):
        Nap.parse("999ms")
    with pytest.raises(InvalidConfig, match=r"'61m' is more than 1h"):
        Nap.parse("61m")


@pytest.mark.parametrize("kind", [Duration, Size, Rate, Nap])
def test_what_no_number_can_hold_is_refused(kind: type) -> None:
    """And is not shown whole."""
    unit = max(kind.units, key=kind.units.__getitem__)
    with pytest.raises(InvalidConfig, match="is more than") as caught:
        kind.parse("9" * 400 + unit)
    assert len(caught.value.reason) < 150
