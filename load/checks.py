"""What is checked on every answer, and what on every tenth.

Status, envelope and the shape of the data on each (ENV-01, ENV-02, LIST-01, SEARCH-01); the full
schema (all 20 fields of each record, their types and formats) as often as asked for. The schema
validator is compiled: a page of 25 records takes it 20 µs, and pure Python 300 times that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

import schemas

JSON = "application/json"
_OF_OPERATION = {"list": "list", "search": "search"}
_SHOWN = 120


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return the compiled validator of one schema; references between the files resolve offline."""
    resources = [(schemas.load(each)["$id"], schemas.load(each)) for each in schemas.NAMES]
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"{name}.json"},
        registry=jsonschema_rs.Registry(resources),
        validate_formats=True,
    )


def compile_all() -> None:
    """Compile every validator now, so that no request waits for it."""
    for name in ("list", "search", "envelope-contact", "envelope-error"):
        validator(name)


def schema_problem(operation: str, status: int, document: Any) -> str | None:
    """Return what breaks the full schema, and where; None where nothing does."""
    name = _OF_OPERATION.get(operation, "envelope-contact") if status < 400 else "envelope-error"
    checked = validator(name)
    try:
        if checked.is_valid(document):
            return None
        error = next(iter(checked.iter_errors(document)))
    except ValueError:
        return "schema: the body is nested too deep to be a contact's"
    where = "/".join(str(part) for part in error.instance_path if not isinstance(part, int))
    return f"schema: {where or 'body'}: {error.message[:_SHOWN]}"


def envelope_problem(operation: str, status: int, document: Any) -> str | None:
    """Return what is wrong with the envelope or the outline of the data; None where all is well."""
    if not isinstance(document, dict):
        return "the body is no JSON object"
    if status >= 400:
        good = document.get("success") is False and isinstance(document.get("error"), dict)
        return None if good else "an error without the error envelope (ENV-02)"
    if document.get("success") is not True or "data" not in document:
        return "no success envelope (ENV-01)"
    return _data_problem(operation, document)


def _data_problem(operation: str, document: Mapping[str, Any]) -> str | None:
    data = document["data"]
    if operation == "list":
        parts = data if isinstance(data, dict) else {}
        good = isinstance(parts.get("contacts"), list) and isinstance(parts.get("meta"), dict)
        return None if good else "no data.contacts and data.meta (LIST-01)"
    if operation == "search":
        good = isinstance(data, list) and type(document.get("count")) is int
        return None if good else "no array data and integer count (SEARCH-01)"
    return None if isinstance(data, dict) and "id" in data else "no contact in data"


def content_type_problem(kind: str | None) -> str | None:
    """Return what is wrong with a content type; None where it is JSON (ENV-04)."""
    if kind == JSON or (kind or "").partition(";")[0].strip().lower() == JSON:
        return None
    return "Content-Type is not application/json (ENV-04)"


def field_problem(record: Any, expected: Mapping[str, Any]) -> str | None:
    """Return the first field of a record that is not as written; None where all are."""
    if not isinstance(record, dict):
        return "no contact in data"
    for name, value in expected.items():
        if record.get(name) != value:
            return f"{name} is not what was written"
    return None


def records_of(operation: str, document: Any) -> list[dict[str, Any]]:
    """Return the records of a list or search answer; the outline has been checked before."""
    data = document["data"]["contacts"] if operation == "list" else document["data"]
    return [record for record in data if isinstance(record, dict)]
