"""The words of a violation are found again in the answer; where they are not, nothing is marked."""

from __future__ import annotations

import json
from typing import Any

import pytest
import report_documents as documents

from reports.evidence import Offence, Path, offence
from reports.results import complete_violation

RECORD = {"id": "5827c4d3-5ae6", "first_name": "Ann", "is_archived": False, "tags": ["a"]}
OTHER = RECORD | {"id": "16e3481d-00af"}
LIST = {"data": {"contacts": [RECORD, OTHER], "meta": {"limit": 101, "hasMore": True}}}


def _offence(expected: str, actual: str, body: Any, status: int = 200) -> Offence:
    answered = documents.exchange(body=body if isinstance(body, str) else json.dumps(body))
    answered["response"]["status"] = status
    breach = documents.violation(expected=expected, actual=actual, exchange=answered)
    return offence(complete_violation(breach))


@pytest.mark.parametrize(
    ("expected", "actual", "body", "paths"),
    [
        ("meta.limit at most 100", "101", LIST, {("data", "meta", "limit")}),
        ("hasMore False on page 2", "True", LIST, {("data", "meta", "hasMore")}),
        ("count 1, as many as came", "0", {"data": [], "count": 0}, {("count",)}),
        ("is_archived true", "False", {"data": RECORD}, {("data", "is_archived")}),
        ("tags ['b']", "['a']", {"data": RECORD}, {("data", "tags")}),
        (
            "the record that create showed",
            "first_name: 'Anne' became 'Ann'; id: '1' became '5827c4d3-5ae6'",
            {"data": RECORD},
            {("data", "first_name"), ("data", "id")},
        ),
        (
            "exactly ['5827c4d3-5ae6']",
            "['5827c4d3-5ae6', '16e3481d-00af']",
            LIST,
            {("data", "contacts", 1, "id")},
        ),
        ("the contact 5827c4d3", "None", {"success": True, "data": None}, {("data",)}),
    ],
)
def test_the_offending_part_is_found(
    expected: str, actual: str, body: Any, paths: set[Path]
) -> None:
    assert _offence(expected, actual, body).paths == paths


@pytest.mark.parametrize(
    ("expected", "actual", "body"),
    [
        ("8 records, as more match", "19", LIST),
        ("the contact searched by its first name", "[]", {"data": []}),
        ("all documented fields", "missing: phone, city", {"data": RECORD}),
        ("an object", "a text", "no JSON"),
        ("an object", "a text", "[" * 5_000),
        ("ids", "x" * 8, {"data": ["x" * 8] * 50}),
    ],
)
def test_nothing_is_marked_by_guesswork(expected: str, actual: str, body: Any) -> None:
    assert _offence(expected, actual, body) == Offence()


def test_an_illegal_status_is_marked_and_not_what_the_request_named() -> None:
    found = _offence("status 201 for first_name alone", "200", {"data": RECORD})

    assert found == Offence(status=True)


def test_a_legal_status_is_not_marked() -> None:
    found = _offence("400, or 200 with meta.limit <= 100", "200 with meta.limit 101", LIST)

    assert found == Offence(paths=frozenset({("data", "meta", "limit")}))


def test_a_header_is_marked_by_its_name() -> None:
    found = _offence("Content-Type application/json", "text/plain", "ok")

    assert found.headers == {"content-type"}


@pytest.mark.parametrize("exchange", [None, documents.exchange() | {"response": None}])
def test_without_an_answer_nothing_is_marked(exchange: Any) -> None:
    breach = documents.violation(exchange=exchange)

    assert offence(complete_violation(breach)) == Offence()
