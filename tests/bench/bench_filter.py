"""What a filter costs for one event, and many rules with filters for a batch. Run: python -m tests.bench.bench_filter

Best of several short runs, in microseconds. The second part matches a batch against rules whose filters name one type each:
what they need of id, source and type is looked up in the matcher's index, so most events reach no filter.
"""

import json
from timeit import timeit
from typing import Any

from bridge.model.event import Event
from bridge.rules.filters import compile_filter, parse_filter
from bridge.rules.matcher import compile_matcher
from bridge.rules.narrowing import narrow
from bridge.rules.pattern import MATCHES_ALL

NUMBER, ROUNDS = 20_000, 7
TYPICAL = {"sql": "type LIKE 'light.%' AND speed > 50"}
FILTERS: list[tuple[Any, dict[str, Any]]] = [
    (TYPICAL, {"speed": 61}),
    (TYPICAL, {"speed": "61"}),
    (TYPICAL, {}),
    (TYPICAL, {"type": "parcel.sent", "speed": 61}),
    ({"sql": "source IN ('/a', '/b', '/j/7') AND NOT EXISTS subject"}, {}),
    ({"sql": "LENGTH(subject) > 3 OR CONCAT(type, source) LIKE '%_ed/j%'"}, {"subject": "abc"}),
    ({"exact": {"type": "light.changed"}}, {}),
    ({"all": [{"prefix": {"type": "light."}}, {"not": {"exact": {"subject": "x"}}}]}, {"subject": "y"}),
]


def event(type: str = "light.changed", **attributes: Any) -> Event:  # noqa: A002 - the attribute's name
    return Event("51efe8e2-841f-4900-8ff5-3c6dfae1060e", "/j/7", type, attributes)


def main() -> None:
    print(f"{'filter':70}{'attributes':42}{'us per event':>12}")
    for text, attributes in FILTERS:
        passes, sample = compile_filter(parse_filter(json.dumps(text))), event(**attributes)
        cost = min(timeit(lambda p=passes, s=sample: p(s), number=NUMBER) for _ in range(ROUNDS)) / NUMBER
        print(f"{json.dumps(text):70}{attributes!s:42}{cost * 1e6:12.2f}")
    for count in (10, 1_000, 10_000):
        filters = [parse_filter(json.dumps({"exact": {"type": f"t{number}"}})) for number in range(count)]
        matcher = compile_matcher([(number, narrow(MATCHES_ALL, one)) for number, one in enumerate(filters)])
        batch = [event(f"t{number}") for number in range(500)]
        matcher.match(batch)
        cost = min(timeit(lambda m=matcher, b=batch: m.match(b), number=3) for _ in range(ROUNDS)) / 3 / len(batch)
        print(f"{count:6,} rules with {{'exact': {{'type': …}}}}: {cost * 1e6:.2f} us per event")


if __name__ == "__main__":
    main()
