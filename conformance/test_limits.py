"""LIMIT: what the limiter's headers say on every exchange, and what a trial of it shows.

The trial (`scenes.limiter`) spends a window, so it takes place only where that is permitted.
"""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kit.evidence import Evidence
from conformance.kit.exchange import Exchange
from conformance.kit.expect import Finding, Judge, PremiseFailed, premise
from conformance.kit.limits import judge_countdown
from conformance.kit.outcome import Outcome


def absorb_passive(evidence: Evidence, limiter: Outcome, judge: Judge) -> None:
    """Hear what ordinary exchanges say, those of the trial included."""
    judge.absorb(evidence.judge(judge.clause))
    if limiter.has("evidence"):
        judge.absorb(limiter.evidence.judge(judge.clause))


def absorb_trial(limiter: Outcome, judge: Judge) -> None:
    """Hear what the trial says about the judge's clause.

    Raises:
        PremiseFailed: there was no trial, or it did not come to its end.

    """
    verdict = limiter.analysis.clauses[judge.clause]
    judge.checks += verdict.checks
    for found in verdict.findings:
        shown = found.answer.source if found.answer is not None else None
        exchange = shown if isinstance(shown, Exchange) else None
        judge.findings.append(Finding(found.expected, found.actual, exchange, found.severity))
    if verdict.reason is not None:
        kind = "premise" if verdict.applies else "not_applicable"
        judge.undecided = PremiseFailed(verdict.reason, kind)


@pytest.mark.clause("LIMIT-01")
def test_every_answer_carries_the_limit_headers(
    evidence: Evidence, limiter: Outcome, judge: Judge
) -> None:
    absorb_passive(evidence, limiter, judge)


@pytest.mark.clause("LIMIT-02")
def test_remaining_stays_within_the_limit_and_counts_down(
    evidence: Evidence, limiter: Outcome, judge: Judge
) -> None:
    fixed = limiter.has("analysis") and limiter.analysis.kind == "fixed"

    absorb_passive(evidence, limiter, judge)
    judge_countdown(evidence.answers, judge, fixed=fixed)
    if limiter.has("analysis"):
        absorb_trial(limiter, judge)


@pytest.mark.clause("LIMIT-03")
def test_reset_is_seconds_within_the_window(
    evidence: Evidence, limiter: Outcome, judge: Judge
) -> None:
    absorb_passive(evidence, limiter, judge)
    if limiter.has("analysis"):
        absorb_trial(limiter, judge)


@pytest.mark.clause("LIMIT-04")
def test_a_429_says_when_to_come_back(evidence: Evidence, limiter: Outcome, judge: Judge) -> None:
    absorb_passive(evidence, limiter, judge)

    premise(judge.checks, "the target limited no request of this run", kind="permission")


@pytest.mark.clause("LIMIT-05")
def test_past_the_limit_every_operation_is_refused(limiter: Outcome, judge: Judge) -> None:
    absorb_trial(limiter, judge)


@pytest.mark.clause("LIMIT-06")
def test_a_window_allows_as_many_requests_as_it_says(limiter: Outcome, judge: Judge) -> None:
    absorb_trial(limiter, judge)


@pytest.mark.clause("LIMIT-07")
def test_a_request_passes_after_retry_after(limiter: Outcome, judge: Judge) -> None:
    absorb_trial(limiter, judge)


@pytest.mark.clause("LIMIT-08")
def test_a_refused_write_changes_nothing(limiter: Outcome, judge: Judge) -> None:
    absorb_trial(limiter, judge)


@pytest.mark.clause("LIMIT-09")
def test_nothing_but_another_address_opens_a_budget(limiter: Outcome, judge: Judge) -> None:
    absorb_trial(limiter, judge)


@pytest.mark.clause("LIMIT-10")
def test_parallel_requests_do_not_pass_beyond_the_limit(limiter: Outcome, judge: Judge) -> None:
    absorb_trial(limiter, judge)


@pytest.mark.clause("LIMIT-11")
def test_retry_after_and_reset_agree(evidence: Evidence, limiter: Outcome, judge: Judge) -> None:
    absorb_passive(evidence, limiter, judge)

    premise(judge.checks, "the target limited no request of this run", kind="permission")


@pytest.mark.clause("LIMIT-12")
def test_what_the_limiter_chose(limiter: Outcome, judge: Judge, behaviour: dict[str, Any]) -> None:
    absorb_trial(limiter, judge)

    behaviour.update({f"limiter_{name}": v for name, v in limiter.analysis.behaviour.items()})


@pytest.mark.clause("LIMIT-13")
def test_half_of_retry_after_is_not_enough(limiter: Outcome, judge: Judge) -> None:
    absorb_trial(limiter, judge)
