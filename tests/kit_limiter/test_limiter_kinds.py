"""What the analysis makes of right limiters: kind, limit, window, verdict, and how long it takes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from limiters import Aligned, Bucket, Counter, Fixed, GreedyLog, Log, Server, run

from conformance.kit.limiter import Analysis, Documented, analyse

RIGHT: tuple[tuple[Any, str, str], ...] = (
    (Fixed, "fixed", "fixed window"),
    (Aligned, "fixed", "fixed window"),
    (Log, "sliding", "sliding log"),
    (Counter, "sliding", "sliding counter"),
    (Bucket, "bucket", "token bucket"),
)
LIMITERS = [row[0] for row in RIGHT]
SIZES = ((500, 900.0), (40, 8.0), (60, 20.0))
STARTS = (0.0, 0.33, 0.77)


def on_trial(limiter: Any, start: float = 0.0, **options: Any) -> tuple[Analysis, Any, Any]:
    size = {"limit": limiter.limit, "window_s": limiter.window}
    begin = 1_000_000.0 // limiter.window * limiter.window + start * limiter.window
    trial, forecasts = run(Server(limiter), begin, **{**size, **options})
    documented = Documented(options.get("limit", limiter.limit), limiter.window)
    return analyse(trial.answers, documented, loopback=True), trial, forecasts


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("limiter", "kind", "detail"), RIGHT)
def test_a_right_limiter_is_as_documented_and_its_kind_is_named(
    limiter: Any, kind: str, detail: str, size: tuple[int, float], start: float
) -> None:
    limit, window = size

    analysis, trial, _ = on_trial(limiter(limit, window), start)

    assert (analysis.verdict, analysis.limit, analysis.window_s) == ("as_documented", limit, window)
    assert (analysis.kind, analysis.detail) == (kind, detail)
    assert {v.status for v in analysis.clauses.values()} <= {"passed", "observed", "not_evaluated"}
    assert not trial.live


@pytest.mark.parametrize("limiter", LIMITERS)
def test_every_clause_is_decided_on_a_right_limiter(limiter: Any) -> None:
    analysis, _, _ = on_trial(limiter(60, 20.0))

    undecided = {c for c, v in analysis.clauses.items() if v.status == "not_evaluated"}

    assert undecided == (set() if analysis.kind == "fixed" else {"LIMIT-13"})
    assert not any(analysis.clauses[clause].applies for clause in undecided)
    assert analysis.clauses["LIMIT-12"].status == "observed"
    assert analysis.scope == "address"


@pytest.mark.parametrize("limiter", LIMITERS)
def test_the_witness_rules_every_other_kind_out(limiter: Any) -> None:
    analysis, _, _ = on_trial(limiter(500, 900.0))

    assert len(analysis.witness) == 2
    assert all("passed; a " in sentence for sentence in analysis.witness)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("limiter", LIMITERS)
def test_a_trial_of_the_documented_limit_takes_two_windows_at_most_and_says_so_before(
    limiter: Any, start: float
) -> None:
    _, trial, forecasts = on_trial(limiter(500, 900.0), start)

    took = trial.answers[-1].answered - trial.answers[0].sent

    assert took <= 2 * 900
    assert len(forecasts) == 1
    # What slides is tried once more when all of it is back; no header tells beforehand that it does.
    pause, volley = (0, 0) if limiter in (Fixed, Aligned) else (450, 532)
    assert -60 < took - forecasts[0].seconds < pause + 60
    assert -200 < len(trial.answers) - forecasts[0].requests < volley + 200


def test_a_log_that_counts_refused_requests_is_stricter_and_breaks_limit_07() -> None:
    analysis, _, _ = on_trial(GreedyLog(40, 8.0))

    assert (analysis.verdict, analysis.kind) == ("stricter", "sliding")
    assert analysis.clauses["LIMIT-07"].status == "failed"
    assert analysis.behaviour["refused_requests_count"] is True


def test_the_order_of_the_answers_does_not_matter() -> None:
    analysis, trial, _ = on_trial(Fixed(40, 8.0))
    shuffled = list(trial.answers)
    random.Random(1).shuffle(shuffled)  # noqa: S311 - repeatable, not secret

    again = analyse(shuffled, Documented(40, 8.0), loopback=True)

    assert (again.verdict, again.kind, again.limit) == ("as_documented", "fixed", 40)
    assert {c: v.status for c, v in again.clauses.items()} == {
        c: v.status for c, v in analysis.clauses.items()
    }


def test_limit_and_window_come_from_the_headers_where_nothing_is_documented() -> None:
    trial, _ = run(Server(Fixed(60, 20.0)))

    analysis = analyse(trial.answers)

    assert (analysis.announced, analysis.window_s, analysis.kind) == (60, 20.0, "fixed")
    assert analysis.verdict == "as_documented"


@pytest.mark.parametrize(
    ("documented", "verdict"),
    [
        (Documented(30, 20.0), "laxer"),
        (Documented(90, 20.0), "stricter"),
        (Documented(60, 40.0), "laxer"),
    ],
)
def test_the_verdict_is_against_what_is_documented(documented: Documented, verdict: str) -> None:
    trial, _ = run(Server(Fixed(60, 20.0)))

    assert analyse(trial.answers, documented).verdict == verdict


def test_answers_before_the_limit_leave_the_active_clauses_undecided() -> None:
    _, trial, _ = on_trial(Fixed(60, 20.0))

    analysis = analyse(trial.answers[:20], Documented(60, 20.0))

    assert (analysis.verdict, analysis.kind) == ("not_evaluated", "unknown")
    assert analysis.clauses["LIMIT-01"].status == "passed"
    assert {analysis.clauses[f"LIMIT-{n:02}"].status for n in range(4, 14)} == {"not_evaluated"}


def test_no_answers_decide_nothing() -> None:
    analysis = analyse([])

    assert analysis.verdict == "not_evaluated"
    assert len(analysis.clauses) == 13
    assert all(v.status == "not_evaluated" and v.reason for v in analysis.clauses.values())


def test_each_request_of_the_first_window_has_an_expected_outcome() -> None:
    analysis, _, _ = on_trial(Fixed(60, 20.0))

    first = [e for e in analysis.expected if e.answer.sent < analysis.expected[0].answer.sent + 15]
    wrong = [e for e in first if (e.outcome == "refuse") != e.answer.refused]

    assert not wrong
    assert {e.outcome for e in first} == {"accept", "refuse"}
