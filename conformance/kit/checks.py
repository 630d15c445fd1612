"""Passive checks: clauses that hold for every exchange of the run, whatever it was sent for.

Each check is a function of one exchange that tells its `Judge` what it found; the tests of
`test_record.py` and `test_limits.py` read the judges at the end. No request is sent from here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import schemas
from conformance.kit.compare import holds_in_bounds
from conformance.kit.exchange import ARCHIVED_REFUSALS, Exchange, path_id, sent_object
from conformance.kit.expect import Judge
from conformance.kit.limits import CHECKS
from conformance.kit.moments import SKEW_S, server_now, to_epoch
from conformance.kit.queries import QUERY_CHECKS

Check = Callable[[Exchange, Judge], None]
RecordCheck = Callable[[dict[str, Any], Exchange, Judge], None]
EXCHANGE_CHECKS: dict[str, Check] = {**CHECKS, **QUERY_CHECKS}
RECORD_CHECKS: dict[str, RecordCheck] = {}
NAMED_BY_RUN = "\0named"
"""The key that tells a check of records whether the run gave this one its first name."""

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SNAKE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_SURROGATE = re.compile("[\ud800-\udfff]")
PARSED_DEPTH = 16
"""JSON nested no deeper than this is read by every parser in use."""
_LEAKS = re.compile(
    r"Traceback \(most recent call last\)"
    r"|\bat [\w.<>$ ]+ \([^()\s]+:\d+:\d+\)"
    r"|\.(?:py|[cm]?js|tsx?|go|rb|java|kt|php|p[lm]|cs|rs|exs?)(?:\",| on|:)? line \d+"
    r"|\.(?:py|[cm]?js|tsx?|go|rb|java|kt|php|p[lm]|cs|rs|exs?):\d+"
    r"|(?:^|[\s\"'(])/(?:usr|home|var|srv|opt|app|root|src|tmp)/[\w.-]+"
    r"|\b[A-Z]:\\\\?\w+\\"
    r"|\bSELECT\b.{1,200}\bFROM\b|\bINSERT INTO\b|\bUPDATE\b.{1,80}\bSET\b|\bDELETE FROM\b"
    r"|SQLSTATE|SQLITE_|sqlite3\.|psycopg|PG::|ORA-\d{5}|duplicate key value|syntax error at or near"
    r"|ECONNREFUSED|MongoError|goroutine \d+|PDOException|ActiveRecord::|Npgsql|sqlalchemy"
    r"|(?:UNIQUE|NOT NULL|CHECK) constraint failed|violates [\w-]+ constraint|asyncpg\."
    r"|invalid input syntax for|\b(?:java|javax|org|com|System)(?:\.\w+)+(?:Exception|Error)\b",
    re.DOTALL,
)
_OK = {"create": 201}
_ALWAYS = {401, 429, 500}
_DOCUMENTED = {
    "list": {400},
    "create": {400},
    "search": {400},
    "get": {404},
    "update": {400, 404},
    "delete": {403, 404},
    "archive": {404},
    "restore": {404},
}
# ARCHIVE-05 and RESTORE-05 only warn about these, so rule 10 counts them as documented.
_WARNED = {"archive": {400, 409}, "restore": {400, 409}}


def _on_exchange(clause: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        EXCHANGE_CHECKS[clause] = check
        return check

    return register


def _on_record(clause: str) -> Callable[[RecordCheck], RecordCheck]:
    def register(check: RecordCheck) -> RecordCheck:
        RECORD_CHECKS[clause] = check
        return check

    return register


@_on_exchange("ENV-01")
def _success_envelope(x: Exchange, judge: Judge) -> None:
    if not x.ok:
        return
    body = x.json if isinstance(x.json, dict) else {}
    good = body.get("success") is True and "data" in body
    actual = _outline(x.json, "success", "data")
    judge.that(good, "a JSON object with success exactly true and the key data", actual, x)


@_on_exchange("ENV-02")
def _error_envelope(x: Exchange, judge: Judge) -> None:
    if x.status < 400 or x.status == 413:
        return
    good = x.at("success") is False and isinstance(x.at("error"), dict)
    actual = _outline(x.json, "success", "error")
    judge.that(good, "a JSON object with success exactly false and an object error", actual, x)


@_on_exchange("ENV-03")
def _code_and_message(x: Exchange, judge: Judge) -> None:
    error = x.at("error")
    if x.status < 400 or not isinstance(error, dict):
        return
    for name in ("code", "message"):
        value = error.get(name)
        good = isinstance(value, str) and value.strip() != ""
        judge.that(good, f"error.{name} is a non-empty string", value, x)


@_on_exchange("ENV-04")
def _json_content_type(x: Exchange, judge: Judge) -> None:
    if not x.response.body or x.status == 413:
        return
    kind = x.response.headers.get("content-type", "")
    media_type = kind.partition(";")[0].strip().lower()
    judge.that(
        media_type == "application/json",
        "Content-Type application/json (parameters allowed)",
        kind or "no Content-Type header",
        x,
    )
    parsed = isinstance(x.json, dict | list | str | int | float | None)
    judge.that(parsed, "a body that is JSON", x.json, x)


@_on_exchange("ENV-05")
def _snake_code(x: Exchange, judge: Judge) -> None:
    code = x.at("error", "code")
    if x.status >= 400 and x.status != 401 and isinstance(code, str):
        judge.that(_SNAKE.fullmatch(code), "error.code in SCREAMING_SNAKE_CASE", code, x)


@_on_exchange("ENV-06")
def _known_code(x: Exchange, judge: Judge) -> None:
    code = x.at("error", "code")
    wanted = {404: "NOT_FOUND", 429: "RATE_LIMIT_EXCEEDED"}.get(x.status)
    if x.status == 400 and _refuses_a_value(x):
        wanted = "VALIDATION_ERROR"
    if wanted is not None and isinstance(x.at("error"), dict):
        judge.that(code == wanted, f"error.code {wanted}", code, x)


def _refuses_a_value(x: Exchange) -> bool:
    if x.operation in ("list", "search"):
        return True
    if set(ARCHIVED_REFUSALS) <= set(x.request.allows):
        # The contact may be archived: then it is no value that is refused (UPDATE-12).
        return False
    sent = sent_object(x)
    return x.operation in ("create", "update") and bool(sent) and _read_by_any_parser(sent)


def _read_by_any_parser(value: Any, deep: int = 0) -> bool:
    """Whether no JSON parser may take a text for malformed: RFC 8259, 8.2 and 9, leaves it latitude.

    That is so where it holds no lone surrogate and is not nested deep.
    """
    if isinstance(value, str):
        return not _SURROGATE.search(value)
    if isinstance(value, dict | list):
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        return deep < PARSED_DEPTH and all(_read_by_any_parser(v, deep + 1) for v in parts)
    return True


@_on_exchange("ENV-07")
def _timestamp(x: Exchange, judge: Judge) -> None:
    if x.status < 400 or not isinstance(x.at("error"), dict):
        return
    value = x.at("timestamp") or x.at("error", "timestamp")
    moment = to_epoch(value)
    if not judge.that(moment is not None, "timestamp, an RFC 3339 date-time with offset", value, x):
        return
    near = moment is not None and abs(moment - server_now(x)) <= SKEW_S
    judge.that(near, f"timestamp within {SKEW_S:.0f} s of the server's time", value, x)


@_on_exchange("ENV-08")
def _documented_status(x: Exchange, judge: Judge) -> None:
    if x.status == 413:
        return
    allowed = documented_statuses(x)
    expected = f"a status documented for {x.operation}: {', '.join(map(str, sorted(allowed)))}"
    judge.that(x.status in allowed, expected, x.status, x)


def documented_statuses(x: Exchange) -> set[int]:
    """Return the statuses that ENV-08 counts as documented for this request (rule 10)."""
    allowed = _ALWAYS | {_OK.get(x.operation, 200)} | _DOCUMENTED[x.operation]
    allowed |= _WARNED.get(x.operation, set()) | set(x.request.allows)
    if x.operation in ("create", "update") and not sent_object(x):
        allowed = allowed | {415}
    if x.operation == "list" and "page=" in x.request.url:
        allowed = allowed | {404}
    if x.operation not in ("list", "create", "search") and not has_uuid(x):
        allowed = allowed | {400}
    return allowed


def has_uuid(x: Exchange) -> bool:
    """Whether the id in the path is a UUID."""
    return UUID.fullmatch(path_id(x)) is not None


@_on_exchange("ENV-09")
def _no_internals(x: Exchange, judge: Judge) -> None:
    if x.status < 400:
        return
    text = _unescaped(x.response.body[:65536])
    ours = _unescaped(x.request.body or b"") + unquote(x.request.url)
    leaks = [m.group(0) for m in _LEAKS.finditer(text) if m.group(0).strip(" \"'(") not in ours]
    judge.that(not leaks, "no stack trace, file path, SQL text or driver error", leaks[:2], x)


def _unescaped(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    for escape, character in (("\\n", "\n"), ('\\"', '"'), ("\\/", "/")):
        text = text.replace(escape, character)
    return text


@_on_exchange("LIST-17")
def _stats(x: Exchange, judge: Judge) -> None:
    stats = x.at("data", "stats")
    if x.operation == "list" and x.ok and isinstance(stats, dict):
        odd = [number for number in _numbers(stats) if not holds_in_bounds(number, 0)]
        judge.that(not odd, "only non-negative integers in data.stats", odd[:3], x)


def _numbers(value: Any) -> list[float]:
    """Return every number inside a JSON value, however deep it is."""
    numbers: list[float] = []
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
        elif isinstance(part, int | float) and not isinstance(part, bool):
            numbers.append(part)
    return numbers


@_on_record("OBJ-01")
def _all_fields(record: dict[str, Any], x: Exchange, judge: Judge) -> None:
    missing = [name for name in schemas.CONTACT_FIELDS if name not in record]
    judge.that(not missing, "all 20 documented fields", f"missing: {', '.join(missing)}", x)


@_on_record("OBJ-02")
def _uuid(record: dict[str, Any], x: Exchange, judge: Judge) -> None:
    value = record.get("id")
    judge.that(isinstance(value, str) and UUID.fullmatch(value), "id is a UUID", value, x)


@_on_record("OBJ-03")
def _types(record: dict[str, Any], x: Exchange, judge: Judge) -> None:
    for name in _TEXTS:
        value = record.get(name)
        good = value is None or isinstance(value, str)
        judge.that(good, f"{name} is a string or null", value, x)
    tags = record.get("tags")
    good = tags is None or (isinstance(tags, list) and all(isinstance(t, str) for t in tags))
    judge.that(good, "tags is an array of strings or null", tags, x)
    if "is_archived" in record:
        archived = record["is_archived"]
        judge.that(isinstance(archived, bool), "is_archived is a boolean", archived, x)
    for name in ("first_name", "contact_type"):
        value = record.get(name)
        say = judge.that if record[NAMED_BY_RUN] else judge.warn
        say(isinstance(value, str) and value != "", f"{name} is a non-empty string", value, x)


_TEXTS = tuple(
    name
    for name in schemas.CONTACT_FIELDS
    if name not in ("id", "tags", "is_archived", "archived_at", "created_at", "updated_at")
)


@_on_record("OBJ-04")
def _moments(record: dict[str, Any], x: Exchange, judge: Judge) -> None:
    for name in ("created_at", "updated_at", "archived_at"):
        value = record.get(name)
        if name not in record or (name == "archived_at" and value is None):
            continue
        good = to_epoch(value) is not None
        judge.that(good, f"{name} is an RFC 3339 date-time with offset", value, x)


@_on_record("OBJ-05")
def _archived_at_set(record: dict[str, Any], x: Exchange, judge: Judge) -> None:
    if record.get("is_archived") is True:
        value = record.get("archived_at")
        judge.that(value is not None, "archived_at is set while is_archived is true", value, x)


@_on_record("OBJ-06")
def _archived_at_null(record: dict[str, Any], x: Exchange, judge: Judge) -> None:
    if record.get("is_archived") is False:
        value = record.get("archived_at")
        judge.that(value is None, "archived_at is null while is_archived is false", value, x)


@_on_record("OBJ-07")
def _full_name(record: dict[str, Any], x: Exchange, judge: Judge) -> None:
    full = record.get("full_name")
    if not record[NAMED_BY_RUN]:
        return
    parts = [record.get(name) for name in ("first_name", "last_name")]
    texts = [part.strip() for part in parts if isinstance(part, str)]
    good = isinstance(full, str) and all(text in full for text in texts)
    judge.that(good, f"full_name is a string that contains {texts}", full, x)


@_on_record("OBJ-08")
def _times_in_order(record: dict[str, Any], x: Exchange, judge: Judge) -> None:
    created, updated = to_epoch(record.get("created_at")), to_epoch(record.get("updated_at"))
    if created is not None and updated is not None:
        actual = f"{record['updated_at']} before {record['created_at']}"
        judge.that(updated >= created, "updated_at is not before created_at", actual, x)


def _outline(body: Any, *keys: str) -> str:
    if not isinstance(body, dict):
        return f"{body!r:.200}"
    return ", ".join(f"{key}: {body[key]!r:.80}" if key in body else f"no {key}" for key in keys)
