"""Durations, sizes and rates: text in documents (``15s``, ``256KiB``, ``100/s``), numbers in code."""

import re
from math import isfinite
from typing import ClassVar, Self

from bridge.errors import InvalidConfig


class _Unit:
    """Parses ``<number><unit>`` by the units of the subclass; remembers nothing of the spelling.

    A subclass of a unit may set limits, spelled as users would: ``least``, ``most``; empty: there is none.
    """

    units: ClassVar[dict[str, float]]
    wanted: ClassVar[str]
    least: ClassVar[str] = ""
    most: ClassVar[str] = ""

    @classmethod
    def number(cls, text: object) -> float:
        """The text in seconds, bytes or events per second, within the limits. Raises InvalidConfig."""
        value = cls._read(text)
        if cls.least and value < cls._read(cls.least):
            raise InvalidConfig(f"{text!r} is less than {cls.least}")
        if not isfinite(value) or (cls.most and value > cls._read(cls.most)):
            raise InvalidConfig(f"{_shortened(text)} is more than {cls.most or 'can be'}")
        return value

    @classmethod
    def _read(cls, text: object) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z/]+)", text) if isinstance(text, str) else None
        if match is None or match[2] not in cls.units:
            raise InvalidConfig(f"{_shortened(text)} is not {cls.wanted}")
        return float(match[1]) * cls.units[match[2]]


def _shortened(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= 100 else f"{shown[:100]}…"


class Duration(_Unit, float):
    """Seconds; written ``200ms``, ``30s``, ``15m``, ``12h``, ``7d``."""

    units: ClassVar[dict[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    wanted: ClassVar[str] = "a duration such as 200ms, 30s, 15m, 12h or 7d"

    @classmethod
    def parse(cls, text: object) -> Self:
        return cls(cls.number(text))


class Size(_Unit, int):
    """Bytes; written ``512B``, ``256KiB``, ``10GiB``."""

    units: ClassVar[dict[str, float]] = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
    wanted: ClassVar[str] = "a size such as 512B, 256KiB, 1MiB or 10GiB"

    @classmethod
    def parse(cls, text: object) -> Self:
        return cls(cls.number(text))


class Rate(_Unit, float):
    """Events per second; written ``100/s``, ``6000/m``, ``1000/h``."""

    units: ClassVar[dict[str, float]] = {"/s": 1, "/m": 1 / 60, "/h": 1 / 3600}
    wanted: ClassVar[str] = "a rate such as 100/s or 6000/m"

    @classmethod
    def parse(cls, text: object) -> Self:
        return cls(cls.number(text))


UNITS: tuple[type[Duration] | type[Size] | type[Rate], ...] = (Duration, Size, Rate)
