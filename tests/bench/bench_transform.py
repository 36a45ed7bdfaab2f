"""What it costs to make a payload, per event, and what of that is decoding. Run: python -m tests.bench.bench_transform

Each figure is the best of many short runs that take turns, in microseconds per event. "New event" makes a new Scope each
time, as the pipeline does; "tenth rule" finds what other rules looked up. "Decoding" is the floor in the same run: msgspec
and orjson reading the whole data into Python values.
"""

from collections.abc import Callable
from timeit import timeit

import msgspec
import orjson

from bridge.model.event import DataForm, Event
from bridge.rules.scope import Names, Scope
from bridge.rules.transform import compile_transform

NUMBER, ROUNDS = 300, 60
NAMES = Names("red-lights", "city-hall")
DATA = msgspec.json.encode(
    {
        "from": "amber",
        "to": "red",
        "speed": 61,
        "district": "north-east",
        "position": {"lat": 52.520008, "lon": 13.404954},
        "lanes": [{"id": number, "vehicles": number * 3, "waiting": bool(number % 2)} for number in range(8)],
        "note": "Ampel an der Kreuzung Grüner Weg, seit heute früh im Probebetrieb. " * 4,
    }
)
EVENT = Event(
    "51efe8e2-841f-4900-8ff5-3c6dfae1060e",
    "/junction/7",
    "light.changed",
    {"subject": "light-3", "time": "2026-11-24T08:30:00Z", "datacontenttype": "application/json"},
    DATA,
    DataForm.JSON,
)
FIVE = {
    "light": "${subject}",
    "at": "${time}",
    "place": "${data.position}",
    "speed": "${data.speed}",
    "to": "${data.to}",
}
TRANSFORMS = {
    "template, five variables": {"template": FIVE},
    "template, five variables, one text": {"template": FIVE | {"to": "went ${data.from} to ${data.to}"}},
    "template, attributes only": {"template": {"light": "${subject}", "at": "${time}", "from": "${source}"}},
    "template, omit": {"template": FIVE, "missing": "omit"},
    "template, five of one level": {
        "template": [f"${{data.{n}}}" for n in ("from", "to", "speed", "district", "note")]
    },
    "text, five variables": {"text": "${subject} ${time} ${data.position.lat} ${data.speed} ${data.to}"},
    "path $.data": {"path": "$.data"},
    "path, one value": {"path": "$.data.position.lat"},
    "path, several": {"path": "$.data.lanes[*].id"},
    "aliyun TEMPLATE": {
        "aliyun": {
            "form": "TEMPLATE",
            "value": '{"a":"$.data.to","b":"$.data.speed"}',
            "template": '{"a":"${a}","b":${b}}',
        }
    },
    "aws inputTransformer": {
        "aws": {"inputTransformer": {"inputPathsMap": {"a": "$.detail.to"}, "inputTemplate": '{"a":<a>,"t":"to <a>"}'}}
    },
}


def measure(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Microseconds a call, by name."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, call in calls.items():
            best[name] = min(best[name], timeit(call, number=NUMBER) / NUMBER * 1e6)
    return best


def main() -> None:
    calls: dict[str, Callable[[], object]] = {
        "msgspec": lambda: msgspec.json.decode(DATA),
        "orjson": lambda: orjson.loads(DATA),
    }
    for name, document in TRANSFORMS.items():
        transform = compile_transform(msgspec.json.encode(document))
        assert transform is not None
        used = Scope(EVENT, "traffic", 1.8e9)
        calls[name] = lambda render=transform.render: render(Scope(EVENT, "traffic", 1.8e9), NAMES)
        calls[f"again: {name}"] = lambda render=transform.render, used=used: render(used, NAMES)
    cost = measure(calls)
    floor = cost["msgspec"]
    print(f"data of {len(DATA)} bytes; decoding: msgspec {floor:.2f} us, orjson {cost['orjson']:.2f} us")
    print(f"{'us per event':38}{'new event':>10}{'beyond decoding':>17}{'tenth rule':>12}")
    for name in TRANSFORMS:
        print(f"{name:38}{cost[name]:10.2f}{cost[name] - floor:17.2f}{cost[f'again: {name}']:12.2f}")


if __name__ == "__main__":
    main()
