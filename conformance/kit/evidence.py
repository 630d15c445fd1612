"""What the passive checks found in the run so far, and what its writes acknowledged.

Every exchange is shown to every check; the judges keep the findings. No request is sent from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import schemas
from conformance.kit.checks import EXCHANGE_CHECKS, NAMED_BY_RUN, RECORD_CHECKS
from conformance.kit.compare import differing
from conformance.kit.credentials import SECOND_VARIABLE, TOKEN_VARIABLE
from conformance.kit.exchange import Exchange, path_id, sent_object
from conformance.kit.expect import Judge
from conformance.kit.ledger import Ledger
from conformance.kit.limiter_answers import Answer, answer_of
from conformance.kit.limits import ANSWERS_KEPT
from conformance.kit.outgoing import Outgoing
from conformance.kit.sameness import Sameness

FINDINGS_KEPT = 12
WRITES = ("create", "update", "archive", "restore")
KEPT_FIELDS = (*schemas.CREATE_FIELDS, "contact_status", "is_archived")
SAMENESS = "OBJ-09"
FOREIGN = "ISO-01"
_OTHER_USER = {f"Bearer {TOKEN_VARIABLE}": "second", f"Bearer {SECOND_VARIABLE}": "first"}


@dataclass
class Known:
    """The last record of one of the run's contacts that a write acknowledged (LIFE-02).

    Writes that overlap, or that were not answered 2xx, leave it open which values are the last:
    then only the contact's being there is certain.
    """

    latest: dict[str, Any] = field(default_factory=dict)
    until: float = 0.0
    certain: bool = True

    def acknowledge(self, exchange: Exchange) -> None:
        """Take over the record that a write answered with."""
        self.certain = exchange.started >= self.until
        self.latest = exchange.contact
        self.until = exchange.ended

    def contradicted_by(self, record: dict[str, Any]) -> list[str]:
        """Return the fields that a record shows with another value than the acknowledged one."""
        names = [n for n in KEPT_FIELDS if n in record and n in self.latest]
        return sorted(differing(self.latest, record, names)) if self.certain else []


class Evidence:
    """The judges of all passive clauses, fed with every exchange of the run."""

    def __init__(self, ledger: Ledger) -> None:
        """Start with one judge per passive clause; `ledger` tells which contacts are the run's."""
        clauses = (*EXCHANGE_CHECKS, *RECORD_CHECKS, FOREIGN)
        self._judges = {clause: Judge(clause) for clause in clauses}
        self._ledger = ledger
        self._named: set[str] = set()
        self.known: dict[str, Known] = {}
        self.answers: list[Answer] = []
        self.deletes: set[str] = set()
        """Ids of contacts that a delete was sent for, whatever its answer was."""
        self.missing: list[Exchange] = []
        """Answers of the cleaning up that found no contact, though no delete had been sent for it."""
        self.forbidden: list[Exchange] = []
        """Answers of the cleaning up that forbade an owner to delete a contact."""
        self._sameness = Sameness()

    def observe(self, exchange: Exchange) -> None:
        """Let every check look at the exchange."""
        if exchange.operation == "other":
            return
        self._remember_names(exchange)
        self._sameness.observe(exchange)
        if len(self.answers) < ANSWERS_KEPT:
            self.answers.append(answer_of(exchange))
        for clause, check in EXCHANGE_CHECKS.items():
            if self._open(clause):
                check(exchange, self._judges[clause])
        if exchange.operation in ("list", "search") and exchange.ok and self._open(FOREIGN):
            self._look_for_others(exchange)
        if exchange.operation in WRITES:
            self._remember_write(exchange)
        elif exchange.operation == "delete":
            self.deletes.add(path_id(exchange))
        if exchange.ok:
            for record in exchange.records:
                self._observe_record(record, exchange)

    def judge(self, clause: str) -> Judge:
        """Return what was found about one clause so far."""
        if clause == SAMENESS:
            return self._sameness.judge(self._ours())
        return self._judges[clause]

    def judge_keeping(self, clause: str) -> Judge:
        """Return what was found about a write's leaving alone what it does not speak of."""
        return self._sameness.judge_keeping(clause, self._ours())

    def judge_absence(self, clause: str) -> Judge:
        """Return what was found about contacts that are shown after their delete."""
        return self._sameness.judge_absence(clause, self._ours())

    def _ours(self) -> set[str]:
        return {str(entry.id) for entry in self._ledger.entries.values() if entry.id}

    def _observe_record(self, record: dict[str, Any], exchange: Exchange) -> None:
        contact_id = record.get("id")
        named = isinstance(contact_id, str) and contact_id in self._named
        marked = {**record, NAMED_BY_RUN: named}
        for clause, check in RECORD_CHECKS.items():
            if self._open(clause):
                check(marked, exchange, self._judges[clause])

    def _look_for_others(self, exchange: Exchange) -> None:
        """Judge that what one of the two users finds was not made as the other (ISO-01)."""
        other = _OTHER_USER.get(dict(exchange.request.headers).get("Authorization", ""))
        if other is None:
            return
        theirs = [i for i in exchange.ids if self._ledger.owner_of(str(i)) == other]
        expected = "no contact of another user"
        self._judges[FOREIGN].that(not theirs, expected, theirs[:3], exchange)

    def _remember_write(self, exchange: Exchange) -> None:
        """Keep what a write of one of the run's contacts acknowledged (LIFE-02)."""
        contact_id = exchange.contact.get("id") if exchange.ok else path_id(exchange)
        if exchange.operation == "create" and exchange.ok and isinstance(contact_id, str):
            self.known[contact_id] = Known()
        known = self.known.get(str(contact_id))
        if known is None:
            return
        if exchange.ok:
            known.acknowledge(exchange)
        elif exchange.status >= 500 or exchange.status in (401, 403):
            # What a request without permission may have done has clauses of its own.
            known.certain = False

    def mourn(self, outgoing: Outgoing) -> None:
        """Take note that an answer was lost: what a write did to its contact is not known."""
        _, _, rest = outgoing.path.partition("/contacts/")
        contact_id = rest.partition("/")[0]
        if outgoing.operation == "delete":
            self.deletes.add(contact_id)
            self.known.pop(contact_id, None)
        elif outgoing.operation in WRITES and contact_id in self.known:
            self.known[contact_id].certain = False
        if outgoing.operation in (*WRITES, "delete"):
            self._sameness.leave_out(contact_id)

    def _open(self, clause: str) -> bool:
        return len(self._judges[clause].findings) < FINDINGS_KEPT

    def _remember_names(self, exchange: Exchange) -> None:
        """Keep the ids of contacts that this run last gave a non-blank first name (OBJ-03)."""
        if exchange.operation not in ("create", "update") or not exchange.ok:
            return
        contact_id = exchange.contact.get("id")
        sent = sent_object(exchange)
        if not isinstance(contact_id, str) or "first_name" not in sent:
            return
        if isinstance(sent["first_name"], str) and sent["first_name"].strip():
            self._named.add(contact_id)
        else:
            self._named.discard(contact_id)
