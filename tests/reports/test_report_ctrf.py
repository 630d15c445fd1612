"""CTRF holds one test per clause with counts that agree."""

import json
import uuid
from collections import Counter
from typing import Any

import pytest
import report_documents as documents

from reports import ctrf

TEST_KEYS = {
    "id", "name", "status", "rawStatus", "duration", "suite", "tags", "type", "message", "trace",
    "extra",
}  # fmt: skip
STATUSES = {"passed", "failed", "skipped", "pending", "other"}


def _rendered(document: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(ctrf.render(document))
    return report


def _test(document: dict[str, Any], clause_id: str) -> dict[str, Any]:
    tests: list[dict[str, Any]] = _rendered(document)["results"]["tests"]
    return next(test for test in tests if test["name"].startswith(f"{clause_id} "))


@pytest.mark.parametrize(
    "document", [documents.passing(), documents.sixty_failures(), documents.hostile()]
)
def test_summary_counts_the_tests(document: dict[str, Any]) -> None:
    results = _rendered(document)["results"]

    counted = Counter(test["status"] for test in results["tests"])

    assert results["summary"]["tests"] == len(document["clauses"])
    assert {status: results["summary"][status] for status in STATUSES} == {
        status: counted[status] for status in STATUSES
    }


def test_every_test_has_the_format_s_keys_only() -> None:
    for test in _rendered(documents.hostile())["results"]["tests"]:
        assert {"name", "status", "duration"} <= test.keys() <= TEST_KEYS
        assert uuid.UUID(test["id"])


def test_ids_are_the_same_in_every_run() -> None:
    assert (
        _test(documents.passing(), "LIST-04")["id"] == _test(documents.hostile(), "LIST-04")["id"]
    )


def test_failure_carries_message_and_trace() -> None:
    test = _test(documents.one_failure(), "DELETE-02")

    assert test["status"] == test["rawStatus"] == "failed"
    assert test["message"] == "data.meta.total is 2 after the delete"
    assert "reproduce" in test["trace"]


def test_known_failure_is_pending() -> None:
    document = documents.one_failure() | {"known_failures": ["DELETE-02"]}

    assert _test(document, "DELETE-02")["status"] == "pending"


def test_times_are_milliseconds_since_the_epoch() -> None:
    summary = _rendered(documents.passing())["results"]["summary"]

    assert summary["start"] == 1_795_464_900_000
    assert summary["stop"] - summary["start"] == summary["duration"] == 6_100


def test_missing_times_are_zero() -> None:
    summary = _rendered(documents.document(started_at="", finished_at=""))["results"]["summary"]

    assert summary["start"] == 0
