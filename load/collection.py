"""What all nodes of a run reported, added up: counts, whole histograms, seconds, arrivals.

Percentiles are read from merged histograms, never averaged. What a node reported stays in the
sums when the node is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from load.histogram import Latencies
from load.objectives import Measured
from load.recorder import FAILED, OK, THROTTLED, Arrivals, Tally

SAMPLES_MOST = 2_000
ERRORS_MOST = 500
OTHER_ERRORS = "something else"
"""What errors count as that are of yet another kind when so many kinds are known."""
SECONDS_OPEN = 8
"""How many seconds back a late parcel may still add to a second's histograms."""
RECENT_S = 2.0
"""A node whose last parcel is older does not get arrivals."""
SATURATED_CPU, SATURATED_LAG_S = 95.0, 0.1
SATURATED_CPU_SHARE, SATURATED_LAG_SHARE = 0.5, 0.25


@dataclass
class Health:
    """How busy a node's own process was: samples of CPU (percent of a core) and of delay."""

    cpu: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    def problem(self) -> str | None:
        """Return why the node is not to be trusted, or None."""
        if _share(self.cpu, SATURATED_CPU) > SATURATED_CPU_SHARE:
            mean = sum(self.cpu) / len(self.cpu)
            return f"its process used {mean:.0f} % of a core"
        if _share(self.lags, SATURATED_LAG_S) > SATURATED_LAG_SHARE:
            late = sorted(self.lags)[len(self.lags) // 2]
            return f"half of what it had to do was late by {late * 1000:.0f} ms or more"
        return None


def _share(values: list[float], bound: float) -> float:
    return sum(value > bound for value in values) / len(values) if values else 0.0


@dataclass
class NodeReport:
    """What one node reported so far."""

    requests: int = 0
    arrivals: Arrivals = field(default_factory=Arrivals)
    health: Health = field(default_factory=Health)
    last_at: float = 0.0
    done: bool = False
    lost: str | None = None
    prepared: int = 0
    deleted: int = 0
    left: list[str] = field(default_factory=list)
    live: set[str] = field(default_factory=set)


@dataclass
class Second:
    """One second of the run: outcomes, and percentiles in milliseconds."""

    at: int
    tally: Tally | None
    figures: dict[str, Any] = field(default_factory=dict)

    def close(self) -> None:
        """Turn the histograms into numbers."""
        if self.tally is None:
            return
        self.figures = _figures(self.tally)
        self.tally = None

    def as_data(self) -> dict[str, Any]:
        """Return the second for the results."""
        return {"at": self.at, **(_figures(self.tally) if self.tally else self.figures)}


def _figures(tally: Tally) -> dict[str, Any]:
    parts = {"corrected": tally.corrected_latencies(), "service": tally.service_latencies()}
    wanted = (50.0, 95.0, 99.0)
    return {
        **tally.counts,
        **{
            name: {f"p{p:g}": v for p, v in part.percentiles(wanted).items()}
            for name, part in parts.items()
        },
    }


class Collection:
    """The sums."""

    def __init__(self, started: float) -> None:
        """Start empty; `started` is in seconds since the epoch."""
        self.started = started
        self.ended: float | None = None
        self.operations: dict[str, Tally] = {}
        self.step: dict[str, Tally] = {}
        self.seconds: dict[int, Second] = {}
        self.budgets: dict[int, dict[str, Any]] = {}
        self.nodes: dict[str, NodeReport] = {}
        self.errors: Counter[tuple[str, str]] = Counter()
        self.samples: list[tuple[Any, ...]] = []
        self.trial: list[dict[str, Any]] = []
        self.now: dict[str, Any] = {}
        self.best_second = 0

    def add(self, node: str, parcel: Mapping[str, Any]) -> None:
        """Add one parcel of a node."""
        report = self.nodes.setdefault(node, NodeReport())
        report.last_at = max(report.last_at, float(parcel["at"]))
        for name, data in parcel["operations"].items():
            for tallies in (self.operations, self.step):
                tallies.setdefault(name, Tally()).add_encoded(data)
            report.requests += sum(data["counts"].values())
        self._add_seconds(parcel["seconds"])
        for name, count in parcel["arrivals"].items():
            setattr(report.arrivals, name, getattr(report.arrivals, name) + count)
        for operation, text, count in parcel["errors"]:
            known = (operation, text) in self.errors or len(self.errors) < ERRORS_MOST
            self.errors[operation, text if known else OTHER_ERRORS] += count
        self._add_budget(parcel)
        self._add_extras(report, parcel)

    def _add_seconds(self, seconds: Mapping[str, Any]) -> None:
        for text, data in seconds.items():
            at = int(text)
            second = self.seconds.setdefault(at, Second(at, Tally()))
            if second.tally is None:
                for outcome, count in data["counts"].items():
                    second.figures[outcome] += count
            else:
                second.tally.add_encoded(data)
        newest = max(self.seconds, default=0)
        for at, second in self.seconds.items():
            if second.tally is not None and at < newest - SECONDS_OPEN:
                self.best_second = max(self.best_second, second.tally.requests)
                second.close()

    def _add_budget(self, parcel: Mapping[str, Any]) -> None:
        budget = parcel["budget"]
        if not budget["accepted"] and not budget["refused"]:
            return
        row = self.budgets.setdefault(int(parcel["at"]), {"accepted": 0, "refused": 0})
        row["accepted"] += budget["accepted"]
        row["refused"] += budget["refused"]
        seen = {n: budget[n] for n in ("limit", "remaining", "reset") if budget[n] is not None}
        row |= seen
        self.now |= seen

    def _add_extras(self, report: NodeReport, parcel: Mapping[str, Any]) -> None:
        room = SAMPLES_MOST - len(self.samples)
        self.samples += [tuple(row) for row in parcel.get("samples", ())][:room]
        self.trial += parcel.get("trial", ())
        # At its end the trial knows which refused writes took effect, and says it all again.
        self.trial = list(parcel.get("trial_final") or self.trial)
        report.health.cpu += parcel.get("cpu", ())
        report.health.lags += parcel.get("lags", ())
        report.prepared += parcel.get("prepared", 0)
        report.deleted += parcel.get("deleted", 0)
        report.left += parcel.get("left", ())
        report.live |= set(parcel.get("made", ()))
        report.live -= set(parcel.get("unmade", ()))
        report.done = report.done or bool(parcel.get("done"))

    # --- what is asked of it ---------------------------------------------------------------------

    def sendable(self, now: float) -> list[str]:
        """Return the nodes that reported lately, in a fixed order."""
        fresh = (n for n, r in self.nodes.items() if not r.done and not r.lost)
        return sorted(n for n in fresh if now - self.nodes[n].last_at < RECENT_S)

    def lose(self, node: str, why: str) -> None:
        """Note that a node is gone; what it reported is kept."""
        report = self.nodes.setdefault(node, NodeReport())
        if not report.done and report.lost is None:
            report.lost = why

    def duration(self, now: float | None = None) -> float:
        """Return the seconds from the start to the end, or to now."""
        until = self.ended if self.ended is not None else now
        return max(0.0, (until or self.started) - self.started)

    def total(self) -> Tally:
        """Return the sum over all operations."""
        return summed(self.operations)

    def sent(self) -> Arrivals:
        """Return the arrivals of all nodes together."""
        whole = Arrivals()
        for report in self.nodes.values():
            whole.sent += report.arrivals.sent
            whole.dropped += report.arrivals.dropped
            whole.cancelled += report.arrivals.cancelled
        return whole

    def leftovers(self) -> list[str]:
        """Return what could not be deleted."""
        return [left for report in self.nodes.values() for left in report.left]

    def timeline(self) -> list[dict[str, Any]]:
        """Return the seconds in order, each with what the limiter's headers said in it."""
        rows = []
        for at in sorted(set(self.seconds) | set(self.budgets)):
            row = self.seconds[at].as_data() if at in self.seconds else {"at": at}
            rows.append({**row, "budget": self.budgets.get(at)})
        return rows


def summed(tallies: Mapping[str, Tally]) -> Tally:
    """Return the sum of tallies."""
    whole = Tally()
    for tally in tallies.values():
        whole.add(tally)
    return whole


@dataclass
class View:
    """A collection, or one step of it, as objectives see it; histograms are merged once.

    `scheduled` and `dropped` are the arrivals of the open model.
    """

    tallies: Mapping[str, Tally]
    seconds: float
    scheduled: int = 0
    dropped: int = 0
    _known: dict[str | None, Measured | None] = field(default_factory=dict)

    def measured(self, operation: str | None) -> Measured | None:
        """Return the numbers of an operation, or of all; None where it was not used."""
        if operation not in self._known:
            self._known[operation] = self._measure(operation)
        return self._known[operation]

    def _measure(self, operation: str | None) -> Measured | None:
        tally = summed(self.tallies) if operation is None else self.tallies.get(operation)
        if tally is None or not tally.requests:
            return None
        return Measured(
            tally.counts[OK],
            tally.counts[FAILED],
            tally.counts[THROTTLED],
            self.scheduled,
            self.dropped,
            self.seconds,
            tally.corrected_latencies(),
            tally.service_latencies(),
        )


def histogram_rows(latencies: Latencies, most: int = 60) -> list[tuple[float, float, int]]:
    """Return (from ms, to ms, count) of at most that many buckets, evenly wide on a log scale."""
    buckets = latencies.buckets()
    if not buckets:
        return []
    low, high = max(buckets[0][0], 0.001), max(buckets[-1][0], buckets[0][0] * 1.001)
    ratio = (high / low) ** (1 / most)
    rows = [[low * ratio**i, low * ratio ** (i + 1), 0] for i in range(most)]
    for value, count in buckets:
        index = 0
        while index < most - 1 and value > rows[index][1] * (1 + 1e-12):
            index += 1
        rows[index][2] += count
    return [(round(a, 4), round(b, 4), int(c)) for a, b, c in rows]
