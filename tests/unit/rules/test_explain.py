"""Why a pattern matches or not."""

import json
import time

import msgspec
import pytest
from hypothesis import given

from bridge.errors import InvalidInput, InvalidPattern, TooLarge
from bridge.rules import explain as explaining
from bridge.rules.document import read_document
from bridge.rules.explain import Candidate, explain, explain_rules, read_sample
from bridge.rules.filters import parse_filter
from bridge.rules.oracle import matches
from bridge.rules.pattern import parse_pattern
from tests.patterns import pairs

LIGHT = (
    '{"specversion":"1.0","id":"1","source":"/junction/7","type":"light.changed",'
    '"data":{"speed":48,"to":"red","tags":["a","b","c","d"]}}'
)


def verdict(pattern: str, event: str) -> dict:
    """Of a pattern of one field."""
    [field] = explaining.test_pattern(pattern, event)["fields"]
    return field


def test_the_answer_of_the_door() -> None:
    """Plain JSON values, camelCase, one entry for each field."""
    answer = explaining.test_pattern('{"type":["light.changed"],"data":{"speed":["x",{"numeric":[">",50]}]}}', LIGHT)
    assert answer == {
        "matched": False,
        "fields": [
            {
                "path": "data.speed",
                "matched": False,
                "wanted": '"x" or > 50',
                "seen": [48],
                "decidedBy": None,
                "reason": "`data.speed` is 48, pattern wants > 50 (the nearest of 2 alternatives)",
            },
            {
                "path": "type",
                "matched": True,
                "wanted": '"light.changed"',
                "seen": ["light.changed"],
                "decidedBy": "$.type[0]",
                "reason": '`type` is "light.changed", pattern wants "light.changed"',
            },
        ],
    }
    assert msgspec.json.decode(msgspec.json.encode(answer)) == answer


@pytest.mark.parametrize(
    ("pattern", "event", "reason"),
    [
        ('{"data":{"speed":[{"numeric":[">",50]}]}}', LIGHT, "`data.speed` is 48, pattern wants > 50"),
        ('{"data":{"tags":["x"]}}', LIGHT, '`data.tags` is "a", "b", "c" and 1 more, pattern wants "x"'),
        ('{"data":{"Speed":[1]}}', LIGHT, "`data.Speed` is absent, pattern wants 1; did you mean `data.speed`?"),
        ('{"data":{"x":[{"exists":true}]}}', LIGHT, "`data.x` is absent, pattern wants any value"),
        ('{"data":[{"exists":true}]}', LIGHT,
         "`data` is absent, pattern wants any value; there is an object, and only its members have values"),
        ('{"data":{"to":[{"exists":false}]}}', LIGHT, '`data.to` is "red", pattern wants no value'),
        ('{"data":{"to":["Red"]}}', LIGHT, '`data.to` is "red", pattern wants "Red"; upper and lower case differ, see equals-ignore-case'),
        ('{"data":{"speed":["48"]}}', LIGHT, '`data.speed` is 48, pattern wants "48"; a number is never equal to a string'),
        ('{"a":[48]}', '{"a":"48"}', '`a` is "48", pattern wants 48; a string is never equal to a number'),
        ('{"data":{"x":[1]}}', LIGHT.replace('"data"', '"datacontenttype":"text/plain","data"').replace('{"speed":48,"to":"red","tags":["a","b","c","d"]}', '"x"'),
         "`data.x` is absent, pattern wants 1"),
    ],
)  # fmt: skip
def test_why_not(pattern: str, event: str, reason: str) -> None:
    """The value seen, what was wanted, and what a reader may overlook."""
    field = verdict(pattern, event)
    assert (field["matched"], field["decidedBy"], field["reason"]) == (False, None, reason)


@pytest.mark.parametrize(
    ("pattern", "decided_by", "reason"),
    [
        ('{"data":{"speed":["x",{"numeric":[">",40]}]}}', "$.data.speed[1]", "`data.speed` is 48, pattern wants > 40"),
        ('{"data":{"tags":["d"]}}', "$.data.tags[0]", '`data.tags` is "d", pattern wants "d"'),
        ('{"data":{"x":["a",{"exists":false}]}}', "$.data.x[1]", "`data.x` is absent, as the pattern wants"),
    ],
)
def test_why_so(pattern: str, decided_by: str, reason: str) -> None:
    """The alternative that decided and the value that satisfied it."""
    field = verdict(pattern, LIGHT)
    assert (field["matched"], field["decidedBy"], field["reason"]) == (True, decided_by, reason)


def test_values_in_different_elements() -> None:
    """Each field has its value, but not in the same element."""
    answer = explaining.test_pattern('{"a":{"x":[1],"y":[2]}}', '{"a":[{"x":1},{"y":2}]}')
    assert [field["matched"] for field in answer["fields"]] == [True, False]
    assert answer["fields"][1]["reason"] == "`a.y` is 2 only in other array elements than `a.x`"


def test_absence_from_an_element() -> None:
    """The value of another element does not count, and is shown."""
    answer = explaining.test_pattern('{"a":{"x":[1],"y":[{"exists":false}]}}', '{"a":[{"x":1},{"y":2}]}')
    assert answer["matched"]
    assert answer["fields"][1]["seen"] == [2]
    assert "absent from the array element that the other fields match in" in answer["fields"][1]["reason"]


def test_a_field_that_should_be_absent_from_the_element() -> None:
    """The walk stops there, and its value is the reason."""
    answer = explaining.test_pattern('{"a":{"x":[1],"y":[{"exists":false}]}}', '{"a":[{"x":1,"y":2}]}')
    assert [field["matched"] for field in answer["fields"]] == [True, False]
    assert answer["fields"][1]["reason"] == "`a.y` is 2, pattern wants no value"


def test_of_several_branches_the_matching_one_is_explained() -> None:
    """Or the one with the fewest misses."""
    pattern = '{"$or":[{"a":[1],"b":[1]},{"c":[1]},{"c":[2],"d":[1],"e":[1]}]}'
    assert [f["path"] for f in explaining.test_pattern(pattern, '{"c":2,"d":1,"e":1}')["fields"]] == ["c", "d", "e"]
    assert [f["path"] for f in explaining.test_pattern(pattern, '{"b":1,"a":3,"c":5}')["fields"]] == ["a", "b"]


def test_the_empty_pattern_has_no_fields() -> None:
    """And matches."""
    assert explaining.test_pattern("", "{}") == {"matched": True, "fields": []}


def test_numbers_in_the_answer() -> None:
    """Integers and doubles as such; what no double holds as its characters."""
    seen = verdict('{"a":[{"exists":true}]}', '{"a":[1.0,1.5,12345678901234567890,1e300]}')["seen"]
    assert seen == [1, 1.5, "12345678901234567890", 1e300]
    assert [type(value) for value in seen] == [int, float, str, float]


def test_the_answer_stays_short() -> None:
    """Twenty values, five alternatives."""
    alternatives = ",".join(f'"v{n}"' for n in range(10_000))
    field = verdict(f'{{"a":[{alternatives}]}}', f'{{"a":{list(range(100))}}}')
    assert len(field["seen"]) == 20
    assert field["wanted"] == '"v0" or "v1" or "v2" or "v3" or "v4" or one of 9,995 more'
    assert len(field["reason"]) < 200


def test_a_cloud_event_is_seen_as_a_bus_sees_it() -> None:
    """Data that claims to be JSON and is not has no fields, and the reason says so."""
    broken = '{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/json","data_base64":"ew=="}'
    assert read_sample(broken).document.broken_data
    assert verdict('{"data":{"a":[1]}}', broken)["reason"].endswith(
        "; the data of this event is not JSON, so it has no fields"
    )
    assert read_sample('{"specversion":"1.0","id":"1"}').document.paths() == ["specversion", "id"]


def test_what_is_refused() -> None:
    """A pattern with its path, an event that is no JSON object."""
    with pytest.raises(InvalidPattern) as caught:
        explaining.test_pattern('{"a":[{"contains":"x"}]}', "{}", "aws")
    assert caught.value.path == "$.a[0]"
    with pytest.raises(InvalidInput):
        explaining.test_pattern("{}", "[]")


def test_a_whole_rule_set() -> None:
    """Which rules match, and which one field kept from it."""
    rules = {
        "red": '{"data":{"to":["red"]}}',
        "fast": '{"type":["light.changed"],"data":{"to":["red"],"speed":[{"numeric":[">",50]}]}}',
        "far": '{"type":["x"],"data":{"to":["green"]}}',
        "one": '{"type":["x"]}',
    }
    report = explain_rules([Candidate(name, parse_pattern(text)) for name, text in rules.items()], read_sample(LIGHT))
    assert (report.rules, report.matched, report.disabled) == (4, ["red"], [])
    assert [(miss.rule, miss.fields[0].path) for miss in report.nearly] == [("fast", "data.speed")]


@given(pairs())
def test_the_verdict_is_the_oracles(pair: tuple[str, str]) -> None:
    """Matched says every field has matched; not matched, that one has not."""
    pattern, document = parse_pattern(pair[0]), read_document(pair[1])
    explanation = explain(pattern, document)
    assert explanation.matched is matches(pattern, document)
    assert explanation.matched is all(field.matched for field in explanation.fields)
    assert all((field.decided_by is not None) is field.matched for field in explanation.fields)


def candidate(rule: str, pattern: str, filter_: str | None = None, *, enabled: bool = True) -> Candidate:
    return Candidate(rule, parse_pattern(pattern), parse_filter(filter_) if filter_ else None, enabled)


def test_disabled_rules_are_named_apart() -> None:
    """They do not match, but would."""
    rules = [
        candidate("off", '{"type":["light.changed"]}', enabled=False),
        candidate("nearly-off", '{"type":["light.changed"],"id":["2"]}', enabled=False),
    ]
    report = explain_rules(rules, read_sample(LIGHT))
    assert (report.matched, report.disabled) == ([], ["off"])
    assert [(miss.rule, miss.disabled) for miss in report.nearly] == [("nearly-off", True)]


def test_a_filter_counts_as_one_more_condition() -> None:
    """It keeps an event from a rule as a field does."""
    passes, stops = """{"sql":"id = '1'"}""", """{"sql":"id = '2'"}"""
    rules = [
        candidate("both", '{"type":["light.changed"]}', passes),
        candidate("not-the-filter", '{"type":["light.changed"]}', stops),
        candidate("not-the-pattern", '{"type":["x"]}', passes),
        candidate("neither", '{"type":["x"]}', stops),
        candidate("filter-only", "{}", stops),
    ]
    report = explain_rules(rules, read_sample(LIGHT))
    assert report.matched == ["both"]
    first, second = report.nearly
    assert (first.rule, first.missed, first.fields) == ("not-the-filter", 1, [])
    assert first.filter is not None
    assert first.filter.reason.startswith("`id = '2'` is false")
    assert (second.rule, second.filter, [field.path for field in second.fields]) == ("not-the-pattern", None, ["type"])


def test_pattern_and_filter_of_one_question() -> None:
    """Both must agree; each says why."""
    answer = explaining.test_pattern('{"id":["1"]}', LIGHT, filter_='{"exact":{"id":"2"}}')
    assert (answer["matched"], answer["fields"][0]["matched"], answer["filter"]["matched"]) == (False, True, False)
    assert explaining.test_pattern('{"id":["1"]}', LIGHT, filter_='{"exact":{"id":"1"}}')["matched"]


def test_the_ten_nearest_of_many() -> None:
    """Fewest misses first, then those with the most that matches."""
    two = [candidate(f"two-{n:03}", f'{{"type":["light.changed"],"id":[{n}],"source":[{n}]}}') for n in range(500)]
    one = [candidate(f"one-{n}", f'{{"type":["light.changed"],"id":["{n + 2}"]}}') for n in range(3)]
    best = candidate("best", '{"type":["light.changed"],"source":["/junction/7"],"id":["2"]}')
    report = explain_rules([*two, *one, best], read_sample(LIGHT))
    assert [miss.rule for miss in report.nearly] == [
        "best",
        "one-0",
        "one-1",
        "one-2",
        *(f"two-{n:03}" for n in range(6)),
    ]
    assert [miss.missed for miss in report.nearly] == [1] * 4 + [2] * 6


def test_of_many_fields_some_are_shown() -> None:
    """Those that missed first; how many are left out is told."""
    fields = ",".join(f'"f{n}":[{n}]' for n in range(150))
    answer = explaining.test_pattern(f"{{{fields}}}", f"{{{fields.replace('149', '1')}}}")
    assert (len(answer["fields"]), answer["omitted"]) == (100, 50)
    assert [field["path"] for field in answer["fields"] if not field["matched"]] == ["f149"]
    assert answer["fields"][0]["path"] == "f149"


TEXTS = [f"{'x' * 50}{n}" for n in range(10_000)]
NAMES = [f"name{n}" for n in range(50_000)]
REPEATED = ",".join(['"a":[{"x":1},{"x":1},{"x":1}]'] * 300)
HOSTILE: dict[str, tuple[object, object]] = {
    "alternatives and values": ({"a": TEXTS}, {"a": [1] * 50_000}),
    "absent fields": ({name: [1] for name in NAMES}, {"a": TEXTS}),
    "misspelt fields": ({name: [1] for name in NAMES[:5_000]}, {f"{name}x": 1 for name in NAMES[:5_000]}),
    "branches": ({"b": TEXTS[:9_000], "$or": [{name: [1]} for name in NAMES[:1_000]]}, {"b": TEXTS}),
    "choices": ('{"a":{"x":[1],"y":[{"exists":false}],"z":[2,{"exists":false}]}}', f"{{{REPEATED}}}"),
    "long texts": ({"a": [{"wildcard": "*".join(["y" * 50] * 60) + "z*"}] * 100}, {"a": "y" * 900_000}),
    "long names": ({"a" * 9_000: {"b": [1], "c": [1]}}, {"a" * 9_001: {"b": 1, "c": 1}}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_question_is_answered_or_refused_in_bounded_time(name: str) -> None:
    """TooLarge says what to do about it; an answer stays small."""
    pattern, event = (part if isinstance(part, str) else json.dumps(part) for part in HOSTILE[name])
    begun, answer, refused = time.perf_counter(), {}, "comparisons"
    try:
        answer = explaining.test_pattern(pattern, event)
    except TooLarge as error:
        refused = error.reason
    assert time.perf_counter() - begun < 15
    assert len(msgspec.json.encode(answer)) < 500_000
    assert "comparisons" in refused


def test_a_whole_hostile_rule_set() -> None:
    """The effort is that of all rules together."""
    rules = [candidate(f"r{n}", json.dumps({"a": TEXTS[:1_000]})) for n in range(20)]
    with pytest.raises(TooLarge):
        explain_rules(rules * 50, read_sample(json.dumps({"a": [1] * 100})))
