"""What the passive checks leave alone: the exemptions of rule 10, and rules 1, 6 and OBJ-03."""

from __future__ import annotations

from typing import Any

import pytest
from kit_doubles import (
    AN_ID,
    JSON_HEADERS,
    MOMENT,
    at,
    contact,
    error_body,
    evidence_of,
    exchange,
    one,
    wrote,
)

from conformance.kit.evidence import Evidence, Known
from conformance.kit.exchange import ARCHIVED_REFUSALS, OPERATIONS, Exchange
from conformance.kit.expect import Judge
from conformance.kit.ledger import Ledger

OTHER_ID = "11111111-2222-4333-8444-555555555555"
HTML = {"content-type": "text/html"}
LONE_SURROGATE = b'{"notes": "a\\ud800b"}'
DEEP = b'{"notes": ' + b"[" * 40 + b"]" * 40 + b"}"


def judged(clause: str, *exchanges: Exchange) -> Judge:
    return evidence_of(*exchanges).judge(clause)


@pytest.mark.parametrize("status", [200, 302, 404, 405, 501])
def test_what_is_no_documented_operation_is_not_judged(status: int) -> None:
    evidence = evidence_of(exchange("other", status, raw=b"<html>", headers=HTML))

    assert {
        clause: judge.checks for clause, judge in evidence._judges.items() if judge.checks
    } == {}


@pytest.mark.parametrize("clause", ["ENV-02", "ENV-04", "ENV-08"])
def test_413_is_exempt(clause: str) -> None:
    x = exchange("create", 413, raw=b"<html>too large", headers=HTML, sent={"notes": "x"})

    assert judged(clause, x).checks == 0


@pytest.mark.parametrize(
    ("about", "x"),
    [
        ("a page past the end", exchange("list", 404, error_body(), query="page=99")),
        ("400 for a malformed id", exchange("get", 400, error_body(), path="/12345")),
        ("400 to delete one", exchange("delete", 400, error_body(), path="/12345")),
        ("400 to archive one", exchange("archive", 400, error_body(), path="/12345/archive")),
        ("archiving twice: 400", exchange("archive", 400, error_body())),
        ("archiving twice: 409", exchange("archive", 409, error_body())),
        ("restoring an active one", exchange("restore", 409, error_body())),
        ("no permission to delete", exchange("delete", 403, error_body())),
        ("a foreign contact", exchange("get", 403, error_body(), allows=(403,))),
        ("415 to a create that is no object", exchange("create", 415, error_body(), sent=b"[]")),
        ("415 to an update without a body", exchange("update", 415, error_body())),
        *((f"401 to {o}", exchange(o, 401, error_body())) for o in OPERATIONS),
        *((f"429 to {o}", exchange(o, 429, error_body())) for o in OPERATIONS),
        *((f"500 to {o}", exchange(o, 500, error_body())) for o in OPERATIONS),
    ],
)
def test_a_status_that_a_ruling_allows_counts_as_documented(about: str, x: Exchange) -> None:
    judge = judged("ENV-08", x)

    assert judge.checks == 1, about
    assert judge.findings == [], about


@pytest.mark.parametrize(
    ("about", "x"),
    [
        ("404 to a list without a page", exchange("list", 404, error_body(), query="limit=5")),
        ("404 to a search", exchange("search", 404, error_body())),
        ("400 to a get by UUID", exchange("get", 400, error_body())),
        ("415 to a create with an object", exchange("create", 415, error_body(), sent={"a": 1})),
        ("403 to a get", exchange("get", 403, error_body())),
        ("409 to a delete", exchange("delete", 409, error_body())),
        ("200 to a create", exchange("create", 200, {"success": True, "data": {}})),
    ],
)
def test_the_exemptions_reach_no_further(about: str, x: Exchange) -> None:
    assert len(judged("ENV-08", x).findings) == 1, about


@pytest.mark.parametrize(
    ("clause", "x"),
    [
        ("ENV-05", exchange(status=401, body=error_body("UnauthorizedError"))),
        ("ENV-06", exchange(status=401, body=error_body("UnauthorizedError"))),
        ("ENV-06", exchange("create", 400, error_body("INVALID_JSON"), sent=b"{")),
        ("ENV-06", exchange("create", 400, error_body("BAD_REQUEST"), sent=b"[]")),
        ("ENV-06", exchange("create", 400, error_body("INVALID_JSON"), sent=LONE_SURROGATE)),
        ("ENV-06", exchange("update", 400, error_body("INVALID_JSON"), sent=DEEP)),
        ("ENV-06", exchange("create", 415, error_body("UNSUPPORTED"), sent=b"{}")),
        ("ENV-06", exchange("get", 400, error_body("BAD_REQUEST"), path="/12345")),
        (
            "ENV-06",
            exchange(
                "update",
                400,
                error_body("CONTACT_ARCHIVED"),
                sent={"city": "Elsewhere"},
                allows=ARCHIVED_REFUSALS,
            ),
        ),
        ("ENV-06", exchange("delete", 403, error_body("FORBIDDEN"))),
    ],
)
def test_codes_that_the_contract_leaves_open_are_left_open(clause: str, x: Exchange) -> None:
    assert judged(clause, x).findings == []


@pytest.mark.parametrize("clause", ["ENV-02", "ENV-03", "ENV-05", "ENV-07", "ENV-09"])
def test_clauses_on_errors_say_nothing_of_successes(clause: str) -> None:
    assert judged(clause, exchange(body={"success": True, "data": contact()})).checks == 0


def test_an_empty_body_is_left_to_the_envelope_clauses() -> None:
    x = exchange("delete", 204, raw=b"", headers={})

    assert judged("ENV-04", x).checks == 0
    assert len(judged("ENV-01", x).findings) == 1


def test_extra_fields_and_headers_are_always_allowed() -> None:
    body = {"success": True, "data": contact(nickname="J", owner_id=7), "took_ms": 3, "error": None}
    evidence = evidence_of(exchange(body=body, headers=JSON_HEADERS | {"x-request-id": "7"}))

    found = {c: j.findings for c, j in evidence._judges.items() if c != "LIMIT-01" and j.findings}

    assert found == {}


def test_a_timestamp_inside_the_error_is_taken_too() -> None:
    body = error_body()
    body["error"]["timestamp"] = body.pop("timestamp")

    judge = judged("ENV-07", exchange(status=404, body=body))

    assert judge.checks > 0
    assert judge.findings == []


@pytest.mark.parametrize(
    "changes", [{"first_name": None}, {"first_name": ""}, {"contact_type": ""}]
)
def test_an_empty_name_on_a_record_of_others_is_a_warning(changes: dict[str, Any]) -> None:
    judge = judged("OBJ-03", one(**changes))

    assert [f.severity for f in judge.findings] == ["warning"]


def test_an_empty_name_that_this_run_sent_last_is_a_warning() -> None:
    named = wrote("create", {"first_name": "Jordan", "contact_type": "buyer"})
    blanked = wrote("update", {"first_name": " "}, first_name="")

    findings = judged("OBJ-03", named, blanked, one(first_name="")).findings

    assert {f.severity for f in findings} == {"warning"}


def test_a_list_is_judged_record_by_record() -> None:
    records = [contact(), contact(id=OTHER_ID, tags="text"), contact(id="7")]
    body = {"success": True, "data": {"contacts": records, "stats": {}, "meta": {}}}
    evidence = evidence_of(exchange("list", body=body))

    assert len(evidence.judge("OBJ-02").findings) == 1
    assert len(evidence.judge("OBJ-03").findings) == 1
    assert evidence.judge("OBJ-01").checks == 3


def test_full_names_of_others_are_not_judged() -> None:
    assert judged("OBJ-07", one(full_name="Somebody Else")).checks == 0


def known_after(*writes: Exchange) -> Known:
    created = at(wrote("create", {"first_name": "Jordan"}), 0, 1)
    return evidence_of(created, *writes, owned=(AN_ID,)).known[AN_ID]


def test_what_was_acknowledged_last_is_known() -> None:
    archived = contact(city="Fresno", is_archived=True, archived_at=MOMENT)
    known = known_after(
        at(wrote("update", {"city": "Fresno"}, city="Fresno"), 2, 3),
        at(exchange("archive", body={"success": True, "data": archived}), 4, 5),
        at(one(city="what a read shows is no acknowledgement"), 6, 7),
    )

    assert known.contradicted_by(archived) == []
    assert known.contradicted_by(archived | {"city": "Selma"}) == ["city"]
    assert known.contradicted_by(archived | {"is_archived": False}) == ["is_archived"]
    assert known.contradicted_by(archived | {"updated_at": "later", "full_name": "other"}) == []


@pytest.mark.parametrize(
    ("about", "writes"),
    [
        (
            "two that overlap",
            [
                at(wrote("update", {"city": "Fresno"}, city="Fresno"), 2, 4),
                at(wrote("update", {"city": "Selma"}, city="Selma"), 3, 5),
            ],
        ),
        (
            "one inside another",
            [
                at(wrote("update", {"city": "Fresno"}, city="Fresno"), 3, 4),
                at(wrote("update", {"city": "Selma"}, city="Selma"), 2, 5),
            ],
        ),
        ("one that ended in a 500", [at(exchange("update", 500, error_body()), 2, 3)]),
    ],
)
def test_after_uncertain_writes_no_value_is_demanded(about: str, writes: list[Exchange]) -> None:
    assert known_after(*writes).contradicted_by(contact(city="Visalia")) == [], about


def test_a_refused_write_leaves_what_was_known() -> None:
    known = known_after(at(exchange("update", 400, error_body(), sent={"city": 7}), 2, 3))

    assert known.contradicted_by(contact(city="7")) == ["city"]


def test_a_later_write_makes_values_certain_again() -> None:
    known = known_after(
        at(exchange("update", 500, error_body()), 2, 3),
        at(wrote("update", {"city": "Selma"}, city="Selma"), 4, 5),
    )

    assert known.contradicted_by(contact(city="Visalia")) == ["city"]


def test_contacts_of_others_are_not_remembered() -> None:
    assert evidence_of(wrote("update", {"city": "Fresno"}, city="Fresno")).known == {}


def test_a_record_shown_otherwise_between_two_writes_is_caught() -> None:
    evidence = evidence_of(
        at(wrote("create", {"first_name": "Jordan"}), 0, 1),
        at(one(), 2, 3),
        at(one(phone="+1 661 555 0100"), 4, 5),
        owned=(AN_ID,),
    )

    judge = evidence.judge("OBJ-09")

    assert len(judge.findings) == 1
    assert "phone" in judge.findings[0].actual


@pytest.mark.parametrize(
    ("about", "write"),
    [
        ("answered between the reads", at(wrote("update", {"phone": "1"}, phone="1"), 4, 5)),
        ("overlapping the second read", at(wrote("update", {"phone": "1"}, phone="1"), 6.5, 9)),
        ("refused between the reads", at(exchange("update", 400, error_body()), 4, 5)),
    ],
)
def test_a_record_may_change_where_a_write_came_between(about: str, write: Exchange) -> None:
    evidence = evidence_of(
        at(wrote("create", {"first_name": "Jordan"}), 0, 1),
        at(one(), 2, 3),
        write,
        at(one(phone="1"), 6, 7),
        owned=(AN_ID,),
    )

    assert evidence.judge("OBJ-09").findings == [], about


def test_a_contact_of_others_may_change_under_our_eyes() -> None:
    evidence = evidence_of(at(one(), 2, 3), at(one(phone="1"), 4, 5))

    assert evidence.judge("OBJ-09").findings == []


def found(variable: str, *ids: object) -> Exchange:
    """A search that a user made and that shows these ids."""
    data = [contact(id=each) for each in ids]
    body = {"success": True, "data": data, "count": len(data)}
    sender = (("Authorization", f"Bearer {variable}"),)
    return exchange("search", 200, body, request_headers=sender)


@pytest.mark.parametrize(
    ("variable", "other"), [("$CONTACTS_TOKEN", "second"), ("$CONTACTS_SECOND_TOKEN", "first")]
)
def test_what_one_user_finds_is_not_the_other_users(variable: str, other: str) -> None:
    ledger = Ledger(None, {})
    ledger.found(other, AN_ID)
    evidence = Evidence(ledger)

    evidence.observe(found(variable, OTHER_ID, 7, ["odd"]))
    before = len(evidence.judge("ISO-01").findings)
    evidence.observe(found(variable, AN_ID))
    evidence.observe(found("$CONTACTS_RESTRICTED_TOKEN", AN_ID))

    assert before == 0
    assert len(evidence.judge("ISO-01").findings) == 1
