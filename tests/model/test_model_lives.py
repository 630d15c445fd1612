"""Plans of lives cover every pair of operations within their length, and repeat from a seed."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.kit.lives import (
    ACTIVE,
    ARCHIVED,
    PAIRS,
    TURNS,
    Coverage,
    Known,
    Step,
    plan,
    rereadings,
)
from conformance.kit.model import LIVE

WHOLE = 66
seeds = st.integers(0, 2**32)
few = settings(max_examples=25)


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - test data, not keys


def covered(steps: list[Step]) -> Coverage:
    coverage = Coverage()
    for step in steps:
        coverage.note(step)
    return coverage


def test_there_are_36_live_pairs_and_20_at_the_ends_of_lives() -> None:
    live = [pair for pair in PAIRS if set(pair) <= set(LIVE)]

    assert (len(live), len(PAIRS)) == (36, 56)


@few
@given(seeds, st.integers(WHOLE, 100))
def test_a_plan_with_room_covers_every_pair(seed: int, most: int) -> None:
    steps = plan(seeded(seed), most)

    assert len(steps) <= most
    assert covered(steps).missing == []


@few
@given(seeds, st.integers(0, 100))
def test_a_plan_keeps_within_its_length_and_deletes_whom_it_creates(seed: int, most: int) -> None:
    steps = plan(seeded(seed), most)

    counts = Counter(step.operation for step in steps)
    assert len(steps) <= max(most, 3)
    assert counts["delete"] >= counts["create"]


@few
@given(seeds)
def test_nobody_acts_before_the_create(seed: int) -> None:
    born: set[str] = {ACTIVE, ARCHIVED}
    for step in plan(seeded(seed), 100):
        if step.operation == "create":
            assert step.who not in born
            born.add(step.who)
        assert step.who in born


def test_a_seed_repeats_a_plan() -> None:
    plans = [plan(seeded(seed), 70) for seed in (1, 1, 2)]

    assert plans[0] == plans[1] != plans[2]


@pytest.mark.parametrize("most", [14, 26, 40, WHOLE, 100])
def test_a_plan_takes_both_turns(most: int) -> None:
    for seed in range(10):
        assert rereadings(plan(seeded(seed), most)) >= TURNS


def test_a_plan_reads_again_after_nearly_every_kind_of_change() -> None:
    for seed in range(10):
        assert len(rereadings(plan(seeded(seed), WHOLE))) >= 12


def test_a_change_that_changes_nothing_is_no_reason_to_read_again() -> None:
    steps = [Step(o, "Ann") for o in ("create", "get", "restore", "get")]

    assert rereadings(steps) == set()


def test_lists_read_everybody() -> None:
    steps = [
        Step("create", "Ann"),
        Step("create", "Ben"),
        Step("list", "Ben"),
        Step("archive", "Ann"),
        Step("list", "Ben"),
    ]

    assert rereadings(steps) == {("list", "archive")}


def test_coverage_counts_consecutive_steps_on_one_contact() -> None:
    steps = [
        Step("create", "Ann"),
        Step("create", "Ben"),
        Step("get", "Ann"),
        Step("update", "Ann"),
    ]

    assert covered(steps).pairs == {("create", "get"), ("get", "update")}


def test_a_list_comes_after_and_before_the_operations_on_everybody_and_parts_none() -> None:
    steps = [
        Step("create", "Ann"),
        Step("create", "Ben"),
        Step("delete", "Ben"),
        Step("archive", "Ann"),
        Step("list", "Ben"),
        Step("get", "Ben"),
        Step("restore", "Ann"),
    ]

    pairs = covered(steps).pairs

    assert pairs >= {("archive", "list"), ("list", "restore"), ("archive", "restore")}
    assert pairs >= {("delete", "list"), ("delete", "get")}
    assert ("list", "get") not in pairs


@few
@given(seeds, st.integers(24, 40), st.integers(0, 2**32))
def test_a_short_plan_goes_for_the_pairs_that_are_not_known(
    seed: int, most: int, dice: int
) -> None:
    unknown = frozenset(seeded(dice).sample(sorted(PAIRS), 5))

    steps = plan(seeded(seed), most, Known(PAIRS - unknown))

    blind = plan(seeded(seed), most)
    assert len(steps) <= most
    assert len(covered(steps).pairs & unknown) >= len(covered(blind).pairs & unknown)
    assert len(covered(steps).pairs & unknown) >= 2
