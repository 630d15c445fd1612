"""What the scenarios know of their answers beyond the contract: each returns a problem, or None."""

from __future__ import annotations

from typing import Any

from load import checks


def page_problem(limit: int, page: int, document: Any) -> str | None:
    """Return what breaks the paging of a list answer (LIST-03)."""
    meta, records = document["data"]["meta"], document["data"]["contacts"]
    if meta.get("page") != page or meta.get("limit") != limit:
        return "meta does not echo page and limit (LIST-03)"
    return "more records than the limit (LIST-03)" if len(records) > limit else None


def all_archived(document: Any) -> str | None:
    """Return whether an active contact is among the archived ones (LIST-08)."""
    records = checks.records_of("list", document)
    good = all(record.get("is_archived") is True for record in records)
    return None if good else "an active contact among the archived ones (LIST-08)"


def found(operation: str, contact_id: str, document: Any) -> str | None:
    """Return whether a contact that matches is missing."""
    ids = [record.get("id") for record in checks.records_of(operation, document)]
    return None if contact_id in ids else "the contact searched for is missing"


def not_found(operation: str, contact_id: str, document: Any) -> str | None:
    """Return whether a contact that does not match was found."""
    ids = [record.get("id") for record in checks.records_of(operation, document)]
    return "a contact that does not match was found" if contact_id in ids else None


def nothing(document: Any) -> str | None:
    """Return whether anything was found."""
    return "something was found that nobody wrote" if document["data"] else None


def archived_is(archived: bool, document: Any) -> str | None:
    """Return whether the archived state is another one."""
    good = document["data"].get("is_archived") is archived
    return None if good else f"is_archived is not {archived}"
