"""What is defined in a story: buses, rules, targets; and for each target which events it wants and what it may do.

The bus ``calm`` has targets that are always well, so that little is in flight. On ``rough`` every target has a trouble of
its own. ``other`` gets what a rule of ``calm`` passes on, ``failures`` the dead letters of one target.
"""

from typing import Any, NamedTuple

from tests.faults.history.record import Names, Numbered

CALM, ROUGH, OTHER, FAILURES = "calm", "rough", "other", "failures"
TYPES = {CALM: ("n",), ROUGH: ("a", "b", "c", "d", "e")}
EVENT_SIZE = 16 * 1024

Json = dict[str, Any]


class Watched(NamedTuple):
    """A target whose deliveries are checked. ``types``: of the events of ``bus`` that it wants.

    ``changing``: its rule comes and goes, or is edited; then ``history.changes`` says when. ``mood``: how its sink
    answers, see ``moods``. ``through``: the targets by which events come to its bus; those put to ``bus`` itself, if none.
    ``only_rare``: of those types only some. ``claims``: events that arrive at it are settled elsewhere (dead letters).
    """

    names: Names
    types: tuple[str, ...]
    mood: str = "well"
    ordered: bool = False
    changing: bool = False
    through: Names | None = None
    only_rare: bool = False
    claims: bool = False

    def wants(self, event: Numbered) -> bool:
        if self.claims:
            return False
        bus = self.through[0] if self.through else self.names[0]
        return event.bus == bus and event.type in self.types and (event.is_rare or not self.only_rare)


def watched(bus: str, rule: str, *types: str, **more: Any) -> Watched:
    return Watched((bus, rule, "t"), types, **more)


ONWARD: Names = (CALM, "onward", "t")
GRAVES: Names = (ROUGH, "graves", "t")
COLLECT: Names = (FAILURES, "collect", "t")

FIXED = (
    watched(CALM, "well", "n"),
    watched(CALM, "file", "n", mood="file"),
    watched(OTHER, "echo", "n", through=ONWARD),
    watched(FAILURES, "collect", claims=True),
    watched(ROUGH, "fibonacci", "a", mood="fibonacci"),
    watched(ROUGH, "parks", "b", mood="failing"),
    watched(ROUGH, "keyed", "a", "b", mood="keyed", ordered=True),
    watched(ROUGH, "keyed-batched", "c", mood="batched", ordered=True),
    watched(ROUGH, "batched", "c", "d", mood="batched"),
    watched(ROUGH, "blocks", "d", mood="blocks"),
    watched(ROUGH, "retires", "a", mood="retires"),
    watched(ROUGH, "throttled", "b", mood="throttled"),
    watched(ROUGH, "flaky", "c", mood="flaky"),
    watched(ROUGH, "letters", "a", "d", mood="letters"),
    watched(ROUGH, "graves", "b", mood="poisoned"),
    watched(ROUGH, "paused", "c", "e"),
    watched(ROUGH, "slow", "b", "e", mood="slow"),
    watched(ROUGH, "hanging", "a", mood="hanging"),
    watched(ROUGH, "edited", "d", mood="failing", changing=True),
    watched(ROUGH, "keyed-edited", "a", mood="keyed", ordered=True, changing=True),
    watched(ROUGH, "flapping", "a", "d", changing=True),
    watched(ROUGH, "never", "d", mood="never", only_rare=True),
)
NEVER: Names = (ROUGH, "never", "t")
ALWAYS = {"maxAttempts": 1000, "maxAge": "300d", "jitter": 0.2}
"""Until it is taken, however long the story and wherever its clock jumps."""
SOON = {"schedule": ["20ms", "60ms"], **ALWAYS}
PARKING = {"schedule": ["20ms", "500ms"], "maxAttempts": 5, "maxAge": "300d"}
TO_OWN = {
    "fibonacci": {"retry": SOON},
    "parks": {"retry": PARKING, "transform": {"template": {"id": "${id}"}}, "config": {"mode": "payload"}},
    "keyed": {"retry": PARKING, "order": "key"},
    "keyed-batched": {"retry": SOON, "order": "key", "config": {"mode": "batched"}, "batch": {"count": 20}},
    "batched": {"retry": SOON, "config": {"mode": "batched"}, "batch": {"count": 30, "wait": "20ms"}},
    "blocks": {"retry": SOON, "errorsTolerance": "NONE"},
    "retires": {"retry": SOON},
    "throttled": {"retry": SOON, "rate": "400/s"},
    "flaky": {"retry": SOON, "timeout": "250ms"},
    "graves": {"deadLetters": {"bus": FAILURES}},
    "slow": {"concurrency": 1, "retry": SOON},
    "edited": {"retry": SOON},
    "keyed-edited": {"retry": PARKING, "order": "key"},
    "never": {"retry": {"schedule": ["30d"], "maxAttempts": 1000, "maxAge": "366d"}},
}


def buses() -> list[Json]:
    limits = {"eventSize": f"{EVENT_SIZE}B"}
    return [
        {"kind": "Bus", "name": name, "spec": {"partitions": partitions, "limits": limits}}
        for name, partitions in ((CALM, 2), (ROUGH, 3), (OTHER, 1), (FAILURES, 1))
    ]


def rules(sink: str) -> list[Json]:
    """All but those that come later. ``sink``: the URL below which each target has its own."""
    to_bus = {"name": "t", "kind": "bus", "config": {"bus": OTHER}}
    return [rule(one, sink) for one in FIXED] + [_rule(ONWARD, TYPES[CALM], to_bus)]


def rule(one: Watched, sink: str, **more: Any) -> Json:
    """``more``: members of its target; of its rule, if they are ``enabled``."""
    bus, name, target = one.names
    if one.mood == "file":
        made: Json = {"name": target, "kind": "file", "config": {"path": "file.jsonl"}}
    else:
        own: Json = TO_OWN.get(name, {})
        config = {"url": f"{sink}/{bus}/{name}/{target}"} | own.get("config", {}) | more.pop("config", {})
        made = {"name": target, "kind": "http"} | own | {"config": config}
    enabled = more.pop("enabled", True)
    return _rule(one.names, one.types, made | more, only_rare=one.only_rare, enabled=enabled)


def _rule(names: Names, types: tuple[str, ...], target: Json, *, only_rare: bool = False, enabled: bool = True) -> Json:
    pattern: Json = {"type": list(types)} if types else {}
    if only_rare:
        pattern["mark"] = ["rare"]
    spec = {"enabled": enabled, "pattern": pattern, "targets": [target]}
    return {"kind": "Rule", "bus": names[0], "name": names[1], "spec": spec}
