"""Answers that no API should send: the kit judges them, or leaves clauses open; it never breaks."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

import pytest
from kit.gate_runs import FILES, Gate, Served
from kit.mangling import Mangler, mangled
from kit_doubles import AN_ID, contact, error_body, exchange

import reports.terminal
import schemas
from conformance.kit.catalogue import Catalogue
from conformance.kit.catalogue import Gate as Tiers
from conformance.kit.deeds import Deeds
from conformance.kit.evidence import Evidence
from conformance.kit.exchange import Redactor
from conformance.kit.ledger import Ledger
from conformance.kit.preflight import Refused, _conclude
from conformance.kit.verdict import TestOutcome, clause_document, judge_clause

BODIES = 2_000
EACH = 20
"""Exchanges after which the findings are rendered."""
ENDINGS = (0, 1, 4, 6)
"""The gate may not end with 3: whatever a target answers is no fault of the kit."""


@pytest.mark.parametrize(("seed", "share"), [(1, 0.05), (2, 0.2), (4, 0.9)])
def test_a_run_over_mangled_answers_comes_to_its_end(
    gate: Gate, served: Served, seed: int, share: float
) -> None:
    served.app = mangler = Mangler(served.app, seed, share)

    options = ("--seed", str(seed), "--max-wait", "3", "--gate", "strict")
    run = gate.run(*options, "--request-timeout", "1", **served.options())

    assert run.status in ENDINGS, run.screen
    assert [c["id"] for c in run.clauses.values() if c["status"] == "error"] == [], run.screen
    assert "Traceback" not in run.screen
    assert {path.name for path in run.directory.iterdir()} == FILES
    schemas.validator("results").validate(run.document)
    assert mangler.count > 20 * share


RIGHT: dict[str, Any] = {
    "list": {
        "contacts": [contact(), contact(id="8d0f6b9a-2c41-4e58-9b3a-1f2e3d4c5b6a")],
        "stats": {"total": 2, "byType": {"buyer": 2}},
        "meta": {"total": 2, "page": 1, "limit": 25, "totalPages": 1, "hasMore": False},
    },
    "search": [contact()],
    **dict.fromkeys(("create", "get", "update", "delete", "archive", "restore"), contact()),
}


def test_no_mangled_body_breaks_the_checks_or_their_report() -> None:
    rng = random.Random(7)  # noqa: S311 - test data
    ledger, deeds = Ledger(None, {}), Deeds()
    ledger.created(ledger.intend("first", {"first_name": "Jordan"}), AN_ID)
    redact, evidence = Redactor(), Evidence(ledger)

    for number in range(BODIES):
        operation = rng.choice(list(RIGHT))
        status = 201 if operation == "create" else 200
        right = {"success": True, "data": RIGHT[operation], "count": 1}
        if rng.random() < 0.2:
            status, right = rng.choice([400, 404, 429, 500]), error_body()
        headers = {"content-type": "application/json", "ratelimit-limit": "500"}
        status, body = mangled(rng, status, headers, json.dumps(right).encode())
        x = exchange(operation, status, raw=body, headers=headers, sent={"first_name": "Jordan"})
        evidence.observe(x)
        deeds.note(x, AN_ID)
        json.dumps(x.as_evidence(redact)).encode()
        x.curl(redact).encode("utf-8", "surrogatepass")
        if number % EACH == EACH - 1:
            judge_all(evidence, redact)
            evidence = Evidence(ledger)

    assert len(deeds.pairs) > 0


def judge_all(evidence: Evidence, redact: Redactor) -> None:
    """Render what each passive clause found, as a run does."""
    for clause in Catalogue.load():
        try:
            judge = evidence.judge(clause.id)
        except KeyError:
            continue
        state = "violated" if judge.findings else "passed"
        outcome = TestOutcome(clause.id, "a test", state, judge.checks, tuple(judge.findings))
        document = clause_document(judge_clause(clause, [outcome], Tiers.STRICT), redact)
        json.dumps(document, allow_nan=False).encode()
        for violation in document["violations"]:
            reports.terminal.failure_block(document, violation).encode()


def test_no_mangled_greeting_breaks_the_preflight() -> None:
    rng = random.Random(8)  # noqa: S311 - test data
    right = json.dumps({"success": True, "data": RIGHT["list"]}).encode()

    for _ in range(200):
        answers = []
        for operation in ("list", "search", "get"):
            headers = {"content-type": "application/json"}
            status, body = mangled(rng, 200, headers, right)
            answers.append(exchange(operation, status, raw=body, headers=headers))
        with suppress(Refused):
            _conclude("http://target.example/v1", answers)
