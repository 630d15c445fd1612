"""Latencies are recorded in HdrHistograms and merged exactly, in whatever parts they come."""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise

import pytest

from load.histogram import DIGITS, HIGHEST_US, LOWEST_US, PERCENTILES, Latencies

SEEDS = range(12)
ERROR = 10**-DIGITS
LONGEST_MS = HIGHEST_US / 1000


def drawn(seed: int, most: int = 800) -> list[float]:
    """Return durations over eight orders of magnitude, in seconds."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    return [10 ** chance.uniform(-6, 2.7) for _ in range(chance.randint(1, most))]


def recorded(durations: list[float]) -> Latencies:
    latencies = Latencies()
    for seconds in durations:
        latencies.record(seconds)
    return latencies


def everything(latencies: Latencies) -> tuple[object, ...]:
    """Return all that can be asked of a histogram."""
    return (
        latencies.count,
        latencies.beyond,
        latencies.buckets(),
        latencies.summary(),
        latencies.mean(),
        latencies.largest(),
    )


def nearest_rank(durations: list[float], percent: float) -> float:
    """Return the percentile of the plain numbers, in milliseconds."""
    rank = max(1, math.ceil(len(durations) * percent / 100 - 1e-9))
    return max(LOWEST_US, round(sorted(durations)[rank - 1] * 1e6)) / 1000


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_merged_equal_one_histogram_of_everything(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    durations = drawn(seed)
    parts = [Latencies() for _ in range(chance.randint(1, 6))]
    for seconds in durations:
        chance.choice(parts).record(seconds)

    merged = Latencies()
    for part in parts:
        merged.add(part)

    assert everything(merged) == everything(recorded(durations))


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_sent_as_messages_equal_one_histogram_of_everything(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    durations = drawn(seed)
    cuts = sorted(chance.randint(0, len(durations)) for _ in range(4))
    bounds = [0, *cuts, len(durations)]

    merged = Latencies()
    for begin, end in pairwise(bounds):
        message = json.dumps(recorded(durations[begin:end]).encoded())
        merged.add_encoded(json.loads(message))

    assert everything(merged) == everything(recorded(durations))


@pytest.mark.parametrize("seed", SEEDS)
def test_merging_is_independent_of_order(seed: int) -> None:
    parts = [recorded(drawn(seed * 10 + n, 100)) for n in range(4)]
    forth, back = Latencies(), Latencies()

    for part in parts:
        forth.add(part)
    for part in reversed(parts):
        back.add(part)

    assert everything(forth) == everything(back)


def test_merging_leaves_the_part_as_it_was() -> None:
    part = recorded([0.001, 0.002])
    before = everything(part)

    recorded([5.0]).add(part)

    assert everything(part) == before


@pytest.mark.parametrize("seed", SEEDS)
def test_percentiles_are_those_of_the_durations_to_three_digits(seed: int) -> None:
    durations = drawn(seed)
    latencies = recorded(durations)

    for percent in (0.0, 1.0, *PERCENTILES, 99.9, 100.0):
        found, exact = latencies.percentile(percent), nearest_rank(durations, percent)
        assert found == pytest.approx(exact, rel=1.5 * ERROR, abs=0.001), percent


@pytest.mark.parametrize("seed", SEEDS)
def test_no_percentile_looks_better_than_it_is(seed: int) -> None:
    durations = drawn(seed)
    latencies = recorded(durations)

    for percent in PERCENTILES:
        found = latencies.percentile(percent)
        assert found is not None
        assert found >= nearest_rank(durations, percent) - 1e-9


def test_averaged_percentiles_are_not_what_merging_gives() -> None:
    quick, slow = recorded([0.001] * 99), recorded([1.0] * 101)

    merged = Latencies()
    merged.add(quick)
    merged.add(slow)

    assert merged.percentile(50) == pytest.approx(1000, rel=ERROR)


def test_a_percentile_is_reached_by_the_bucket_that_completes_its_share() -> None:
    latencies = recorded([0.001] * 95 + [0.1] * 5)

    assert latencies.percentile(95) == pytest.approx(1.0, rel=ERROR)
    assert latencies.percentile(95.1) == pytest.approx(100, rel=ERROR)


def test_durations_beyond_the_maximum_are_counted_and_kept_at_the_maximum() -> None:
    latencies = recorded([0.001, 10_000.0, 700.0])

    assert (latencies.count, latencies.beyond) == (3, 2)
    assert latencies.summary()["max"] == LONGEST_MS
    assert latencies.percentile(99) == LONGEST_MS


def test_durations_beyond_the_maximum_survive_a_message_and_a_merge() -> None:
    merged = Latencies()

    merged.add_encoded(recorded([601.0]).encoded())
    merged.add(recorded([900.0, 0.5]))

    assert (merged.count, merged.beyond, merged.largest()) == (3, 2, LONGEST_MS)


def test_the_maximum_itself_is_not_beyond() -> None:
    latencies = recorded([HIGHEST_US / 1e6])

    assert (latencies.beyond, latencies.largest()) == (0, LONGEST_MS)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9])
def test_durations_under_a_microsecond_count_as_one(seconds: float) -> None:
    latencies = recorded([seconds])

    assert latencies.summary()["max"] == LOWEST_US / 1000


def test_an_empty_histogram_has_no_numbers() -> None:
    empty = Latencies()

    assert (empty.count, empty.summary(), empty.buckets()) == (0, {}, [])
    assert (empty.percentile(50), empty.mean(), empty.largest()) == (None, None, None)
    assert empty.above(0.0) == 0


def test_merging_an_empty_part_changes_nothing() -> None:
    latencies = recorded([0.01, 0.02])
    before = everything(latencies)

    latencies.add(Latencies())
    latencies.add_encoded(Latencies().encoded())

    assert everything(latencies) == before


def test_a_reset_histogram_is_as_new() -> None:
    latencies = recorded([0.5, 700.0])

    latencies.reset()
    latencies.record(0.002)

    assert everything(latencies) == everything(recorded([0.002]))


def test_the_summary_names_the_percentiles_of_the_results() -> None:
    assert list(recorded([0.1]).summary()) == ["p50", "p90", "p95", "p99", "max"]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_lies_above_a_bound_is_counted(seed: int) -> None:
    durations = drawn(seed)
    bound = 10.0

    above = recorded(durations).above(bound)

    certainly = sum(seconds * 1000 > bound * (1 + ERROR) for seconds in durations)
    possibly = sum(seconds * 1000 > bound * (1 - ERROR) for seconds in durations)
    assert certainly <= above <= possibly


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_is_that_of_the_durations(seed: int) -> None:
    durations = drawn(seed)

    exact = 1000 * sum(durations) / len(durations)
    assert recorded(durations).mean() == pytest.approx(exact, rel=2 * ERROR, abs=0.001)
