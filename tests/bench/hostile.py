"""Patterns and events made to be slow, each with the time that one event may take at most."""

import json
import random
from collections.abc import Iterator

from tests.bench.rulesets import Rule

Hostile = tuple[str, list[Rule], bytes, int]


def hostile_cases() -> Iterator[Hostile]:
    """(name, rules, event, bound in ms)."""
    star = [{"a": [{"wildcard": "*".join(["", *(["a"] * 60), "b"])}]}]
    yield "wildcard of 60 stars, 64 KiB of a", star, _text({"a": "a" * 65_536}), 5
    many = [{"a": [{"wildcard": f"*{n}*a*b*c*{n}*"}]} for n in range(1_000)]
    yield "1,000 wildcards, a text of 4 KiB", many, _text({"a": "abc" * 1_365}), 20
    pairs = [{"rows": {"x": [n], "y": [n + 1]}} for n in range(50)]
    rows = [{"x": n % 50, "y": n % 50} for n in range(1_000)]
    yield "1,000 elements, 50 rules on two fields", pairs, _text({"rows": rows}), 20
    yield "1,000 elements in four arrays, absent", [_absent()], _text(_four_arrays()), 30
    nested = b'{"a":' * 450 + b"1" + b"}" * 450
    yield "450 objects deep", [{"a": {"a": {"a": [1]}}}], nested, 5
    deep = b'{"a":' + b"[" * 450 + b'{"x":1}' + b"]" * 450 + b"}"
    yield "450 arrays deep", [{"a": {"x": [1], "y": [2]}}], deep, 10
    exact = [{"a": {"b": {"x": [1], "y": [2]}, "c": {"z": [3]}}}]
    yield "64 KiB read exactly, nested arrays", exact, _text({**_nested(45), "a.b": 0}), 300
    yield "100,000 brackets", [{"a": [1]}], b'{"a":' + b"[" * 100_000, 50
    yield "names with dots", [{"a": {"b": {"c": {"d": [1]}}}}], _text({"a.b": {"c.d": 1, **_padding(200)}}), 5
    yield "repeated names that pose a puzzle", [_puzzle_rule(170)], _puzzle(40, 170), 1_000
    yield "200 KiB of numbers under a name", [{"a": {"x": [1]}}], _text({"a": list(range(30_000))}), 20
    yield "a number of 5,000 digits", [{"a": [{"numeric": [">", 1]}]}], b'{"a":' + b"1" * 5_000 + b"}", 5
    yield "1,000 values of one field in $or", [_wide_or()], _text({"a": "v999", "b": "w999"}), 5


def _text(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _padding(count: int) -> dict[str, int]:
    return {f"p{number}": number for number in range(count)}


def _absent() -> Rule:
    return {name: {"x": [1], "y": [{"exists": False}]} for name in "abcd"}


def _four_arrays() -> dict[str, list[dict[str, int]]]:
    return {name: [{"x": 1, "y": 2} for _ in range(1_000)] for name in "abcd"}


def _nested(count: int) -> dict[str, object]:
    inner = {"b": [{"x": 1, "y": 1}] * count, "c": [{"z": 2}] * count}
    return {"a": [inner] * count}


def _puzzle_rule(clauses: int) -> Rule:
    return {"a": {f"c{number}": [1] for number in range(clauses)}}


def _puzzle(variables: int, clauses: int) -> bytes:
    """One path through many arrays of one name: of each, one of two elements is to be chosen, to satisfy all clauses."""
    chance = random.Random(5)
    chosen = [[(v, chance.random() < 0.5) for v in chance.sample(range(variables), 3)] for _ in range(clauses)]
    arrays = [
        [{f"c{n}": 1 for n, clause in enumerate(chosen) if (variable, side) in clause} for side in (True, False)]
        for variable in range(variables)
    ]
    return ("{" + ",".join(f'"a":{json.dumps(array)}' for array in arrays) + "}").encode()


def _wide_or() -> Rule:
    return {"$or": [{"a": [f"v{n}"], "b": [f"w{n}"]} for n in range(1_000)]}
