"""How much work one question may cost: counted, not timed, so that the same question always gets the same answer."""

from bridge.errors import TooLarge

MAX_STEPS = 10_000_000
"""A step is one comparison of a value with an alternative, about 150 ns: a question ends within two seconds or so."""


class Effort:
    """What is left of the steps of one question."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self._steps = self._left = steps

    def spend(self, steps: int) -> None:
        """Before doing so much work. Raises TooLarge when it would be more than is left."""
        self._left -= steps
        if self._left < 0:
            raise TooLarge(
                f"this would take more than {self._steps:,} comparisons; ask with a smaller pattern or a smaller event"
            )
