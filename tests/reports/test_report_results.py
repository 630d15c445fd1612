"""The results document is completed, counted, ordered and put into one sentence."""

from typing import Any

import pytest
import report_documents as documents

from reports import compare, guidance, results, verdict

MINIMUM: dict[str, Any] = {
    "schema_version": 1,
    "kit": {"version": "0.1.0", "catalogue_sha256": "ab" * 32},
    "target": {"base_url": documents.BASE, "embedded": False},
    "gate": "required",
    "profile": "window",
    "seed": 1,
    "verdict": "failed",
    "exit_status": 1,
    "started_at": "2026-11-23T20:15:00Z",
    "duration_s": 1.0,
    "requests": {
        "total": 3,
        "by_operation": {"list": 3},
        "throttled": 0,
        "waited_s": 0.0,
        "p50_ms": None,
        "p99_ms": None,
    },
    "clauses": [
        {
            "id": "LIST-04",
            "tier": "required",
            "title": "limit never exceeds 100",
            "status": "failed",
            "gating": True,
            "reason": None,
            "checks": 3,
            "violations": [
                {
                    "test": "t",
                    "expected": "a",
                    "actual": "b",
                    "exchange": {"request": {}, "response": {}},
                    "curl": "curl x",
                }
            ],
        }
    ],
    "behaviour": {},
    "leftovers": [],
}


def test_complete_fills_what_a_minimal_document_leaves_out() -> None:
    whole = results.complete(MINIMUM)

    clause = whole["clauses"][0]
    assert clause["group"] == "LIST"
    assert clause["tests"] == []
    assert clause["violations"][0]["severity"] == "failure"
    assert clause["violations"][0]["exchange"] is None
    assert whole["budget"] == {"max": None, "used": 3}
    assert whole["requests"]["latency_ms"] == {}
    assert whole["notices"] == []


def test_complete_keeps_every_given_value() -> None:
    document = documents.one_failure()

    whole = results.complete(document)

    assert whole == results.complete(whole) == document


def test_complete_refuses_what_is_no_results_document() -> None:
    with pytest.raises(KeyError, match="verdict"):
        results.complete({"clauses": []})


def test_failures_come_unknown_first_then_required_first() -> None:
    changed = {
        "LIST-04": documents.clause("LIST-04", "failed", tier="expected"),
        "PAGE-02": documents.clause("PAGE-02", "failed", tier="platform"),
        "DELETE-02": documents.clause("DELETE-02", "failed", tier="required"),
        "ENV-01": documents.clause("ENV-01", "failed", tier="required"),
    }
    whole = results.complete(documents.document(changed, known_failures=["ENV-01"]))

    order = [clause["id"] for clause in results.ordered_failures(whole)]

    assert order == ["DELETE-02", "PAGE-02", "LIST-04", "ENV-01"]


def test_counts_add_up_in_every_grouping() -> None:
    whole = results.complete(documents.hostile())

    by_status = results.count_by_status(whole["clauses"])
    groups = results.by_group(whole)
    tiers = results.by_tier(whole)

    total = len(whole["clauses"])
    assert sum(by_status.values()) == total
    assert sum(len(clauses) for clauses in groups.values()) == total
    assert sum(len(clauses) for clauses in tiers.values()) == total
    assert list(groups) == list(documents.GROUPS)
    assert list(tiers) == ["required", "platform", "expected", "observed"]


def test_request_line_shows_path_and_query_only() -> None:
    exchange = results.complete(documents.one_failure())["clauses"]
    failed = next(clause for clause in exchange if clause["id"] == "DELETE-02")
    evidence = failed["violations"][0]["exchange"]
    assert evidence is not None

    assert results.request_line(evidence) == "GET /v1/contacts?archived=true&search=qkzvtmwe"
    assert results.request_line(evidence, limit=12) == "GET /v1/contact…"
    assert results.response_line(evidence) == "200 (14 ms)"


def _sentence(document: dict[str, Any]) -> str:
    return verdict.verdict_sentence(results.complete(document))


FAILED = {"violations": [documents.violation()], "tier": "required", "gating": True}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            documents.passing(),
            "Passed: 51 of 54 gating clauses hold; 3 were not evaluated; 1 warning.",
        ),
        (
            documents.document() | {"clauses": [documents.clause("LIST-01")]},
            "Passed: the one gating clause holds.",
        ),
        (
            documents.document()
            | {"clauses": [documents.clause("LIST-01"), documents.clause("LIST-03")]},
            "Passed: all 2 gating clauses hold.",
        ),
        (
            documents.one_failure(),
            "Failed: 1 of 55 gating clauses is violated (DELETE-02).",
        ),
        (
            documents.sixty_failures(),
            (
                "Failed: 36 of 54 gating clauses are violated"
                " (ENV-01, ENV-03, ENV-05, ENV-06, ENV-08, AUTH-01 and 30 more)."
            ),
        ),
        (
            documents.document(
                {"LIST-04": documents.clause("LIST-04", "failed", **FAILED)},
                known_failures=["LIST-04"],
            ),
            "Passed: 51 of 55 gating clauses hold; 3 were not evaluated; 1 known failure.",
        ),
        (
            documents.document(known_failures=["LIST-03"], verdict="failed", exit_status=1),
            "Failed: 1 known failure no longer fails (LIST-03), so take it off the list.",
        ),
        (
            documents.document(verdict="incomplete", exit_status=6),
            (
                "Incomplete: no gating clause is violated,"
                " but 3 gating clauses were not evaluated (ISO-01, ISO-03, LIMIT-06)."
            ),
        ),
        (
            documents.document(verdict="interrupted", exit_status=2),
            "Interrupted: 86 of 92 clauses were judged.",
        ),
        (
            documents.document(verdict="error", exit_status=4, message="connection refused."),
            "Not run: the target could not be tested: connection refused.",
        ),
        (
            documents.document(verdict="error", exit_status=3),
            "Error: the kit itself failed, so this is no verdict on the target.",
        ),
        (
            documents.document(verdict="error", exit_status=5) | {"clauses": []},
            "Nothing was judged: the selection holds no clause.",
        ),
    ],
)
def test_verdict_is_one_sentence(document: dict[str, Any], sentence: str) -> None:
    assert _sentence(document) == sentence


@pytest.mark.parametrize(
    ("message", "added"),
    [
        (None, None),
        ("violated: DELETE-02", None),
        ("the token ran out after 40 s", "the token ran out after 40 s"),
        ("violated", None),
    ],
)
def test_message_is_told_only_where_it_adds_to_the_sentence(
    message: str | None, added: str | None
) -> None:
    whole = results.complete(documents.one_failure() | {"message": message})

    assert verdict.added_message(whole) == added


def test_known_failure_that_only_warns_now_is_stale() -> None:
    whole = results.complete(documents.passing() | {"known_failures": ["PAGE-01", "LIST-04"]})

    assert results.stale_known_failures(whole) == ["LIST-04", "PAGE-01"]


def test_gaps_group_clauses_by_what_opens_them() -> None:
    whole = results.complete(documents.passing())

    gaps = guidance.gaps(whole, documents.texts())

    shown = [(gap.remedy, [clause["id"] for clause in gap.clauses]) for gap in gaps]
    assert shown == [
        (
            "Supply another user's JWT: --second-token JWT",
            ["ISO-01", "ISO-02", "ISO-03", "ISO-04"],
        ),
        (
            "Permit the rate-limit probe: --probe-rate-limit (it spends this address's window)",
            ["LIMIT-06", "LIMIT-07"],
        ),
    ]


@pytest.mark.parametrize(
    "kind", ["token", "permission", "budget", "premise", "not_selected", "not_built", "unavailable"]
)
def test_every_kind_of_reason_has_a_remedy(kind: str) -> None:
    clause = results.complete_clause(documents.clause("LIST-01", reason_kind=kind))

    assert guidance.remedy(clause, {}) != guidance.remedy(clause | {"reason_kind": None}, {})


def test_gaps_whose_remedy_is_the_reason_are_split_by_it() -> None:
    changed = {
        f"LIST-{n:02}": documents.clause(
            f"LIST-{n:02}", "not_evaluated", reason=f"create {n % 2} failed", reason_kind="premise"
        )
        for n in range(1, 10)
    }
    whole = results.complete(documents.document(changed))

    reasons = [gap.reason for gap in guidance.gaps(whole, documents.texts())]

    assert reasons[:2] == ["create 1 failed", "create 0 failed"]


def test_remedies_in_no_ones_hands_come_last() -> None:
    changed = {
        f"LIST-{n:02}": documents.clause(f"LIST-{n:02}", "not_evaluated", reason_kind="not_built")
        for n in range(1, 10)
    }
    whole = results.complete(documents.document(changed))

    kinds = [gap.clauses[0]["reason_kind"] for gap in guidance.gaps(whole, {})]

    assert kinds == ["token", "permission", "not_built"]


def test_changes_tell_broken_from_repaired_from_other() -> None:
    before = documents.passing()
    now = documents.document(
        {
            "LIST-04": documents.clause("LIST-04", "failed"),
            "ISO-01": documents.clause("ISO-01", "passed"),
            "NEW-01": documents.clause("NEW-01", "passed"),
        },
        behaviour={"order": "oldest first", "archived_in_search": True, "stats_keys": ["lead"]},
    )

    found = compare.changes(now, before)

    assert [change.subject for change in found.broken] == ["LIST-04"]
    assert [change.subject for change in found.repaired] == ["PAGE-01"]
    assert [change.subject for change in found.other] == ["ISO-01", "NEW-01"]
    assert found.behaviour == (compare.Change("order", "newest first", "oldest first"),)


def test_equal_documents_have_no_changes() -> None:
    assert not compare.changes(documents.passing(), documents.passing())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        (None, "not seen"),
        ([], "none"),
        (["a", 1], "a, 1"),
        ({"a": True}, "a: yes"),
        (3, "3"),
    ],
)
def test_behaviour_is_spoken_as_people_read_it(value: object, text: str) -> None:
    assert compare.spoken(value) == text
