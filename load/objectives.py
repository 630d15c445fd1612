"""Objectives: thresholds in words, the number each is about, and its verdict.

p95(list) < 300ms      a percentile of corrected latency, of one operation or (without) of all
mean < 50ms, max < 2s  likewise; service.p95(list) counts from the actual sending
errors < 0.1%          failures among answers that were not throttled
throttled < 1%         429s among all answers
dropped < 1%           arrivals that could not be sent, among those scheduled
rate > 50/s            answers per second, throttled ones not counted
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from conformance.kit.exchange import OPERATIONS
from load.histogram import Latencies

Verdict = Literal["met", "missed", "not_evaluated"]
LATENCY = re.compile(r"(?P<service>service\.)?(?P<stat>p\d{1,2}(?:\.\d+)?|mean|max)")
SHARES = ("errors", "throttled", "dropped")
_FORM = re.compile(
    r"\s*(?P<what>[a-z][a-z0-9.]*)\s*(?:\(\s*(?P<operation>[a-z]+)\s*\))?\s*"
    r"(?P<relation><=|>=|<|>)\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|us|s|%|/s|)\s*"
)
_UNITS = {"ms": 1.0, "us": 0.001, "s": 1000.0}
GROWTH = 2.0
"""How much faster than its best second a closed model may yet become, for what is still possible."""


class BadObjective(ValueError):
    """An objective that cannot be read; the text says what is wrong and gives an example."""


@dataclass(frozen=True)
class Measured:
    """What is known about one operation, or all, at some moment of a run."""

    ok: int
    failed: int
    throttled: int
    scheduled: int
    dropped: int
    seconds: float
    corrected: Latencies
    service: Latencies


class Source(Protocol):
    """Whatever can be asked about an operation (None: all of them)."""

    def measured(self, operation: str | None) -> Measured | None:
        """Return the numbers, or None where the operation was not used."""
        ...


@dataclass(frozen=True)
class Objective:
    """A threshold: latencies in milliseconds, shares in percent, rates per second."""

    expression: str
    what: str
    operation: str | None
    relation: str
    threshold: float

    def actual(self, source: Source) -> float | None:
        """Return the number that the objective is about, or None where there is none."""
        measured = source.measured(self.operation)
        if measured is None:
            return None
        if self.what == "rate":
            answered = measured.ok + measured.failed
            return round(answered / measured.seconds, 3) if measured.seconds > 0 else None
        if self.what in SHARES:
            part, whole = self._share(measured)
            return round(100 * part / whole, 4) if whole else None
        return self._latency(measured)

    def _share(self, measured: Measured) -> tuple[int, int]:
        answered = measured.ok + measured.failed
        parts = {
            "errors": (measured.failed, answered),
            "throttled": (measured.throttled, answered + measured.throttled),
            "dropped": (measured.dropped, measured.scheduled),
        }
        return parts[self.what]

    def _latencies(self, measured: Measured) -> Latencies:
        return measured.service if self.what.startswith("service.") else measured.corrected

    def _latency(self, measured: Measured) -> float | None:
        latencies, stat = self._latencies(measured), self.what.removeprefix("service.")
        if stat == "mean":
            return latencies.mean()
        if stat == "max":
            return latencies.largest()
        return latencies.percentile(float(stat[1:]))

    def verdict(self, actual: float | None) -> Verdict:
        """Return whether a number meets the threshold."""
        if actual is None:
            return "not_evaluated"
        holds = {
            "<": actual < self.threshold,
            "<=": actual <= self.threshold,
            ">": actual > self.threshold,
            ">=": actual >= self.threshold,
        }
        return "met" if holds[self.relation] else "missed"

    def hopeless(self, source: Source, most_to_come: float, seconds_left: float) -> bool:
        """Whether the objective is missed whatever the `most_to_come` answers still bring.

        `most_to_come` is infinite where nobody knows when the run ends: then only what no
        further answer can mend is hopeless.
        """
        measured = source.measured(self.operation)
        if measured is None:
            return False
        if self.what == "rate":
            if math.isinf(most_to_come):
                return False
            answered = measured.ok + measured.failed + most_to_come
            best = answered / max(measured.seconds + seconds_left, 1e-9)
            return self.verdict(best) == "missed" and self.relation in (">", ">=")
        if self.relation in (">", ">="):
            return False
        if self.what in SHARES:
            part, whole = self._share(measured)
            best = 100 * part / (whole + most_to_come) if whole + most_to_come else 0.0
            return self.verdict(best) == "missed"
        return self._latency_hopeless(measured, most_to_come)

    def _latency_hopeless(self, measured: Measured, most_to_come: float) -> bool:
        latencies, stat = self._latencies(measured), self.what.removeprefix("service.")
        if stat == "max":
            return self.verdict(latencies.largest()) == "missed"
        if stat == "mean":
            mean = latencies.mean()
            total = latencies.count + most_to_come
            return mean is not None and self.verdict(mean * latencies.count / total) == "missed"
        allowed = (1 - float(stat[1:]) / 100) * (latencies.count + most_to_come)
        return latencies.above(self.threshold) > allowed + 1


def parse(expression: str) -> Objective:
    """Return the objective that an expression such as `p95(list) < 300ms` states.

    Raises:
        BadObjective: it cannot be read, or its unit does not fit.
    """
    found = _FORM.fullmatch(expression)
    if found is None:
        raise BadObjective(f"{expression!r}: write it as 'p95(list) < 300ms' or 'errors < 0.1%'")
    what, unit, number = found["what"], found["unit"], float(found["number"])
    if LATENCY.fullmatch(what):
        if unit not in _UNITS:
            raise BadObjective(f"{expression!r}: a latency needs a unit, such as 300ms or 2s")
        threshold = number * _UNITS[unit]
    elif what in SHARES:
        if unit != "%":
            raise BadObjective(f"{expression!r}: {what} is a share in percent, such as 0.1%")
        threshold = number
    elif what == "rate":
        if unit not in ("/s", ""):
            raise BadObjective(f"{expression!r}: a rate is per second, such as 50/s")
        threshold = number
    else:
        known = "p50 .. p99.9, mean, max, errors, throttled, dropped, rate"
        raise BadObjective(f"{expression!r}: {what} is not measured; there are {known}")
    _know(expression, what, found["operation"])
    return Objective(expression.strip(), what, found["operation"], found["relation"], threshold)


def _know(expression: str, what: str, operation: str | None) -> None:
    if operation is not None and operation not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise BadObjective(f"{expression!r}: {operation} is no operation; there are {known}")
    if operation is not None and what == "dropped":
        raise BadObjective(f"{expression!r}: arrivals belong to no operation; write 'dropped < 1%'")


def read(expressions: Iterable[str], file: str | None = None) -> list[Objective]:
    """Return the objectives given, then those of a file: one a line, `#` begins a comment.

    Raises:
        BadObjective: one cannot be read, or the file cannot.
    """
    lines = list(expressions)
    if file is not None:
        try:
            text = Path(file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise BadObjective(f"{file}: cannot be read: {problem}") from None
        bare = (line.partition("#")[0].strip() for line in text.splitlines())
        lines += [line for line in bare if line]
    return [parse(line) for line in lines]
