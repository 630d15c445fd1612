"""The ledger: every contact the run may have made, written down before its create is sent.

One JSON object a line, flushed at once, so that a killed run leaves a file that `sweep` can read.
It holds names and ids of made-up contacts and the target's base URL, never a credential.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

WORD_KEPT = 100
"""Characters of a word that are kept, and compared, to find a contact again."""
_OPEN = ("sent", "lost", "absent")
# What is lost is looked for among the active and the archived contacts first.
_COSTS = {"sent": 1, "live": 1, "lost": 3, "absent": 1}


@dataclass
class Entry:
    """One create: the words by which it can be found again, and the id once it is known.

    `state` is sent, live, refused, gone, lost (no usable answer came), or absent (lost, and not
    found when it was looked for at once).
    """

    key: int
    account: str
    words: tuple[str, ...]
    id: str | None = None
    state: str = "sent"


class Ledger:
    """Entries by key, mirrored line by line into a file."""

    def __init__(self, path: Path | None, header: Mapping[str, Any]) -> None:
        """Open the file (None: keep in memory only) and write the header line."""
        self.entries: dict[int, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._file: TextIO | None = None
        if path is not None:
            self._file = path.open("w", encoding="utf-8")
        self._write({"event": "run", **header})

    def intend(self, account: str, payload: Any) -> Entry:
        """Write down a create that is about to be sent."""
        entry = Entry(len(self.entries), account, _words(payload))
        self.entries[entry.key] = entry
        self._write({"event": "intend", "key": entry.key, "account": account, "words": entry.words})
        return entry

    def created(self, entry: Entry, contact_id: str) -> None:
        """Write down the id that the target gave."""
        entry.id, entry.state = contact_id, "live"
        self._by_id[contact_id] = entry
        self._write({"event": "created", "key": entry.key, "id": contact_id})

    def found(self, account: str, contact_id: str) -> Entry:
        """Write down a contact of ours that no answer told us of."""
        known = self._by_id.get(contact_id)
        if known is not None:
            return known
        entry = self.intend(account, None)
        self.created(entry, contact_id)
        return entry

    def settle(self, entry: Entry, state: str) -> None:
        """Write down that a create was refused or lost, or is absent."""
        entry.state = state
        self._write({"event": state, "key": entry.key})

    def gone(self, contact_id: str) -> None:
        """Write down that a contact is deleted."""
        entry = self._by_id.get(contact_id)
        if entry is not None and entry.state == "live":
            entry.state = "gone"
            self._write({"event": "deleted", "id": contact_id})

    def live(self, account: str | None = None) -> list[Entry]:
        """Return the entries that still have to be deleted, of one account or of all."""
        return [e for e in self.entries.values() if e.state == "live" and _of(e, account)]

    def lost(self, account: str | None = None) -> list[Entry]:
        """Return the entries whose fate is not known."""
        return [e for e in self.entries.values() if e.state in _OPEN and _of(e, account)]

    def owner_of(self, contact_id: str) -> str | None:
        """Return the account that has a contact of this run; None where it is gone or no such."""
        entry = self._by_id.get(contact_id)
        return None if entry is None or entry.state != "live" else entry.account

    def debts(self) -> int:
        """Return how many requests cleaning up will need."""
        return sum(_COSTS.get(entry.state, 0) for entry in self.entries.values())

    def knows(self, contact_id: object) -> bool:
        """Whether this run made the contact."""
        return isinstance(contact_id, str) and contact_id in self._by_id

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, event: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()


def _of(entry: Entry, account: str | None) -> bool:
    return account is None or entry.account == account


def _words(payload: Any) -> tuple[str, ...]:
    if not isinstance(payload, dict):
        return ()
    values = (payload.get(name) for name in ("first_name", "last_name", "email"))
    return tuple(value[:WORD_KEPT] for value in values if isinstance(value, str) and value.strip())


def keep_unsettled(path: Path) -> None:
    """Move a ledger that a killed run left unsettled out of the way, for `sweep` to read.

    A settled or unreadable one may be written over.
    """
    try:
        unsettled = path.exists() and leftovers(path)
        if unsettled:
            header = next(read(path), {})
            name = "".join(c for c in str(header.get("run", "earlier")) if c.isalnum())
            path.replace(path.with_name(f"ledger-{name}.jsonl"))
    except OSError:
        return


def belongs_to(path: Path, base_url: str) -> bool:
    """Whether a ledger was written for the target at this URL."""
    try:
        header = next(read(path), {})
    except OSError:
        return False
    return str(header.get("base_url", "")).rstrip("/") == base_url.rstrip("/")


def read(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a ledger file; a last line that a kill cut short is passed over.

    Raises:
        OSError: the file cannot be read.

    """
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def strike(path: Path, gone: Iterable[str]) -> None:
    """Write down in a ledger file that contacts are deleted by now.

    Raises:
        OSError: the file cannot be written.

    """
    with path.open("a", encoding="utf-8") as file:
        for contact_id in gone:
            file.write(json.dumps({"event": "deleted", "id": contact_id}) + "\n")


def leftovers(path: Path) -> list[Entry]:
    """Return what a ledger file says is still there: live entries, and ones of unknown fate."""
    entries: dict[Any, Entry] = {}
    by_id: dict[Any, Entry] = {}
    for event in read(path):
        _replay(event, entries, by_id)
    return [entry for entry in entries.values() if entry.state in ("live", *_OPEN)]


def _replay(event: Mapping[str, Any], entries: dict[Any, Entry], by_id: dict[Any, Entry]) -> None:
    key = event.get("key")
    match event.get("event"):
        case "intend":
            words = tuple(str(word) for word in event.get("words", ()))
            entries[key] = Entry(len(entries), str(event.get("account", "")), words)
        case "created" if key in entries:
            entries[key].id, entries[key].state = str(event.get("id")), "live"
            by_id[event.get("id")] = entries[key]
        case "refused" | "lost" | "absent" if key in entries:
            entries[key].state = str(event["event"])
        case "deleted" if event.get("id") in by_id:
            by_id[event["id"]].state = "gone"
