"""The history checker itself: it finds each thing that must not be, and nothing where all is well."""

import random

import pytest

from bridge.crashpoints import NAMES
from tests.faults.history import moods, scene
from tests.faults.history.accounts import describe
from tests.faults.history.checker import check
from tests.faults.history.plan import make_plan
from tests.faults.history.record import Change, Doing, End, History, Look, Names, Numbered, Place, Put, Seen
from tests.faults.history.scene import Watched

BUS = "rough"
WELL = scene.watched(BUS, "well", "a")
KEYED = scene.watched(BUS, "keyed", "a", ordered=True)
FLAPPING = scene.watched(BUS, "flapping", "a", changing=True)


class Tale:
    """Events are put at full seconds, each acknowledged half a second later, at the next offset of partition 0."""

    def __init__(self, *watched: Watched) -> None:
        self.history = History()
        self.watched = watched or (WELL,)
        self.time = 0.0

    def put(self, number: int, outcome: str = "acknowledged", *, due: float | None = None, **more: object) -> None:
        self.time += 1
        place = (0, len(self.history.puts)) if outcome == "acknowledged" and due is None else None
        event = Numbered(number, BUS, "a", "k", due)
        self.history.puts[number] = Put(event, self.time, self.time + 0.5, outcome, place, **more)

    def seen(self, number: int, one: Watched = WELL, *, taken: bool = True, early_s: float = 0.0) -> None:
        self.time += 1
        self.history.seen[one.names].append(Seen(number, self.time, taken, early_s))

    def change(self, doing: Doing, one: Watched = FLAPPING, **more: bool) -> None:
        self.time += 1
        self.history.changes.append(Change(*one.names[:2], doing, self.time, self.time + 0.5, **more))

    def kill(self, committed: int = 0, *, clean: bool = False, **kept: dict[Names, dict[Place, int]]) -> None:
        self.time += 1
        ends = {BUS: {0: sum(put.place is not None for put in self.history.puts.values())}}
        look = Look(ends, {BUS: {"live": {0: committed}}}, kept.get("parked", {}), kept.get("letters", {}), {})
        self.history.ends.append(End(self.time - 0.5, self.time - 0.5, self.time, None, look, clean))

    def found(self, committed: int | None = None, **kept: dict[Names, dict[Place, int]]) -> list[str]:
        """The violations, by their first words, once all is drained."""
        self.kill(len(self.history.puts) if committed is None else committed, clean=True, **kept)
        self.history.last = self.history.ends[-1].look
        return [violation.partition(":")[0] for violation in check(self.history, self.watched).violations]


@pytest.fixture
def tale() -> Tale:
    return Tale()


def test_a_history_in_which_all_is_well(tale: Tale) -> None:
    """Delivered, dead, parked, delayed; refused and unknown ones that do not arrive, or do."""
    for number in range(1, 5):
        tale.put(number)
    tale.put(5, "refused")
    tale.put(6, "unknown")
    tale.put(7, "unknown")
    for number in (1, 2, 7):
        tale.seen(number)
    tale.seen(3, taken=False)
    assert tale.found(letters={WELL.names: {(0, 2): 3}}, parked={WELL.names: {(0, 3): 4}}) == []


def test_a_loss_is_found_at_the_end_and_at_the_kill_that_shows_it(tale: Tale) -> None:
    """An event that was only tried is lost; it was so when its cursor had left it behind."""
    tale.put(1)
    tale.seen(1, taken=False)
    tale.kill(committed=1)
    tale.seen(1, taken=False)
    assert tale.found() == ["lost", "settled too early, as kill 1 shows"]


def test_what_arrives_after_a_cursor_left_it_behind_was_settled_too_early(tale: Tale) -> None:
    """Even if it is not lost in the end."""
    tale.put(1)
    tale.kill(committed=1)
    tale.seen(1)
    assert tale.found() == ["settled too early, as kill 1 shows"]


def test_what_passed_on_is_not_settled_before_the_next_bus_has_committed_anything() -> None:
    """A bus that has events and no cursor yet has delivered nothing."""
    echo = scene.watched("other", "echo", "n", through=("calm", "onward", "t"))
    for cursors, found in (({}, []), ({"live": {0: 1}}, ["settled too early, as kill 1 shows"])):
        history = History(puts={1: Put(Numbered(1, "calm", "n", "k"), 1.0, 1.5, "acknowledged", (0, 0))})
        passed_on = Look({"calm": {0: 1}, "other": {0: 1}}, {"calm": {"live": {0: 1}}, "other": cursors}, {}, {}, {})
        history.ends.append(End(0.0, 0.5, 2.0, None, passed_on))
        history.seen[echo.names].append(Seen(1, 3.0, taken=True))
        history.last = passed_on
        assert [violation.partition(":")[0] for violation in check(history, [echo]).violations] == found


def test_a_story_without_an_end_is_no_success(tale: Tale) -> None:
    """Nothing can be said about losses."""
    assert check(tale.history, tale.watched).violations


@pytest.mark.parametrize("outcome", ["refused", "acknowledged"])
def test_what_was_refused_or_cancelled_must_not_arrive(tale: Tale, outcome: str) -> None:
    """Nor what nobody put, or what the target does not want."""
    tale.put(1, outcome, **({"cancelled": 1.5, "due": 99.0} if outcome == "acknowledged" else {}))
    tale.seen(1)
    assert tale.found() == ["forged"]


def test_what_nobody_put_or_wants_must_not_arrive(tale: Tale) -> None:
    """Whatever its number is."""
    tale.history.puts[1] = Put(Numbered(1, BUS, "b", "k"), 0.0, 0.5, "acknowledged", (0, 0))
    tale.seen(1)
    tale.seen(2)
    assert tale.found() == ["forged", "forged"]


def test_what_was_acknowledged_is_in_the_log_after_a_kill(tale: Tale) -> None:
    """And at a place of its own."""
    tale.put(1)
    tale.history.puts[1].place = (0, 7)
    tale.kill()
    tale.put(2)
    tale.history.puts[2].place = (0, 7)
    tale.seen(1)
    tale.seen(2)
    assert set(tale.found(committed=8)) == {"not durable"}


def test_a_double_is_right_only_where_it_was_in_flight_at_a_kill(tale: Tale) -> None:
    """Not committed, parked or a dead letter then."""
    for number in range(1, 5):
        tale.put(number)
        tale.seen(number)
    tale.kill(committed=3, parked={WELL.names: {(0, 1): 2}}, letters={WELL.names: {(0, 2): 3}})
    for number in (2, 3, 4):
        tale.seen(number)
    assert tale.found() == []
    tale.seen(1)
    assert tale.found() == ["doubled"]


def test_a_double_within_one_run_needs_two_that_the_last_kill_left(tale: Tale) -> None:
    """One that was parked, and one that is read again from the log."""
    tale.put(1)
    tale.put(2)
    tale.seen(2)
    tale.kill(parked={WELL.names: {(0, 0): 1}})
    for number in (1, 1, 2):
        tale.seen(number)
    assert tale.found() == []
    tale.seen(2)
    assert tale.found() == ["doubled"]


def test_a_change_of_a_target_excuses_what_was_being_sent(tale: Tale) -> None:
    """And nothing else."""
    tale = Tale(FLAPPING)
    tale.put(1)
    tale.change("edit")
    tale.time -= 0.8
    tale.seen(1, FLAPPING)
    tale.seen(1, FLAPPING)
    assert tale.found() == []
    tale.time += 1
    tale.seen(1, FLAPPING)
    tale.seen(1, FLAPPING)
    assert tale.found() == ["doubled"]


def test_order_of_a_key() -> None:
    """What is behind comes only when what is before was taken, or is a dead letter."""
    tale = Tale(KEYED)
    for number in (1, 2, 3, 4):
        tale.put(number)
    tale.seen(1, KEYED, taken=False)
    tale.seen(1, KEYED)
    tale.seen(2, KEYED, taken=False)
    tale.seen(4, KEYED)
    tale.seen(3, KEYED)
    assert tale.found(letters={KEYED.names: {(0, 1): 2}}) == ["disordered"]


def test_order_of_the_log(tale: Tale) -> None:
    """What was put after an acknowledgement lies behind."""
    tale.put(1)
    tale.put(2)
    tale.history.puts[1].place, tale.history.puts[2].place = (0, 1), (0, 0)
    tale.seen(1)
    tale.seen(2)
    assert tale.found() == ["stored in disorder"]


def test_a_rule_that_was_off_for_sure_gets_nothing() -> None:
    """But what was put while it changed, it may get; and when it is on to the end, it must."""
    tale = Tale(FLAPPING)
    tale.change("off")
    tale.put(1)
    tale.change("on")
    tale.time -= 1
    tale.put(2)
    tale.time += 1
    tale.put(3)
    tale.seen(2, FLAPPING)
    assert tale.found() == ["lost", "settled too early, as kill 1 shows"]
    tale.seen(1, FLAPPING)
    tale.seen(3, FLAPPING)
    assert set(tale.found()) == {"settled too early, as kill 1 shows", "got while its rule was off"}


def test_a_rule_that_was_added_gets_what_came_after_it_or_all_that_there_is() -> None:
    """As it was asked for."""
    for earliest in (False, True):
        tale = Tale(FLAPPING)
        tale.put(1)
        tale.change("on", earliest=earliest)
        tale.put(2)
        tale.seen(1, FLAPPING)
        tale.seen(2, FLAPPING)
        assert tale.found() == ([] if earliest else ["got while its rule was off"])


def test_a_paused_target_gets_nothing(tale: Tale) -> None:
    """That was put while it was, before it is resumed."""
    tale.put(1)
    tale.change("pause", WELL)
    tale.put(2)
    tale.seen(1)
    tale.seen(2)
    tale.change("resume", WELL)
    tale.put(3)
    tale.seen(3)
    assert tale.found() == ["got while paused (2.500 to 6.000)"]


def test_a_delayed_event_is_not_early(tale: Tale) -> None:
    """Beyond what the precision of times makes of it."""
    tale.put(1, due=50.0)
    tale.put(2, due=50.0)
    tale.seen(1, early_s=0.001)
    tale.seen(2, early_s=0.1)
    assert tale.found() == ["early by 0.100 s"]


def test_healthy_targets_settle_soon() -> None:
    """What they took seconds before a kill is committed by then."""
    calm = Watched(("calm", "well", "t"), ("n",))
    for committed, expected in ((0, ["slow to settle"]), (1, [])):
        history = History(puts={1: Put(Numbered(1, "calm", "n", "k"), 1.0, 1.5, "acknowledged", (0, 0))})
        history.seen[calm.names].append(Seen(1, 2.0, taken=True))
        look = Look({"calm": {0: 1}}, {"calm": {"live": {0: committed}}}, {}, {}, {})
        history.ends.append(End(0.0, 1.0, 9.0, None, look))
        history.last = look
        assert [found.partition(":")[0] for found in check(history, [calm]).violations] == expected


def test_a_life_is_told_in_order(tale: Tale) -> None:
    """For whoever looks for the bug."""
    tale.put(1)
    tale.seen(1, taken=False)
    tale.kill(letters={WELL.names: {(0, 0): 1}})
    told = describe(tale.history, WELL, tale.history.puts[1])
    assert told.endswith(
        "at rough/well/t: 0.500 acknowledged as (0, 0); 1.000 failed; 2.000 kill 1 at a random moment (committed 0, letter)"
    )


def test_a_plan_visits_every_step_before_any_comes_again() -> None:
    """The same for the same seed."""
    plan = make_plan(100, random.Random("s"))
    points = [kill.point for kill in plan if kill.point]
    assert len(plan) == 100
    assert set(points) == set(NAMES)
    assert len(points) == 60
    assert plan == make_plan(100, random.Random("s"))


def test_every_target_has_a_mood_and_the_fibonacci_one_is_so() -> None:
    """Runs of failures between two successes."""
    answers = moods.make("fibonacci", random.Random(1))
    runs = "".join("x" if answers([n]).takes else "." for n in range(30)).split("x")
    assert [len(run) for run in runs[:7]] == [1, 1, 2, 3, 5, 8, 1]
    assert {one.mood for one in scene.FIXED} <= {"file", *moods.MOODS}
