"""How fast patterns are matched, beside decoding alone: ``python -m tests.bench.bench_match [--short] [--only WORD]``.

Every round measures all cases once, floors included, so that a slow spell of the machine hits all alike; the best round
of each counts. Process CPU time; one thread; JSON bytes in, ids out, in batches of 500. The ratio is events per second
as a multiple of ``orjson.loads`` of the same records.
"""

import argparse
import functools
import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import orjson

from bridge.model.event import DataForm, Event
from bridge.rules.matcher import Matcher, compile_matcher
from bridge.rules.pattern import Pattern, parse_pattern
from tests.bench import rulesets
from tests.bench.hostile import hostile_cases
from tests.bench.parcels import texts

BATCH = 500
GOALS = {
    "exact": 1.4,
    "prefix": 1.3,
    "suffix": 1.3,
    "ignore-case": 1.3,
    "wildcard": 1.3,
    "anything-but": 1.2,
    "numeric": 0.9,
    "exists": 0.9,
    "arrays of objects": 0.45,
    "nested $or": 0.6,
    "45 mixed": 0.3,
    "10 two-field": 2.0,
    "1,000 two-field": 1.7,
    "10,000 two-field": 1.4,
}
RULER = {
    "exact": 0.52,
    "prefix": 0.55,
    "suffix": 0.54,
    "ignore-case": 0.52,
    "wildcard": 0.42,
    "anything-but": 0.38,
    "numeric": 0.49,
    "exists": 0.35,
    "arrays of objects": 0.14,
    "nested $or": 0.12,
    "45 mixed": 0.06,
    "10 two-field": 0.68,
    "100 two-field": 0.68,
    "1,000 two-field": 0.62,
    "10,000 two-field": 0.46,
}
"""event-ruler 2.1.0 on JDK 17, its own rules over similar records."""


class Case(NamedTuple):
    """Rules and records; ``floor`` is the name of the decoding that it is compared with."""

    name: str
    rules: Sequence[rulesets.Rule]
    floor: str
    as_events: bool = False
    repeated: bool = False
    """Whether repeated member names are looked for."""


class Five(msgspec.Struct, gc=False):
    """Five fields of a parcel: what a projected decode costs at least."""

    street: str | None = None
    parcel: str | None = None
    zone: str | None = None
    side: str | None = None
    lot: str | None = None


class Projected(msgspec.Struct, gc=False):
    properties: Five | None = None


def cases() -> list[Case]:
    found = [Case(name, rules, "parcels") for name, rules in rulesets.KINDS.items()]
    found.append(Case("45 mixed", rulesets.MIXED, "parcels"))
    found += [Case(f"{count:,} two-field", rulesets.two_fields(count), "parcels") for count in (10, 100, 1_000, 10_000)]
    found += [
        Case("1,000 two-field, few values", rulesets.two_fields_dense(1_000), "parcels"),
        Case("prefixes of distinct ids", [{"id": [{"prefix": f"P-000{n}"}]} for n in range(5)], "parcels"),
        Case("45 mixed, changing shapes", rulesets.MIXED, "changing"),
        Case("45 mixed, long decimals", rulesets.MIXED, "decimals"),
        Case("1,000 rules over 200 fields", rulesets.many_fields(1_000, 200), "fields"),
        Case("10,000 beside an exact field", rulesets.beside_exact(10_000), "parcels"),
        Case("exact, repeated names seen", rulesets.EXACT, "parcels", repeated=True),
        Case("45 mixed, repeated names seen", rulesets.MIXED, "parcels", repeated=True),
        Case("events, 45 mixed on data", [{"data": rule} for rule in rulesets.MIXED], "parcels", as_events=True),
        Case(
            "events, other types", [{"type": ["x"], "data": rule} for rule in rulesets.MIXED], "parcels", as_events=True
        ),
    ]
    return found


def record_sets(count: int) -> dict[str, list[bytes]]:
    return {
        "parcels": texts(count),
        "changing": rulesets.changing_shapes(count),
        "fields": rulesets.many_fields_records(count, 200),
        "decimals": texts(count, decimals=17),
    }


def parse(rules: Sequence[rulesets.Rule]) -> list[tuple[int, Pattern]]:
    return [(number, parse_pattern(text)) for number, text in enumerate(rulesets.texts_of(rules))]


def cpu_us(run: Callable[[], object], count: int) -> float:
    start = time.process_time()
    run()
    return (time.process_time() - start) / count * 1e6


def in_batches(match: Callable[[Sequence[object]], object], records: Sequence[object]) -> Callable[[], None]:
    batches = [records[start : start + BATCH] for start in range(0, len(records), BATCH)]

    def run() -> None:
        for batch in batches:
            match(batch)

    return run


def each(function: Callable[[bytes], object], records: Sequence[bytes]) -> Callable[[], None]:
    def run() -> None:
        for record in records:
            function(record)

    return run


def events_of(records: Sequence[bytes]) -> list[Event]:
    return [
        Event(f"{number}", "/registry", "parcel.changed", {"subject": f"p{number}"}, text, DataForm.JSON)
        for number, text in enumerate(records)
    ]


def measure(chosen: Sequence[Case], records: dict[str, list[bytes]], rounds: int) -> None:
    runs: dict[str, tuple[Callable[[], object], int]] = {}
    for name in dict.fromkeys(case.floor for case in chosen):
        runs[f"orjson.loads, {name}"] = each(orjson.loads, records[name]), len(records[name])
    runs["msgspec, five fields"] = (
        each(msgspec.json.Decoder(Projected).decode, records["parcels"]),
        len(records["parcels"]),
    )
    matchers: dict[str, Matcher[int]] = {}
    for case in chosen:
        matcher = matchers[case.name] = compile_matcher(parse(case.rules), repeated_names=case.repeated)
        if case.as_events:
            runs[case.name] = in_batches(matcher.match, events_of(records[case.floor])), len(records[case.floor])
        else:
            runs[case.name] = in_batches(matcher.match_documents, records[case.floor]), len(records[case.floor])
    best: dict[str, float] = {}
    for number in range(rounds + 1):
        for name, (run, count) in runs.items():
            taken = cpu_us(run, count)
            if number:  # the first round warms up
                best[name] = min(best.get(name, taken), taken)
    report(chosen, best, matchers, records)


def report(
    chosen: Sequence[Case], best: dict[str, float], matchers: dict[str, Matcher[int]], records: dict[str, list[bytes]]
) -> None:
    for name, taken in best.items():
        if name.startswith(("orjson", "msgspec")):
            print(f"{name:32} {taken:7.2f} µs")
    print(f"\n{'rules':32} {'µs':>7} {'ratio':>6} {'goal':>5} {'ruler':>6}  matches/event")
    for case in chosen:
        ratio = best[f"orjson.loads, {case.floor}"] / best[case.name]
        goal, ruler = GOALS.get(case.name), RULER.get(case.name)
        short = "" if goal is None or ratio >= goal else "  short of the goal"
        sample = records[case.floor][:1000]
        found = (
            matchers[case.name].match(events_of(sample))
            if case.as_events
            else matchers[case.name].match_documents(sample)
        )
        print(
            f"{case.name:32} {best[case.name]:7.2f} {ratio:6.2f} {goal or '':>5} {ruler or '':>6}"
            f"  {sum(map(len, found)) / len(sample):.2f}{short}"
        )


def compile_times() -> None:
    print(f"\n{'compiling':32} {'parse ms':>9} {'compile ms':>11} {'one change ms':>14} {'KiB/rule':>9}")
    sample = texts(500)
    for name, rules in (
        ("45 mixed", rulesets.MIXED),
        ("1,000 two-field", rulesets.two_fields(1_000)),
        ("10,000 two-field", rulesets.two_fields(10_000)),
        ("10,000 beside an exact field", rulesets.beside_exact(10_000)),
    ):
        start = time.perf_counter()
        patterns = parse(rules)
        parsed = time.perf_counter()
        matcher = compile_matcher(patterns)
        matcher.match_documents(sample)
        compiled = time.perf_counter()
        other = matcher.changed(removed=[7], added=[(-1, patterns[3][1])])
        other.match_documents(sample[:1])
        changed = time.perf_counter()
        print(
            f"{name:32} {(parsed - start) * 1e3:9.0f} {(compiled - parsed) * 1e3:11.0f}"
            f" {(changed - compiled) * 1e3:14.1f} {memory(patterns, sample) / 1024 / len(rules):9.2f}"
        )


def memory(patterns: list[tuple[int, Pattern]], sample: list[bytes]) -> int:
    """Bytes that a matcher holds beyond its patterns, after it has seen some records."""
    gc.collect()
    tracemalloc.start()
    matcher = compile_matcher(patterns)
    matcher.match_documents(sample)
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken


def hostile() -> None:
    gc.collect()
    gc.freeze()  # what the cases above left behind is not to be searched for garbage here
    print(f"\n{'hostile':44} {'bytes':>8} {'worst ms':>9} {'bound ms':>9}")
    for name, rules, text, bound_ms in hostile_cases():
        matcher = compile_matcher(parse(rules), repeated_names=True)
        matcher.match_documents([b"{}"])
        run = functools.partial(matcher.match_documents, [text])
        worst = max(cpu_us(run, 1) / 1e3 for _ in range(5))
        print(f"{name:44} {len(text):8} {worst:9.2f} {bound_ms:9}{'  beyond the bound' if worst > bound_ms else ''}")


def parts(words: Sequence[str]) -> Iterator[Case]:
    for case in cases():
        if not words or any(word in case.name for word in words):
            yield case


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="few records and rounds: a look, not a measurement")
    parser.add_argument("--rounds", type=int, default=0, help="rounds to take the best of")
    parser.add_argument(
        "--only", action="append", default=[], metavar="WORD", help="only the cases with WORD in their name"
    )
    chosen = parser.parse_args(arguments)
    count = 2_000 if chosen.short else 20_000
    measure(list(parts(chosen.only)), record_sets(count), chosen.rounds or (2 if chosen.short else 7))
    if not chosen.only:
        compile_times()
        hostile()


if __name__ == "__main__":
    main(sys.argv[1:])
