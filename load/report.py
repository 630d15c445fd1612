"""The verdict of a run, `load.json`, and the hand-over of the exit status to the launcher."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conformance.kit.catalogue import Catalogue
from conformance.kit.exchange import Redactor
from conformance.kit.limiter import Analysis, Documented
from load import credentials
from load.collection import Collection, View, histogram_rows
from load.objectives import Objective
from load.options import Options
from load.recorder import FAILED, OK, THROTTLED, Tally
from load.settings import PROBE_SECOND_TOKEN, PROBE_TOKEN, STATUS_FILE
from load.shapes import Capacity
from load.trial import analysis_of
from reports.load_html import render
from reports.safety import one_line

SCHEMA_VERSION = 1
ANSWERED, WRONG, INTERRUPTED, INVALID = 0, 1, 2, 6
PRECEDENCE = (3, 4, INTERRUPTED, WRONG, INVALID, ANSWERED)
PROBE = "RateLimitProbe"
DROPPED_SHARE = 0.01
"""Dropped arrivals beyond this share fail a run, unless an objective says how many may be."""
FREE_TEXTS = ("reasons", "reason", "text", "expected", "actual", "leftovers", "lost")
"""Where the results hold words that are not this product's own."""
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


@dataclass(frozen=True)
class Facts:
    """Everything that the results are made of."""

    host: str
    users: tuple[str, ...]
    options: Options
    collection: Collection
    view: View
    objectives: tuple[Objective, ...] = ()
    capacity: Capacity | None = None
    workers_wanted: int = 1
    interrupted: bool = False
    stopped_because: str | None = None
    documented: Documented | None = None

    def analysis(self) -> Analysis:
        """Return what the answers say about the limiter."""
        seen = self.collection
        return analysis_of(seen.trial, seen.samples, self.host, self.documented)


def conclude(facts: Facts) -> Conclusion:
    """Return the results of a run that has ended, or of one that goes on, as it is now."""
    collection, analysis = facts.collection, facts.analysis()
    judgement = Judgement(invalid_because(facts, analysis), [], facts.interrupted)
    trusted = not judgement.invalid
    objectives = [_judged(o, facts, trusted=trusted) for o in facts.objectives]
    if trusted and not facts.interrupted:
        judgement.invalid += [
            f"nothing was measured for {row['expression']}"
            for row in objectives
            if row["verdict"] == "not_evaluated"
        ]
    judgement.failed += wrong_answers(collection, facts.objectives)
    judgement.failed += [f"missed: {_spoken(o)}" for o in objectives if o["verdict"] == "missed"]
    judgement.failed += not_sent(facts) if trusted else []
    judgement.failed += limiter_failures(analysis) if collection.trial else []
    if facts.stopped_because and trusted and not judgement.failed:
        judgement.failed.append(facts.stopped_because)
    document = _document(facts, analysis, judgement, objectives)
    return Conclusion(document, tuple(_lines(document)))


def invalid_because(facts: Facts, analysis: Analysis) -> list[str]:
    """Return why a run proves nothing; empty where it does prove something."""
    reasons, collection = [], facts.collection
    total = collection.total()
    if not total.requests and not collection.trial:
        reasons.append("no request was sent")
    elif total.requests and total.requests == total.counts[THROTTLED]:
        reasons.append("every answer was 429: the rate limit was measured, not the target")
    if facts.users == (PROBE,) and analysis.verdict == "not_evaluated":
        reasons.append(f"the limiter's trial decided nothing: {', '.join(analysis.reasons)}")
    if len(collection.nodes) < facts.workers_wanted:
        found = f"{len(collection.nodes)} of {facts.workers_wanted}"
        reasons.append(f"workers missing: {found} reported")
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
    unknown = ("some operation", "nobody noted why")
    operation, text = max(collection.errors, key=lambda k: collection.errors[k], default=unknown)
    return [f"{failures} answers were wrong, most often: {operation}: {text}"]


def not_sent(facts: Facts) -> list[str]:
    """Return that the load asked for was not applied, or a search found nothing that holds."""
    reasons, sent = [], facts.collection.sent()
    if facts.capacity is not None and facts.capacity.held is None and facts.capacity.broke_at:
        broken = f"{facts.capacity.broke_at:g}/s, the first step, missed {facts.capacity.broken_by}"
        reasons.append(broken)
    judged = any(objective.what == "dropped" for objective in facts.objectives)
    scheduled = max(facts.view.scheduled, sent.sent)
    dropped = scheduled - sent.sent
    if facts.options.arrival_rate > 0 and not judged and dropped > DROPPED_SHARE * scheduled:
        waited = f"--drop-after {facts.options.drop_after:g} s"
        reasons.append(f"{dropped} of {scheduled} arrivals found no free user within {waited}")
    unanswered = sent.sent - facts.collection.total().requests
    if facts.options.arrival_rate > 0 and unanswered > 0 and not facts.interrupted:
        reasons.append(f"{unanswered} requests were sent and never answered")
    return reasons


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


def _judged(objective: Objective, facts: Facts, *, trusted: bool) -> dict[str, Any]:
    """Return an objective's row; numbers that prove nothing are shown and not judged.

    A capacity search breaks one in the end: what counts is the last step that held.
    """
    capacity = facts.capacity
    if capacity is not None and capacity.held is not None:
        actual = capacity.actuals.get(objective.expression)
    else:
        actual = objective.actual(facts.view)
    verdict = objective.verdict(actual) if trusted else "not_evaluated"
    return {"expression": objective.expression, "actual": actual, "verdict": verdict}


def _spoken(objective: dict[str, Any]) -> str:
    return f"{objective['expression']} (actual {objective['actual']})"


def _document(
    facts: Facts, analysis: Analysis, judgement: Judgement, objectives: list[dict[str, Any]]
) -> dict[str, Any]:
    chosen, collection = facts.options, facts.collection
    open_model, sent = chosen.arrival_rate > 0, collection.sent()
    total = collection.total()
    # Workers go on sending while the word to finish travels.
    scheduled = max(facts.view.scheduled, sent.sent) if open_model else total.requests
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": judgement.verdict,
        "exit_status": judgement.status,
        "reasons": judgement.reasons(),
        "target": {"host": facts.host or "none"},
        "started_at": datetime.fromtimestamp(collection.started, UTC).isoformat(),
        "seed": chosen.seed,
        "shape": chosen.shape,
        "arrival_rate": chosen.arrival_rate if open_model else None,
        "arrival_kind": chosen.arrivals if open_model else None,
        "duration_s": round(collection.duration(), 3),
        "workers": len(collection.nodes),
        "users": list(facts.users),
        "arrivals": {
            "scheduled": scheduled,
            "sent": sent.sent if open_model else total.requests,
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
        "capacity": facts.capacity.as_data() if facts.capacity else None,
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
        (
            f"{total['requests']} requests, {total['failures']} wrong, {total['throttled']} throttled, "
            f"{total['rate_per_s']:.1f}/s; corrected latency p50 {latency.get('p50', '-')} ms, "
            f"p99 {latency.get('p99', '-')} ms"
        ),
    ]
    if document["arrival_rate"] is not None:
        lines.append(
            f"{arrivals['scheduled']} arrivals scheduled, {arrivals['sent']} sent, "
            f"{arrivals['dropped']} dropped"
        )
    if document["capacity"] is not None:
        found = document["capacity"]
        lines.append(
            f"last rate that held: {found['last_rate_held']}; broke at {found['broke_at']}"
        )
    lines += [f"  {reason}" for reason in document["reasons"]]
    if document["leftovers"]:
        lines.append(f"{len(document['leftovers'])} contacts could not be deleted")
    return [one_line(line) for line in lines]


def publishable(conclusion: Conclusion, secrets: Iterable[str | None]) -> Conclusion:
    """Return the same results without what a target may have echoed of our credentials."""
    redact = Redactor(secrets)
    document: dict[str, Any] = _redacted(conclusion.document, redact, free=False)
    return Conclusion(document, tuple(_lines(document)))


def _redacted(value: Any, redact: Redactor, *, free: bool) -> Any:
    """Return a value whose free texts are redacted; names and verdicts stay what they are."""
    if isinstance(value, dict):
        return {k: _redacted(v, redact, free=free or k in FREE_TEXTS) for k, v in value.items()}
    if isinstance(value, list):
        return [_redacted(each, redact, free=free) for each in value]
    return redact(value) if free and isinstance(value, str) else value


def write(conclusion: Conclusion, directory: str, secrets: Iterable[str | None]) -> None:
    """Write `load.json` and `load.html`; a secret that a target echoed is taken out.

    Raises:
        OSError: the directory cannot be written to.
    """
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    document = publishable(conclusion, secrets).document
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (place / "load.json").write_text(text + "\n", encoding="utf-8")
    (place / "load.html").write_text(render(document), encoding="utf-8")


def secrets_in_environment() -> list[str | None]:
    """Return every credential that the launcher handed over."""
    tokens = credentials.from_environment()
    named = (credentials.SECOND_TOKEN, PROBE_TOKEN, PROBE_SECOND_TOKEN)
    return [tokens.token, *tokens.extra.values(), *(os.environ.get(name) for name in named)]


def hand_over(status: int, lines: Iterable[str]) -> bool:
    """Tell the launcher the exit status and what to print last; return whether there is one.

    locust's own numbers mean other things, and it prints tables after the run's last event.
    """
    path = os.environ.get(STATUS_FILE)
    if path:
        text = json.dumps({"status": status, "lines": list(lines)})
        Path(path).write_text(text, encoding="utf-8")
    return bool(path)
