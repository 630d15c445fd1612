"""Invented results documents: a passing run, one failure, sixty failures, hostile text.

They hold fixed values only, so that what is rendered from them can be compared to golden files.
"""

import json
from typing import Any

from conformance.kit.catalogue import Clause, Tier

GROUPS = {
    "ENV": 9,
    "AUTH": 8,
    "LIST": 18,
    "PAGE": 8,
    "CREATE": 23,
    "DELETE": 9,
    "ISO": 4,
    "LIMIT": 13,
}
TIERS = ("required", "required", "platform", "required", "expected")
TITLES = {
    "LIST-04": "limit never exceeds 100",
    "DELETE-02": "a deleted contact is in no list, and totals count it no more",
    "PAGE-01": "totalPages is ceil(total / limit)",
    "CREATE-08": "a plainly malformed email is refused with 400",
    "ISO-01": "another user's contact is in none of my lists and searches",
    "LIMIT-05": "past the limit requests are refused with 429",
}
BASE = "http://127.0.0.1:8000/v1"
TOKEN_HEADER = 'curl -H "Authorization: Bearer $CONTACTS_TOKEN"'
HOSTILE = (
    "\x1b[31mred\x1b]0;owned\x07 \u202egnp.exe</script><script>alert(1)</script>"
    "<img src=x onerror=alert(1)> ```\n::error::owned\n##vso[task.complete]\n"
    "| pipe | @everyone #1 [link](javascript:alert(1)) https://evil.example ]]>"
    "\x00\ud800\ufffe\u2028 \U0001f44d\U0001f3fd 名前 end"
)


def clause(clause_id: str, status: str = "passed", **parts: Any) -> dict[str, Any]:
    """Return one clause of a document; every part can be given another value."""
    group, _, number = clause_id.partition("-")
    tier = "observed" if status == "observed" else TIERS[int(number) % len(TIERS)]
    return {
        "id": clause_id,
        "group": group,
        "tier": tier,
        "title": TITLES.get(clause_id, f"statement {int(number)} of {group.lower()} holds"),
        "status": status,
        "gating": tier == "required",
        "source": f"contacts-api.md, {group.capitalize()}",
        "tests": [f"test_{group.lower()}_{number}"],
        "checks": int(number),
        "reason": None,
        "reason_kind": None,
        "violations": [],
    } | parts


def exchange(target: str = "/contacts?limit=101", body: str | None = None) -> dict[str, Any]:
    """Return an answered GET whose response holds `body`, or a small list."""
    answer = {"success": True, "data": {"contacts": [], "meta": {"total": 0, "limit": 101}}}
    return {
        "operation": "list",
        "request": {
            "method": "GET",
            "url": f"{BASE}{target}",
            "headers": {"authorization": "Bearer $CONTACTS_TOKEN", "accept": "application/json"},
            "body": None,
        },
        "response": {
            "status": 200,
            "headers": {"content-type": "application/json", "ratelimit-remaining": "312"},
            "body": json.dumps(answer) if body is None else body,
            "elapsed_ms": 14.2,
        },
    }


def violation(**parts: Any) -> dict[str, Any]:
    """Return one violation; every part can be given another value."""
    return {
        "test": "test_limit_never_exceeds_100",
        "severity": "failure",
        "summary": "limit=101 was answered with meta.limit 101",
        "expected": "400, or 200 with data.meta.limit <= 100 and at most 100 records",
        "actual": "200 with data.meta.limit 101 and 101 records",
        "exchange": exchange(),
        "curl": f"{TOKEN_HEADER} '{BASE}/contacts?limit=101'",
    } | parts


def deleted_still_counted() -> dict[str, Any]:
    """Return the violation of DELETE-02 that serves as the pattern for failure blocks."""
    target = "/contacts?archived=true&search=qkzvtmwe"
    return violation(
        test="test_deleted_contact_is_in_no_list",
        summary="data.meta.total is 2 after the delete",
        expected="data.meta.total == 1 after the delete",
        actual="2",
        exchange=exchange(target),
        curl=f"{TOKEN_HEADER} '{BASE}{target}'",
    )


def document(changed: dict[str, dict[str, Any]] | None = None, **parts: Any) -> dict[str, Any]:
    """Return a passing document; `changed` replaces clauses by id, `parts` top-level values."""
    ids = [f"{group}-{n:02}" for group, count in GROUPS.items() for n in range(1, count + 1)]
    clauses = {each: clause(each) for each in ids}
    clauses["LIST-18"] = clause("LIST-18", "observed")
    for each in ids:
        if each.startswith("ISO-"):
            clauses[each] |= _open("token", "no second token was given")
        if each in {"LIMIT-06", "LIMIT-07"}:
            clauses[each] |= _open("permission", "the rate-limit probe was not permitted")
    return {
        "schema_version": 1,
        "kit": {"version": "0.1.0", "catalogue_sha256": "ab" * 32},
        "target": {"base_url": BASE, "embedded": False, "started": False},
        "gate": "required",
        "profile": "window",
        "seed": 1234,
        "run_id": "k7q2",
        "verdict": "passed",
        "exit_status": 0,
        "message": None,
        "notices": [],
        "started_at": "2026-11-23T20:15:00+00:00",
        "finished_at": "2026-11-23T20:15:06.100+00:00",
        "duration_s": 6.1,
        "python": "3.11.7",
        "budget": {"max": 480, "used": 431},
        "requests": _requests(),
        "known_failures": [],
        "clauses": list((clauses | (changed or {})).values()),
        "behaviour": {"order": "newest first", "archived_in_search": True, "stats_keys": ["lead"]},
        "leftovers": [],
    } | parts


def passing() -> dict[str, Any]:
    """Return a run without a failure: one warning, six clauses not evaluated."""
    warning = violation(severity="warning", expected="totalPages 0", actual="1")
    warned = clause("PAGE-01", "warned", violations=[warning])
    return document({"PAGE-01": warned})


def one_failure() -> dict[str, Any]:
    """Return a run in which DELETE-02 alone fails."""
    failed = clause(
        "DELETE-02", "failed", tier="required", gating=True, violations=[deleted_still_counted()]
    )
    return document({"DELETE-02": failed}, verdict="failed", exit_status=1)


def sixty_failures() -> dict[str, Any]:
    """Return a run in which sixty clauses fail, five violations each with large bodies."""
    large = json.dumps({"data": {"notes": "n" * 6_000}})
    many = [violation(exchange=exchange(body=large)) for _ in range(5)]
    ids = [each["id"] for each in document()["clauses"] if each["status"] == "passed"][:60]
    changed = {each: clause(each, "failed", violations=many) for each in ids}
    return document(changed, verdict="failed", exit_status=1)


def long_list() -> dict[str, Any]:
    """Return a run in which LIST-04 fails on a list of 101 records, its figures at the end."""
    record = {"id": "0" * 8, "first_name": "Ann", "notes": "n" * 80, "tags": ["a", "b"]}
    meta = {"total": 300, "limit": 101, "page": 1}
    body = json.dumps({"success": True, "data": {"contacts": [record] * 101, "meta": meta}})
    breach = violation(
        expected="meta.limit at most 100", actual="101", exchange=exchange(body=body)
    )
    failed = clause("LIST-04", "failed", tier="required", gating=True, violations=[breach] * 5)
    return document({"LIST-04": failed}, verdict="failed", exit_status=1)


def hostile() -> dict[str, Any]:
    """Return a run whose every text from the target tries to break out of its report."""
    answered = exchange(f"/contacts/{HOSTILE}", body=HOSTILE)
    answered["response"]["headers"][HOSTILE] = HOSTILE
    breach = violation(
        test=HOSTILE,
        summary=HOSTILE,
        expected=HOSTILE,
        actual=HOSTILE,
        exchange=answered,
        curl=f"curl '{HOSTILE}'",
    )
    unanswered = violation(exchange=answered | {"response": None}, actual="no answer in 30 s")
    changed = {
        "LIST-04": clause("LIST-04", "failed", violations=[breach, unanswered]),
        "CREATE-08": clause("CREATE-08", "warned", violations=[breach]),
        "ISO-01": clause("ISO-01", "not_evaluated", reason=HOSTILE, reason_kind="premise"),
        "ENV-01": clause("ENV-01", "error", reason=HOSTILE, violations=[]),
    }
    return document(
        changed,
        verdict="failed",
        exit_status=1,
        message=HOSTILE,
        notices=[HOSTILE],
        behaviour={HOSTILE: HOSTILE, "order": [HOSTILE]},
        target={"base_url": f"http://{HOSTILE}", "embedded": False},
    )


def texts() -> dict[str, Clause]:
    """Return catalogue entries for a few of the clauses."""
    return {
        "DELETE-02": Clause(
            id="DELETE-02",
            group="DELETE",
            tier=Tier.REQUIRED,
            title=TITLES["DELETE-02"],
            text="After the delete the contact is in no list; `meta.total` counts it no more.",
            source="contacts-api.md, Delete a contact",
            ruling="Lists of active and of archived contacts are both judged.",
        ),
        **{
            f"ISO-0{n}": Clause(
                id=f"ISO-0{n}",
                group="ISO",
                tier=Tier.REQUIRED,
                title=f"statement {n} of iso holds",
                text="Another user's contact is not visible.",
                source="contacts-api.md, introduction",
                needs=("second_token",),
            )
            for n in range(1, 5)
        },
    }


def _open(kind: str, reason: str) -> dict[str, Any]:
    return {"status": "not_evaluated", "reason": reason, "reason_kind": kind, "checks": 0}


def _requests() -> dict[str, Any]:
    operations = {"list": 160, "create": 121, "get": 80, "delete": 70}
    latency = {
        operation: {
            "p50": 2.0 + index,
            "p90": 4.0 + index,
            "p99": 9.0 + 4 * index,
            "max": 14.0 + 9 * index,
            "count": count,
            "samples": [1.5 + index + n * 0.4 for n in range(20)],
        }
        for index, (operation, count) in enumerate(operations.items())
    }
    return {
        "total": 431,
        "by_operation": operations,
        "throttled": 0,
        "waited_s": 0.0,
        "p50_ms": 3.1,
        "p99_ms": 9.0,
        "latency_ms": latency,
    }
