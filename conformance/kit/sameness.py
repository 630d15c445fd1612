"""What stays as it is: between two writes of a contact, and in what a write does not speak of. Pure.

The life of a contact falls into eras, each begun by a write. A read belongs to an era when it
began after that write was answered and ended before the next one was sent; a read that overlaps
a write belongs to none, as either state is right for it. Within an era a contact is the same
record, whichever operation shows it (OBJ-09); from one era to the next only what the write is for
changes (UPDATE-01, ARCHIVE-03, RESTORE-03, DELETE-01).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import schemas
from conformance.kit.compare import CLIENT_FIELDS, differing, told
from conformance.kit.exchange import Exchange, path_id, sent_object
from conformance.kit.expect import Judge

READS = ("get", "list", "search")
SHOWN_MOST = 12
KEEPERS = {
    "UPDATE-01": "update",
    "ARCHIVE-03": "archive",
    "RESTORE-03": "restore",
    "DELETE-01": "delete",
}
"""The clauses that speak of what a write leaves as it was, and the operation of each."""


Record = dict[str, Any]


ABSENCES = {"DELETE-02": "list", "DELETE-03": "search"}
"""The clauses that speak of where a deleted contact is not shown, and the operation of each."""


@dataclass(frozen=True)
class Showing:
    """One contact as one exchange showed it."""

    record: dict[str, Any]
    exchange: Exchange


class Sameness:
    """Keeps what was shown and written of each contact, and compares it at the end."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._showings: dict[str, list[Showing]] = {}
        self._writes: dict[str, list[Exchange]] = {}
        self._left_out: set[str] = set()

    def leave_out(self, contact_id: str) -> None:
        """Compare nothing of a contact: when a write took effect on it is not known."""
        self._left_out.add(contact_id)

    def observe(self, exchange: Exchange) -> None:
        """Take an exchange into account; a write counts whether or not it was acknowledged."""
        if exchange.operation not in READS:
            self._writes.setdefault(path_id(exchange), []).append(exchange)
        if not exchange.ok:
            return
        for record in exchange.records:
            contact_id = record.get("id")
            if isinstance(contact_id, str):
                self._showings.setdefault(contact_id, []).append(Showing(record, exchange))
                if exchange.operation == "create":
                    self._writes.setdefault(contact_id, []).append(exchange)

    def judge(self, ours: set[str]) -> Judge:
        """Return the judge of OBJ-09 for the contacts given."""
        judge = Judge("OBJ-09")
        for contact_id in ours - self._left_out:
            for first, later in self._pairs(contact_id):
                changed = differing(first.record, later.record, schemas.CONTACT_FIELDS)
                if len(judge.findings) < SHOWN_MOST:
                    expected = f"the record that {first.exchange.operation} showed"
                    judge.that(not changed, expected, told(changed), later.exchange)
        return judge

    def judge_absence(self, clause: str, ours: Iterable[str]) -> Judge:
        """Return the judge of one of `ABSENCES`: nothing shows a contact after its delete.

        A delete that something raced with is RACE-03's to judge.
        """
        judge = Judge(clause)
        for contact_id in set(ours) - self._left_out:
            deleted = self._deleted(contact_id)
            shown = [
                showing.exchange
                for showing in self._showings.get(contact_id, [])
                if deleted is not None
                and showing.exchange.operation == ABSENCES[clause]
                and deleted.ended <= showing.exchange.started
            ]
            if deleted is not None and len(judge.findings) < SHOWN_MOST:
                evidence = shown[0] if shown else None
                judge.that(not shown, "no contact that was deleted", contact_id, evidence)
        return judge

    def _deleted(self, contact_id: str) -> Exchange | None:
        """Return the acknowledged delete of a contact, where no other write overlaps it."""
        writes = self._writes.get(contact_id, [])
        deletes = [x for x in writes if x.operation == "delete" and x.ok]
        if not deletes:
            return None
        first = min(deletes, key=lambda x: x.ended)
        others = (x for x in writes if x is not first)
        raced = any(x.started < first.ended and first.started < x.ended for x in others)
        return None if raced else first

    def judge_keeping(self, clause: str, ours: Iterable[str]) -> Judge:
        """Return the judge of one of `KEEPERS`: each write against the one before it.

        Both were acknowledged and nothing overlaps them. Other clauses speak of what a create
        answers and does not store, of a value that was read otherwise in between, and of one that
        was sent and is shown now, but not by the write before.
        """
        judge = Judge(clause)
        for contact_id in set(ours) - self._left_out:
            for before, write, sent in self._successive(contact_id, KEEPERS[clause]):
                shown = before.contact.keys() & write.contact.keys() & set(CLIENT_FIELDS)
                names = shown - sent_object(write).keys()
                changed = differing(before.contact, write.contact, names)
                for read in self._between(contact_id, before, write):
                    changed = differing(read, write.contact, changed)
                changed = {n: v for n, v in changed.items() if n not in sent or sent[n] != v[1]}
                if len(judge.findings) < SHOWN_MOST:
                    expected = f"what {before.operation} showed, in every field not sent"
                    judge.that(not changed, expected, told(changed), write)
        return judge

    def _successive(
        self, contact_id: str, operation: str
    ) -> Iterator[tuple[Exchange, Exchange, Record]]:
        """Yield writes of an operation, each with the write before it, and what was sent till then."""
        writes = sorted(self._writes.get(contact_id, []), key=lambda x: x.started)
        sent: Record = {}
        latest = 0.0
        for number, (before, write) in enumerate(pairwise(writes), 1):
            sent |= sent_object(before) if before.ok else {}
            apart = latest <= before.started and before.ended <= write.started
            latest = max(latest, before.ended)
            later = writes[number + 1 : number + 2]
            apart = apart and all(write.ended <= x.started for x in later)
            shown = all(x.ok and x.contact.get("id") == contact_id for x in (before, write))
            speaks = write.operation != "update" or sent_object(write)
            shown = shown and before.operation != "create"
            if write.operation == operation and apart and shown and speaks:
                yield before, write, dict(sent)

    def _between(self, contact_id: str, before: Exchange, write: Exchange) -> Iterator[Record]:
        """Yield what reads showed of a contact between two writes."""
        for showing in self._showings.get(contact_id, []):
            x = showing.exchange
            if x.operation in READS and before.ended <= x.started and x.ended <= write.started:
                yield showing.record

    def _pairs(self, contact_id: str) -> Iterator[tuple[Showing, Showing]]:
        """Yield the first showing of each era with each later one of the same era."""
        writes = sorted(self._writes.get(contact_id, []), key=lambda x: x.started)
        firsts: dict[int, Showing] = {}
        showings = self._showings.get(contact_id, [])
        for showing in sorted(showings, key=lambda s: s.exchange.ended):
            era = _era(showing.exchange, writes)
            if era is None:
                continue
            first = firsts.setdefault(era, showing)
            if first is not showing and first.exchange.operation != "delete":
                yield first, showing


def _era(exchange: Exchange, writes: list[Exchange]) -> int | None:
    """Return the number of writes that were answered before; None where one overlaps."""
    before = 0
    for write in writes:
        if write is exchange or write.ended <= exchange.started:
            before += 1
        elif write.started < exchange.ended:
            return None
    return before
