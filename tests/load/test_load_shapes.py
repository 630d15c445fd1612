"""Load shapes as levels over time, and the search for the capacity."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from load.collection import Collection
from load.objectives import parse
from load.options import Options
from load.recorder import OK, Recorder
from load.schedule import Schedule
from load.shapes import (
    RAMP,
    SHAPES,
    SOAK,
    SPIKE,
    STEADY,
    STEP,
    STEP_FACTOR,
    STEPS_MOST,
    Capacity,
)

Judge = Callable[[], tuple[dict[str, float | None], str | None]]
OBJECTIVE = "p95 < 50ms"


def level(name: str, share: float, seconds: float = 100.0) -> float | None:
    return SHAPES[name].level(share * seconds, seconds)


def breaks_at(broken_step: int) -> Judge:
    """Return a judge under whom all steps hold until one breaks."""
    steps: list[int] = []

    def judge() -> tuple[dict[str, float | None], str | None]:
        steps.append(1)
        broken = len(steps) >= broken_step
        return {OBJECTIVE: 10.0 * len(steps)}, OBJECTIVE if broken else None

    return judge


def searched(capacity: Capacity, seconds: float) -> list[float]:
    """Advance in tenths of a second; return the moments at which another step began."""
    return [tenth / 10 for tenth in range(round(seconds * 10)) if capacity.advance(tenth / 10)]


# --- shapes ------------------------------------------------------------------------------------


def test_every_documented_shape_is_there() -> None:
    assert {STEADY, RAMP, STEP, SPIKE, SOAK} == set(SHAPES)
    assert all(name == shape.name and shape.purpose for name, shape in SHAPES.items())


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_steady_stays_at_one_level(share: float) -> None:
    assert level(STEADY, share) == 1.0


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 0.0), (0.3, 0.5), (0.6, 1.0), (0.75, 1.0), (0.9, 1.0), (0.95, 0.5)],
)
def test_ramp_goes_up_holds_and_comes_down(share: float, expected: float) -> None:
    assert level(RAMP, share) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.39, 1.0), (0.41, 5.0), (0.49, 5.0), (0.51, 1.0)]
)
def test_spike_is_five_times_as_much_for_a_tenth_of_the_time(share: float, expected: float) -> None:
    assert level(SPIKE, share) == pytest.approx(expected)


def test_soak_is_held_for_nearly_all_of_its_time() -> None:
    assert level(SOAK, 1 / 120) == pytest.approx(0.5)
    assert {level(SOAK, n / 60) for n in range(1, 59)} == {1.0}
    assert SHAPES[SOAK].seconds == 3600


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seconds", [0.3, 7.0, 60.0, 3600.0])
def test_a_shape_is_over_when_its_time_is(name: str, seconds: float) -> None:
    shape = SHAPES[name]

    assert shape.level(seconds, seconds) is None
    assert shape.level(seconds + 1, seconds) is None
    assert shape.level(-0.001, seconds) is None
    assert shape.level(seconds * (1 - 1e-12), seconds) is not None


@pytest.mark.parametrize("name", SHAPES)
def test_a_level_is_never_negative_and_never_above_five(name: str) -> None:
    levels = [level(name, n / 1000) for n in range(1000)]

    assert all(found is not None and 0 <= found <= 5 for found in levels)


@pytest.mark.parametrize("name", SHAPES)
def test_a_level_depends_on_the_share_of_the_time_alone(name: str) -> None:
    for n in range(100):
        short, long = level(name, n / 100, 10.0), level(name, n / 100, 1000.0)
        assert short == pytest.approx(long)


# --- the capacity search -----------------------------------------------------------------------


def test_a_step_that_held_is_followed_by_a_higher_one() -> None:
    capacity = Capacity(100.0, 10.0, breaks_at(99))

    began = searched(capacity, 21)

    assert began == [10.0, 20.0]
    assert (capacity.held, capacity.rate) == (150.0, 225.0)
    assert not capacity.over


def test_the_search_ends_with_the_step_that_broke() -> None:
    capacity = Capacity(100.0, 10.0, breaks_at(3))

    began = searched(capacity, 60)

    assert began == [10.0, 20.0]
    assert capacity.over
    assert capacity.as_data() == {
        "last_rate_held": 150.0,
        "broke_at": 225.0,
        "broken_by": OBJECTIVE,
        "steps": 3,
    }


def test_what_the_last_held_step_measured_is_kept() -> None:
    capacity = Capacity(100.0, 10.0, breaks_at(3))

    searched(capacity, 60)

    assert capacity.actuals == {OBJECTIVE: 20.0}


def test_a_first_step_that_breaks_has_held_nothing() -> None:
    capacity = Capacity(100.0, 10.0, breaks_at(1))

    began = searched(capacity, 30)

    assert began == []
    assert (capacity.held, capacity.broke_at, capacity.actuals) == (None, 100.0, {})


def test_the_search_gives_up_after_the_most_steps() -> None:
    capacity = Capacity(1.0, 1.0, breaks_at(1000))

    searched(capacity, STEPS_MOST * 2.0)

    assert capacity.over
    assert (capacity.steps, capacity.broke_at) == (STEPS_MOST, None)
    assert capacity.held == pytest.approx(STEP_FACTOR ** (STEPS_MOST - 1))
    assert capacity.rate == capacity.held


def test_a_search_that_is_over_judges_no_more() -> None:
    judged: list[int] = []

    def judge() -> tuple[dict[str, float | None], str | None]:
        judged.append(1)
        return {}, OBJECTIVE

    capacity = Capacity(1.0, 1.0, judge)
    searched(capacity, 10)

    assert len(judged) == 1


@pytest.mark.parametrize(("step_s", "settles_in"), [(10.0, 1.0), (2.0, 0.5), (4.0, 1.0)])
def test_a_step_is_judged_after_it_has_settled(step_s: float, settles_in: float) -> None:
    capacity = Capacity(1.0, step_s, breaks_at(9))

    assert not capacity.settled(settles_in - 0.01)
    assert capacity.settled(settles_in)
    capacity.advance(step_s)
    assert not capacity.settled(step_s + settles_in - 0.01)


# --- a step as the schedule judges it ----------------------------------------------------------


def step_of(answers: int, *objectives: str) -> tuple[dict[str, float | None], str | None]:
    """Return the judgement of a 10 s step at 100/s, of which nine seconds count."""
    options = Options(shape=STEP, arrival_rate=100.0, shape_time=10.0)
    control = SimpleNamespace(options=options, objectives=[parse(text) for text in objectives])
    collection, recorder = Collection(0.0), Recorder()
    schedule = Schedule(cast("Any", control), collection)
    for n in range(answers):
        sent = schedule.since + 1.0 + n * 9.0 / answers
        recorder.record("list", OK, sent, sent, sent + 0.01)
    collection.add("local", recorder.parcel())
    return schedule._judge_step()


def test_a_step_that_meets_its_objectives_holds() -> None:
    actuals, missed = step_of(900, OBJECTIVE, "errors < 1%")

    assert missed is None
    assert actuals["errors < 1%"] == 0.0


def test_a_step_that_misses_an_objective_breaks() -> None:
    assert step_of(900, "errors < 1%", "p95 < 1ms")[1] == "p95 < 1ms"


def test_a_step_in_which_nothing_was_answered_does_not_hold() -> None:
    assert step_of(0, OBJECTIVE)[1] is not None


def test_the_rate_of_a_step_is_that_of_the_seconds_that_count() -> None:
    actuals, _ = step_of(900, "rate > 95/s")

    assert actuals["rate > 95/s"] == pytest.approx(100.0, rel=0.02)
