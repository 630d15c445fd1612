"""One run: its settings, its stage, what its tests said, and the document that comes of it."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from conformance.kit.catalogue import Catalogue
from conformance.kit.exchange import Redactor
from conformance.kit.expect import PremiseFailed
from conformance.kit.interrupts import Interrupts
from conformance.kit.progress import Progress
from conformance.kit.screen import Screen
from conformance.kit.settings import Settings
from conformance.kit.stage import Stage
from conformance.kit.verdict import (
    ClauseVerdict,
    TestOutcome,
    clause_document,
    conclude,
    judge_clause,
    latency_document,
    percentiles,
)

SCHEMA_VERSION = 1
VERSION = "0.1.0"
SAMPLES_KEPT = 500


@dataclass
class Run:
    """Everything the plugin keeps between the hooks of one session."""

    settings: Settings
    id: str
    notices: list[str]
    stage: Stage | None = None
    stage_problem: PremiseFailed | None = None
    redact: Redactor = field(default_factory=Redactor)
    screen: Screen | None = None
    resources: ExitStack = field(default_factory=ExitStack)
    interrupts: Interrupts = field(default_factory=Interrupts)
    outcomes: dict[str, list[TestOutcome]] = field(default_factory=dict)
    tested: set[str] = field(default_factory=set)
    awaited: Counter[str] = field(default_factory=Counter)
    """How many tests judge each clause."""
    statuses: list[int] = field(default_factory=list)
    message: str | None = None
    stopped_early: bool = False
    behaviour: dict[str, Any] = field(default_factory=dict)
    last_document: dict[str, Any] | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def header(self) -> list[str]:
        """Return the lines that open the terminal output."""
        settings = self.settings
        target = settings.base_url or "the embedded reference server"
        bound = settings.request_bound
        lines = [
            f"target: {target}",
            f"gate: {settings.gate.value}, profile: {settings.profile}"
            + (f" (at most {bound} requests)" if bound is not None else ""),
            f"seed: {settings.seed} (repeat with --seed {settings.seed})",
        ]
        return [*lines, *(f"note: {notice}" for notice in self.notices)]

    def add(self, outcome: TestOutcome) -> None:
        """Keep what a test said."""
        self.outcomes.setdefault(outcome.clause, []).append(outcome)

    def progress(self) -> Progress | None:
        """Return how far the run is; None before the first request. May be asked by any thread."""
        stage = self.stage
        if stage is None or stage.wire is None:
            return None
        said = list(self.outcomes.items())
        return Progress(
            sent=stage.budget.used,
            bound=stage.budget.bound,
            decided=sum(len(outcomes) >= self.awaited[clause] for clause, outcomes in said),
            clauses=len(self.awaited),
            running=stage.running,
            waited_s=stage.budget.waited,
            waits_s=stage.wire.waits_s,
        )

    def has_left_out(self, names: Iterable[str]) -> bool:
        """Whether a bound on requests did not pay for one of these scenes."""
        return self.stage is not None and any(map(self.stage.has_left_out, names))

    def gates(self, clause_id: str) -> bool:
        """Whether a violation of the clause fails the gate, known failures aside."""
        gating = self.settings.gate.gates(Catalogue.load()[clause_id].tier)
        return gating and clause_id not in self.settings.known_failures

    def failure_text(self, hook: Any, outcome: TestOutcome) -> str:
        """Return the text of a violated test: one block for each of its first findings."""
        document = clause_document(self._verdict(outcome.clause, [outcome]), self.redact)
        blocks = [
            hook.pytest_contacts_failure(clause=document, violation=violation)
            or f"{outcome.clause}: {violation['summary']}"
            for violation in document["violations"]
            if violation["severity"] == "failure"
        ]
        return "\n\n".join(blocks)

    def close(self) -> None:
        """Clean up at the target and stop what was started for the run."""
        try:
            if self.stage is not None:
                self.stage.close()
        finally:
            self.resources.close()

    def document(self) -> dict[str, Any]:
        """Return the results document (schemas/results.json)."""
        verdicts = [self._verdict(clause.id, self._said(clause.id)) for clause in Catalogue.load()]
        conclusion = conclude(
            verdicts,
            complete=self.settings.complete,
            statuses=self.statuses,
            lapsed=self.settings.lapsed_failures,
        )
        now = datetime.now(UTC)
        reasons = "; ".join(conclusion.reasons)
        self.last_document = {
            "schema_version": SCHEMA_VERSION,
            "kit": {"version": VERSION, "catalogue_sha256": Catalogue.load().sha256},
            "target": self._target(),
            "gate": self.settings.gate.value,
            "profile": self.settings.profile,
            "seed": self.settings.seed,
            "run_id": self.id,
            "verdict": conclusion.verdict,
            "exit_status": conclusion.exit_status,
            "message": self.message or (self.redact(reasons) if reasons else None),
            "notices": [
                *self.notices,
                *self._lapsed(),
                *(self.stage.notices if self.stage else []),
                *self._losses(),
                *self._probing(),
            ],
            "started_at": self.started.isoformat(timespec="milliseconds"),
            "finished_at": now.isoformat(timespec="milliseconds"),
            "duration_s": round((now - self.started).total_seconds(), 3),
            "requests": self._requests(),
            "budget": {"max": self.settings.request_bound, "used": self._used()},
            "clauses": [clause_document(verdict, self.redact) for verdict in verdicts],
            "behaviour": self.behaviour,
            "known_failures": sorted(self.settings.known_failures),
            "leftovers": list(self.stage.leftovers) if self.stage else [],
            "python": platform.python_version(),
            "versions": {name: metadata.version(name) for name in ("pytest", "httpx")},
        }
        return self.last_document

    def _lapsed(self) -> list[str]:
        """Return what to do about known failures whose date has gone by."""
        return [
            f"--known-failures excused {clause_id} until {failure.until}: {failure.reason}; "
            "mend it and take it off the list, or give it another date"
            for clause_id, failure in sorted(self.settings.lapsed_failures.items())
            if clause_id in self.settings.selected
        ]

    def _said(self, clause_id: str) -> list[TestOutcome]:
        said = self.outcomes.get(clause_id, [])
        if said:
            return [*said, *self._seen_by_probe(clause_id)]
        if self.stopped_early:
            return self._said_without_tests(clause_id)
        return self._did_not_run(clause_id)

    def _seen_by_probe(self, clause_id: str) -> list[TestOutcome]:
        """Return what the answers of the trial break of the envelope; its tests judged the others.

        Nothing but the trial is sure to meet a refusal by the limiter.
        """
        probe = self.stage.probe if self.stage else None
        if probe is None or not clause_id.startswith("ENV-"):
            return []
        seen = probe.evidence.judge(clause_id)
        if not seen.findings:
            return []
        name = "the rate-limit probe"
        return [TestOutcome(clause_id, name, "violated", seen.checks, tuple(seen.findings))]

    def _did_not_run(self, clause_id: str) -> list[TestOutcome]:
        """Return why a clause that has tests has no outcome; nothing where it has none."""
        if clause_id in self.awaited:
            reason, kind = "the run ended before its test", "premise"
        elif clause_id in self.tested:
            reason, kind = "its tests were deselected", "not_selected"
        else:
            return []
        return [TestOutcome(clause_id, "none", "undecided", reason=reason, kind=kind)]

    def _said_without_tests(self, clause_id: str) -> list[TestOutcome]:
        """Return what the passive checks saw where the run ended before any test."""
        try:
            judge = self.stage.evidence.judge(clause_id) if self.stage else None
        except KeyError:
            judge = None
        if judge is not None and judge.findings:
            findings = tuple(judge.findings)
            return [TestOutcome(clause_id, "preflight", "violated", judge.checks, findings)]
        reason = f"the run ended early: {self.message}"
        return [TestOutcome(clause_id, "preflight", "undecided", reason=reason, kind="premise")]

    def _verdict(self, clause_id: str, outcomes: list[TestOutcome]) -> ClauseVerdict:
        return judge_clause(
            Catalogue.load()[clause_id],
            outcomes,
            self.settings.gate,
            selected=clause_id in self.settings.selected,
            known_failure=clause_id in self.settings.known_failures,
        )

    def _target(self) -> dict[str, Any]:
        url = self.stage.target.base_url if self.stage else self.settings.base_url
        return {
            "base_url": self.redact(url or ""),
            "embedded": self.settings.embedded,
            "started": bool(self.settings.start_command),
        }

    def _used(self) -> int:
        return self.stage.budget.used if self.stage else 0

    def _requests(self) -> dict[str, Any]:
        statistics = self.stage.wire.statistics if self.stage and self.stage.wire else None
        latencies = statistics.latencies if statistics else {}
        everything = [value for values in latencies.values() for value in values]
        overall = percentiles(everything) if everything else {}
        by_operation = latency_document(latencies)
        for name, summary in by_operation.items():
            summary["samples"] = [round(v, 1) for v in latencies[name][:SAMPLES_KEPT]]
        return {
            "total": self._used(),
            "by_operation": dict(statistics.by_operation) if statistics else {},
            "by_scene": dict(statistics.by_scene) if statistics else {},
            "http_versions": dict(statistics.http_versions) if statistics else {},
            "throttled": statistics.throttled if statistics else 0,
            "waited_s": round(self.stage.budget.waited, 1) if self.stage else 0.0,
            "p50_ms": overall.get("p50"),
            "p99_ms": overall.get("p99"),
            "latency_ms": by_operation,
            "rate_limit_probe": self._probed(),
        }

    def _probed(self) -> int:
        """Return how many requests the trial of the rate limit sent, beside the total."""
        return self.stage.probe.requests if self.stage and self.stage.probe else 0

    def _losses(self) -> list[str]:
        """Return the note on answers that were lost."""
        lost = self.stage.wire.statistics.lost if self.stage and self.stage.wire else 0
        if not lost:
            return []
        answers = "1 answer was lost" if lost == 1 else f"{lost} answers were lost"
        return [f"{answers} to the network, or to a gateway's 502, 503 or 504"]

    def _probing(self) -> list[str]:
        """Return the note on those requests."""
        probe = self.stage.probe if self.stage else None
        if probe is None or not probe.requests:
            return []
        where = "a server of its own" if probe.ground.own else "the target"
        sent = f"the rate-limit probe sent {probe.requests} further requests to {where}"
        return [f"LIMIT: {sent}; they are not among the counted ones"]
