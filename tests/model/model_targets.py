"""Address books in memory: an honest one, and ones that each tell one lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.kit.model import FIELDS, Answer, Call

Record = dict[str, Any]
Lie = Callable[["Liar", Call, Answer], Answer]


class Honest:
    """Answers calls as a target does, by a plain dictionary of records."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.gone: set[str] = set()

    def answer(self, call: Call) -> Answer:
        if call.operation in ("list", "search"):
            return self.found(call)
        if call.operation == "create":
            record: Record = dict.fromkeys(FIELDS) | {"tags": [], "is_archived": False}
            self.records[call.who] = record | dict(call.values)
            return Answer(201, {call.who: dict(self.records[call.who])}, 1)
        if call.who in self.gone:
            return Answer(404)
        record = self.records[call.who]
        if call.operation == "update":
            record |= dict(call.values)
        elif call.operation == "delete":
            self.gone.add(call.who)
        elif call.operation != "get":
            record["is_archived"] = call.operation == "archive"
        return Answer(200, {call.who: dict(record)}, 1)

    def found(self, call: Call) -> Answer:
        shown = {
            who: dict(record)
            for who, record in self.records.items()
            if who not in self.gone and self.matches(record, call)
        }
        total = len(shown) if call.operation == "list" else None
        return Answer(200, shown, len(shown), total)

    def matches(self, record: Record, call: Call) -> bool:
        wanted = call.values
        if call.operation == "search":
            names = f"{record['first_name']} {record['last_name']}"
            return (
                wanted.get("name", "").lower() in names.lower()
                and wanted.get("email", "").lower() in (record["email"] or "").lower()
            )
        texts = [record[name] or "" for name in ("first_name", "last_name", "email")]
        return (
            record["is_archived"] == wanted.get("archived", False)
            and wanted.get("type", record["contact_type"]) == record["contact_type"]
            and any(wanted.get("search", "").lower() in text.lower() for text in texts)
        )


class Liar(Honest):
    """An honest book whose answers, or whose memory, one lie changes."""

    def __init__(self, lie: Lie) -> None:
        super().__init__()
        self.lie = lie
        self.notes: dict[str, Any] = {}

    def answer(self, call: Call) -> Answer:
        return self.lie(self, call, super().answer(call))


def loses_updates_while_archived(book: Liar, call: Call, answer: Answer) -> Answer:
    """A restore brings back the values of the time of archiving."""
    if call.operation == "archive" and answer.status == 200:
        book.notes.setdefault(call.who, dict(book.records[call.who]))
    if call.operation == "restore" and call.who in book.notes:
        book.records[call.who] = book.notes.pop(call.who) | {"is_archived": False}
        return Answer(200, {call.who: dict(book.records[call.who])}, 1)
    return answer


def keeps_restored_contacts_hidden(book: Liar, call: Call, answer: Answer) -> Answer:
    """A contact that was once archived stays out of the list of active contacts."""
    if call.operation == "archive":
        book.notes[call.who] = True
    if call.operation == "list" and not call.values.get("archived"):
        shown = {w: r for w, r in answer.shown.items() if w not in book.notes}
        return Answer(200, shown, len(shown), len(shown))
    return answer


def lists_deleted_contacts(book: Liar, call: Call, answer: Answer) -> Answer:
    """The list of archived contacts shows contacts deleted while archived."""
    if call.operation == "list" and call.values.get("archived"):
        dead = {w: r for w, r in book.records.items() if w in book.gone and r["is_archived"]}
        shown = {**answer.shown, **dead}
        return Answer(200, shown, len(shown), len(shown))
    return answer


def revives_by_restore(book: Liar, call: Call, answer: Answer) -> Answer:
    """A restore brings a deleted contact back."""
    if call.operation == "restore" and call.who in book.gone:
        book.gone.discard(call.who)
        return Answer(200, {call.who: dict(book.records[call.who])}, 1)
    return answer


def echoes_only(book: Liar, call: Call, answer: Answer) -> Answer:
    """An update of tags is echoed and forgotten."""
    before = book.notes.get(call.who)
    if call.operation == "update" and "tags" in call.values and answer.status == 200:
        book.records[call.who]["tags"] = before
    book.notes |= {who: list(record["tags"]) for who, record in book.records.items()}
    return answer


def counts_deleted_contacts(book: Liar, call: Call, answer: Answer) -> Answer:
    """`meta.total` counts deleted contacts too."""
    if call.operation == "list":
        return Answer(200, answer.shown, answer.records, answer.records + len(book.gone))
    return answer


def reads_from_a_cache(book: Liar, call: Call, answer: Answer) -> Answer:
    """A get shows the contact as it was when it was first read."""
    if call.operation == "get" and answer.status == 200:
        return Answer(200, {call.who: book.notes.setdefault(call.who, answer.shown[call.who])}, 1)
    return answer


def takes_namesakes_along(book: Liar, call: Call, answer: Answer) -> Answer:
    """A delete takes along another contact of the same type."""
    if call.operation == "delete" and answer.status == 200:
        kind = book.records[call.who]["contact_type"]
        book.gone |= {w for w, r in book.records.items() if r["contact_type"] == kind}
    return answer


LIES: tuple[Lie, ...] = (
    loses_updates_while_archived,
    keeps_restored_contacts_hidden,
    lists_deleted_contacts,
    revives_by_restore,
    echoes_only,
    counts_deleted_contacts,
    reads_from_a_cache,
    takes_namesakes_along,
)
