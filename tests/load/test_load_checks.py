"""Every answer is checked, whatever it holds: an outcome comes of it, never an exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from load_desk import CONTACT, ERROR, GOOD, LIST, ONE, TOKEN, Desk, answered, desk_in

import schemas
from load import checks
from load.node import SAMPLES_KEPT, clock
from load.options import Options
from load.recorder import FAILED, OK, THROTTLED
from load.session import CheckFailed, Session
from load.transport import Answered, NoAnswer

LIMITED = ERROR | {"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "wait"}}
BUDGET = {"ratelimit-limit": "60", "ratelimit-remaining": "59", "ratelimit-reset": "10"}


# --- good answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", GOOD)
def test_a_good_answer_is_ok(desk: Desk, operation: str) -> None:
    reply = desk.ask(answered(GOOD[operation], 201 if operation == "create" else 200), operation)

    assert (reply.outcome, desk.errors()) == (OK, [])
    assert desk.node.recorder.operations[operation].counts[OK] == 1
    assert desk.told[0]["name"] == operation
    assert desk.told[0]["exception"] is None


@pytest.mark.parametrize(
    ("operation", "method", "target"),
    [
        ("list", "GET", "/v1/contacts"),
        ("search", "GET", "/v1/contacts/search"),
        ("get", "GET", "/v1/contacts/x"),
        ("create", "POST", "/v1/contacts"),
        ("update", "PUT", "/v1/contacts"),
        ("archive", "PATCH", "/v1/contacts"),
        ("delete", "DELETE", "/v1/contacts"),
    ],
)
def test_an_operation_has_its_method_and_path(
    desk: Desk, operation: str, method: str, target: str
) -> None:
    desk.ask(answered(GOOD[operation]), operation, body=b"{}")

    assert desk.sent[0][:2] == (method, target)


def test_a_body_says_that_it_is_json(desk: Desk) -> None:
    desk.ask(answered(ONE), "update", body=b"{}")
    desk.ask(answered(ONE), "get")

    with_body, without = (headers for _, _, headers, _ in desk.sent)
    assert with_body["Content-Type"] == "application/json"
    assert "Content-Type" not in without
    assert with_body["Authorization"] == f"Bearer {TOKEN}"


def test_an_expected_error_is_ok(desk: Desk) -> None:
    assert desk.ask(answered(ERROR, 404), expect=404).ok


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/json;x=y"]
)
def test_a_content_type_may_have_parameters(desk: Desk, kind: str) -> None:
    assert desk.ask(answered(ONE, content_type=kind)).ok


# --- wrong answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "answer", "word"),
    [
        ("get", answered(ERROR, 404), "status 404 instead of 200"),
        ("get", answered(ERROR, 500), "status 500 instead of 200"),
        ("create", answered(ONE, 200), "status 200 instead of 201"),
        ("get", answered(b"", 204), "not JSON"),
        ("get", answered(b"<html>", 502), "not JSON"),
        ("get", answered([], 200), "no JSON object"),
        ("get", answered({"success": False}, 404), "ENV-02"),
        ("get", answered({"success": True, "error": {}}, 404), "ENV-02"),
        ("get", answered({"success": 1, "data": CONTACT}), "ENV-01"),
        ("get", answered({"success": True}), "ENV-01"),
        ("get", answered({"success": True, "data": []}), "no contact"),
        ("get", answered({"success": True, "data": None}), "no contact"),
        ("list", answered({"success": True, "data": []}), "LIST-01"),
        ("list", answered({"success": True, "data": {"contacts": {}, "meta": {}}}), "LIST-01"),
        ("search", answered({"success": True, "data": {}, "count": 0}), "SEARCH-01"),
        ("search", answered({"success": True, "data": []}), "SEARCH-01"),
        ("search", answered({"success": True, "data": [], "count": "0"}), "SEARCH-01"),
        ("search", answered({"success": True, "data": [], "count": True}), "SEARCH-01"),
        ("get", answered(ONE, content_type="text/html"), "ENV-04"),
        ("get", answered(ONE, content_type=["application/json", "text/html"]), "ENV-04"),
        ("get", Answered(200, {}, json.dumps(ONE).encode()), "ENV-04"),
        ("get", answered(ONE, 302, location="http://elsewhere.example"), "status 302"),
    ],
)
def test_a_wrong_answer_is_a_failure_that_says_what_is_wrong(
    desk: Desk, operation: str, answer: Answered, word: str
) -> None:
    desk.node.options = Options(validate_every=0)

    reply = desk.ask(answer, operation)

    assert (reply.outcome, reply.status) == (FAILED, answer.status)
    assert word in desk.errors()[0]
    assert isinstance(desk.told[0]["exception"], CheckFailed)


def test_no_answer_is_a_failure_with_a_latency(desk: Desk) -> None:
    reply = desk.ask(NoAnswer("connection refused"))

    assert (reply.outcome, reply.status, reply.document) == (FAILED, None, None)
    assert desk.errors() == ["connection refused"]
    assert desk.node.recorder.operations["get"].corrected_latencies().count == 1
    assert not desk.node.flights


def test_the_scenarios_own_check_decides_last(desk: Desk) -> None:
    seen: list[Any] = []

    def check(document: Any) -> str | None:
        seen.append(document)
        return "not what was written"

    reply = desk.ask(answered(ONE), check=check)

    assert (reply.outcome, desk.errors()) == (FAILED, ["not what was written"])
    assert seen == [ONE]


def test_a_check_is_not_asked_about_another_status(desk: Desk) -> None:
    def check(_: Any) -> str | None:
        raise AssertionError

    assert desk.ask(answered(ERROR, 500), check=check).outcome == FAILED


# --- the rate limit ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        answered(LIMITED, 429, retry_after="5", **BUDGET),
        answered(LIMITED, 429),
        answered(b"slow down", 429, content_type="text/plain"),
        answered(b"", 429),
        answered(b"\xff\x00", 429, retry_after=["5", "6"]),
    ],
)
def test_a_refusal_is_an_outcome_of_its_own(desk: Desk, answer: Answered) -> None:
    reply = desk.ask(answer)

    assert (reply.outcome, reply.ok, desk.errors()) == (THROTTLED, False, [])
    assert desk.told[0]["request_type"] == "429"
    assert desk.told[0]["exception"] is None
    assert desk.node.recorder.budget.refused == 1
    tally = desk.node.recorder.operations["get"]
    assert (tally.counts[THROTTLED], tally.corrected_latencies().count) == (1, 0)


@pytest.mark.parametrize(
    ("body", "enveloped"),
    [(LIMITED, True), ({"success": False}, False), ({"error": {}}, False), (b"no", False)],
)
def test_a_refusal_is_kept_as_a_sample_with_its_envelope(
    desk: Desk, body: Any, *, enveloped: bool
) -> None:
    desk.ask(answered(body, 429, retry_after="5", **BUDGET))

    _, _, operation, status, limit, remaining, reset, retry_after, found = desk.node.samples[0]
    assert (operation, status, retry_after) == ("get", 429, "5")
    assert (limit, remaining, reset) == ("60", "59", "10")
    assert found is enveloped


def test_the_budget_is_what_the_headers_last_said(desk: Desk) -> None:
    desk.ask(answered(ONE, **BUDGET))

    budget = desk.node.recorder.budget
    assert (budget.limit, budget.remaining, budget.reset) == (60, 59, 10)
    assert (budget.accepted, budget.refused) == (1, 0)


@pytest.mark.parametrize("value", [["60", "60"], "", " ", "-1", "1e3", "٣", "9" * 400, "60, 60"])
def test_limiter_headers_that_are_no_numbers_are_none(desk: Desk, value: Any) -> None:
    reply = desk.ask(answered(ONE, ratelimit_limit=value, ratelimit_remaining=value))

    assert reply.ok
    assert desk.node.recorder.budget.limit is None
    assert desk.node.recorder.budget.remaining is None


def test_samples_do_not_grow_without_bound(desk: Desk) -> None:
    for _ in range(SAMPLES_KEPT + 10):
        desk.ask(answered(LIMITED, 429))

    assert len(desk.node.samples) == SAMPLES_KEPT


# --- the schema --------------------------------------------------------------------------------


def test_the_schema_is_held_against_every_nth_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {"success": True, "data": {"id": CONTACT["id"]}}
    with desk_in(tmp_path, monkeypatch, validate_every=3) as desk:
        outcomes = [desk.ask(answered(short)).outcome for _ in range(9)]

    assert outcomes == [OK, OK, FAILED] * 3


def test_the_schema_can_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = {"success": True, "data": {"id": CONTACT["id"]}}
    with desk_in(tmp_path, monkeypatch, validate_every=0) as desk:
        assert {desk.ask(answered(short)).outcome for _ in range(20)} == {OK}


@pytest.mark.parametrize("name", [name for name in CONTACT if name != "id"])
def test_a_record_without_a_documented_field_breaks_the_schema(desk: Desk, name: str) -> None:
    record = {key: value for key, value in CONTACT.items() if key != name}

    desk.ask(answered({"success": True, "data": record}))

    assert desk.errors()[0].startswith("schema: data")
    assert name in desk.errors()[0]


@pytest.mark.parametrize("name", ["list", "search", "get"])
def test_further_fields_break_no_schema(desk: Desk, name: str) -> None:
    document = json.loads(json.dumps(GOOD[name]).replace('"id":', '"more": [1], "id":'))

    assert desk.ask(answered(document | {"further": {}}), name).ok


def test_every_schema_that_sending_needs_compiles() -> None:
    checks.compile_all()

    assert checks.schema_problem("list", 200, LIST) is None
    assert checks.schema_problem("get", 404, ERROR) is None
    assert set(schemas.NAMES) >= {"list", "search", "envelope-contact", "envelope-error"}


# --- records -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document", [LIST, {"success": True, "data": {"contacts": [None, 1, CONTACT], "meta": {}}}]
)
def test_records_of_a_list_are_its_objects(document: Any) -> None:
    assert checks.records_of("list", document) == [CONTACT]


@pytest.mark.parametrize("record", [None, [], "x", 5, {}])
def test_a_record_that_is_none_is_a_problem(record: Any) -> None:
    assert checks.field_problem(record, {"first_name": "Jordan"}) is not None


def test_fields_are_compared_with_what_was_written() -> None:
    assert checks.field_problem(CONTACT, {"first_name": "Jordan", "tags": ["one"]}) is None
    assert "tags" in str(checks.field_problem(CONTACT, {"tags": ["two"]}))


# --- latency -----------------------------------------------------------------------------------


def test_in_the_open_model_latency_counts_from_the_arrival(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    paced = Session(desk.node, object(), "/v1", lambda **_: None, paced_as="AddressBook")
    monkeypatch.setattr(desk.node, "await_arrival", lambda _kind: clock() - 2.0)
    desk.answers.append(answered(ONE))

    paced.send("get", "/x")

    tally = desk.node.recorder.operations["get"]
    corrected, service = tally.corrected_latencies().largest(), tally.service_latencies().largest()
    assert corrected is not None
    assert service is not None
    assert corrected >= 2_000 > service


def test_in_the_closed_model_both_latencies_are_one(desk: Desk) -> None:
    desk.ask(answered(ONE))

    tally = desk.node.recorder.operations["get"]
    assert tally.corrected_latencies().buckets() == tally.service_latencies().buckets()
    assert tally.both.count == 1
