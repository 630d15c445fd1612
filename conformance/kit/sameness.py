"""OBJ-09: between two writes a contact is the same record, whichever operation shows it. Pure.

The life of a contact falls into eras, each begun by a write. A read belongs to an era when it
began after that write was answered and ended before the next one was sent; a read that overlaps
a write belongs to none, as either state is right for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import schemas
from conformance.kit.compare import differing, told
from conformance.kit.exchange import Exchange, path_id
from conformance.kit.expect import Judge

READS = ("get", "list", "search")
SHOWN_MOST = 12


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
