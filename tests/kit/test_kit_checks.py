"""Every passive check passes a right exchange and catches a wrong one, under its own clause."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import formatdate
from typing import Any, NamedTuple

import pytest
from kit_doubles import AN_ID, JSON_HEADERS, NOW, contact, error_body, exchange

import schemas
from conformance.kit.client import encode, encode_query
from conformance.kit.evidence import FINDINGS_KEPT, Evidence
from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge
from conformance.kit.ledger import Ledger
from conformance.kit.queries import QUERY_CHECKS

LIMITS = {"ratelimit-limit": "500", "ratelimit-remaining": "499", "ratelimit-reset": "900"}
WRONG_IDS: tuple[Any, ...] = (
    None,
    7,
    "7",
    AN_ID[:-1],
    AN_ID + "0",
    f"{{{AN_ID}}}",
    [],
    {},
    [AN_ID],
)
META = {"total": 1, "page": 1, "limit": 25, "totalPages": 1, "hasMore": False}


class Case(NamedTuple):
    """A clause, an exchange that keeps it, one that breaks it, and what tells them apart."""

    clause: str
    good: Exchange
    bad: Exchange
    about: str


def shown(**changes: Any) -> Exchange:
    """A get that shows a record; `changes` replace values, `...` leaves a field out."""
    record = {name: v for name, v in contact(**changes).items() if v is not ...}
    return exchange(body={"success": True, "data": record})


def created(**changes: Any) -> Exchange:
    """A create of the run's own, so that its names bind the record."""
    record = {name: v for name, v in contact(**changes).items() if v is not ...}
    sent = {"first_name": "Jordan", "last_name": "Lee", "contact_type": "buyer"}
    return exchange("create", 201, {"success": True, "data": record}, sent=sent)


def refused(status: int = 404, **error: Any) -> Exchange:
    """A get refused with a changed error object."""
    body = error_body()
    body["error"] = {n: v for n, v in (body["error"] | error).items() if v is not ...}
    return exchange(status=status, body=body)


def listed(stats: Any) -> Exchange:
    return exchange(
        "list", body={"success": True, "data": {"contacts": [], "stats": stats, "meta": META}}
    )


def throttled(body: Any = None, **headers: str) -> Exchange:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = error_body("RATE_LIMIT_EXCEEDED") if body is None else body
    return exchange(status=429, body=body, headers=JSON_HEADERS | named)


OK = shown()
NOT_FOUND = refused()
CASES = [
    Case("ENV-01", OK, exchange(body={"data": contact()}), "no success"),
    Case("ENV-01", OK, exchange(body={"success": 1, "data": contact()}), "1 for true"),
    Case("ENV-01", OK, exchange(body={"success": "true", "data": {}}), "text for true"),
    Case("ENV-01", OK, exchange(body={"success": True}), "no data"),
    Case("ENV-01", exchange(body={"success": True, "data": None}), exchange(body=[]), "an array"),
    Case("ENV-01", OK, exchange(raw=b"<html>"), "no JSON"),
    Case("ENV-01", OK, exchange(raw=b"", status=204), "no body"),
    Case("ENV-02", NOT_FOUND, exchange(status=404, body={"error": {}}), "no success"),
    Case("ENV-02", NOT_FOUND, exchange(status=404, body={"success": False}), "no error"),
    Case("ENV-02", NOT_FOUND, exchange(status=500, raw=b"oops"), "a 500 that is no JSON"),
    Case(
        "ENV-02",
        NOT_FOUND,
        exchange(status=404, body={"success": False, "error": "gone"}),
        "error is text",
    ),
    Case(
        "ENV-02",
        NOT_FOUND,
        exchange(status=404, body=error_body() | {"success": None}),
        "null for false",
    ),
    Case("ENV-03", NOT_FOUND, refused(code=...), "no code"),
    Case("ENV-03", NOT_FOUND, refused(code=""), "an empty code"),
    Case("ENV-03", NOT_FOUND, refused(message=["gone"]), "a message that is no text"),
    Case("ENV-03", NOT_FOUND, refused(message="  "), "a blank message"),
    Case("ENV-04", OK, exchange(body={}, headers={"content-type": "text/html"}), "text/html"),
    Case("ENV-04", OK, exchange(body={}, headers={}), "no content type"),
    Case(
        "ENV-04",
        exchange(body={}, headers={"content-type": "Application/JSON; charset=utf-8"}),
        exchange(body={}, headers={"content-type": "application/json-seq"}),
        "another type that begins alike",
    ),
    Case("ENV-04", OK, exchange(raw=b"<html>"), "no JSON"),
    Case("ENV-04", OK, exchange(raw=b'{"success": true, "data": NaN}'), "NaN"),
    Case("ENV-04", OK, exchange(raw='{"a": "é"}'.encode("latin-1")), "Latin-1"),
    Case("ENV-05", NOT_FOUND, refused(code="NotFound"), "class style"),
    Case("ENV-05", NOT_FOUND, refused(code="not_found"), "lower case"),
    Case("ENV-05", refused(code="E404"), refused(code="NOT__FOUND_"), "stray underscores"),
    Case("ENV-06", NOT_FOUND, refused(code="CONTACT_NOT_FOUND"), "another code with 404"),
    Case(
        "ENV-06",
        exchange("list", 400, error_body("VALIDATION_ERROR")),
        exchange("list", 400, error_body("BAD_REQUEST")),
        "another code for a parameter",
    ),
    Case(
        "ENV-06",
        exchange("create", 400, error_body("VALIDATION_ERROR"), sent={"email": "x"}),
        exchange("create", 400, error_body("BAD_REQUEST"), sent={"email": "x"}),
        "another code for a field",
    ),
    Case("ENV-06", throttled(), throttled(error_body("TOO_MANY")), "another code with 429"),
    Case(
        "ENV-07",
        NOT_FOUND,
        exchange(status=404, body={**error_body(), "timestamp": None}),
        "no timestamp",
    ),
    Case(
        "ENV-07",
        exchange(status=404, body=error_body(timestamp="2027-01-15T09:01:59+01:00")),
        exchange(status=404, body=error_body(timestamp="2027-01-15T08:02:01Z")),
        "121 s off",
    ),
    Case(
        "ENV-07",
        exchange(
            status=404,
            body=error_body(timestamp="2027-01-15T20:00:00Z"),
            headers=JSON_HEADERS | {"date": formatdate(NOW + 12 * 3600, usegmt=True)},
        ),
        exchange(
            status=404,
            body=error_body(),
            headers=JSON_HEADERS | {"date": formatdate(NOW + 12 * 3600, usegmt=True)},
        ),
        "judged by the target's own clock",
    ),
    Case(
        "ENV-07",
        NOT_FOUND,
        exchange(status=404, body=error_body(timestamp="2027-01-15T08:00:00")),
        "no offset",
    ),
    Case(
        "ENV-07", NOT_FOUND, exchange(status=404, body=error_body(timestamp=int(NOW))), "a number"
    ),
    Case("ENV-08", OK, exchange(status=201, body={}), "201 for a get"),
    Case("ENV-08", exchange("create", 201, body={}), exchange("create", 200, body={}), "200"),
    Case("ENV-08", refused(404), refused(403), "403 for a get"),
    Case("ENV-08", exchange("delete", 403, {}), exchange("archive", 403, {}), "403 to archive"),
    Case("ENV-08", refused(404), refused(410), "410"),
    Case("ENV-08", refused(401), refused(302), "a redirect"),
    Case("ENV-08", exchange("list", 400, {}), refused(400), "400 for a real id"),
    Case("ENV-08", exchange("list", 500, {}), exchange("list", 503, {}), "503"),
    Case("ENV-08", exchange("create", 400, {}), exchange("create", 409, {}), "409 to create"),
    Case("ENV-08", exchange("create", 400, {}), exchange("create", 422, {}), "422"),
    Case("LIMIT-01", exchange(headers=LIMITS, body={}), OK, "no headers"),
    *(
        Case("LIMIT-01", exchange(headers=LIMITS), exchange(headers=LIMITS | {name: value}), value)
        for name in LIMITS
        for value in ("-1", "1.5", "many", "")
    ),
    Case("LIMIT-04", throttled(retry_after="1"), throttled(), "no Retry-After"),
    Case("LIMIT-04", throttled(retry_after="900"), throttled(retry_after="0"), "zero"),
    Case("LIMIT-04", throttled(retry_after="900"), throttled(retry_after="1.5"), "a fraction"),
    Case(
        "LIMIT-04",
        throttled(retry_after=formatdate(NOW, usegmt=True)),
        throttled(retry_after="soon"),
        "a word",
    ),
    Case(
        "LIMIT-04",
        throttled(retry_after="9"),
        throttled({"message": "slow down"}, retry_after="9"),
        "no envelope",
    ),
    Case("LIST-17", listed({"total": 0, "by": {"lead": 3}}), listed({"total": -1}), "below 0"),
    Case("LIST-17", listed({}), listed({"by": {"lead": 1.5}}), "a fraction inside"),
    Case("LIST-17", listed({"shares": []}), listed({"shares": [0, -0.5]}), "in an array"),
    *(Case("OBJ-01", OK, shown(**{name: ...}), f"no {name}") for name in schemas.CONTACT_FIELDS),
    *(Case("OBJ-02", shown(id=AN_ID.upper()), shown(id=value), repr(value)) for value in WRONG_IDS),
    *(
        Case("OBJ-03", OK, shown(**{name: value}), f"{name} {value!r}")
        for name in (*schemas.TEXT_FIELDS, "contact_type")
        for value in (7, ["text"])
        if name != "first_name"
    ),
    Case("OBJ-03", shown(tags=None), shown(tags="a"), "tags are text"),
    Case("OBJ-03", shown(tags=["a", ""]), shown(tags=["a", 7]), "a number in tags"),
    Case("OBJ-03", OK, shown(is_archived=0), "0 for false"),
    Case("OBJ-03", OK, shown(is_archived=None), "null for false"),
    Case("OBJ-03", created(), created(first_name=None), "no first name of ours"),
    Case("OBJ-03", created(), created(contact_type=""), "an empty type of ours"),
    *(
        Case(
            "OBJ-04",
            shown(**{name: "2027-01-15T09:00:00.123456+01:00"}),
            shown(**{name: value}),
            f"{name} {value!r}",
        )
        for name in schemas.DATE_TIME_FIELDS
        for value in (
            "2027-01-15",
            "2027-01-15 08:00:00Z",
            "2027-01-15T08:00:00",
            1_800_000_000,
            "2027-02-30T08:00:00Z",
            "15 Jan 2027",
            "",
        )
    ),
    Case("OBJ-04", shown(archived_at=None), shown(created_at=None), "created_at null"),
    Case("OBJ-04", shown(archived_at=None), shown(updated_at=None), "updated_at null"),
    Case(
        "OBJ-05",
        shown(is_archived=True, archived_at="2027-01-15T08:00:00Z"),
        shown(is_archived=True),
        "archived without a time",
    ),
    Case("OBJ-06", shown(), shown(archived_at="2027-01-15T08:00:00Z"), "active with a time"),
    Case("OBJ-07", created(), created(full_name="Jordan"), "no last name"),
    Case("OBJ-07", created(full_name="Lee, Jordan"), created(full_name=None), "null"),
    Case(
        "OBJ-07",
        created(last_name=None, full_name="Jordan"),
        created(last_name=None, full_name="jordan"),
        "another case",
    ),
    Case(
        "OBJ-08",
        shown(created_at="2027-01-15T09:00:00+01:00"),
        shown(created_at="2027-01-15T08:00:00.001Z"),
        "a millisecond before",
    ),
]
INTERNALS = {
    "a Python traceback": 'Traceback (most recent call last):\n  File "x"',
    "a Node stack": "Error: boom\n    at Object.handle (server.js:10:5)",
    "a source line": 'File "app/main.py", line 3',
    "a path": "cannot open /var/lib/contacts/data.db",
    "a Windows path": "cannot open C:\\app\\data",
    "SQL": 'near "x": SELECT id FROM contacts WHERE 1',
    "an insert": "INSERT INTO contacts VALUES (1)",
    "SQLite": "sqlite3.OperationalError: no such column",
    "PostgreSQL": "duplicate key value violates unique constraint",
    "a refused connection": "connect ECONNREFUSED 10.0.0.7",
    "Go": "goroutine 7 [running]",
}


def judged(clause: str, *exchanges: Exchange) -> Judge:
    """What the passive check of one clause says about exchanges in a row."""
    evidence = Evidence(Ledger(None, {}))
    for x in exchanges:
        evidence.observe(x)
    return evidence.judge(clause)


def failures(judge: Judge) -> list[str]:
    return [f.actual for f in judge.findings if f.severity == "failure"]


def identify(case: Iterable[Any]) -> str:
    return f"{case.clause}-{case.about}" if isinstance(case, Case) else ""


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_a_right_exchange_passes_and_a_wrong_one_is_caught(case: Case) -> None:
    good, bad = judged(case.clause, case.good), judged(case.clause, case.bad)

    assert good.checks > 0
    assert good.findings == []
    assert failures(bad) != []
    assert all(finding.exchange is case.bad for finding in bad.findings)


def test_every_passive_clause_but_those_judged_elsewhere_has_a_case() -> None:
    passive = set(Evidence(Ledger(None, {}))._judges)
    elsewhere = {"ENV-09", "ISO-01", "LIMIT-02", "LIMIT-03", "LIMIT-11", *QUERY_CHECKS}

    assert passive == {case.clause for case in CASES} | elsewhere


@pytest.mark.parametrize("name", INTERNALS)
def test_an_error_that_leaks_internals_is_caught(name: str) -> None:
    bad = exchange(status=500, body=error_body("INTERNAL_ERROR", detail=INTERNALS[name]))

    assert failures(judged("ENV-09", bad)) != []


@pytest.mark.parametrize(
    "text",
    [
        "Contact not found",
        "limit must be a number from 1 to 100",
        "Update the contact and set a status",
        "The path /v1/contacts/7 is unknown",
        "select one of the contact types",
    ],
)
def test_an_error_in_plain_words_leaks_nothing(text: str) -> None:
    judge = judged("ENV-09", exchange(status=400, body=error_body("VALIDATION_ERROR", detail=text)))

    assert judge.checks > 0
    assert judge.findings == []


@pytest.mark.parametrize("text", ["DELETE FROM x", "/usr/bin/x", 'a.py", line 3', "INSERT INTO é"])
@pytest.mark.parametrize("place", ["body", "query"])
def test_an_echo_of_our_own_input_is_no_leak(text: str, place: str) -> None:
    body = error_body("VALIDATION_ERROR", details=[{"value": text}])
    sent = encode({"first_name": text}) if place == "body" else None
    query = encode_query({"search": text}) if place == "query" else ""
    x = exchange("create" if sent else "list", 400, body, sent=sent, query=query)

    assert judged("ENV-09", x).findings == []


@pytest.mark.parametrize("depth", [300, 600, 900, 100_000])
def test_a_deep_body_is_judged_and_breaks_nothing(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    body = b'{"success": true, "data": {"contacts": [], "stats": {"deep": ' + deep + b"}}}"
    evidence = Evidence(Ledger(None, {}))

    evidence.observe(exchange("list", raw=body))
    evidence.observe(exchange("list", raw=deep))
    evidence.observe(exchange("get", 404, raw=deep))

    assert failures(evidence.judge("ENV-01")) != []


def test_findings_of_one_clause_are_bounded() -> None:
    judge = judged("ENV-01", *(exchange(body=[]) for _ in range(100)))

    assert len(judge.findings) == FINDINGS_KEPT
