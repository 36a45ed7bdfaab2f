"""Generated records for the matcher's benchmark: land parcels, about 650 bytes of JSON each, the same for one seed."""

import random
import re
from collections.abc import Iterator
from typing import Any

import msgspec

STREETS = (
    *("Alder", "Basin", "Cobalt", "Dune", "Elm", "Fjord", "Granite", "Harbour", "Iris", "Juniper", "Kestrel", "Lagoon"),
    *("Königsallee", "Lindenstraße", "Rue de l'Église", "Šafaříkova", "Øvre gate", "東大通り", "Улица Мира", "Ñandú"),
    *(f"{a} {b}" for a in ("Upper", "Lower", "Old", "New") for b in ("Mill", "Quay", "Park", "Orchard", "Ridge")),
)
KINDS = ("ST", "AVE", "WAY", "LN", "PL", None)
ZONES = tuple(f"{letter}{number}" for letter in "RCMP" for number in range(1, 8))
MARKS = ("stone", "pin", "pipe", "none")


def records(count: int, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Parcels with nested properties, arrays of arrays of numbers, arrays of objects, and names beyond ASCII."""
    chance = random.Random(seed)
    for number in range(count):
        yield _parcel(chance, number)


def texts(count: int, seed: int = 7, decimals: int = 0) -> list[bytes]:
    """The records as JSON; ``decimals``: digits that are put behind every fraction, so that doubles cannot hold it."""
    found = [msgspec.json.encode(record) for record in records(count, seed)]
    if decimals:
        more = rb"\g<0>" + b"123456789"[: decimals // 2] * 2
        found = [re.sub(rb"\.\d+", more, text) for text in found]
    return found


def _parcel(chance: random.Random, number: int) -> dict[str, Any]:
    block, lot = chance.randrange(4_000), chance.randrange(1, 400)
    house = chance.randrange(1, 3_000)
    west, south = -122.51 + chance.random() * 0.15, 37.71 + chance.random() * 0.1
    ring = [
        [round(west + chance.random() * 1e-3, 6), round(south + chance.random() * 1e-3, 6), 0.0]
        for _ in range(chance.randrange(3, 6))
    ]
    properties: dict[str, Any] = {
        "block": f"{block:04}",
        "lot": f"{lot:03}",
        "parcel": f"{block:04}{lot:03}",
        "from": house,
        "to": house + chance.randrange(0, 20, 2),
        "street": chance.choice(STREETS),
        "kind": chance.choice(KINDS),
        "side": chance.choice("EO"),
        "zone": chance.choice(ZONES),
        "area": round(chance.random() * 900 + 60, 2),
        "floors": chance.randrange(1, 30),
        "gateway": f"10.{chance.randrange(4)}.{chance.randrange(256)}.{chance.randrange(256)}",
    }
    properties["surveyed"] = f"20{chance.randrange(10, 26)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
    properties["deed"] = f"{chance.randrange(100_000, 999_999)}/{chance.randrange(10, 99)}"
    if number % 3 == 0:
        properties["note"] = chance.choice(("corner lot", "shared wall", "easement"))
    corners = [
        {"x": round(chance.random() * 60, 2), "y": chance.randrange(60), "mark": chance.choice(MARKS)} for _ in range(6)
    ]
    return {
        "type": "parcel",
        "id": f"P-{number:07}",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "corners": corners,
    }
