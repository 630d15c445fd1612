"""The case that the LIMIT judges look at, and the verdicts that they fill in. Pure, as all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal

from conformance.kit.limiter_answers import FIRST, NO_ANSWER, NO_CREDENTIALS, Answer, Batch
from conformance.kit.limiter_fits import FITS, FIXED, Fit
from conformance.kit.limiter_models import GREEDY, ROUNDING_S, FixedWindow

Status = Literal["passed", "failed", "warned", "not_evaluated", "observed"]
FINDINGS_KEPT = 12
REPEATED_SHARE = 0.2
FEWEST_TRIES = 2
"""One request alone may have had what just came back of the budget."""
UNTOLD = "no answer tells how long the window is, so there is no number to hold to"
ELSEWHERE = "another address"
"""The row of plain requests from a second client address, which has a budget of its own."""


@dataclass(frozen=True)
class LimiterFinding:
    """One breach: what was expected, what came, and the answer that shows it."""

    clause: str
    expected: str
    actual: str
    answer: Answer | None = None
    severity: Literal["failure", "warning"] = "failure"


@dataclass
class ClauseVerdict:
    """What the observations say about one clause; `reason` tells why it is not evaluated."""

    id: str
    checks: int = 0
    findings: list[LimiterFinding] = field(default_factory=list)
    reason: str | None = None
    applies: bool = True
    """Whether the clause speaks of limiters such as this one."""
    observed: bool = False

    @property
    def status(self) -> Status:
        """Failed before warned before undecided: a breach that was seen stands."""
        severities = {finding.severity for finding in self.findings}
        if "failure" in severities:
            return "failed"
        if severities:
            return "warned"
        if self.reason is not None or not self.checks:
            return "not_evaluated"
        return "observed" if self.observed else "passed"

    def that(
        self, condition: object, expected: str, actual: object, answer: Answer | None = None
    ) -> None:
        """Require the condition."""
        self._note(condition, expected, actual, answer, "failure")

    def warn(
        self, condition: object, expected: str, actual: object, answer: Answer | None = None
    ) -> None:
        """Warn where the condition does not hold."""
        self._note(condition, expected, actual, answer, "warning")

    def undecided(self, reason: str, *, applies: bool = True) -> None:
        """Say why nothing can be decided, or that the clause does not speak of this limiter."""
        self.reason, self.applies = reason, applies

    def _note(
        self,
        condition: object,
        expected: str,
        actual: object,
        answer: Answer | None,
        severity: Literal["failure", "warning"],
    ) -> None:
        self.checks += 1
        if not condition and len(self.findings) < FINDINGS_KEPT:
            found = LimiterFinding(self.id, expected, str(actual), answer, severity)
            self.findings.append(found)


@dataclass
class Case:
    """Everything the judges look at."""

    answers: list[Answer]
    plain: list[Answer]
    observed: list[Batch]
    fit: Fit | None
    announced: int | None
    window_s: float
    loopback: bool
    told: bool = True
    """Whether anything told how long the window is."""
    trickled: frozenset[str] = frozenset()
    """Rows of the bypass matrix that the budget itself may have let pass, as it comes back."""
    unlimited: frozenset[str] = frozenset()
    """Operations that are never refused (LIMIT-05)."""

    @property
    def kind(self) -> str | None:
        """The kind of window, where one was shown."""
        return self.fit.kind if self.fit else None

    @cached_property
    def refused(self) -> list[Answer]:
        """Every 429, in the order in which they were sent."""
        return [answer for answer in self.answers if answer.refused]

    @cached_property
    def shut(self) -> list[tuple[float, float]]:
        """The spans in which one plain request after the other was refused."""
        spans: list[tuple[float, float]] = []
        before: Answer | None = None
        for answer in self.plain:
            if answer.operation in self.unlimited:
                continue
            if before is not None and before.refused and answer.refused:
                joined = spans and spans[-1][1] >= before.sent
                start = spans.pop()[0] if joined else before.answered
                spans.append((start, answer.sent))
            before = answer
        return spans

    def while_shut(self, answer: Answer) -> bool:
        """Whether plain requests were refused before and after this one, and none passed between."""
        return any(start <= answer.sent and answer.answered <= end for start, end in self.shut)

    @cached_property
    def side_by_side(self) -> bool:
        """Whether several budgets seem to answer in turn, as where each process has its own.

        Then `Remaining` rises before the end that `Reset` names, or shows most values twice.
        """
        passed = [a for a in self.plain if not a.refused and a.remaining_value is not None]
        alone = [(a, b) for a, b in pairwise(passed) if a.answered <= b.sent and a.remaining_value]
        if any(self._rises_early(a, b) for a, b in alone):
            return True
        twice = sum(a.remaining_value == b.remaining_value for a, b in alone)
        return twice > REPEATED_SHARE * len(alone)

    def _rises_early(self, before: Answer, after: Answer) -> bool:
        """Whether more came back than a bucket gives, in the middle of what Reset calls a window."""
        left, then = before.remaining_value or 0, after.remaining_value or 0
        ends = before.sent + (before.reset_value or 0) - 2 * ROUNDING_S
        took = after.answered - before.sent
        trickled = (self.announced or 0) * took / max(self.window_s, ROUNDING_S)
        return then > left + 1 + trickled and after.answered < ends

    def windows(self) -> Iterator[list[Answer]]:
        """Yield the plain answers of each fixed window; ones around its end belong to none."""
        if not self.told or self.fit is None or not isinstance(self.fit.model, FixedWindow):
            return
        for window in self.fit.model.windows:
            inside = [
                a for a in self.plain if a.sent >= window.opened and a.answered < window.ends[0]
            ]
            yield inside


def held_to_limit(
    case: Case, limit: int, observed: list[Batch], usual: Sequence[str] = (FIXED,)
) -> Fit:
    """Return the limiter of the kind that was shown, with another limit, held against batches.

    Where no kind was shown it is the one of the `usual` kinds that explains them best.
    """
    kinds = [case.kind] if case.kind else usual
    fits = [
        fit.run(observed) for kind in kinds for fit in FITS[kind](limit, case.window_s, observed)
    ]
    # A refused request that takes a place shuts the client out for longer: no documented choice.
    shown = "" if case.fit is None else case.fit.name.removesuffix(GREEDY)
    same = [fit for fit in fits if fit.name == shown]
    return min(same or fits, key=lambda fit: fit.score)


def unlimited_operations(case: Case) -> frozenset[str]:
    """Return the operations that always passed while others were refused around them (LIMIT-05)."""
    tried: dict[str, list[bool]] = {}
    ordered = case.plain
    limited = {answer.operation for answer in ordered if answer.refused}
    for i, answer in enumerate(ordered[1:-1], 1):
        if _between_refusals(ordered, i, limited - {answer.operation}):
            tried.setdefault(answer.operation, []).append(answer.refused)
    return frozenset(
        name for name, outcomes in tried.items() if len(outcomes) >= 2 and not any(outcomes)
    )


def _between_refusals(ordered: list[Answer], index: int, others: set[str]) -> bool:
    """Whether the nearest plain requests on both sides, of other operations, were refused.

    Operations that were never refused do not count: several may be exempt side by side.
    """
    answer = ordered[index]
    before = next((a for a in reversed(ordered[:index]) if a.operation in others), None)
    after = next((a for a in ordered[index + 1 :] if a.operation in others), None)
    if before is None or after is None or not (before.refused and after.refused):
        return False
    return before.answered <= answer.sent and answer.answered <= after.sent


@dataclass(frozen=True)
class Bypass:
    """One row of the bypass matrix: what was tried past the limit, and what came of it."""

    name: str
    tried: int
    refused: int
    effective: int
    works: bool


def bypass_matrix(case: Case) -> list[Bypass]:
    """Return a row for each token, address and variation that was tried past the limit."""
    groups: dict[str, list[Answer]] = {}
    for answer in case.answers:
        tried = answer.status != NO_ANSWER and answer.variation != NO_CREDENTIALS
        if tried and not answer.plain and case.while_shut(answer):
            groups.setdefault(name_of(answer), []).append(answer)
    return [_row(name, tries, case) for name, tries in groups.items()]


def name_of(answer: Answer) -> str:
    """Return the name of the row that an answer belongs to."""
    if answer.variation:
        return answer.variation
    return "another token" if answer.address == FIRST else ELSEWHERE


def _row(name: str, tries: list[Answer], case: Case) -> Bypass:
    effective = sum(not a.refused and a.effective for a in tries)
    refused = sum(a.refused for a in tries)
    works = effective == len(tries) >= FEWEST_TRIES and name not in case.trickled
    return Bypass(name, len(tries), refused, effective, works)
