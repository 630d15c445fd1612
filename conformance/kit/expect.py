"""Judging: what a test may say about the exchanges it is given.

`Judge.that` states a requirement, `Judge.warn` one whose breach never gates, `premise` something
the test needs before it can decide at all. A broken premise is not a verdict on the clause.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from conformance.kit.exchange import Exchange

SHOWN_VALUE = 300
VIOLATIONS_KEPT = 5


@dataclass(frozen=True)
class Finding:
    """One breach: what was expected (every legal outcome), what came, and the evidence."""

    expected: str
    actual: str
    exchange: Exchange | None
    severity: str = "failure"


class PremiseFailed(Exception):
    """The set-up does not allow a decision; `kind` sorts the reason for the report.

    Kinds: premise, budget, token, permission, unavailable, not_applicable (the clause does not
    speak of targets such as this one), not_built, not_selected.
    """

    def __init__(self, reason: str, kind: str = "premise") -> None:
        """Keep the reason, one line that a person reads."""
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


class ClauseViolated(AssertionError):
    """A test found at least one breach of its clause."""


def premise(
    condition: object, reason: str, exchange: Exchange | None = None, *, kind: str = "premise"
) -> None:
    """Go on only where the condition holds.

    Raises:
        PremiseFailed: it does not; the reason names the exchange that broke it.

    """
    if not condition:
        raise PremiseFailed(f"{reason} ({exchange.line})" if exchange else reason, kind)


class Judge:
    """Collects what one test finds about its one clause."""

    def __init__(self, clause: str) -> None:
        """Start with nothing checked and nothing found."""
        self.clause = clause
        self.checks = 0
        self.findings: list[Finding] = []
        self.undecided: PremiseFailed | None = None

    def that(
        self, condition: object, expected: str, actual: object, exchange: Exchange | None
    ) -> bool:
        """Require the condition; return whether it held, so that a test may go on or stop."""
        return self._record(condition, expected, actual, exchange, "failure")

    def warn(
        self, condition: object, expected: str, actual: object, exchange: Exchange | None
    ) -> bool:
        """Record a warning where the condition does not hold: the contract says so."""
        return self._record(condition, expected, actual, exchange, "warning")

    def _record(
        self,
        condition: object,
        expected: str,
        actual: object,
        exchange: Exchange | None,
        severity: str,
    ) -> bool:
        self.checks += 1
        if not condition:
            self.findings.append(Finding(expected, show(actual), exchange, severity))
        return bool(condition)

    def status(self, exchange: Exchange, *allowed: int, because: str = "") -> bool:
        """Require one of the statuses."""
        expected = " or ".join(str(status) for status in allowed)
        reason = f" {because}" if because else ""
        return self.that(
            exchange.status in allowed, f"status {expected}{reason}", exchange.status, exchange
        )

    def absorb(self, other: Judge) -> None:
        """Take over what another judge of the same clause found."""
        self.checks += other.checks
        self.findings += other.findings

    @contextmanager
    def case(self) -> Iterator[None]:
        """Judge one case of several: a broken premise leaves the others to be judged."""
        try:
            yield
        except PremiseFailed as problem:
            self.undecided = self.undecided or problem


def show(value: Any) -> str:
    """Return a value as a report shows it, on one line and cut to size."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN_VALUE else text[: SHOWN_VALUE - 3] + "..."
