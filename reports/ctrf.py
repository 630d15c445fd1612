"""`ctrf.json`: the run in the Common Test Report Format, for dashboards that read it.

One test per clause; the format's five statuses are fewer than the suite's six, so the suite's
own stands beside each as `rawStatus`.
"""

import json
import uuid
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from reports.junit import SUITE_NAME, case_name
from reports.results import Clause, Document, Results, complete
from reports.safety import cut, one_line, visible
from reports.terminal import failure_block
from reports.verdict import verdict_sentence

SPEC_VERSION = "0.1.0"
TRACE_LIMIT = 20_000
_STATUSES = {
    "passed": "passed",
    "warned": "passed",
    "observed": "passed",
    "failed": "failed",
    "error": "failed",
    "not_evaluated": "skipped",
}
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:{SUITE_NAME}")


def render(document: Document) -> str:
    """Return the document as CTRF JSON.

    Tests have no duration of their own, since scenes share their requests, so each says 0. A
    known failure is `pending`: it fails without deciding anything.
    """
    return json.dumps(_report(complete(document)), indent=2, allow_nan=False) + "\n"


def _report(results: Results) -> dict[str, Any]:
    tests = [_test(clause, results) for clause in results["clauses"]]
    report: dict[str, Any] = {
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "generatedBy": SUITE_NAME,
        "results": {
            "tool": _tool(results),
            "summary": _summary(results, tests),
            "tests": tests,
            "environment": _environment(results),
        },
    }
    if results["finished_at"]:
        report["timestamp"] = results["finished_at"]
    return report


def _tool(results: Results) -> dict[str, Any]:
    return {"name": SUITE_NAME, "version": results["kit"]["version"] or "unknown"}


def _summary(results: Results, tests: list[dict[str, Any]]) -> dict[str, Any]:
    counts = Counter(test["status"] for test in tests)
    start = _milliseconds(results["started_at"])
    duration = round(results["duration_s"] * 1000)
    return {
        "tests": len(tests),
        **{
            status: counts[status] for status in ("passed", "failed", "skipped", "pending", "other")
        },
        "suites": len({clause["group"] for clause in results["clauses"]}),
        "start": start,
        "stop": start + duration,
        "duration": duration,
        "extra": {"verdict": results["verdict"], "exitStatus": results["exit_status"]},
    }


def _test(clause: Clause, results: Results) -> dict[str, Any]:
    is_known = clause["status"] == "failed" and clause["id"] in results["known_failures"]
    test: dict[str, Any] = {
        "id": str(uuid.uuid5(_NAMESPACE, clause["id"])),
        "name": case_name(clause),
        "status": "pending" if is_known else _STATUSES.get(clause["status"], "other"),
        "rawStatus": clause["status"],
        "duration": 0,
        "suite": [one_line(clause["group"])],
        "tags": [clause["tier"], *(["gating"] if clause["gating"] else [])],
        "type": "conformance",
        "extra": {"source": one_line(clause["source"]), "checks": clause["checks"]},
    }
    if clause["violations"]:
        blocks = [failure_block(clause, each, 100) for each in clause["violations"]]
        test["message"] = one_line(cut(_message(clause), 500))
        test["trace"] = cut("\n\n".join(blocks), TRACE_LIMIT)
    elif clause["reason"]:
        test["message"] = one_line(cut(clause["reason"], 500))
    return test


def _message(clause: Clause) -> str:
    first = clause["violations"][0]
    return first["summary"] or f"expected {first['expected']}, got {first['actual']}"


def _environment(results: Results) -> dict[str, Any]:
    return {
        "reportName": visible(verdict_sentence(results)),
        "appName": "Contacts API",
        "testEnvironment": one_line(results["target"]["base_url"]) or "embedded",
        "healthy": results["exit_status"] == 0,
        "extra": {
            "gate": results["gate"],
            "profile": results["profile"],
            "seed": results["seed"],
            "runId": results["run_id"],
        },
    }


def _milliseconds(moment: str) -> int:
    try:
        started = datetime.fromisoformat(moment)
    except ValueError:
        return 0
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    if started.tzinfo is None:
        started = started.replace(tzinfo=epoch.tzinfo)
    return (started - epoch) // timedelta(milliseconds=1)
