"""The forecast: what a run takes, how long it waits, and how much a target grants in that time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.kit.forecast import Forecast, Quota, forecast_of
from conformance.kit.settings import Settings
from conformance.kit.thrift import Price

SCENES = {"shelf": 63, "people": 6}
FRESH = 499


def forecast(remaining: int | None, limit: int = 500, reset_s: int = 900) -> Forecast:
    return Forecast(480, SCENES, Quota(limit, remaining, reset_s))


@pytest.mark.parametrize(
    ("remaining", "limit", "wait_s"),
    [
        pytest.param(479, 500, 0, id="just enough is left"),
        pytest.param(478, 500, 901, id="one too few is left"),
        pytest.param(100, 120, 0, id="no window holds the run"),
        pytest.param(None, 500, 0, id="the target does not say"),
    ],
)
def test_the_run_waits_where_that_makes_room_for_all(
    remaining: int | None, limit: int, wait_s: float
) -> None:
    assert forecast(remaining, limit).wait_s(sent=1) == wait_s


@pytest.mark.parametrize(
    ("remaining", "limit", "allowed_s", "room"),
    [
        pytest.param(479, 500, 0, None, id="enough without a wait"),
        pytest.param(300, 500, 1000, None, id="enough after one window"),
        pytest.param(300, 500, 900, 300, id="no time for the next window"),
        pytest.param(119, 120, 0, 119, id="a small window, no time"),
        pytest.param(119, 120, 1900, 359, id="two further windows of known length"),
        pytest.param(
            60, 120, 1900, 180, id="one further window: of the next the length is unknown"
        ),
        pytest.param(119, 120, 10_000, None, id="time for all of it"),
        pytest.param(None, 120, 0, None, id="the target does not say"),
    ],
)
def test_the_room_is_what_the_target_grants_in_the_time(
    remaining: int | None, limit: int, allowed_s: float, room: int | None
) -> None:
    assert forecast(remaining, limit).room(sent=1, allowed_s=allowed_s) == room


def test_a_run_without_a_bound_is_not_foreseen() -> None:
    unbound = Forecast(None, SCENES, Quota(120, 0, 900))

    assert unbound.wait_s(1) == 0
    assert unbound.room(1, 0) is None
    assert unbound.line.startswith("forecast  no bound on requests in 2 scenes; ")


def test_the_forecast_tells_what_each_scene_takes_the_dearest_first() -> None:
    told = forecast(FRESH)

    assert told.line == (
        "forecast  at most 480 requests in 2 scenes; the target says 499 of 500 are left, for 900 s"
    )
    assert told.by_scene == "          shelf 63, people 6"


def test_a_selection_is_foreseen_by_its_scenes(settings_with: Callable[..., Settings]) -> None:
    prices = {"shelf": Price(40), "life": Price(20, upto=100)}

    made = forecast_of(settings_with(), prices, prices, Quota())

    assert made.most == 3 + 50 + 100
    assert forecast_of(settings_with(max_requests=60), prices, prices, Quota()).most == 60
