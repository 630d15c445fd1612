"""The results document as typed data: its parts, its counts, and the order to read it in.

The document is the content of `conformance.json`. `complete` fills in what an older or minimal
document leaves out, so that every renderer may rely on every key.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict, cast

from conformance.kit.catalogue import Tier

Status = Literal["passed", "failed", "warned", "not_evaluated", "observed", "error"]

STATUSES: tuple[Status, ...] = (
    "failed",
    "error",
    "warned",
    "not_evaluated",
    "observed",
    "passed",
)
"""Every status a clause can have, the most urgent first."""

STATUS_LABELS: dict[str, str] = {
    "failed": "failed",
    "error": "error",
    "warned": "warning",
    "not_evaluated": "not evaluated",
    "observed": "observed",
    "passed": "passed",
}
"""What people read for each status."""

TIERS: tuple[str, ...] = tuple(tier.value for tier in Tier)
"""The tiers from the strictest to the one that never fails."""


class Request(TypedDict):
    """A request as evidence: credentials already replaced by shell variables."""

    method: str
    url: str
    headers: dict[str, str]
    body: str | None


class Response(TypedDict):
    """A response as evidence; `elapsed_ms` includes reading the body."""

    status: int
    headers: dict[str, str]
    body: str
    elapsed_ms: float


class Exchange(TypedDict):
    """A request and what came back: None where no answer came."""

    operation: str
    request: Request
    response: Response | None


class Violation(TypedDict):
    """One breach of a clause; `severity` is `failure` or `warning`."""

    test: str
    severity: str
    summary: str
    expected: str
    actual: str
    exchange: Exchange | None
    curl: str | None


class Clause(TypedDict):
    """The verdict on one clause; `reason_kind` sorts why it was not evaluated."""

    id: str
    group: str
    tier: str
    title: str
    status: Status
    gating: bool
    source: str
    tests: list[str]
    checks: int
    reason: str | None
    reason_kind: str | None
    violations: list[Violation]


class Latency(TypedDict):
    """Latency of one operation in milliseconds."""

    p50: float
    p90: float
    p99: float
    max: float
    count: int
    samples: list[float]


class Requests(TypedDict):
    """What the run sent; times in the units their names end in."""

    total: int
    by_operation: dict[str, int]
    throttled: int
    waited_s: float
    p50_ms: float | None
    p99_ms: float | None
    latency_ms: dict[str, Latency]


class Kit(TypedDict):
    """The suite that judged."""

    version: str
    catalogue_sha256: str


class Target(TypedDict):
    """The implementation that was judged."""

    base_url: str
    embedded: bool
    started: bool


class Budget(TypedDict):
    """Requests allowed (None: without bound) and spent."""

    max: int | None
    used: int


class Results(TypedDict):
    """The whole document."""

    schema_version: int
    kit: Kit
    target: Target
    gate: str
    profile: str
    seed: int | None
    run_id: str
    verdict: str
    exit_status: int
    message: str | None
    notices: list[str]
    started_at: str
    finished_at: str
    duration_s: float
    python: str
    budget: Budget
    requests: Requests
    known_failures: list[str]
    clauses: list[Clause]
    behaviour: dict[str, Any]
    leftovers: list[Any]


Document = Results | Mapping[str, Any]
"""What renderers take: a typed document, or one as `json.loads` returns it."""

_DEFAULTS: dict[str, Any] = {
    "schema_version": 1,
    "gate": "required",
    "profile": "window",
    "seed": None,
    "run_id": "",
    "message": None,
    "notices": [],
    "started_at": "",
    "finished_at": "",
    "duration_s": 0.0,
    "python": "",
    "known_failures": [],
    "behaviour": {},
    "leftovers": [],
}
_REQUESTS: dict[str, Any] = {
    "total": 0,
    "by_operation": {},
    "throttled": 0,
    "waited_s": 0.0,
    "p50_ms": None,
    "p99_ms": None,
    "latency_ms": {},
}
_LATENCY: dict[str, Any] = {"p50": 0.0, "p90": 0.0, "p99": 0.0, "max": 0.0, "count": 0}


def complete(document: Document) -> Results:
    """Return a copy of the document in which every key of `Results` is present.

    Raises:
        KeyError: the document names no verdict, exit status or clauses, so it is no results
            document at all.

    """
    requests = {**_REQUESTS, **document.get("requests", {})}
    requests["latency_ms"] = {
        operation: {**_LATENCY, "samples": [], **figures}
        for operation, figures in requests["latency_ms"].items()
    }
    filled = {
        **_DEFAULTS,
        **document,
        "verdict": document["verdict"],
        "exit_status": document["exit_status"],
        "kit": {"version": "", "catalogue_sha256": "", **document.get("kit", {})},
        "target": {
            "base_url": "",
            "embedded": False,
            "started": False,
            **document.get("target", {}),
        },
        "budget": {"max": None, "used": requests["total"], **document.get("budget", {})},
        "requests": requests,
        "clauses": [complete_clause(clause) for clause in document["clauses"]],
    }
    return cast("Results", filled)


def complete_clause(clause: Clause | Mapping[str, Any]) -> Clause:
    """Return a copy of the clause in which every key of `Clause` is present."""
    filled = {
        "group": clause["id"].rpartition("-")[0] or clause["id"],
        "tier": "",
        "title": "",
        "gating": False,
        "source": "",
        "tests": [],
        "checks": 0,
        "reason": None,
        "reason_kind": None,
        **clause,
        "violations": [complete_violation(each) for each in clause.get("violations", ())],
    }
    return cast("Clause", filled)


def complete_violation(violation: Violation | Mapping[str, Any]) -> Violation:
    """Return a copy of the violation in which every key of `Violation` is present."""
    filled = {
        "test": "",
        "severity": "failure",
        "summary": "",
        "expected": "",
        "actual": "",
        "curl": None,
        **violation,
        "exchange": _complete_exchange(violation.get("exchange")),
    }
    return cast("Violation", filled)


def _complete_exchange(exchange: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not exchange or not exchange.get("request"):
        return None
    request = {"method": "", "url": "", "headers": {}, "body": None, **exchange["request"]}
    response = exchange.get("response") or None
    if response is not None:
        response = {"status": 0, "headers": {}, "body": "", "elapsed_ms": 0.0, **response}
    return {"operation": "other", **exchange, "request": request, "response": response}


def with_status(results: Results, *statuses: str) -> list[Clause]:
    """Return the clauses of these statuses in contract order."""
    return [clause for clause in results["clauses"] if clause["status"] in statuses]


def ordered(clauses: Iterable[Clause]) -> list[Clause]:
    """Return the clauses with the strictest tier first, in contract order within a tier."""
    return sorted(clauses, key=lambda clause: _rank(TIERS, clause["tier"]))


def ordered_failures(results: Results) -> list[Clause]:
    """Return the failed clauses: unknown failures first, then by tier, required first."""
    known = set(results["known_failures"])
    failures = ordered(with_status(results, "failed"))
    return sorted(failures, key=lambda clause: clause["id"] in known)


def stale_known_failures(results: Results) -> list[str]:
    """Return the ids listed as known failures that fail no more, which fails the run."""
    known = set(results["known_failures"])
    judged = with_status(results, "passed", "warned")
    return [clause["id"] for clause in judged if clause["id"] in known]


def count_by_status(clauses: Iterable[Clause]) -> Counter[str]:
    """Return how many of the clauses have each status."""
    return Counter(clause["status"] for clause in clauses)


def by_group(results: Results) -> dict[str, list[Clause]]:
    """Return the clauses of each group, the groups in contract order."""
    groups: dict[str, list[Clause]] = {}
    for clause in results["clauses"]:
        groups.setdefault(clause["group"], []).append(clause)
    return groups


def by_tier(results: Results) -> dict[str, list[Clause]]:
    """Return the clauses of each tier that occurs, the strictest tier first."""
    tiers: dict[str, list[Clause]] = {}
    for clause in ordered(results["clauses"]):
        tiers.setdefault(clause["tier"], []).append(clause)
    return tiers


def request_line(exchange: Exchange, limit: int = 160) -> str:
    """Return method, path and query of a request; what passes `limit` is cut."""
    rest = exchange["request"]["url"].partition("://")[2]
    target = f"/{rest.partition('/')[2]}" if rest else exchange["request"]["url"]
    shown = target if len(target) <= limit else f"{target[: limit - 1]}…"
    return f"{exchange['request']['method']} {shown}"


def response_line(exchange: Exchange) -> str:
    """Return status and time of a response, or that none came."""
    response = exchange["response"]
    if response is None:
        return "no answer"
    return f"{response['status']} ({response['elapsed_ms']:.0f} ms)"


def _rank(order: tuple[str, ...], value: str) -> int:
    return order.index(value) if value in order else len(order)
