"""The verdict of a run, `load.json`, and the hand-over of the exit status to the launcher."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.kit.catalogue import Catalogue
from conformance.kit.exchange import Redactor
from conformance.kit.limiter import Analysis
from load import credentials
from load.collection import Collection, View, histogram_rows
from load.objectives import Objective
from load.settings import STATUS_FILE
from load.recorder import FAILED, OK, THROTTLED, Tally
from load.trial import analysis_of
from reports.load_html import render

if TYPE_CHECKING:
    from load.control import Control

SCHEMA_VERSION = 1
ANSWERED, WRONG, INTERRUPTED, INVALID = 0, 1, 2, 6
PRECEDENCE = (3, 4, INTERRUPTED, WRONG, INVALID, ANSWERED)
GATING_TIERS = ("required", "platform")
"""Tiers whose LIMIT clauses decide the verdict: what the vendor documents."""


@dataclass(frozen=True)
class Conclusion:
    """The results document, and the lines that say the same to a terminal."""

    document: dict[str, Any]
    lines: tuple[str, ...]

    @property
    def exit_status(self) -> int:
        """The exit status."""
        return int(self.document["exit_status"])


@dataclass
class Judgement:
    """Why a run is invalid, and why it failed."""

    invalid: list[str]
    failed: list[str]
    interrupted: bool

    @property
    def status(self) -> int:
        """The exit status that outranks the others."""
        found = {ANSWERED}
        found |= {INTERRUPTED} if self.interrupted else set()
        found |= {WRONG} if self.failed else set()
        found |= {INVALID} if self.invalid else set()
        return next(status for status in PRECEDENCE if status in found)

    @property
    def verdict(self) -> str:
        """passed, failed or invalid."""
        if self.failed:
            return "failed"
        return "invalid" if self.invalid or self.interrupted else "passed"

    def reasons(self) -> list[str]:
        """Return every reason, the gravest first."""
        interrupted = ["interrupted: the numbers are of the time until then"]
        return [*self.failed, *self.invalid, *(interrupted if self.interrupted else [])]


def analysis_for(control: Control) -> Analysis:
    """Return what the run so far says about the limiter."""
    collection = control.collection
    if collection is None:
        return analysis_of((), (), "")
    return analysis_of(collection.trial, collection.samples, control.environment.host or "")


def conclude(control: Control) -> Conclusion:
    """Return the results of a run that has ended, or of one that goes on as it is now."""
    collection = control.collection
    if collection is None:
        raise RuntimeError("nothing was collected")
    view, analysis = control.view(), analysis_for(control)
    judgement = Judgement(invalid_because(control, collection), [], control.interrupted)
    trusted = not judgement.invalid
    objectives = [_judged(o, view, trusted=trusted) for o in _objectives(control)]
    judgement.failed += wrong_answers(collection, control.objectives)
    judgement.failed += [f"missed: {_spoken(o)}" for o in objectives if o["verdict"] == "missed"]
    judgement.failed += limiter_failures(analysis) if collection.trial else []
    if control.stopped_because and not judgement.failed:
        judgement.failed.append(control.stopped_because)
    document = _document(control, collection, view, analysis, judgement, objectives)
    return Conclusion(document, tuple(_lines(document)))


def _objectives(control: Control) -> list[Objective]:
    """Return the objectives; a capacity search has judged them step by step, and breaks one."""
    capacity = control.capacity
    if capacity is None or capacity.broken_by is None or capacity.held is None:
        return control.objectives
    return []


def invalid_because(control: Control, collection: Collection) -> list[str]:
    """Return why a run proves nothing; empty where it does prove something."""
    reasons = []
    total = collection.total()
    if not total.requests and not collection.trial:
        reasons.append("no request was sent")
    elif total.requests and total.requests == total.counts[THROTTLED]:
        reasons.append("every answer was 429: the rate limit was measured, not the target")
    wanted = int(getattr(control.environment.parsed_options, "expect_workers", 1) or 1)
    if control.is_master and len(collection.nodes) < wanted:
        reasons.append(f"workers missing: {len(collection.nodes)} of {wanted} reported")
    for name, report in collection.nodes.items():
        if report.lost:
            reasons.append(f"worker {name} {report.lost}; what it had reported is kept")
        problem = report.health.problem()
        if problem and total.requests:
            reasons.append(f"the generator was saturated on {name}: {problem}")
    return reasons


def wrong_answers(collection: Collection, objectives: Sequence[Objective]) -> list[str]:
    """Return that answers were wrong, unless an objective says how many may be."""
    failures = collection.total().counts[FAILED]
    if not failures or any(objective.what == "errors" for objective in objectives):
        return []
    operation, text = max(collection.errors, key=lambda key: collection.errors[key])
    return [f"{failures} answers were wrong, most often: {operation}: {text}"]


def limiter_failures(analysis: Analysis) -> list[str]:
    """Return what of a limiter's trial fails the run: broken clauses, and a verdict against it."""
    tiers = {clause.id: clause.tier.value for clause in Catalogue.load()}
    broken = [
        f"{clause}: expected {verdict.findings[0].expected}; {verdict.findings[0].actual}"
        for clause, verdict in analysis.clauses.items()
        if verdict.status == "failed" and tiers.get(clause) in GATING_TIERS
    ]
    if not broken and analysis.verdict in ("laxer", "stricter"):
        broken = [f"the rate limit is {analysis.verdict} than documented: {analysis.reasons[0]}"]
    return broken


def _judged(objective: Objective, view: View, *, trusted: bool) -> dict[str, Any]:
    """Return an objective's row; numbers that prove nothing are shown and not judged."""
    actual = objective.actual(view)
    verdict = objective.verdict(actual) if trusted else "not_evaluated"
    return {"expression": objective.expression, "actual": actual, "verdict": verdict}


def _spoken(objective: dict[str, Any]) -> str:
    return f"{objective['expression']} (actual {objective['actual']})"


def _document(
    control: Control,
    collection: Collection,
    view: View,
    analysis: Analysis,
    judgement: Judgement,
    objectives: list[dict[str, Any]],
) -> dict[str, Any]:
    chosen, sent = control.options, collection.sent()
    open_model = chosen.arrival_rate > 0
    requests = collection.total().requests
    scheduled = view.scheduled if open_model else requests
    total = collection.total()
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": judgement.verdict,
        "exit_status": judgement.status,
        "reasons": judgement.reasons(),
        "target": {"host": control.environment.host or "none"},
        "started_at": datetime.fromtimestamp(collection.started, UTC).isoformat(),
        "shape": chosen.shape,
        "arrival_rate": chosen.arrival_rate if open_model else None,
        "arrival_kind": chosen.arrivals if open_model else None,
        "duration_s": round(collection.duration(), 3),
        "workers": len(collection.nodes),
        "users": [cls.__name__ for cls in control.environment.user_classes],
        "arrivals": {
            "scheduled": scheduled,
            "sent": sent.sent if open_model else requests,
            "dropped": scheduled - sent.sent if open_model else 0,
        },
        "total": measurement(total, collection.duration()),
        "operations": [
            {"name": name, **measurement(tally, collection.duration())}
            for name, tally in sorted(collection.operations.items())
            if tally.requests
        ],
        "errors": [
            {"operation": operation, "text": text, "count": count}
            for (operation, text), count in collection.errors.most_common()
        ],
        "objectives": objectives,
        "capacity": control.capacity.as_data() if control.capacity else None,
        "limiter": limiter_data(analysis, collection.trial),
        "nodes": [_node_row(name, report) for name, report in sorted(collection.nodes.items())],
        "timeline": collection.timeline(),
        "histogram": {
            "corrected": histogram_rows(total.corrected_latencies()),
            "service": histogram_rows(total.service_latencies()),
        },
        "cleaning": {
            "prepared": sum(report.prepared for report in collection.nodes.values()),
            "deleted": sum(report.deleted for report in collection.nodes.values()),
        },
        "leftovers": collection.leftovers(),
    }


def measurement(tally: Tally, seconds: float) -> dict[str, Any]:
    """Return the numbers of one operation, or of all."""
    counts = tally.counts
    answered = counts[OK] + counts[FAILED]
    corrected = tally.corrected_latencies()
    return {
        "requests": tally.requests,
        "failures": counts[FAILED],
        "throttled": counts[THROTTLED],
        "rate_per_s": round(answered / seconds, 3) if seconds > 0 else 0.0,
        "beyond_10_min": corrected.beyond,
        "latency_ms": {
            "corrected": corrected.summary(),
            "service": tally.service_latencies().summary(),
        },
    }


def _node_row(name: str, report: Any) -> dict[str, Any]:
    health = report.health
    return {
        "name": name,
        "requests": report.requests,
        "arrivals": vars(report.arrivals),
        "lost": report.lost,
        "cpu_percent": round(sum(health.cpu) / len(health.cpu), 1) if health.cpu else None,
    }


def limiter_data(analysis: Analysis, trial: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what was found about the limiter, for the results."""
    began = min((row["sent"] for row in trial), default=0.0)
    return {
        "verdict": analysis.verdict,
        "reasons": list(analysis.reasons),
        "limit": analysis.limit,
        "announced": analysis.announced,
        "window_s": analysis.window_s,
        "kind": analysis.kind,
        "detail": analysis.detail,
        "witness": list(analysis.witness),
        "scope": analysis.scope,
        "behaviour": analysis.behaviour,
        "bypasses": [vars(row) for row in analysis.bypasses],
        "clauses": [
            {
                "id": clause,
                "status": verdict.status,
                "reason": verdict.reason,
                "checks": verdict.checks,
                "findings": [
                    {"expected": f.expected, "actual": f.actual, "severity": f.severity}
                    for f in verdict.findings
                ],
            }
            for clause, verdict in analysis.clauses.items()
        ],
        "timeline": [_shot(row, began) for row in trial],
    }


def _shot(row: dict[str, Any], began: float) -> dict[str, Any]:
    remaining = row["remaining"]
    return {
        "at": round(row["sent"] - began, 4),
        "operation": row["operation"],
        "status": row["status"],
        "remaining": int(remaining) if str(remaining or "").isdigit() else None,
        "plain": row["address"] == row["token"] == "first" and not row["variation"],
        "variation": row["variation"],
    }


def _lines(document: dict[str, Any]) -> list[str]:
    total, arrivals = document["total"], document["arrivals"]
    latency = total["latency_ms"]["corrected"]
    lines = [
        f"verdict: {document['verdict']} (exit status {document['exit_status']})",
        f"{total['requests']} requests, {total['failures']} wrong, {total['throttled']} throttled, "
        f"{total['rate_per_s']:.1f}/s; corrected latency p50 {latency.get('p50', '-')} ms, "
        f"p99 {latency.get('p99', '-')} ms",
    ]
    if document["arrival_rate"] is not None:
        lines.append(
            f"{arrivals['scheduled']} arrivals scheduled, {arrivals['sent']} sent, "
            f"{arrivals['dropped']} dropped"
        )
    if document["capacity"] is not None:
        found = document["capacity"]
        lines.append(f"last rate that held: {found['last_rate_held']}; broke at {found['broke_at']}")
    lines += [f"  {reason}" for reason in document["reasons"]]
    if document["leftovers"]:
        lines.append(f"{len(document['leftovers'])} contacts could not be deleted")
    return lines


def write(conclusion: Conclusion, directory: str) -> None:
    """Write `load.json` and `load.html`; credentials that a target echoed are taken out."""
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    tokens = credentials.from_environment()
    secrets = [tokens.token, os.environ.get(credentials.SECOND_TOKEN), *tokens.extra.values()]
    text = Redactor(secrets)(json.dumps(conclusion.document, indent=1, ensure_ascii=False))
    (place / "load.json").write_text(text + "\n", encoding="utf-8")
    (place / "load.html").write_text(render(json.loads(text)), encoding="utf-8")


def hand_over(status: int) -> None:
    """Tell the launcher the exit status: locust's own numbers mean other things."""
    path = os.environ.get(STATUS_FILE)
    if path:
        Path(path).write_text(str(status), encoding="ascii")
