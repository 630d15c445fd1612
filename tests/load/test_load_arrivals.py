"""Arrivals of the open model: they follow the clock and the rate, and every one is accounted for."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from statistics import mean, pstdev

import pytest

from load.arrivals import EVEN, KINDS, LEAD_S, POISSON, TICK_S, ArrivalClock, Dealer, Queue

SEEDS = range(8)


def constant(rate: float) -> Callable[[float], float]:
    return lambda _at: rate


def dealer(rate: float = 10.0, kind: str = EVEN) -> Dealer:
    return Dealer(ArrivalClock(kind, 7), constant(rate))


# --- moments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.5, 1.0, 7.0, 50.0, 333.0, 2_000.0])
def test_even_arrivals_lie_a_period_apart(rate: float) -> None:
    moments = ArrivalClock(EVEN, 1).until(10.0, constant(rate))

    assert len(moments) == pytest.approx(10 * rate, abs=1)
    assert [later - earlier for earlier, later in pairwise(moments)] == pytest.approx(
        [1 / rate] * (len(moments) - 1), abs=1e-6
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_poisson_gaps_are_exponentially_distributed(seed: int) -> None:
    moments = ArrivalClock(POISSON, seed).until(100.0, constant(100.0))

    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert len(moments) == pytest.approx(10_000, abs=500)
    assert mean(gaps) == pytest.approx(0.01, rel=0.05)
    assert pstdev(gaps) == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_moments_ascend_within_the_span_asked_for(kind: str, seed: int) -> None:
    clock = ArrivalClock(kind, seed)
    clock.until(3.0, constant(40.0))

    moments = clock.until(9.0, constant(40.0))

    assert moments == sorted(moments)
    assert moments[0] >= 3.0 - 1e-9
    assert moments[-1] <= 9.0 + 1e-9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_asking_piece_by_piece_yields_the_same_arrivals(kind: str, seed: int) -> None:
    pieces = random.Random(seed)  # noqa: S311 - repeatable, not secret
    ends = sorted(round(pieces.uniform(0, 20) / 0.02) * 0.02 for _ in range(30))
    whole, cut = ArrivalClock(kind, seed), ArrivalClock(kind, seed)

    at_once = whole.until(20.0, constant(25.0))
    by_pieces = [moment for end in [*ends, 20.0] for moment in cut.until(end, constant(25.0))]

    assert by_pieces == pytest.approx(at_once, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_repeats_the_moments(kind: str) -> None:
    first, second = (ArrivalClock(kind, 42).until(5.0, constant(30.0)) for _ in range(2))

    assert first == second


def test_two_seeds_give_two_poisson_processes() -> None:
    first, second = (ArrivalClock(POISSON, seed).until(5.0, constant(30.0)) for seed in (1, 2))

    assert first != second


@pytest.mark.parametrize("kind", KINDS)
def test_a_ramp_sends_as_many_as_its_integral(kind: str) -> None:
    moments = ArrivalClock(kind, 3).until(20.0, lambda at: 10.0 * at)

    late = sum(moment > 10 for moment in moments)
    assert len(moments) == pytest.approx(2_000, rel=0.08)
    assert late == pytest.approx(1_500, rel=0.08)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [0.0, -5.0])
def test_a_rate_of_zero_or_less_sends_nothing(kind: str, rate: float) -> None:
    clock = ArrivalClock(kind, 1)

    assert clock.until(100.0, constant(rate)) == []
    assert len(clock.until(110.0, constant(100.0))) == pytest.approx(1_000, rel=0.15)


def test_a_pause_in_the_rate_leaves_its_span_empty() -> None:
    moments = ArrivalClock(EVEN, 1).until(6.0, lambda at: 0.0 if 2 <= at < 4 else 50.0)

    assert [moment for moment in moments if 2.03 < moment < 3.98] == []
    assert len(moments) == pytest.approx(200, abs=2)


def test_an_hour_of_even_arrivals_loses_none() -> None:
    assert len(ArrivalClock(EVEN, 1).until(3_600.0, constant(10.0))) == pytest.approx(36_000, abs=1)


# --- dealing -----------------------------------------------------------------------------------


def test_a_tick_deals_out_a_lead_ahead() -> None:
    dealing = dealer(rate=10.0)

    hands = dealing.tick(0.0, ["a"])

    assert hands["a"] == pytest.approx([0.1 * n for n in range(1, 11)])


def test_nodes_take_turns() -> None:
    dealing = dealer(rate=9.0)

    hands = dealing.tick(0.0, ["a", "b", "c"])

    assert {node: len(hand) for node, hand in hands.items()} == {"a": 3, "b": 3, "c": 3}
    assert hands["a"][0] < hands["b"][0] < hands["c"][0] < hands["a"][1]


def test_turns_go_on_over_ticks() -> None:
    dealing = dealer(rate=1.0)
    nodes = ["a", "b", "c"]

    for at in range(30):
        dealing.tick(float(at), nodes)

    assert {len(hand) for hand in dealing.dealt.values()} == {10}


def test_a_tick_too_early_deals_nothing() -> None:
    dealing = dealer()
    dealing.tick(0.0, ["a"])

    assert dealing.tick(TICK_S / 2, ["a"]) == {}
    assert dealing.tick(TICK_S, ["a"]) != {}


def test_what_falls_due_without_a_node_is_dealt_to_the_next_one() -> None:
    dealing = dealer(rate=10.0)

    nobody = dealing.tick(4.0, [])
    hands = dealing.tick(4.5, ["a"])

    assert nobody == {}
    assert len(hands["a"]) == 55


def test_a_lost_node_gets_no_more_and_stays_accounted_for() -> None:
    dealing = dealer(rate=10.0)
    dealing.tick(0.0, ["a", "b"])

    hands = dealing.tick(1.0, ["b"])

    assert set(hands) == {"b"}
    assert len(dealing.dealt["a"]) == 5
    assert dealing.scheduled(2.01) == 20
    assert dealing.scheduled_for("a", 2.01) == 5
    assert dealing.scheduled_for("nobody", 2.01) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_scheduling_does_not_depend_on_who_is_there(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    lonely, changing = (Dealer(ArrivalClock(POISSON, seed), constant(40.0)) for _ in range(2))

    for step in range(200):
        now = step / 10
        lonely.tick(now, ["a"])
        changing.tick(now, chance.sample(["a", "b", "c"], chance.randint(1, 3)))

    merged = sorted(moment for hand in changing.dealt.values() for moment in hand)
    assert merged == pytest.approx(lonely.dealt["a"])
    assert changing.scheduled(19.0) == lonely.scheduled(19.0)


def test_what_is_dealt_ahead_is_not_yet_scheduled() -> None:
    dealing = dealer(rate=10.0)

    dealing.tick(5.0, ["a"])

    assert dealing.scheduled(5.0) == pytest.approx(50, abs=1)
    assert sum(len(hand) for hand in dealing.dealt.values()) == pytest.approx(
        (5 + LEAD_S) * 10, abs=1
    )


# --- the queue of a node -----------------------------------------------------------------------


def test_an_empty_queue_waits_for_nothing() -> None:
    assert Queue().wait_until(0.0) is None


def test_a_queue_tells_how_long_until_the_next_arrival() -> None:
    queue = Queue()
    queue.deal([2.0, 3.0])

    assert queue.wait_until(0.5) == 1.5
    assert queue.wait_until(2.5) == 0.0
    assert (queue.take(), queue.take()) == (2.0, 3.0)
    assert queue.wait_until(9.0) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_closing_a_queue_counts_every_arrival_once(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    moments = sorted(chance.uniform(0, 10) for _ in range(chance.randint(0, 200)))
    queue = Queue()
    queue.deal(moments)
    taken = [queue.take() for _ in range(min(len(moments), chance.randint(0, 50)))]

    due, later = queue.close(5.0)

    assert len(taken) + due + later == len(moments)
    assert due == sum(moment <= 5.0 for moment in moments[len(taken) :])
    assert queue.close(5.0) == (0, 0)
