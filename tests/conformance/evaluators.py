"""The evaluators that every filter case runs on, by name: pattern text and event text in, matched or not out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bridge.model.rule import Dialect
from bridge.rules import oracle
from bridge.rules.document import read_document
from bridge.rules.matcher import compile_matcher
from bridge.rules.pattern import parse_pattern

DATA = Path(__file__).resolve().parents[3] / "shared" / "conformance"


def ask_oracle(pattern: bytes, event: bytes, dialect: Dialect) -> bool:
    return oracle.matches(parse_pattern(pattern, dialect), read_document(event))


def ask_matcher(pattern: bytes, event: bytes, dialect: Dialect) -> bool:
    [found] = compile_matcher([("rule", parse_pattern(pattern, dialect))]).match_documents([event])
    return bool(found)


EVALUATORS: dict[str, Callable[[bytes, bytes, Dialect], bool]] = {"oracle": ask_oracle, "matcher": ask_matcher}


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a data file; ``pattern`` and ``event`` stay text, so that numbers keep their spelling."""
    path = DATA / name
    if not path.is_file():
        return []
    kept = ("pattern", "event")
    return [
        {key: bytes(raw) if key in kept else msgspec.json.decode(raw) for key, raw in case.items()}
        for case in msgspec.json.decode(path.read_bytes(), type=list[dict[str, msgspec.Raw]])
    ]
