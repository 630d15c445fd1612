"""The oracle: what an address book answers, from nothing but the calls made before.

Pure and immutable: a book and a call in, the legal replies out, each with the book that it leads
to. Where the contract leaves a choice there are several replies, told apart by their status. The
oracle knows nothing of HTTP, and shares no code with the reference server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import schemas

WRITES = ("create", "update", "archive", "restore", "delete")
READS = ("get", "list", "search")
LIVE = ("update", "archive", "restore", "get", "list", "search")
"""The operations that a contact may see any number of times while it lives."""

FIELDS = (*schemas.CREATE_FIELDS, "contact_status")
"""The fields that only clients change."""

FAILURE, WARNING = "failure", "warning"
NAMES = ("first_name", "last_name")
OK = frozenset({200})
REFUSED_TWICE = frozenset({400, 404, 409})
"""Answers to an archive of an archived contact, or a restore of an active one (ARCHIVE-05)."""
REFUSED_ARCHIVED = frozenset({400, 403, 404, 409, 422, 423})
"""Refusals of an update of an archived contact (UPDATE-12)."""
NOT_FOUND = frozenset({404})
REFUSED = frozenset(range(400, 500))
"""Refusals to read an archived contact: GET-04 alone demands that it can be read."""
ANY_ANSWER = frozenset(range(200, 500))
"""Answers about a deleted contact, restore aside: DELETE-05 alone judges them."""
EVERY_STATUS = frozenset(range(100, 600))


@dataclass(frozen=True)
class Known:
    """What a field may hold, any of `values`, and what it held once and must not show again."""

    values: tuple[Any, ...]
    past: tuple[Any, ...] = ()

    def written(self, value: Any) -> Known:
        """Return the field after a client has set it."""
        past = [v for v in (*self.past, *self.values) if v != value and v not in (None, ())]
        return Known((value,), tuple(past))

    def or_else(self, value: Any) -> Known:
        """Return the field where this value is as good as the others."""
        return Known((*self.values, value), tuple(v for v in self.past if v != value))


def _nothing_known() -> Mapping[str, Known]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Person:
    """One contact. Of one that is not `trusted`, nothing is expected any more."""

    fields: Mapping[str, Known] = field(default_factory=_nothing_known)
    archived: bool = False
    deleted: bool = False
    trusted: bool = True

    def holding(self, changes: Mapping[str, Known]) -> Person:
        """Return the contact with some fields replaced."""
        return replace(self, fields=MappingProxyType({**self.fields, **changes}))


@dataclass(frozen=True)
class Book:
    """All contacts by name; a book never changes, calls lead to other books."""

    people: Mapping[str, Person] = field(default_factory=lambda: MappingProxyType({}))

    def having(self, who: str, person: Person) -> Book:
        """Return the book with one contact added or replaced."""
        return Book(MappingProxyType({**self.people, who: person}))

    def distrusting(self, names: Iterable[str]) -> Book:
        """Return the book that expects nothing of these contacts any more."""
        book = self
        for who in names:
            if who in book.people:
                book = book.having(who, replace(book.people[who], trusted=False))
        return book

    def living(self) -> tuple[str, ...]:
        """Return the names of the contacts that are not deleted."""
        return tuple(who for who, person in self.people.items() if not person.deleted)


@dataclass(frozen=True)
class Call:
    """One operation; `who` is the contact it addresses, `values` its body or its query."""

    operation: str
    who: str = ""
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Answer:
    """What the target answered: `shown` are the book's contacts in it, by name.

    `records` is how many records came in all, `total` what `meta.total` said, where there is one.
    """

    status: int
    shown: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    records: int = 0
    total: Any = None


@dataclass(frozen=True)
class Reply:
    """A legal answer: its statuses, the book it leads to, and which contacts it shows.

    `strict` replies show every field as it is known; in others a field may differ, as only an
    `expected` clause forbids it (ARCHIVE-03, RESTORE-03, OBJ-09), but it must not be out of date.
    """

    statuses: frozenset[int]
    book: Book
    shows: frozenset[str] = frozenset()
    may_show: frozenset[str] = frozenset()
    strict: bool = True


@dataclass(frozen=True)
class Disagreement:
    """One point in which the target does not answer as the book has it."""

    who: frozenset[str]
    expected: str
    actual: str
    severity: str = FAILURE


@dataclass(frozen=True)
class Observation:
    """The book after an answer, and what the answer got wrong."""

    book: Book
    disagreements: tuple[Disagreement, ...] = ()


def replies(book: Book, call: Call) -> tuple[Reply, ...]:
    """Return the legal replies to a call; their statuses do not overlap."""
    if call.operation in ("list", "search"):
        return (_found(book, call),)
    if call.operation == "create":
        made = _set(Person(), call.values)
        return (Reply(frozenset({201}), book.having(call.who, made), frozenset({call.who})),)
    person = book.people[call.who]
    if not person.trusted:
        return (Reply(EVERY_STATUS, book, may_show=frozenset({call.who})),)
    if person.deleted:
        statuses = NOT_FOUND if call.operation == "restore" else ANY_ANSWER
        return (Reply(statuses, book, may_show=frozenset({call.who})),)
    return _ON_ONE[call.operation](book, call, person)


def observe(book: Book, call: Call, answer: Answer) -> Observation:
    """Return what an answer to a call teaches: the book after it, and every disagreement."""
    legal = replies(book, call)
    reply = next((r for r in legal if answer.status in r.statuses), None)
    if reply is None:
        wanted = " or ".join(str(min(r.statuses)) for r in legal)
        about = frozenset({call.who} - {""})
        return Observation(book, (Disagreement(about, f"status {wanted}", str(answer.status)),))
    found = [*_presence(call, reply, answer), *_totals(call, answer)]
    after = reply.book
    for who, record in answer.shown.items():
        person = after.people.get(who)
        if person is None or not person.trusted or person.deleted != (call.operation == "delete"):
            continue
        taught, wrong = _compare(call, who, person, record, strict=reply.strict)
        after = after.having(who, taught)
        found += wrong
    return Observation(after, tuple(found))


def plain(name: str, value: Any) -> Any:
    """Return a value in the form in which values are compared: tags unordered, "" as unset."""
    if name == "tags":
        return tuple(sorted(map(str, value))) if isinstance(value, list | tuple) else ()
    return None if value == "" else value


# --- the replies to each operation ------------------------------------------------------------


def _set(person: Person, values: Mapping[str, Any]) -> Person:
    unset = Known(())
    return person.holding(
        {n: person.fields.get(n, unset).written(plain(n, v)) for n, v in values.items()}
    )


def _get(book: Book, call: Call, person: Person) -> tuple[Reply, ...]:
    one = frozenset({call.who})
    shown = Reply(OK, book, one, strict=not person.archived)
    return (shown, Reply(REFUSED, book)) if person.archived else (shown,)


def _update(book: Book, call: Call, person: Person) -> tuple[Reply, ...]:
    one = frozenset({call.who})
    if person.archived:
        # Whether it was taken shows in the record that comes back (UPDATE-12).
        return (Reply(OK, book, one, strict=False), Reply(REFUSED_ARCHIVED, book))
    return (Reply(OK, book.having(call.who, _set(person, call.values)), one),)


def _archive(book: Book, call: Call, person: Person) -> tuple[Reply, ...]:
    return _moved(book, call, person, archived=True)


def _restore(book: Book, call: Call, person: Person) -> tuple[Reply, ...]:
    return _moved(book, call, person, archived=False)


def _moved(book: Book, call: Call, person: Person, *, archived: bool) -> tuple[Reply, ...]:
    after = book.having(call.who, replace(person, archived=archived))
    done = Reply(OK, after, frozenset({call.who}), strict=False)
    again = person.archived == archived
    return (done, Reply(REFUSED_TWICE, book)) if again else (done,)


def _delete(book: Book, call: Call, person: Person) -> tuple[Reply, ...]:
    gone = book.having(call.who, replace(person, deleted=True))
    return (Reply(OK, gone, frozenset({call.who})),)


_ON_ONE = {
    "get": _get,
    "update": _update,
    "archive": _archive,
    "restore": _restore,
    "delete": _delete,
}


# --- lists and searches -----------------------------------------------------------------------


def _found(book: Book, call: Call) -> Reply:
    """Return the reply to a list or search: who must be in it, and who may."""
    shows: set[str] = set()
    may_show: set[str] = set()
    for who, person in book.people.items():
        if not person.trusted:
            may_show.add(who)
            continue
        matches = _is_listed(person, call)
        if matches or matches is None:
            (shows if matches else may_show).add(who)
    return Reply(OK, book, frozenset(shows), frozenset(may_show), strict=False)


def _is_listed(person: Person, call: Call) -> bool | None:
    """Return whether a list or search shows a contact; None where it may or may not."""
    if person.deleted:
        return False
    if call.operation == "list":
        if person.archived != bool(call.values.get("archived", False)):
            return False
        return _all(
            _holds(person, (*NAMES, "email"), call.values.get("search")),
            _is_of_type(person, call.values.get("type")),
        )
    matches = _all(
        _holds(person, NAMES, call.values.get("name")),
        _holds(person, ("email",), call.values.get("email")),
    )
    # Whether a search finds archived contacts is theirs to choose (SEARCH-13).
    return None if matches and person.archived else matches


def _all(*conditions: bool | None) -> bool | None:
    if False in conditions:
        return False
    return None if None in conditions else True


def _holds(person: Person, names: Iterable[str], text: str | None) -> bool | None:
    """Return whether a field holds the text, whatever the case; None where that is not sure."""
    if text is None:
        return True
    hits = [
        [text.lower() in str(value).lower() for value in person.fields[name].values]
        for name in names
        if name in person.fields
    ]
    if any(all(values) for values in hits if values):
        return True
    return None if any(any(values) for values in hits) else False


def _is_of_type(person: Person, wanted: str | None) -> bool | None:
    values = person.fields["contact_type"].values if "contact_type" in person.fields else ()
    if wanted is None or all(value == wanted for value in values):
        return True
    return None if wanted in values else False


# --- comparing ---------------------------------------------------------------------------------


def _presence(call: Call, reply: Reply, answer: Answer) -> list[Disagreement]:
    """Return a disagreement where a contact is missing, or one is shown that must not be."""
    shown = set(answer.shown)
    wrong = (reply.shows - shown) | (shown - reply.shows - reply.may_show)
    if not wrong:
        return []
    sure = shown - (reply.may_show - reply.shows)
    return [Disagreement(frozenset(wrong), _listing(reply.shows, call), _listing(sure, call))]


def _listing(names: Iterable[str], call: Call) -> str:
    nobody = "nobody" if call.operation in ("list", "search") else "another record"
    return ", ".join(sorted(names)) or nobody


def _totals(call: Call, answer: Answer) -> list[Disagreement]:
    """Return a disagreement where a list that fits one page counts other than it shows."""
    if call.operation != "list" or answer.status != 200 or answer.total == answer.records:
        return []
    expected = f"meta.total {answer.records}, as many as are listed"
    return [Disagreement(frozenset(answer.shown), expected, f"meta.total {answer.total!r}")]


def _compare(
    call: Call, who: str, person: Person, record: Mapping[str, Any], *, strict: bool
) -> tuple[Person, list[Disagreement]]:
    """Compare a record with what is known of its contact, and learn what was not known."""
    found = []
    state = record.get("is_archived")
    if call.operation != "delete" and state is not person.archived:
        expected = f"{who} with is_archived {str(person.archived).lower()}"
        found.append(Disagreement(frozenset({who}), expected, repr(state)))
    taught = {}
    for name in FIELDS:
        known = person.fields.get(name)
        if name not in record:
            continue
        value = plain(name, record[name])
        if known is None:
            taught[name] = Known((value,))
        elif value not in known.values:
            taught[name], severity = _judge_value(call, name, known, value, strict=strict)
            if severity is not None:
                expected = f"{who}'s {name} {_either(known.values)}"
                actual = repr(record[name])
                found.append(Disagreement(frozenset({who}), expected, actual, severity))
    # What a list shows is compared, never learned: a record of its own may leave things out.
    learns = call.operation not in ("list", "search")
    return (person.holding(taught) if learns else person), found


def _judge_value(
    call: Call, name: str, known: Known, value: Any, *, strict: bool
) -> tuple[Known, str | None]:
    """Return the field after it showed an unexpected value, and how severe that is, if at all."""
    if call.operation == "update" and not strict and plain(name, call.values.get(name)) == value:
        return known.written(value), None
    if strict or value in known.past:
        return known, FAILURE
    changed = call.operation in ("archive", "restore")
    return (known.or_else(value) if changed else known), WARNING


def _either(values: tuple[Any, ...]) -> str:
    return " or ".join(repr(list(v) if isinstance(v, tuple) else v) for v in values)
