"""From what the tests found to the verdict: clause by clause, then for the gate. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.kit.catalogue import Clause, Gate, Tier
from conformance.kit.exchange import Redactor
from conformance.kit.expect import VIOLATIONS_KEPT, Finding

PASSED, INTERRUPTED, FAILED, KIT_FAILED, UNUSABLE, NOTHING, INCOMPLETE = 0, 2, 1, 3, 4, 5, 6
PRECEDENCE = (KIT_FAILED, UNUSABLE, INTERRUPTED, FAILED, INCOMPLETE, NOTHING, PASSED)
"""When several apply, the first of these is the exit status (interface, Exit statuses)."""

WORDS = {
    PASSED: "passed",
    FAILED: "failed",
    INCOMPLETE: "incomplete",
    INTERRUPTED: "interrupted",
    NOTHING: "incomplete",
}
NO_OCCASION = "no_occasion"
"""Why a test did not decide that looks at what other tests of its clause had sent."""
_EXCUSED = {"token", "permission", "not_built", "not_applicable"}


@dataclass(frozen=True)
class TestOutcome:
    """What one test said about its clause: passed, violated, undecided, or error."""

    __test__ = False

    clause: str
    test: str
    state: str
    checks: int = 0
    findings: tuple[Finding, ...] = ()
    reason: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class ClauseVerdict:
    """The verdict on one clause. `status` is one of the results file's six words."""

    clause: Clause
    status: str
    gating: bool
    reason: str | None = None
    kind: str | None = None
    checks: int = 0
    tests: tuple[str, ...] = ()
    findings: tuple[tuple[str, Finding], ...] = ()
    known: bool = False


@dataclass(frozen=True)
class Conclusion:
    """The exit status of the run, and the sentences that explain it."""

    exit_status: int
    reasons: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> str:
        """The word of the results file: passed, failed, incomplete, interrupted, or error."""
        return WORDS.get(self.exit_status, "error")


def judge_clause(
    clause: Clause,
    outcomes: Iterable[TestOutcome],
    gate: Gate,
    *,
    selected: bool = True,
    known_failure: bool = False,
) -> ClauseVerdict:
    """Return the verdict on a clause from the outcomes of its tests.

    One violation decides; a test that could not decide keeps the clause from passing (rule 13).
    """
    mine = list(outcomes)
    gating = gate.gates(clause.tier)
    tests = tuple(o.test for o in mine)
    checks = sum(o.checks for o in mine)
    findings = tuple((o.test, finding) for o in mine for finding in o.findings)
    status, reason, kind = _status(clause, mine, gating, selected=selected)
    return ClauseVerdict(
        clause, status, gating, reason, kind, checks, tests, findings, known_failure
    )


def _status(
    clause: Clause, outcomes: list[TestOutcome], gating: bool, *, selected: bool
) -> tuple[str, str | None, str | None]:
    if not selected:
        return "not_evaluated", "not selected by --clause", "not_selected"
    if not outcomes:
        return "not_evaluated", "this version of the suite has no test for it", "not_built"
    failures = [f for o in outcomes for f in o.findings if f.severity == "failure"]
    warnings = [f for o in outcomes for f in o.findings if f.severity == "warning"]
    if errors := [o for o in outcomes if o.state == "error"]:
        return "error", errors[0].reason, "error"
    if failures:
        return ("failed" if gating else "warned"), None, None
    if clause.tier is Tier.OBSERVED and any(o.state == "passed" for o in outcomes):
        return "observed", None, None
    if undecided := _undecided(outcomes):
        gravest = min(undecided, key=lambda o: (o.kind != "budget", o.kind in _EXCUSED))
        return "not_evaluated", gravest.reason, gravest.kind
    return ("warned" if warnings else "passed"), None, None


def _undecided(outcomes: list[TestOutcome]) -> list[TestOutcome]:
    """Return the tests that keep the clause from passing."""
    found = [o for o in outcomes if o.state == "undecided"]
    if any(o.state == "passed" for o in outcomes):
        return [o for o in found if o.kind != NO_OCCASION]
    return found


def conclude(
    verdicts: Iterable[ClauseVerdict],
    *,
    complete: bool = False,
    statuses: Iterable[int] = (),
    lapsed: Collection[str] = (),
) -> Conclusion:
    """Return the exit status.

    `statuses` are ones that the run itself already brought about; `lapsed` are clauses that were
    known failures until a date that has gone by.
    """
    found = list(verdicts)
    applying: dict[int, list[str]] = {status: [] for status in statuses}
    failed = [v for v in found if v.status == "failed" and not v.known]
    _note(applying, KIT_FAILED, [v for v in found if v.status == "error"], "the kit failed on")
    _note(applying, FAILED, failed, "violated:")
    stale = [v for v in found if v.known and _holds(v)]
    _note(applying, FAILED, stale, "listed in --known-failures, but no longer failing:")
    over = [v for v in found if v.clause.id in lapsed and v.kind != "not_selected"]
    _note(applying, FAILED, over, "listed in --known-failures until a date that has gone by:")
    missing = [v for v in found if v.gating and _missing(v, complete, bool(failed))]
    _note(applying, INCOMPLETE, missing, "not evaluated:")
    if not any(v.kind not in ("not_selected", "not_built") for v in found):
        applying.setdefault(NOTHING, ["no test was selected"])
    for status in PRECEDENCE:
        if status in applying:
            return Conclusion(status, tuple(applying[status]))
    return Conclusion(PASSED)


def _note(
    applying: dict[int, list[str]], status: int, verdicts: list[ClauseVerdict], words: str
) -> None:
    if verdicts:
        ids = ", ".join(v.clause.id for v in verdicts)
        applying.setdefault(status, []).append(f"{words} {ids}")


def _holds(verdict: ClauseVerdict) -> bool:
    """Whether the clause was evaluated and nothing broke it, outside the gate included."""
    violated = any(finding.severity == "failure" for _, finding in verdict.findings)
    return verdict.status in ("passed", "warned") and not violated


def _missing(verdict: ClauseVerdict, complete: bool, failed: bool) -> bool:
    if verdict.status != "not_evaluated" or verdict.kind in ("not_selected", "not_applicable"):
        return False
    if verdict.kind == "budget":
        return True
    if verdict.kind in _EXCUSED:
        return complete
    return complete or not failed


def clause_document(verdict: ClauseVerdict, redact: Redactor) -> dict[str, Any]:
    """Return a clause's entry in the results file."""
    clause = verdict.clause
    return {
        "id": clause.id,
        "group": clause.group,
        "tier": clause.tier.value,
        "title": clause.title,
        "source": clause.source,
        "status": verdict.status,
        "gating": verdict.gating,
        "known_failure": verdict.known,
        "reason": None if verdict.reason is None else redact(verdict.reason),
        "reason_kind": verdict.kind,
        "checks": verdict.checks,
        "tests": list(verdict.tests),
        "violations": _violations(verdict, redact),
    }


def _violations(verdict: ClauseVerdict, redact: Redactor) -> list[dict[str, Any]]:
    ordered = sorted(verdict.findings, key=lambda pair: pair[1].severity != "failure")
    return [_violation(test, finding, redact) for test, finding in ordered[:VIOLATIONS_KEPT]]


def _violation(test: str, finding: Finding, redact: Redactor) -> dict[str, Any]:
    exchange = finding.exchange
    return {
        "test": test,
        "severity": finding.severity,
        "expected": redact(finding.expected),
        "actual": redact(finding.actual),
        "summary": redact(f"expected {finding.expected}; got {finding.actual}"),
        "exchange": None if exchange is None else exchange.as_evidence(redact),
        "curl": None if exchange is None else exchange.curl(redact),
    }


def latency_document(latencies: Mapping[str, list[float]]) -> dict[str, Any]:
    """Return percentiles in milliseconds by operation."""
    return {name: {**percentiles(v), "count": len(v)} for name, v in latencies.items() if v}


def percentiles(values: list[float]) -> dict[str, float]:
    """Return p50, p90, p99 and max of a non-empty list, by the nearest rank."""
    ordered = sorted(values)
    ranks = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[min(last, int(q * len(ordered)))], 1) for name, q in ranks.items()}
