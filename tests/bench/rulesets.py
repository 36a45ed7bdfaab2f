"""Rule sets for the matcher's benchmark, all over the parcels of ``parcels.py``."""

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

from tests.bench.parcels import STREETS, ZONES, records

Rule = dict[str, Any]


def properties(**fields: list[Any]) -> Rule:
    return {"properties": {name.rstrip("_"): alternatives for name, alternatives in fields.items()}}


def corners(**fields: list[Any]) -> Rule:
    return {"corners": fields}


EXACT = [
    properties(street=["Lower Quay"], zone=["R1"]),
    properties(parcel=["0100007"]),
    properties(kind=["LN"], side=["E"], zone=["P7"]),
    properties(lot=["123"]),
    properties(street=["Königsallee", "東大通り"], side=["O"], kind=[None]),
]
PREFIX = [
    properties(street=[{"prefix": "Upper P"}]),
    properties(parcel=[{"prefix": "01234"}]),
    properties(zone=[{"prefix": "P"}], side=[{"prefix": "O"}]),
    properties(street=[{"prefix": "Ñan"}]),
    properties(lot=[{"prefix": "39"}, {"prefix": "28"}]),
]
SUFFIX = [
    properties(street=[{"suffix": "r Park"}]),
    properties(parcel=[{"suffix": "0077"}]),
    properties(zone=[{"suffix": "7"}], side=[{"suffix": "O"}]),
    properties(street=[{"suffix": "通り"}]),
    properties(lot=[{"suffix": "99"}, {"suffix": "01"}]),
]
IGNORE_CASE = [
    properties(street=[{"equals-ignore-case": "UPPER park"}]),
    properties(kind=[{"equals-ignore-case": "ave"}], side=[{"equals-ignore-case": "e"}]),
    properties(zone=[{"prefix": {"equals-ignore-case": "p"}}]),
    properties(street=[{"suffix": {"equals-ignore-case": "ORCHARD"}}]),
    properties(street=[{"equals-ignore-case": "königsALLEE"}]),
]
WILDCARD = [
    properties(street=[{"wildcard": "U*er P*k"}]),
    properties(parcel=[{"wildcard": "0*1*77"}]),
    properties(zone=[{"wildcard": "*7"}], side=[{"wildcard": "O*"}]),
    properties(street=[{"wildcard": "*l*g*d*"}]),
    properties(lot=[{"wildcard": "3*9"}]),
]
ANYTHING_BUT = [
    properties(zone=[{"anything-but": list(ZONES[:-1])}]),
    properties(side=[{"anything-but": "E"}], kind=[{"anything-but": ["ST", "AVE", "WAY", "LN"]}]),
    properties(zone=[{"anything-but": {"prefix": ["R", "C", "M"]}}], side=[{"anything-but": {"prefix": "E"}}]),
    properties(street=[{"anything-but": {"suffix": ["e", "k", "l", "y", "n", "r", "d", "a", "s", "t"]}}]),
    properties(street=[{"anything-but": {"wildcard": "*e*"}}]),
]
NUMERIC = [
    properties(area=[{"numeric": [">", 900]}]),
    properties(floors=[{"numeric": [">=", 28]}], area=[{"numeric": ["<", 200.5]}]),
    properties(from_=[{"numeric": [">", 100, "<=", 160]}]),
    properties(to=[{"numeric": ["=", 2000]}]),
    properties(floors=[7], area=[{"numeric": [">=", 500, "<", 510.25]}]),
]
CIDR = [
    properties(gateway=[{"cidr": "10.0.0.0/18"}]),
    properties(gateway=[{"cidr": "10.1.128.0/17"}], side=["E"]),
    properties(gateway=["10.2.3.4"]),
    properties(gateway=[{"cidr": "10.3.7.0/24"}]),
    properties(gateway=[{"cidr": "2001:db8::/32"}]),
]
EXISTS = [
    {"geometry": {"coordinates": [{"exists": True}]}, "properties": {"note": [{"exists": True}]}},
    properties(note=[{"exists": False}], kind=[{"exists": False}]),
    properties(archived=[{"exists": True}]),
    {"owner": {"name": [{"exists": True}]}},
    properties(gateway=[{"exists": True}], lot=["007"]),
]
ARRAYS = [
    corners(mark=["stone"], x=[{"numeric": [">", 55]}]),
    corners(mark=["pipe"], y=[{"numeric": ["<", 3]}]),
    corners(x=[{"numeric": [">=", 30, "<", 30.5]}], y=[7, 8, 9]),
    corners(mark=[{"anything-but": ["stone", "pin", "pipe"]}], y=[59]),
    corners(mark=["pin"], y=[{"numeric": ["=", 30]}], z=[{"exists": False}]),
]
OR = [
    {"type": ["parcel"], "$or": [properties(zone=["R1"], side=["E"]), properties(kind=["PL"], lot=["007"])]},
    {"properties": {"side": ["O"], "$or": [{"zone": ["C1"]}, {"floors": [29]}, {"street": [{"prefix": "Old P"}]}]}},
    {"$or": [properties(parcel=["0000001"]), {"properties": {"$or": [{"lot": ["100"]}, {"lot": ["200"]}]}}]},
    {"$or": [{"id": [{"suffix": "777"}]}, {"geometry": {"type": ["Point"]}}], "properties": {"side": ["E"]}},
    {"properties": {"$or": [{"area": [{"numeric": [">", 950]}]}, {"from": [{"numeric": ["<", 3]}]}], "side": ["E"]}},
]
KINDS: dict[str, list[Rule]] = {
    "exact": EXACT,
    "prefix": PREFIX,
    "suffix": SUFFIX,
    "ignore-case": IGNORE_CASE,
    "wildcard": WILDCARD,
    "anything-but": ANYTHING_BUT,
    "numeric": NUMERIC,
    "cidr": CIDR,
    "exists": EXISTS,
    "arrays of objects": ARRAYS,
    "nested $or": OR,
}
MIXED = [rule for kind in KINDS if kind not in {"cidr", "nested $or"} for rule in KINDS[kind]]
"""45 rules."""


def two_fields(count: int, seed: int = 11) -> list[Rule]:
    """Rules of two exact fields; the records' own streets, and lots of which some occur."""
    chance = random.Random(seed)
    found: dict[tuple[str, str], None] = {}
    while len(found) < count:
        found.setdefault((chance.choice(STREETS), f"{chance.randrange(4_000):04}{chance.randrange(1, 400):03}"))
    return [properties(street=[street], parcel=[parcel]) for street, parcel in found]


def two_fields_dense(count: int) -> list[Rule]:
    """Rules of two exact fields with few values each: every event gets near many of them."""
    return [
        properties(street=[STREETS[number % len(STREETS)]], lot=[f"{number // len(STREETS):03}"])
        for number in range(count)
    ]


def beside_exact(count: int, seed: int = 13) -> list[Rule]:
    """Rules of one exact field and another operator."""
    chance = random.Random(seed)
    others: list[Callable[[], Rule]] = [
        lambda: {"street": [{"prefix": chance.choice(STREETS)[:4]}]},
        lambda: {"zone": [{"suffix": str(chance.randrange(1, 8))}]},
        lambda: {"area": [{"numeric": [">", chance.randrange(60, 900)]}]},
        lambda: {"street": [{"wildcard": f"*{chance.choice(STREETS)[-3:]}*"}]},
        lambda: {"kind": [{"anything-but": [chance.choice(("ST", "AVE", "WAY"))]}]},
        lambda: {"note": [{"exists": chance.random() < 0.5}]},
    ]
    return [{"properties": {"lot": [f"{n % 1_250:03}"], **chance.choice(others)()}} for n in range(count)]


def many_fields(count: int, fields: int, seed: int = 17) -> list[Rule]:
    """Rules of two exact fields out of many."""
    chance = random.Random(seed)
    return [
        {"values": {f"field{a}": [f"v{chance.randrange(50)}"], f"field{b}": [f"v{chance.randrange(50)}"]}}
        for a, b in (chance.sample(range(fields), 2) for _ in range(count))
    ]


def many_fields_records(count: int, fields: int, seed: int = 19) -> list[bytes]:
    """Records that have 20 of many fields."""
    chance = random.Random(seed)
    return [
        json.dumps(
            {"id": n, "values": {f"field{f}": f"v{chance.randrange(50)}" for f in chance.sample(range(fields), 20)}}
        ).encode()
        for n in range(count)
    ]


def changing_shapes(count: int, seed: int = 23) -> list[bytes]:
    """Parcels that each lack, repeat as arrays, or null some of their parts."""
    chance = random.Random(seed)
    return [json.dumps(_bend(chance, record), ensure_ascii=False).encode() for record in records(count, seed)]


def _bend(chance: random.Random, record: dict[str, Any]) -> dict[str, Any]:
    inside = record["properties"]
    for name in list(inside):
        way = chance.randrange(16)
        if way == 0:
            del inside[name]
        elif way == 1:
            inside[name] = None
        elif way == 2:
            inside[name] = [inside[name]]
        elif way == 3:
            inside[name] = {"value": inside[name]}
    way = chance.randrange(8)
    if way == 0:
        record["properties"] = [inside]
    elif way == 1:
        del record["properties"]
    members = list(record.items())
    chance.shuffle(members)
    return dict(members)


def texts_of(rules: Iterable[Rule]) -> list[str]:
    return [json.dumps(rule, ensure_ascii=False) for rule in rules]
