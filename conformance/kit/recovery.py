"""What became of a write whose answer was lost: looked up before it is sent once more.

A create is looked for by its random words, a change by the state of its contact. Where that leaves
any doubt the answer is "not undone", and the clause is left open rather than judged on a guess.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conformance.kit.ledger import WORD_KEPT, Entry, Ledger

if TYPE_CHECKING:
    from conformance.kit.client import Client

WORD_LEAST = 8
"""Characters from which on a word is random enough to find a contact by."""
LISTED_MOST = 100
TWIN_POLLS = 40
TWIN_POLL_S = 0.05
"""How often, and how long, to wait for equal creates whose answers are still to come."""


async def create_is_undone(owner: Client, entry: Entry, body: bytes | None) -> bool:
    """Whether no contact is there of a lost create; one that is found is deleted.

    `owner` is the client that sees what the account has. A contact of the same words that an
    answer has told of belongs to another create. The ledger is told what came of it.
    """
    if not entry.words:
        # What is no object makes no contact (CREATE-10), and has no words to find it by.
        return not _is_object(body)
    if not any(_is_random(word) for word in entry.words) or await _twins_in_flight(owner, entry):
        return False
    word = next(word for word in entry.words if _is_random(word))
    listed = await owner.call("list", query={"search": word, "limit": LISTED_MOST})
    if not listed.ok or listed.at("data", "meta", "total") != len(listed.records):
        return False
    found = [r for r in listed.records if bears(r, entry.words)]
    for contact_id in (r.get("id") for r in found if not owner.ledger.knows(r.get("id"))):
        if not await _is_deleted(owner, contact_id):
            return False
    owner.ledger.settle(entry, "absent")
    return True


async def change_is_undone(client: Client, operation: str, contact_id: str) -> bool:
    """Whether a delete, an archive or a restore left its contact as it was.

    Where there is no contact, or it is not this client's own, the request ought to be refused, and
    what came of it is judged on the contact as its owner sees it: so it may be sent again.
    """
    before = client.deeds.archived.get(contact_id)
    if client is not client.owner or client.ledger.owner_of(contact_id) != client.account:
        return True
    seen = await client.get(contact_id)
    if operation == "delete" or not seen.ok:
        return seen.ok
    was, opposite = (False, "restore") if operation == "archive" else (True, "archive")
    if seen.contact.get("is_archived") in (was, before):
        return True
    # It took effect. Where the contact is known to have been otherwise, that can be taken back.
    if before is not was:
        return False
    return (await client.call(opposite, contact_id, final=False)).ok


async def _twins_in_flight(owner: Client, entry: Entry) -> bool:
    for _ in range(TWIN_POLLS):
        if not _has_twin_in_flight(owner.ledger, entry):
            return False
        await asyncio.sleep(TWIN_POLL_S)
    return True


def _has_twin_in_flight(ledger: Ledger, entry: Entry) -> bool:
    return any(e.state == "sent" and e.words == entry.words for e in ledger.lost(entry.account))


async def _is_deleted(owner: Client, contact_id: object) -> bool:
    if not isinstance(contact_id, str) or not contact_id:
        return False
    owner.ledger.found(owner.account, contact_id)
    return (await owner.delete(contact_id)).ok


def _is_object(body: bytes | None) -> bool:
    try:
        return isinstance(json.loads(body or b""), dict)
    except RecursionError:
        return True
    except ValueError:
        return False


def _is_random(word: str) -> bool:
    return len(word.strip()) >= WORD_LEAST


def bears(record: Mapping[str, Any], words: tuple[str, ...]) -> bool:
    """Whether a record carries all the words, as names or email, without regard to case."""
    values = {folded(record.get(name)) for name in ("first_name", "last_name", "email")}
    return all(folded(word) in values for word in words)


def folded(value: object) -> str:
    """Return a word as words are compared: a target may fold the case of an email."""
    return str(value or "").strip()[:WORD_KEPT].strip().lower()
