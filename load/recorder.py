"""What happened on one node: outcomes and latencies by operation, in parcels that add up.

A node (a worker, or the one process of a run without workers) records every answer and hands
over what is new about once a second. Parcels carry counts and whole histograms, never averages,
so that whoever adds them up has exactly what the nodes had.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from load.histogram import Latencies

OK, FAILED, THROTTLED = "ok", "failed", "throttled"
OUTCOMES = (OK, FAILED, THROTTLED)
ERRORS_KEPT = 50
ERROR_LENGTH = 200


@dataclass
class Tally:
    """Counts by outcome, and latencies of answers.

    Where an answer was sent when it was meant to be, both latencies are one and stand in `both`;
    else `corrected` counts from the intended moment and `service` from the actual sending.
    A refusal (429) is no latency of the operation: it is counted and not timed.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    both: Latencies = field(default_factory=Latencies)
    corrected: Latencies = field(default_factory=Latencies)
    service: Latencies = field(default_factory=Latencies)

    def record(self, outcome: str, intended: float, sent: float, answered: float) -> None:
        """Count one answer; moments are in seconds on one clock."""
        self.counts[outcome] += 1
        if outcome == THROTTLED:
            return
        if intended == sent:
            self.both.record(answered - sent)
        else:
            self.corrected.record(answered - intended)
            self.service.record(answered - sent)

    def encoded(self) -> dict[str, Any]:
        """Return the tally as data; histograms without entries are left out."""
        parts = {"both": self.both, "corrected": self.corrected, "service": self.service}
        return {
            "counts": dict(self.counts),
            **{name: part.encoded() for name, part in parts.items() if part.count},
        }

    def add_encoded(self, data: dict[str, Any]) -> None:
        """Merge what `encoded` returned."""
        for outcome, count in data["counts"].items():
            self.counts[outcome] += count
        for name in ("both", "corrected", "service"):
            if name in data:
                getattr(self, name).add_encoded(data[name])

    def add(self, other: Tally) -> None:
        """Merge another tally."""
        for outcome, count in other.counts.items():
            self.counts[outcome] += count
        self.both.add(other.both)
        self.corrected.add(other.corrected)
        self.service.add(other.service)

    def reset(self) -> None:
        """Forget everything."""
        self.counts = dict.fromkeys(OUTCOMES, 0)
        for part in (self.both, self.corrected, self.service):
            part.reset()

    @property
    def requests(self) -> int:
        """How many answers (or failures to get one) were counted."""
        return sum(self.counts.values())

    def corrected_latencies(self) -> Latencies:
        """Return the latencies from the intended moments."""
        return _merged(self.both, self.corrected)

    def service_latencies(self) -> Latencies:
        """Return the latencies from the actual sending."""
        return _merged(self.both, self.service)


def _merged(*parts: Latencies) -> Latencies:
    whole = Latencies()
    for part in parts:
        if part.count:
            whole.add(part)
    return whole


@dataclass
class Arrivals:
    """Arrivals of the open model on one node.

    `sent` and `dropped` are those whose moment came; `cancelled` those that were dealt out for a
    moment after the end of the run.
    """

    sent: int = 0
    dropped: int = 0
    cancelled: int = 0


@dataclass
class Budget:
    """What the limiter's headers last said, and how many requests it refused."""

    limit: int | None = None
    remaining: int | None = None
    reset: int | None = None
    accepted: int = 0
    refused: int = 0


class Recorder:
    """Collects on one node between two parcels."""

    def __init__(self) -> None:
        """Start empty."""
        self.operations: dict[str, Tally] = {}
        self.arrivals = Arrivals()
        self.budget = Budget()
        self.errors: dict[tuple[str, str], int] = {}
        self.requests = 0
        self._seconds: dict[int, Tally] = {}
        self._spare: list[Tally] = []

    def record(
        self, operation: str, outcome: str, intended: float, sent: float, answered: float
    ) -> None:
        """Count one answer of an operation; moments are seconds since the epoch."""
        tally = self.operations.get(operation)
        if tally is None:
            tally = self.operations[operation] = Tally()
        tally.record(outcome, intended, sent, answered)
        second = self._seconds.get(int(answered))
        if second is None:
            second = self._seconds[int(answered)] = self._spare.pop() if self._spare else Tally()
        second.record(outcome, intended, sent, answered)
        self.requests += 1

    def error(self, operation: str, text: str) -> None:
        """Count a failure by what was wrong."""
        key = (operation, text[:ERROR_LENGTH])
        if key in self.errors or len(self.errors) < ERRORS_KEPT:
            self.errors[key] = self.errors.get(key, 0) + 1

    def limited(
        self, limit: int | None, remaining: int | None, reset: int | None, *, refused: bool
    ) -> None:
        """Note what an answer's limiter headers said."""
        budget = self.budget
        budget.limit, budget.remaining, budget.reset = limit, remaining, reset
        if refused:
            budget.refused += 1
        else:
            budget.accepted += 1

    def parcel(self) -> dict[str, Any]:
        """Return what is new since the last parcel, and start over."""
        parcel = {
            "at": time.time(),
            "operations": {n: t.encoded() for n, t in self.operations.items() if t.requests},
            "seconds": {str(s): tally.encoded() for s, tally in self._seconds.items()},
            "arrivals": vars(self.arrivals).copy(),
            "budget": vars(self.budget).copy(),
            "errors": [[*key, count] for key, count in self.errors.items()],
        }
        for tally in self.operations.values():
            if tally.requests:
                tally.reset()
        for tally in self._seconds.values():
            tally.reset()
            self._spare.append(tally)
        self._seconds.clear()
        self.errors.clear()
        self.arrivals = Arrivals()
        self.budget.accepted = self.budget.refused = 0
        return parcel
