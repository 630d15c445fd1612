"""Which operation followed which on one contact, over a whole run: what LIFE-01 need not repeat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.kit.exchange import Exchange
from conformance.kit.successions import Track

READS = frozenset({"get", "list", "search"})
BY_ID = frozenset({"get", "update", "delete", "archive", "restore"})


@dataclass
class Deeds:
    """Ordered pairs of operations on one contact, performed one after the other.

    A pair counts where the first was answered before the second was sent, and both were answered
    as documented: with success, or with 404 once the contact was deleted. A list or a search is
    performed on the contacts that it shows, and on the deleted ones, which it must not show.
    """

    pairs: set[tuple[str, str]] = field(default_factory=set)
    archived: dict[str, bool] = field(default_factory=dict)
    """Whether a contact was archived, as the last answer about it alone has it."""
    track: Track = field(default_factory=Track)
    _last: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    """The last operation, and those that were under way beside it, each with its end."""
    _changed: dict[str, float] = field(default_factory=dict)

    def note(self, exchange: Exchange, contact_id: str | None) -> None:
        """Count an exchange; `contact_id` is the one in its path, None without."""
        shown, archived = exchange.contact.get("id"), exchange.contact.get("is_archived")
        if exchange.ok and isinstance(shown, str) and isinstance(archived, bool):
            self.archived[shown] = archived
        for each in self._concerned(exchange, contact_id):
            last = self._last.get(each, [])
            over = [before for before, answered in last if answered <= exchange.started]
            self.pairs.update((before, exchange.operation) for before in over)
            if exchange.ok and exchange.operation not in READS:
                self._note_change(exchange, each)
            # What comes after a delete comes after the delete, however often it is asked.
            if not self._is_deleted(each):
                beside = [(o, answered) for o, answered in last if answered > exchange.started]
                self._last[each] = [*beside, (exchange.operation, exchange.ended)]

    def _note_change(self, exchange: Exchange, contact_id: str) -> None:
        if self._changed.get(contact_id, 0.0) > exchange.started:
            self.track.lose(contact_id)
        self.track.note(contact_id, exchange.operation)
        self._changed[contact_id] = exchange.ended

    def _concerned(self, exchange: Exchange, contact_id: str | None) -> Iterable[str]:
        if exchange.operation in BY_ID and contact_id is not None:
            gone = exchange.status == 404 and self._is_deleted(contact_id)
            return [contact_id] if exchange.ok or gone else []
        if not exchange.ok:
            return []
        if exchange.operation == "create":
            made = exchange.contact.get("id")
            return [made] if isinstance(made, str) else []
        shown = {each for record in exchange.records if isinstance(each := record.get("id"), str)}
        deleted = {each for each in self._last if self._is_deleted(each)}
        return (shown & self._last.keys()) | deleted

    def _is_deleted(self, contact_id: str) -> bool:
        return any(operation == "delete" for operation, _ in self._last.get(contact_id, []))
