"""Judges, premises, comparisons, moments: the small pure parts that every verdict rests on."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit_doubles import NOW, contact, exchange

from conformance.kit.compare import coerced, differing, holds_in_bounds, told
from conformance.kit.exchange import NotJson
from conformance.kit.expect import SHOWN_VALUE, Judge, PremiseFailed, premise, show
from conformance.kit.moments import server_now, to_epoch


def test_a_judge_counts_checks_and_keeps_breaches() -> None:
    judge = Judge("LIST-04")
    x = exchange(status=500)

    assert judge.that(True, "200", 200, x)
    assert not judge.that(False, "200", 500, x)
    assert not judge.warn([], "records", None, x)

    assert judge.checks == 3
    assert [(f.expected, f.actual, f.severity) for f in judge.findings] == [
        ("200", "500", "failure"),
        ("records", "None", "warning"),
    ]


def test_a_status_names_every_legal_outcome_and_the_reason() -> None:
    judge = Judge("GET-03")

    assert judge.status(exchange(status=404), 400, 404)
    assert not judge.status(exchange(status=500), 400, 404, because="for a malformed id")

    assert judge.findings[0].expected == "status 400 or 404 for a malformed id"
    assert judge.findings[0].actual == "500"


def test_a_broken_premise_names_the_exchange_that_broke_it() -> None:
    with pytest.raises(PremiseFailed, match=r"not created \(POST /v1/contacts -> 500 \(4 ms\)\)"):
        premise(False, "not created", exchange("create", 500))
    with pytest.raises(PremiseFailed, match=r"^no second user$") as caught:
        premise(None, "no second user", kind="token")
    assert caught.value.kind == "token"
    premise([0], "holds")


def test_a_case_that_cannot_be_decided_leaves_the_others_to_be_judged() -> None:
    judge = Judge("LIST-10")

    for value in (1, 2, 3):
        with judge.case():
            premise(value != 2, f"case {value} has no record", kind="token")
            judge.that(True, "a record", value, None)

    assert judge.checks == 2
    assert judge.undecided is not None
    assert (judge.undecided.reason, judge.undecided.kind) == ("case 2 has no record", "token")


def test_a_case_does_not_swallow_faults_of_the_kit() -> None:
    def act() -> None:
        with Judge("LIST-10").case():
            raise KeyError("id")

    with pytest.raises(KeyError):
        act()


def test_absorbing_adds_checks_and_findings() -> None:
    one, other = Judge("ENV-01"), Judge("ENV-01")
    one.that(True, "a", "a", None)
    other.that(False, "b", "c", None)

    one.absorb(other)

    assert (one.checks, len(one.findings)) == (2, 1)


@given(st.text() | st.lists(st.integers()))
def test_shown_values_have_a_bound(value: Any) -> None:
    assert len(show(value)) <= SHOWN_VALUE


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("2027-01-15T08:00:00Z", NOW),
        ("2027-01-15T08:00:00.5Z", NOW + 0.5),
        ("2027-01-15t08:00:00z", NOW),
        ("2027-01-15T09:30:00+01:30", NOW),
        ("2027-01-15T00:00:00-08:00", NOW),
        ("2027-01-15T08:00:00.123456789Z", pytest.approx(NOW + 0.123456, abs=1e-5)),
    ],
)
def test_rfc_3339_moments_are_read(text: str, epoch: float) -> None:
    assert to_epoch(text) == epoch


@pytest.mark.parametrize(
    "value",
    [
        None,
        NOW,
        "",
        "2027-01-15",
        "2027-01-15T08:00:00",
        "2027-01-15 08:00:00Z",
        "2027-01-15T08:00Z",
        "2027-01-15T25:00:00Z",
        "2027-02-30T08:00:00Z",
        "2027-01-15T08:00:00Z ",
        "٢٠٢٧-01-15T08:00:00Z",
    ],
)
def test_other_moments_are_none(value: object) -> None:
    assert to_epoch(value) is None


@given(st.text())
def test_any_text_is_a_moment_or_none(text: str) -> None:
    to_epoch(text)


def test_the_targets_clock_is_its_date_header_else_ours() -> None:
    dated = exchange(headers={"date": formatdate(NOW - 500, usegmt=True)})

    assert server_now(dated) == NOW - 500
    assert server_now(exchange(headers={"date": "yesterday"})) == NOW
    assert server_now(exchange(headers={})) == NOW


@pytest.mark.parametrize(
    ("sent", "stored", "legal"),
    [
        (7, "7", True),
        (7, 7, False),
        (7, "7.0", False),
        (1.5, "1.5", True),
        (True, "true", True),
        (True, "True", False),
        (True, "1", False),
        ("a", ["a"], True),
        ("a", "a", False),
        ("a, b", ["a", "b"], False),
        ([7, True, "a"], ["7", "true", "a"], True),
        ([7], [7], False),
        ([{"a": 1}], ['{"a": 1}'], False),
        ({"a": 1}, '{"a": 1}', False),
        (None, "null", False),
    ],
)
def test_only_the_common_coercions_are_legal(sent: Any, stored: Any, legal: bool) -> None:
    assert coerced(sent, stored) is legal


@pytest.mark.parametrize(
    ("value", "inside"),
    [(1, True), (100, True), (0, False), (101, False), (True, False), ("5", False), (5.0, False)],
)
def test_bounds_are_for_integers(value: object, inside: bool) -> None:
    assert holds_in_bounds(value, 1, 100) is inside


def test_differences_are_told_field_by_field() -> None:
    one, other = contact(), contact(city="Fresno", notes="x" * 500)

    found = differing(one, other, ["city", "notes", "phone"])

    assert set(found) == {"city", "notes"}
    assert "city: None became 'Fresno'" in told(found)
    assert len(told(found)) < 200


def test_an_exchange_reads_its_body_without_ever_failing() -> None:
    assert isinstance(exchange(raw=b"").json, NotJson)
    assert isinstance(exchange(raw=b"\xff").json, NotJson)
    assert isinstance(exchange(raw=b"[" * 100_000).json, NotJson)
    assert exchange(body={"data": {"meta": {"total": 3}}}).at("data", "meta", "total") == 3
    assert exchange(body={"data": [1]}).at("data", "meta", "total") is None
    assert exchange(body=None).contact == {}


@pytest.mark.parametrize(
    ("operation", "body", "ids"),
    [
        ("list", {"data": {"contacts": [{"id": "a"}, {"id": "b"}]}}, ["a", "b"]),
        ("search", {"data": [{"id": "a"}]}, ["a"]),
        ("get", {"data": {"id": "a"}}, ["a"]),
        ("list", {"data": [{"id": "a"}]}, []),
        ("search", {"data": {"contacts": [{"id": "a"}]}}, []),
        ("list", {"data": {"contacts": [7, None, {"id": "a"}]}}, ["a"]),
        ("get", {"data": "a"}, []),
        ("get", ["a"], []),
    ],
)
def test_records_are_found_where_the_operation_puts_them(
    operation: str, body: Any, ids: list[str]
) -> None:
    assert exchange(operation, body=body).ids == ids


def test_a_line_tells_the_exchange_in_short() -> None:
    x = exchange("list", query="search=" + "x" * 500)

    assert x.line.startswith("GET /v1/contacts?search=xxx")
    assert x.line.endswith("... -> 200 (4 ms)")
    assert len(x.line) < 200
