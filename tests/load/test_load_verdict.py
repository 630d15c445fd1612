"""The verdict of a run: what makes it invalid, failed or interrupted."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from load_facts import HOST, START, collection, facts, valid

from conformance.kit.limiter import Answer
from load.collection import Collection, Health, View
from load.options import Options
from load.probing import as_data
from load.recorder import OK, Recorder
from load.report import Facts, conclude
from load.shapes import Capacity


def outcome(of: Facts) -> tuple[str, int]:
    document = conclude(of).document
    return document["verdict"], document["exit_status"]


def saturated() -> Collection:
    found = collection()
    found.nodes["local"].health = Health(cpu=[100.0] * 10)
    return found


def trial(*statuses: int, **parts: Any) -> list[dict[str, Any]]:
    """Return the answers of a trial, one each tenth of a second."""
    return [
        as_data(Answer(START + n / 10, START + n / 10 + 0.01, "list", status, **parts))
        for n, status in enumerate(statuses)
    ]


def broken_trial() -> list[dict[str, Any]]:
    """Return a trial whose refusals tell nobody when to come back (LIMIT-04)."""
    headers = {"limit": "3", "remaining": "0", "reset": "10", "enveloped": False}
    return trial(200, 200, 200, 429, 429, 429, **headers)


def step_search(held: float | None, actuals: dict[str, float | None], broken_by: str) -> Capacity:
    return Capacity(
        100.0, 10.0, lambda: ({}, None), held, 100.0, broken_by, steps=2, actuals=actuals
    )


# --- verdicts ----------------------------------------------------------------------------------


def test_a_run_that_meets_its_objectives_passes() -> None:
    document = conclude(facts(None, "p95(list) < 300ms", "errors < 0.1%", "rate > 5/s")).document

    assert (document["verdict"], document["exit_status"], document["reasons"]) == ("passed", 0, [])
    assert {row["verdict"] for row in document["objectives"]} == {"met"}


def test_a_missed_objective_fails_and_is_named_with_its_number() -> None:
    document = conclude(facts(None, "p95(list) < 1ms", "rate > 5/s")).document

    assert (document["verdict"], document["exit_status"]) == ("failed", 1)
    assert [row["verdict"] for row in document["objectives"]] == ["missed", "met"]
    assert document["reasons"] == [
        f"missed: p95(list) < 1ms (actual {document['objectives'][0]['actual']})"
    ]


def test_wrong_answers_fail_a_run_that_says_nothing_of_errors() -> None:
    document = conclude(facts(collection(failed=2))).document

    assert (document["verdict"], document["exit_status"]) == ("failed", 1)
    assert "list: status 500 instead of 200" in document["reasons"][0]


def test_an_objective_says_how_many_answers_may_be_wrong() -> None:
    found = collection(ok=98, failed=2)

    assert outcome(facts(found, "errors < 5%")) == ("passed", 0)
    assert outcome(facts(found, "errors < 1%")) == ("failed", 1)


def test_failures_without_a_text_still_reach_a_verdict() -> None:
    found = collection(failed=1)
    found.errors.clear()

    assert outcome(facts(found)) == ("failed", 1)


@pytest.mark.parametrize(
    ("found", "parts", "word"),
    [
        (Collection(START), {"workers_wanted": 0}, "no request"),
        (collection(ok=0), {}, "no request"),
        (collection(ok=0, throttled=50), {}, "429"),
        (saturated(), {}, "saturated"),
        (collection(), {"workers_wanted": 2}, "workers missing: 1 of 2"),
    ],
)
def test_a_run_that_proves_nothing_is_invalid(
    found: Collection, parts: dict[str, Any], word: str
) -> None:
    document = conclude(facts(found, "p95(list) < 1ms", "rate > 1000/s", **parts)).document

    assert (document["verdict"], document["exit_status"]) == ("invalid", 6)
    assert word in document["reasons"][0]
    assert {row["verdict"] for row in document["objectives"]} == {"not_evaluated"}
    assert valid(document)


def test_a_run_that_lost_a_worker_is_invalid_and_keeps_what_it_reported() -> None:
    found = collection(node="a")
    recorder = Recorder()
    recorder.record("get", OK, START, START, START + 0.5)
    found.add("b", recorder.parcel())
    found.lose("b", "lost after 3.0 s")

    document = conclude(facts(found, workers_wanted=2)).document

    assert (document["verdict"], document["exit_status"]) == ("invalid", 6)
    assert any("worker b lost after 3.0 s" in reason for reason in document["reasons"])
    assert document["total"]["requests"] == 101
    assert [row["lost"] for row in document["nodes"]] == [None, "lost after 3.0 s"]


def test_some_refusals_do_not_make_a_run_invalid() -> None:
    assert outcome(facts(collection(ok=1, throttled=99), "p95(list) < 1s")) == ("passed", 0)


def test_an_objective_that_nothing_was_measured_for_is_no_pass() -> None:
    document = conclude(facts(None, "p95(delete) < 300ms")).document

    assert document["objectives"][0]["verdict"] == "not_evaluated"
    assert document["exit_status"] == 6


def test_an_interrupted_run_says_so() -> None:
    document = conclude(facts(interrupted=True)).document

    assert document["exit_status"] == 2
    assert document["verdict"] == "invalid"
    assert any("interrupted" in reason for reason in document["reasons"])


def test_an_objective_that_could_no_longer_be_met_fails_the_run() -> None:
    document = conclude(facts(stopped_because="--fail-fast: errors < 1% can no longer be met"))

    assert document.document["reasons"] == ["--fail-fast: errors < 1% can no longer be met"]
    assert document.exit_status == 1


def test_a_saturated_generator_cannot_tell_that_an_objective_is_hopeless() -> None:
    stopped = "--fail-fast: p95 < 1ms can no longer be met"

    assert outcome(facts(saturated(), "p95 < 1ms", stopped_because=stopped)) == ("invalid", 6)


FAULTS = ("wrong", "missed", "saturated", "missing", "interrupted", "trial")


@pytest.mark.parametrize(
    "chosen", [c for n in (0, 1, 2, 3, 6) for c in itertools.combinations(FAULTS, n)]
)
def test_the_gravest_fault_decides_the_exit_status(chosen: tuple[str, ...]) -> None:
    found = collection(failed=3 if "wrong" in chosen else 0)
    if "saturated" in chosen:
        found.nodes["local"].health = Health(lags=[1.0] * 10)
    if "trial" in chosen:
        found.trial = broken_trial()
    objectives = ("p95 < 1ms",) if "missed" in chosen else ()
    invalid = bool({"saturated", "missing"} & set(chosen))
    failed = bool({"wrong", "trial"} & set(chosen)) or ("missed" in chosen and not invalid)

    document = conclude(
        facts(
            found,
            *objectives,
            workers_wanted=2 if "missing" in chosen else 1,
            interrupted="interrupted" in chosen,
        )
    ).document

    expected = 1 if failed else 6 if invalid else 0
    assert document["exit_status"] == (2 if "interrupted" in chosen else expected)
    assert document["verdict"] == (
        "failed" if failed else "invalid" if invalid or "interrupted" in chosen else "passed"
    )
    assert bool(document["reasons"]) == bool(chosen)
    assert valid(document)


# --- the open model ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheduled", [100, 101, 1_000])
def test_sent_and_dropped_are_what_was_scheduled(scheduled: int) -> None:
    arrivals = conclude(facts(scheduled=scheduled)).document["arrivals"]

    assert arrivals == {"scheduled": scheduled, "sent": 100, "dropped": scheduled - 100}


def test_arrivals_sent_while_the_run_ended_are_not_dropped_less_than_zero() -> None:
    document = conclude(facts(scheduled=98)).document

    arrivals = document["arrivals"]
    assert arrivals["dropped"] >= 0
    assert arrivals["sent"] + arrivals["dropped"] == arrivals["scheduled"]


def test_a_target_that_stops_answering_does_not_pass() -> None:
    found = collection(ok=50)
    found.nodes["local"].arrivals.sent = 400

    _, status = outcome(facts(found, "p95(list) < 300ms", "errors < 0.1%", scheduled=1_000))

    assert status != 0


def test_the_closed_model_schedules_what_it_sends() -> None:
    document = conclude(facts(collection(ok=30, throttled=5), options=Options())).document

    assert document["arrivals"] == {"scheduled": 35, "sent": 35, "dropped": 0}
    assert (document["arrival_rate"], document["shape"]) == (None, None)


# --- the capacity search -----------------------------------------------------------------------


def test_a_search_is_judged_by_the_last_step_that_held() -> None:
    capacity = step_search(66.7, {"p95(list) < 5ms": 3.0}, "p95(list) < 5ms")

    document = conclude(facts(None, "p95(list) < 5ms", capacity=capacity)).document

    assert (document["verdict"], document["objectives"][0]["actual"]) == ("passed", 3.0)
    assert document["capacity"]["last_rate_held"] == 66.7
    assert document["capacity"]["broke_at"] == 100.0


def test_a_search_whose_first_step_broke_does_not_pass() -> None:
    capacity = step_search(None, {}, "p95(list) < 50ms")

    assert outcome(facts(None, "p95(list) < 50ms", capacity=capacity)) == ("failed", 1)


# --- the limiter -------------------------------------------------------------------------------


def test_a_broken_limiter_fails_the_trial() -> None:
    found = collection()
    found.trial = broken_trial()

    document = conclude(facts(found)).document

    assert (document["verdict"], document["exit_status"]) == ("failed", 1)
    assert any(reason.startswith("LIMIT-04") for reason in document["reasons"])
    statuses = {row["id"]: row["status"] for row in document["limiter"]["clauses"]}
    assert statuses["LIMIT-04"] == "failed"
    assert [shot["at"] for shot in document["limiter"]["timeline"]][:2] == [0.0, 0.1]


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("headers", [("3", "0", "10", "10"), (None, None, None, None)])
def test_a_limiter_that_was_not_tried_decides_nothing(
    status: int, headers: tuple[str | None, ...]
) -> None:
    found = collection()
    found.samples = [(START + n, START + n + 0.01, "list", status, *headers, False) for n in (1, 2)]

    document = conclude(facts(found)).document

    assert document["verdict"] == "passed"
    assert document["limiter"]["verdict"] == "not_evaluated"
    assert len(document["limiter"]["clauses"]) == 13


@pytest.mark.parametrize("counted", [True, False])
def test_a_trial_of_nothing_else_that_decides_nothing_is_invalid(*, counted: bool) -> None:
    found = collection(ok=5 if counted else 0)
    headers = [{"limit": "100", "remaining": str(99 - n), "reset": "900"} for n in range(5)]
    found.trial = [row | headers[n] for n, row in enumerate(trial(*[200] * 5))]
    alone = Facts(HOST, ("RateLimitProbe",), Options(), found, View(found.operations, 10.0))

    document = conclude(alone).document

    assert document["limiter"]["verdict"] == "not_evaluated"
    assert document["exit_status"] == 6
