"""Verdicts: one violation decides, undecided is never passed, errors come before failures."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit_doubles import exchange

import schemas
from conformance.kit.catalogue import Catalogue, Clause, Gate, Tier
from conformance.kit.exchange import Redactor
from conformance.kit.expect import VIOLATIONS_KEPT, Finding
from conformance.kit.verdict import (
    FAILED,
    INCOMPLETE,
    INTERRUPTED,
    KIT_FAILED,
    NOTHING,
    PASSED,
    UNUSABLE,
    ClauseVerdict,
    TestOutcome,
    clause_document,
    conclude,
    judge_clause,
    percentiles,
)

CATALOGUE = Catalogue.load()
BY_TIER = {tier: next(c for c in CATALOGUE if c.tier is tier) for tier in Tier}
REQUIRED = BY_TIER[Tier.REQUIRED]
FAILURE = Finding("200", "500", exchange(status=500))
WARNING = Finding("200", "404", exchange(status=404), "warning")
EXCUSED = ("token", "permission", "not_built")
KINDS = ("premise", "budget", "unavailable", "token", "permission")


def outcome(state: str, **more: Any) -> TestOutcome:
    return TestOutcome(REQUIRED.id, f"test_{state}", state, checks=1, **more)


GOOD = outcome("passed")
WARNED = outcome("passed", findings=(WARNING,))
BAD = outcome("violated", findings=(FAILURE,))
BROKEN = outcome("error", reason="KeyError: 'id'")


def undecided(kind: str = "premise") -> TestOutcome:
    return outcome("undecided", reason=f"for want of {kind}", kind=kind)


OUTCOMES = st.lists(
    st.sampled_from([GOOD, WARNED, BAD, BROKEN, *map(undecided, KINDS)]), min_size=1, max_size=6
)
TIERS = st.sampled_from(list(Tier))
GATES = st.sampled_from(list(Gate))


def verdict(
    *outcomes: TestOutcome, clause: Clause = REQUIRED, gate: Gate = Gate.REQUIRED, **more: Any
) -> ClauseVerdict:
    return judge_clause(clause, outcomes, gate, **more)


@given(OUTCOMES, TIERS, GATES)
def test_the_status_follows_from_the_gravest_outcome(
    outcomes: list[TestOutcome], tier: Tier, gate: Gate
) -> None:
    judged = verdict(*outcomes, clause=BY_TIER[tier], gate=gate)

    states = {o.state for o in outcomes}
    if "error" in states:
        expected = {"error"}
    elif "violated" in states:
        expected = {"failed"} if gate.gates(tier) else {"warned"}
    elif "undecided" in states:
        expected = {"not_evaluated"}
    else:
        expected = {"passed", "warned", "observed"}
    assert judged.status in expected
    assert judged.gating is gate.gates(tier)


@given(OUTCOMES)
def test_passed_means_that_every_test_passed_without_a_finding(outcomes: list[TestOutcome]) -> None:
    judged = verdict(*outcomes)

    spotless = all(o is GOOD for o in outcomes)
    assert (judged.status == "passed") is spotless


@given(OUTCOMES, st.randoms(use_true_random=False))
def test_the_order_of_the_tests_decides_nothing(outcomes: list[TestOutcome], random: Any) -> None:
    shuffled = list(outcomes)
    random.shuffle(shuffled)

    one, other = verdict(*outcomes), verdict(*shuffled)

    assert (one.status, one.checks) == (other.status, other.checks)
    assert conclude([one]).exit_status == conclude([other]).exit_status


@given(OUTCOMES)
def test_what_is_not_evaluated_has_a_reason(outcomes: list[TestOutcome]) -> None:
    judged = verdict(*outcomes)

    if judged.status in ("not_evaluated", "error"):
        assert judged.reason
    else:
        assert judged.reason is None


@given(OUTCOMES, GATES)
def test_an_observed_clause_never_fails(outcomes: list[TestOutcome], gate: Gate) -> None:
    judged = verdict(*outcomes, clause=BY_TIER[Tier.OBSERVED], gate=gate)

    assert judged.status != "failed"
    assert not judged.gating


def test_a_clause_without_a_test_is_not_built() -> None:
    judged = verdict()

    assert (judged.status, judged.kind) == ("not_evaluated", "not_built")


def test_a_clause_that_was_not_selected_says_so() -> None:
    judged = verdict(GOOD, selected=False)

    assert (judged.status, judged.kind) == ("not_evaluated", "not_selected")


@pytest.mark.parametrize(
    "kinds", [*itertools.permutations(("budget", "premise", "token")), ("token", "budget")]
)
def test_a_spent_budget_is_the_first_reason_told(kinds: tuple[str, ...]) -> None:
    assert verdict(*map(undecided, kinds)).kind == "budget"


@pytest.mark.parametrize("kinds", list(itertools.permutations(("premise", "token", "permission"))))
def test_a_broken_premise_is_told_before_what_the_user_may_leave_out(
    kinds: tuple[str, ...],
) -> None:
    assert verdict(*map(undecided, kinds)).kind == "premise"


@pytest.mark.parametrize("applying", list(itertools.permutations(range(1, 7), 3)))
def test_the_exit_status_follows_the_documented_precedence(applying: tuple[int, ...]) -> None:
    precedence = (KIT_FAILED, UNUSABLE, INTERRUPTED, FAILED, INCOMPLETE, NOTHING)

    conclusion = conclude([verdict(GOOD)], statuses=applying)

    assert precedence == (3, 4, 2, 1, 6, 5)
    assert conclusion.exit_status == min(applying, key=precedence.index)


@pytest.mark.parametrize(
    ("about", "verdicts", "status", "word"),
    [
        ("all passed", [verdict(GOOD)], PASSED, "passed"),
        ("a warning", [verdict(WARNED)], PASSED, "passed"),
        ("a violation", [verdict(GOOD), verdict(BAD)], FAILED, "failed"),
        ("an error beside a violation", [verdict(BROKEN), verdict(BAD)], KIT_FAILED, "error"),
        ("a broken premise alone", [verdict(GOOD), verdict(undecided())], INCOMPLETE, "incomplete"),
        (
            "a broken premise beside its cause",
            [verdict(BAD), verdict(undecided())],
            FAILED,
            "failed",
        ),
        ("the target away", [verdict(undecided("unavailable"))], INCOMPLETE, "incomplete"),
        ("a spent budget", [verdict(GOOD), verdict(undecided("budget"))], INCOMPLETE, "incomplete"),
        ("no second token", [verdict(GOOD), verdict(undecided("token"))], PASSED, "passed"),
        ("no leave to probe", [verdict(GOOD), verdict(undecided("permission"))], PASSED, "passed"),
        ("no test yet", [verdict(GOOD), verdict()], PASSED, "passed"),
        ("nothing selected", [verdict(GOOD, selected=False), verdict()], NOTHING, "incomplete"),
        ("nothing at all", [], NOTHING, "incomplete"),
    ],
)
def test_a_run_ends_as_its_clauses_say(
    about: str, verdicts: list[ClauseVerdict], status: int, word: str
) -> None:
    conclusion = conclude(verdicts)

    assert (conclusion.exit_status, conclusion.verdict) == (status, word), about
    assert bool(conclusion.reasons) is (status != PASSED)


@pytest.mark.parametrize("tier", [Tier.PLATFORM, Tier.EXPECTED, Tier.OBSERVED])
@pytest.mark.parametrize("test", [BAD, undecided(), undecided("budget")])
def test_a_clause_outside_the_gate_changes_no_exit_status(tier: Tier, test: TestOutcome) -> None:
    judged = [verdict(GOOD), verdict(test, clause=BY_TIER[tier])]

    assert conclude(judged, complete=True).exit_status == PASSED


def test_an_error_fails_the_run_whatever_the_gate() -> None:
    judged = [verdict(GOOD), verdict(BROKEN, clause=BY_TIER[Tier.OBSERVED])]

    assert conclude(judged).exit_status == KIT_FAILED


@pytest.mark.parametrize("kind", KINDS)
def test_complete_demands_every_gating_clause(kind: str) -> None:
    judged = [verdict(GOOD), verdict(undecided(kind))]

    assert conclude(judged, complete=True).exit_status == INCOMPLETE


@pytest.mark.parametrize("complete", [True, False])
def test_a_clause_that_does_not_speak_of_the_target_leaves_nothing_open(complete: bool) -> None:
    judged = [verdict(GOOD), verdict(undecided("not_applicable"))]

    assert judged[1].status == "not_evaluated"
    assert conclude(judged, complete=complete).exit_status == PASSED


def test_complete_demands_clauses_without_a_test_too() -> None:
    assert conclude([verdict(GOOD), verdict()], complete=True).exit_status == INCOMPLETE


def test_complete_does_not_demand_what_was_not_selected() -> None:
    judged = [verdict(GOOD), verdict(GOOD, selected=False)]

    assert conclude(judged, complete=True).exit_status == PASSED


@pytest.mark.parametrize(
    ("about", "known", "status"),
    [
        ("it fails, as is known", verdict(BAD, known_failure=True), PASSED),
        ("it passes: the list is stale", verdict(GOOD, known_failure=True), FAILED),
        ("it only warns: the list is stale", verdict(WARNED, known_failure=True), FAILED),
        (
            "it is violated outside the gate: the list is right",
            verdict(BAD, clause=BY_TIER[Tier.EXPECTED], known_failure=True),
            PASSED,
        ),
        ("it was not selected", verdict(GOOD, selected=False, known_failure=True), PASSED),
        ("it lacks a token", verdict(undecided("token"), known_failure=True), PASSED),
        ("the kit broke on it", verdict(BROKEN, known_failure=True), KIT_FAILED),
    ],
)
def test_a_known_failure_may_fail_and_may_not_pass(
    about: str, known: ClauseVerdict, status: int
) -> None:
    conclusion = conclude([verdict(GOOD), known])

    assert conclusion.exit_status == status, about
    if status == FAILED:
        assert "no longer failing" in conclusion.reasons[0]


@pytest.mark.parametrize("outcome", [GOOD, BAD, undecided("token")])
def test_a_known_failure_whose_date_has_gone_by_fails_the_run(outcome: TestOutcome) -> None:
    judged = verdict(outcome)

    conclusion = conclude([judged], lapsed={judged.clause.id})

    assert conclusion.exit_status == FAILED
    assert "until a date that has gone by" in conclusion.reasons[-1]


def test_a_lapsed_known_failure_that_was_not_selected_says_nothing() -> None:
    judged = verdict(GOOD, clause=BY_TIER[Tier.EXPECTED], selected=False)

    assert conclude([verdict(GOOD), judged], lapsed={judged.clause.id}).exit_status == PASSED


def test_reasons_name_the_clauses() -> None:
    first, second = (c for c in list(CATALOGUE)[:2])

    conclusion = conclude([verdict(BAD, clause=first), verdict(BAD, clause=second)])

    assert conclusion.reasons == (f"violated: {first.id}, {second.id}",)


@given(OUTCOMES, TIERS, GATES)
def test_a_clause_document_fits_the_schema(
    outcomes: list[TestOutcome], tier: Tier, gate: Gate
) -> None:
    judged = verdict(*outcomes, clause=BY_TIER[tier], gate=gate)

    document = clause_document(judged, Redactor())

    schemas.validator("results", "clause").validate(document)


def test_violations_are_bounded_and_failures_come_first() -> None:
    outcomes = [outcome("violated", findings=(WARNING,) * 9 + (FAILURE,) * 2)]

    violations = clause_document(verdict(*outcomes), Redactor())["violations"]

    assert len(violations) == VIOLATIONS_KEPT
    assert [v["severity"] for v in violations[:3]] == ["failure", "failure", "warning"]


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1))
def test_percentiles_are_in_order_and_of_the_sample(values: list[float]) -> None:
    found = percentiles(values)

    assert list(found) == ["p50", "p90", "p99", "max"]
    assert sorted(found.values()) == list(found.values())
    assert set(found.values()) <= {round(value, 1) for value in values}
