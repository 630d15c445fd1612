"""The stage: phases in order, scenes side by side, a failure that stays its own, clean-up always."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import nullcontext

import httpx
import pytest
from kit_doubles import error_body
from kit_house import House
from kit_stage import Open, played, register

from conformance.kit import stage as stage_module
from conformance.kit.budget import BudgetExhausted
from conformance.kit.expect import PremiseFailed
from conformance.kit.preflight import Refused
from conformance.kit.probe import Ground
from conformance.kit.scene import Act, Phase, Scene, Script
from conformance.scenes import MODULES


def test_phases_run_in_order(scripts: dict[str, Script], opened: Open) -> None:
    seen: list[Phase] = []

    def acting(phase: Phase, number: int) -> Act:
        async def act(_scene: Scene) -> None:
            await asyncio.sleep(0)
            seen.append(phase)

        act.__name__ = f"{phase.name}_{number}"
        return act

    phases = [phase for phase in Phase if phase is not Phase.PROBE]
    for phase in reversed(phases):
        register(scripts, acting(phase, 1), acting(phase, 2), phase=phase)
    played(opened(House()), scripts)

    assert seen == [phase for phase in phases for _ in range(2)]


def test_the_target_is_probed_when_the_run_has_cleaned_up(
    scripts: dict[str, Script], opened: Open
) -> None:
    house = House()
    left: list[int] = []

    async def making(s: Scene) -> None:
        await s.api.create({"first_name": "Ann", "contact_type": "buyer"})

    async def probing(s: Scene) -> None:
        async with s.stage.ground() as ground:
            left.append(len(house.contacts))
            s.out.own = ground.own

    register(scripts, making)
    register(scripts, probing, phase=Phase.PROBE)
    stage = opened(house)
    stage.opening = lambda: nullcontext(Ground(stage.target))
    played(stage, scripts)

    assert stage.outcome("probing").own is False
    assert left == [0]
    assert house.made == 1


def test_without_permission_the_probe_is_undecided(
    scripts: dict[str, Script], opened: Open
) -> None:
    async def probing(s: Scene) -> None:
        async with s.stage.ground() as ground:
            s.out.ground = ground

    register(scripts, probing, phase=Phase.PROBE)
    stage = played(opened(House()), scripts)

    with pytest.raises(PremiseFailed, match="--probe-rate-limit") as caught:
        _ = stage.outcome("probing").ground
    assert caught.value.kind == "permission"


def test_scenes_of_a_phase_run_side_by_side(scripts: dict[str, Script], opened: Open) -> None:
    meeting: dict[str, asyncio.Event] = {}

    def waiting_for(name: str, other: str) -> Act:
        async def act(_scene: Scene) -> None:
            meeting.setdefault(name, asyncio.Event()).set()
            await meeting.setdefault(other, asyncio.Event()).wait()

        act.__name__ = name
        return act

    register(scripts, waiting_for("left", "right"), waiting_for("right", "left"))

    played(opened(House()), scripts)


def test_a_scene_runs_once_however_many_ask(scripts: dict[str, Script], opened: Open) -> None:
    runs: list[str] = []

    async def shared(s: Scene) -> None:
        runs.append(s.name)
        s.out.value = 7

    async def one(s: Scene) -> None:
        s.out.got = (await s.of("shared")).value

    async def two(s: Scene) -> None:
        s.out.got = (await s.of("shared")).value

    register(scripts, one, shared, two)
    stage = played(opened(House()), scripts)

    assert runs == ["shared"]
    assert stage.outcome("one").got == stage.outcome("two").got == 7


def test_a_failing_scene_breaks_only_what_it_did_not_keep(
    scripts: dict[str, Script], opened: Open
) -> None:
    async def broken(s: Scene) -> None:
        s.out.first = "kept"
        raise KeyError("id")

    async def sound(s: Scene) -> None:
        s.out.answer = await s.api.list()

    register(scripts, broken, sound)
    stage = played(opened(House()), scripts)

    assert stage.outcome("broken").first == "kept"
    assert stage.outcome("sound").answer.ok
    with pytest.raises(KeyError):
        _ = stage.outcome("broken").second


@pytest.mark.parametrize("kind", ["premise", "budget", "token"])
def test_a_broken_premise_is_told_with_its_kind(
    scripts: dict[str, Script], opened: Open, kind: str
) -> None:
    async def stopped(_scene: Scene) -> None:
        raise PremiseFailed("no contact could be made", kind)

    register(scripts, stopped)
    outcome = played(opened(House()), scripts).outcome("stopped")

    assert not outcome.has("made")
    with pytest.raises(PremiseFailed, match="no contact could be made") as caught:
        _ = outcome.made
    assert caught.value.kind == kind


def test_a_value_that_a_scene_never_kept_is_a_broken_premise(
    scripts: dict[str, Script], opened: Open
) -> None:
    async def short(_scene: Scene) -> None:
        return

    register(scripts, short)

    with pytest.raises(PremiseFailed, match="short did not get that far"):
        _ = played(opened(House()), scripts).outcome("short").anything


def test_a_scene_that_needs_a_failed_one_fails_with_its_reason(
    scripts: dict[str, Script], opened: Open
) -> None:
    async def first(_scene: Scene) -> None:
        raise PremiseFailed("the house is empty")

    async def second(s: Scene) -> None:
        s.out.value = (await s.of("first")).people

    register(scripts, first, second)

    with pytest.raises(PremiseFailed, match="the house is empty"):
        _ = played(opened(House()), scripts).outcome("second").value


def test_steps_all_end_before_the_first_failure_is_raised(
    scripts: dict[str, Script], opened: Open
) -> None:
    ended: list[str] = []

    async def failing(problem: Exception) -> None:
        raise problem

    async def slow() -> None:
        await asyncio.sleep(0.01)
        ended.append("slow")

    async def several(s: Scene) -> None:
        await s.all(failing(PremiseFailed("unlucky")), failing(KeyError("a fault")), slow())

    register(scripts, several)
    outcome = played(opened(House()), scripts).outcome("several")

    assert ended == ["slow"]
    with pytest.raises(KeyError):  # A fault of the kit is not hidden behind a premise.
        _ = outcome.anything


def test_a_seed_repeats_choices_and_never_names(scripts: dict[str, Script], opened: Open) -> None:
    drawn: list[tuple[float, float]] = []

    async def drawing(s: Scene) -> None:
        drawn.append((s.rng.random(), s.words.random()))

    register(scripts, drawing)
    for run_id in ("r1", "r1", "r2"):
        played(opened(House(), run_id=run_id), scripts)

    (choice, word), again, other_run = drawn
    assert again == (choice, word)
    assert other_run[0] == choice
    assert other_run[1] != word


def test_what_scenes_made_is_deleted_at_the_end(scripts: dict[str, Script], opened: Open) -> None:
    house = House()

    async def making(s: Scene) -> None:
        await s.all(*(s.api.create({"first_name": f"N{n}"}) for n in range(5)))
        raise KeyError("after the creates")

    register(scripts, making)
    stage = played(opened(house), scripts)

    assert house.made == 5
    assert house.contacts == {}
    assert stage.leftovers == []


def test_a_target_that_is_refused_gets_no_scene(scripts: dict[str, Script], opened: Open) -> None:
    requests: list[str] = []

    async def locked(request: httpx.Request) -> httpx.Response:
        requests.append(request.method)
        return httpx.Response(401, json=error_body("UnauthorizedError"))

    async def never(_scene: Scene) -> None:
        raise AssertionError("no scene runs")

    register(scripts, never)
    stage = opened(locked)
    stage.start(["never"])

    with pytest.raises(Refused):
        stage.greet()
    stage.close()
    assert requests == ["GET", "GET", "GET"]


def test_a_spent_budget_stops_scenes_and_not_the_cleaning_up(
    scripts: dict[str, Script], opened: Open
) -> None:
    house = House()

    async def greedy(s: Scene) -> None:
        for number in range(100):
            await s.api.create({"first_name": f"Qkzvtmwebdfh{number}"})

    register(scripts, greedy)
    stage = played(opened(house, bound=30), scripts)

    with pytest.raises(BudgetExhausted):
        raise stage.outcome("greedy").__dict__["_problem"]
    assert house.made > 5
    assert house.contacts == {}
    assert stage.budget.used <= 30


def test_every_scene_of_the_suite_is_registered_once_under_its_own_name() -> None:
    for module in MODULES:
        importlib.import_module(f"conformance.scenes.{module}")

    assert stage_module.SCRIPTS
    assert all(script.name == name for name, script in stage_module.SCRIPTS.items())
