"""What nodes record arrives in parcels, adds up exactly, and outlives the node."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from load.collection import SAMPLES_MOST, SECONDS_OPEN, Collection, Health, View, histogram_rows
from load.histogram import Latencies
from load.recorder import ERROR_LENGTH, ERRORS_KEPT, FAILED, OK, OUTCOMES, THROTTLED, Recorder

SEEDS = range(2)
OPERATIONS = ("list", "search", "get", "create", "update", "delete", "archive", "restore")
START = 1_000.0
Event = tuple[str, str, float, float, float]


def drawn(seed: int, count: int = 80) -> list[Event]:
    """Return answers of some seconds: operation, outcome, intended, sent, answered."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    events = []
    for _ in range(count):
        intended = START + chance.uniform(0, 6)
        sent = intended if chance.random() < 0.5 else intended + chance.uniform(0, 2)
        answered = sent + 10 ** chance.uniform(-5, 0.5)
        outcome = chance.choices(OUTCOMES, (10, 2, 3))[0]
        events.append((chance.choice(OPERATIONS), outcome, intended, sent, answered))
    return sorted(events, key=lambda event: event[4])


def sent_on(parcel: dict[str, Any]) -> dict[str, Any]:
    """Return a parcel as it comes out of a message."""
    received: dict[str, Any] = json.loads(json.dumps(parcel))
    return received


def collected(events: list[Event], nodes: int, seed: int) -> Collection:
    """Return what a collection holds after nodes recorded the events between random parcels."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    recorders = {f"node {n}": Recorder() for n in range(nodes)}
    collection = Collection(START)
    for event in events:
        recorders[chance.choice(list(recorders))].record(*event)
        if chance.random() < 0.05:
            name = chance.choice(list(recorders))
            collection.add(name, sent_on(recorders[name].parcel()))
    for name, recorder in recorders.items():
        collection.add(name, sent_on(recorder.parcel()))
    return collection


def timed(events: list[Event], begin: int) -> Latencies:
    """Return the histogram of all answers at once, from the moment with that index on."""
    latencies = Latencies()
    for event in events:
        if event[1] != THROTTLED:
            latencies.record(event[4] - event[begin])
    return latencies


def parcel_of(*events: Event, **extras: Any) -> dict[str, Any]:
    recorder = Recorder()
    for event in events:
        recorder.record(*event)
    return sent_on(recorder.parcel() | extras)


def answer(operation: str = "list", outcome: str = OK, at: float = START) -> Event:
    return operation, outcome, at, at, at + 0.01


# --- sums --------------------------------------------------------------------------------------


@pytest.mark.parametrize("nodes", [1, 4])
@pytest.mark.parametrize("seed", SEEDS)
def test_merged_histograms_equal_one_histogram_of_everything(seed: int, nodes: int) -> None:
    events = drawn(seed)

    total = collected(events, nodes, seed).total()

    corrected, service = total.corrected_latencies(), total.service_latencies()
    assert corrected.buckets() == timed(events, 2).buckets()
    assert service.buckets() == timed(events, 3).buckets()
    assert corrected.summary() == timed(events, 2).summary()
    assert service.summary() == timed(events, 3).summary()


@pytest.mark.parametrize("seed", SEEDS)
def test_each_operation_has_its_own_exact_numbers(seed: int) -> None:
    events = drawn(seed)

    collection = collected(events, 2, seed)

    for operation in OPERATIONS:
        own = [event for event in events if event[0] == operation]
        tally = collection.operations[operation]
        assert tally.counts == {o: sum(e[1] == o for e in own) for o in OUTCOMES}
        assert tally.corrected_latencies().buckets() == timed(own, 2).buckets()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_timeline_holds_every_answer_in_the_second_it_came(seed: int) -> None:
    events = drawn(seed)

    rows = collected(events, 2, seed).timeline()

    for outcome in OUTCOMES:
        expected: dict[int, int] = {}
        for event in events:
            expected.setdefault(int(event[4]), 0)
            expected[int(event[4])] += event[1] == outcome
        assert {row["at"]: row[outcome] for row in rows} == expected


def test_the_timeline_shows_percentiles_of_each_second() -> None:
    events = drawn(1)

    rows = collected(events, 2, 1).timeline()

    for row in rows:
        own = [event for event in events if int(event[4]) == row["at"]]
        wanted = timed(own, 2).percentiles((50.0, 95.0, 99.0))
        assert row["corrected"] == {f"p{p:g}": value for p, value in wanted.items()}


def test_a_second_that_is_closed_still_counts_what_comes_late() -> None:
    collection = Collection(START)
    collection.add("quick", parcel_of(answer(at=START)))
    collection.add("quick", parcel_of(answer(at=START + SECONDS_OPEN + 2)))

    collection.add("slow", parcel_of(answer(at=START), answer(outcome=FAILED, at=START)))

    first = collection.timeline()[0]
    assert (first["ok"], first["failed"]) == (2, 1)
    assert collection.total().requests == 4


def test_the_best_second_is_the_fullest_closed_one() -> None:
    collection = Collection(START)
    collection.add("a", parcel_of(*[answer(at=START)] * 5, *[answer(at=START + 1)] * 3))

    collection.add("a", parcel_of(answer(at=START + SECONDS_OPEN + 5)))

    assert collection.best_second == 5


def test_a_refusal_is_counted_and_not_timed() -> None:
    collection = Collection(START)

    collection.add("a", parcel_of(answer(outcome=THROTTLED)))

    total = collection.total()
    assert total.counts == {OK: 0, FAILED: 0, THROTTLED: 1}
    assert total.corrected_latencies().count == 0


def test_latency_counts_from_the_intended_moment() -> None:
    collection = Collection(START)

    collection.add("a", parcel_of(("list", OK, START, START + 2.0, START + 2.5)))

    total = collection.total()
    assert total.corrected_latencies().largest() == pytest.approx(2500, rel=0.001)
    assert total.service_latencies().largest() == pytest.approx(500, rel=0.001)


def test_a_parcel_holds_only_what_is_new() -> None:
    recorder = Recorder()
    recorder.record(*answer())
    recorder.error("list", "wrong")
    recorder.arrivals.sent += 1
    recorder.limited(60, 59, 10, refused=False)
    recorder.parcel()

    parcel = recorder.parcel()

    assert (parcel["operations"], parcel["seconds"], parcel["errors"]) == ({}, {}, [])
    assert parcel["arrivals"] == {"sent": 0, "dropped": 0, "cancelled": 0}
    assert (parcel["budget"]["accepted"], parcel["budget"]["refused"]) == (0, 0)


def test_arrivals_of_all_nodes_add_up() -> None:
    collection = Collection(START)

    for node, (sent, dropped, cancelled) in {"a": (5, 1, 0), "b": (7, 0, 3)}.items():
        recorder = Recorder()
        recorder.arrivals.sent, recorder.arrivals.dropped = sent, dropped
        recorder.arrivals.cancelled = cancelled
        collection.add(node, sent_on(recorder.parcel()))

    whole = collection.sent()
    assert (whole.sent, whole.dropped, whole.cancelled) == (12, 1, 3)


# --- errors, budgets, samples ------------------------------------------------------------------


def test_errors_are_counted_by_what_was_wrong() -> None:
    recorder, collection = Recorder(), Collection(START)

    for text in ("status 500", "status 500", "no envelope"):
        recorder.error("list", text)
    collection.add("a", sent_on(recorder.parcel()))
    recorder.error("list", "status 500")
    collection.add("a", sent_on(recorder.parcel()))

    assert collection.errors == {("list", "status 500"): 3, ("list", "no envelope"): 1}


def test_a_parcel_keeps_so_many_errors_and_so_much_of_each() -> None:
    recorder = Recorder()

    for n in range(ERRORS_KEPT * 2):
        recorder.error("list", f"{n} " + "x" * 10_000)

    errors = recorder.parcel()["errors"]
    assert len(errors) == ERRORS_KEPT
    assert max(len(text) for _, text, _ in errors) == ERROR_LENGTH


def test_errors_that_never_repeat_do_not_fill_the_results() -> None:
    collection, recorder = Collection(START), Recorder()

    for second in range(50):
        for n in range(ERRORS_KEPT):
            recorder.error("list", f"{second}.{n}")
        collection.add("a", recorder.parcel())

    assert len(collection.errors) <= 20 * ERRORS_KEPT


def test_the_budget_shows_what_the_headers_last_said() -> None:
    recorder, collection = Recorder(), Collection(START)
    recorder.limited(60, 5, 10, refused=False)
    recorder.limited(60, 0, 9, refused=True)
    parcel = recorder.parcel() | {"at": START + 3.7}

    collection.add("a", sent_on(parcel))

    row = collection.timeline()[0]
    assert row["at"] == START + 3
    assert row["budget"] == {"accepted": 1, "refused": 1, "limit": 60, "remaining": 0, "reset": 9}
    assert collection.now == {"limit": 60, "remaining": 0, "reset": 9}


def test_a_target_without_limiter_headers_leaves_the_budget_open() -> None:
    recorder, collection = Recorder(), Collection(START)
    recorder.limited(None, None, None, refused=False)

    collection.add("a", sent_on(recorder.parcel()))

    assert collection.now == {}
    assert collection.timeline()[0]["budget"] == {"accepted": 1, "refused": 0}


def test_samples_are_kept_up_to_a_bound() -> None:
    collection = Collection(START)

    for _ in range(5):
        collection.add("a", parcel_of(samples=[[n] for n in range(SAMPLES_MOST // 2)]))

    assert len(collection.samples) == SAMPLES_MOST


def test_a_trial_is_replaced_by_its_final_account() -> None:
    collection = Collection(START)
    collection.add("a", parcel_of(trial=[{"n": 1}]))
    collection.add("a", parcel_of(trial=[{"n": 2}]))

    before = list(collection.trial)
    collection.add("a", parcel_of(trial_final=[{"n": 1, "effect": False}]))

    assert before == [{"n": 1}, {"n": 2}]
    assert collection.trial == [{"n": 1, "effect": False}]


# --- nodes -------------------------------------------------------------------------------------


def test_what_a_lost_worker_reported_is_kept() -> None:
    collection = Collection(START)
    collection.add("a", parcel_of(*[answer()] * 3, made=["1", "2"], unmade=["1"]))

    collection.lose("a", "lost after 2.0 s")

    assert collection.total().requests == 3
    assert collection.nodes["a"].lost == "lost after 2.0 s"
    assert collection.nodes["a"].live == {"2"}


def test_a_worker_that_was_done_cannot_be_lost() -> None:
    collection = Collection(START)
    collection.add("a", parcel_of(done=True))

    collection.lose("a", "lost after 2.0 s")

    assert collection.nodes["a"].lost is None


def test_the_first_reason_of_a_loss_stands() -> None:
    collection = Collection(START)

    collection.lose("a", "lost after 2.0 s")
    collection.lose("a", "did not finish in time")

    assert collection.nodes["a"].lost == "lost after 2.0 s"


def test_arrivals_go_to_nodes_that_reported_lately() -> None:
    collection = Collection(START)
    reported = {"b": 9.5, "a": 9.0, "stale": 2.0, "lost": 9.9, "done": 9.9}
    for name, at in reported.items():
        collection.add(name, parcel_of(at=START + at, done=name == "done"))
    collection.lose("lost", "gone")

    assert collection.sendable(START + 10) == ["a", "b"]


def test_leftovers_of_all_nodes_are_listed() -> None:
    collection = Collection(START)
    collection.add("a", parcel_of(left=["1"]))
    collection.add("b", parcel_of(left=["2", "3"]))

    assert collection.leftovers() == ["1", "2", "3"]


def test_the_duration_ends_with_the_run() -> None:
    collection = Collection(START)

    running = collection.duration(START + 4)
    collection.ended = START + 5
    ended = collection.duration(START + 99)

    assert (collection.duration(START - 5), running, ended) == (5.0, 4.0, 5.0)


@pytest.mark.parametrize(
    ("health", "word"),
    [
        (Health(cpu=[99.0] * 6 + [50.0] * 4), "core"),
        (Health(lags=[0.3] * 3 + [0.0] * 7), "late"),
    ],
)
def test_a_busy_generator_is_not_trusted(health: Health, word: str) -> None:
    problem = health.problem()

    assert problem is not None
    assert word in problem


@pytest.mark.parametrize(
    "health",
    [
        Health(),
        Health(cpu=[99.0] * 5 + [50.0] * 5, lags=[0.3] * 2 + [0.0] * 8),
        Health(cpu=[94.9] * 10, lags=[0.099] * 10),
    ],
)
def test_a_generator_with_room_to_spare_is_trusted(health: Health) -> None:
    assert health.problem() is None


# --- views and histograms ----------------------------------------------------------------------


def test_a_view_sums_all_operations_or_shows_one() -> None:
    collection = Collection(START)
    collection.add("a", parcel_of(answer("list"), answer("get", FAILED), answer("get", THROTTLED)))
    view = View(collection.operations, 2.0, 10, 4)

    whole, get = view.measured(None), view.measured("get")

    assert whole is not None
    assert (whole.ok, whole.failed, whole.throttled) == (1, 1, 1)
    assert (whole.scheduled, whole.dropped, whole.seconds) == (10, 4, 2.0)
    assert get is not None
    assert (get.ok, get.failed, get.corrected.count) == (0, 1, 1)
    assert view.measured("delete") is None


def test_a_view_of_nothing_measured_nothing() -> None:
    assert View({}, 1.0).measured(None) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_of_a_histogram_hold_every_answer_once(seed: int) -> None:
    latencies = timed(drawn(seed), 2)

    rows = histogram_rows(latencies)

    assert sum(count for _, _, count in rows) == latencies.count
    assert len(rows) <= 60
    assert all(low < high for low, high, _ in rows)


def test_a_histogram_of_one_value_has_rows() -> None:
    latencies = Latencies()
    latencies.record(0.010)

    assert sum(count for _, _, count in histogram_rows(latencies)) == 1
    assert histogram_rows(Latencies()) == []
