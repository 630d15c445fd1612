"""What every list and every search is held to, however it was asked, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from kit_doubles import contact, exchange

from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge
from conformance.kit.queries import QUERY_CHECKS

ANN = contact(full_name="Ann Qkzvt", email="ann@example.com", contact_type="buyer")
HIDDEN = contact(is_archived=True, contact_type="agent")


def listed(query: str, *records: dict[str, Any], **meta: Any) -> Exchange:
    """A list that says of itself what a right target would, but for `meta`."""
    right = {"total": len(records), "page": 1, "limit": 25, "totalPages": 1, "hasMore": False}
    data = {"contacts": list(records), "stats": {}, "meta": {**right, **meta}}
    return exchange("list", 200, {"success": True, "data": data}, query=query)


def searched(query: str, *records: dict[str, Any], count: Any = None) -> Exchange:
    said = len(records) if count is None else count
    body = {"success": True, "data": list(records), "count": said}
    return exchange("search", 200, body, query=query)


def judged(clause: str, x: Exchange) -> Judge:
    judge = Judge(clause)
    QUERY_CHECKS[clause](x, judge)
    return judge


@pytest.mark.parametrize(
    ("clause", "x"),
    [
        ("LIST-02", listed("archived=true", limit=20)),
        ("LIST-02", listed("search=Ann", page=0)),
        ("LIST-02", listed("", *[ANN] * 26, total=26, totalPages=2, hasMore=True)),
        ("LIST-03", listed("limit=10", limit=25)),
        ("LIST-03", listed("limit=1", ANN, ANN, limit=1, total=2, totalPages=2)),
        ("LIST-03", listed("page=2&limit=1", ANN, limit=1, total=2, totalPages=2, page=1)),
        ("LIST-04", listed("limit=101", limit=101)),
        ("LIST-04", listed("limit=500&type=buyer", *[ANN] * 101, limit=100)),
        ("LIST-08", listed("", HIDDEN)),
        ("LIST-08", listed("archived=false", HIDDEN)),
        ("LIST-08", listed("archived=true&search=Ann", HIDDEN, ANN)),
        ("LIST-09", listed("type=agent", ANN)),
        ("LIST-13", listed("type=buyer&archived=true", HIDDEN)),
        ("LIST-13", listed("type=agent&archived=false", HIDDEN)),
        ("PAGE-01", listed("limit=2", limit=2, total=5, totalPages=2)),
        ("PAGE-01", listed("", total=0, totalPages=2)),
        ("PAGE-02", listed("limit=2", limit=2, total=5, totalPages=3, hasMore=False)),
        ("PAGE-02", listed("", hasMore=True)),
        ("SEARCH-02", searched("name=Qkzvt", ANN, count=0)),
        ("SEARCH-02", searched("name=Qkzvt&limit=1", ANN, count=0)),
        ("SEARCH-05", searched("name=Qkzvt", ANN, contact(full_name="Ben Other"))),
        ("SEARCH-05", searched("email=ann@example.com", contact(email=None))),
        ("SEARCH-07", searched("name=Qkzvt&limit=1", ANN, ANN)),
        ("SEARCH-07", searched("", *[ANN] * 51)),
        ("SEARCH-08", searched("limit=101", *[ANN] * 101)),
    ],
)
def test_a_breach_is_found_under_its_clause(clause: str, x: Exchange) -> None:
    judge = judged(clause, x)

    assert [finding.severity for finding in judge.findings] == ["failure"]
    assert judge.findings[0].exchange is x


@pytest.mark.parametrize(
    ("about", "x"),
    [
        ("an empty list", listed("search=nobody", total=0, totalPages=0)),
        ("one page for an empty list, which is warned about", listed("", total=0, totalPages=1)),
        ("a fuzzy match", listed("search=Anne", ANN)),
        (
            "a full page of several",
            listed("limit=1", ANN, limit=1, total=2, totalPages=2, hasMore=True),
        ),
        ("the last page", listed("page=2&limit=1", ANN, limit=1, total=2, totalPages=2, page=2)),
        ("a capped limit", listed("limit=500", ANN, limit=100)),
        ("archived contacts", listed("archived=true", HIDDEN)),
        ("all filters", listed("archived=true&type=agent&search=Jordan", HIDDEN)),
        ("more matches than were asked for", searched("name=Qkzvt&limit=1", ANN, count=7)),
        ("any case", searched("name=qKZVt", ANN)),
        ("a capped search", searched("limit=101", *[ANN] * 100)),
        ("a part of the email", searched("email=NN@exam", ANN)),
    ],
)
def test_what_is_right_breaks_no_clause(about: str, x: Exchange) -> None:
    broken = [clause for clause in QUERY_CHECKS if judged(clause, x).findings]

    assert broken == [], about


@pytest.mark.parametrize(
    ("about", "x"),
    [
        ("a refusal", exchange("list", 400, {"success": False, "error": {}}, query="limit=0")),
        ("no JSON", exchange("list", 200, raw=b"<html>", query="type=agent")),
        ("a list without meta", exchange("list", 200, {"success": True, "data": {}})),
        ("a search that shows no array", exchange("search", 200, {"success": True, "data": {}})),
        ("a repeated parameter", listed("limit=2&limit=3", ANN, ANN, ANN, limit=7, page=4)),
        ("another operation", exchange("get", 200, {"success": True, "data": HIDDEN})),
    ],
)
def test_what_other_clauses_speak_of_is_not_judged(about: str, x: Exchange) -> None:
    checks = {clause: judged(clause, x).checks for clause in QUERY_CHECKS}

    assert {clause for clause, count in checks.items() if count} == set(), about


@pytest.mark.parametrize(
    ("clause", "about", "x"),
    [
        ("LIST-03", "a limit in an odd form", listed("limit=2.0", ANN, limit=7)),
        ("LIST-03", "a limit out of bounds", listed("limit=0", ANN, limit=7)),
        ("LIST-03", "the number of a page past the end", listed("page=9", page=1)),
        ("LIST-08", "an odd value of archived", listed("archived=yes", HIDDEN)),
        ("LIST-09", "a type that is not documented", listed("type=plumber", ANN)),
        ("PAGE-02", "a page past the end", listed("page=9", page=9, hasMore=True)),
        ("SEARCH-02", "a search of everybody", searched("", ANN, count=0)),
        ("SEARCH-05", "a wildcard, which is SEARCH-06's", searched("name=Q%25t", ANN)),
        ("SEARCH-05", "letters beyond ASCII", searched("name=%C3%A9t%C3%A9", ANN)),
        ("SEARCH-05", "both together, which is SEARCH-10's", searched("name=Bo&email=x", ANN)),
    ],
)
def test_latitude_is_left_alone(clause: str, about: str, x: Exchange) -> None:
    assert judged(clause, x).findings == [], about
