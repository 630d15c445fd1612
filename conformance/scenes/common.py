"""Steps that several scenes take."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import schemas
from conformance.kit.client import Client
from conformance.kit.exchange import Exchange
from conformance.kit.expect import premise
from conformance.kit.moments import to_epoch
from conformance.kit.outgoing import TargetUnavailable
from conformance.kit.scene import Scene
from fixtures.factories import ContactFactory

UNKNOWN_ID = "0b7c8a52-93d4-4f6e-8a1c-2d3e4f5a6b7c"
UPDATED_ID = "1d8e9b63-a4e5-4a7f-9b2d-3e4f5a6b7c8d"
"""Unknown as well, and for updates alone: one that creates what it does not find shows itself."""
FORGED: dict[str, Any] = {
    "id": "7d4f2a10-5b6c-4d8e-9f01-a2b3c4d5e6f7",
    "full_name": "Forged Name",
    "is_archived": True,
    "archived_at": "2001-02-03T04:05:06.000Z",
    "created_at": "2001-02-03T04:05:06.000Z",
    "updated_at": "2001-02-03T04:05:06.000Z",
    "owner_id": "7d4f2a10-5b6c-4d8e-9f01-a2b3c4d5e6f8",
    "user_id": "7d4f2a10-5b6c-4d8e-9f01-a2b3c4d5e6f8",
}
"""Values for the fields that belong to the server (CREATE-14, UPDATE-09)."""
WHOLE, SINGLE = "appraiser", "other"
"""The types that the update of all fields, and the one of this field alone, set."""
_REST = [t for t in schemas.CONTACT_TYPES if t not in (WHOLE, SINGLE)]
LATE, CARRIED = _REST[:2], _REST[2:]
"""Types that ride along with another change: late, and at once, the last two with an archive."""
MALFORMED_IDS = ("not-a-uuid", "12345")


BORROWED = 5
"""Contacts at the end of the shelf that other scenes may change once the shelf has been read."""


@dataclass(frozen=True)
class Made:
    """A contact that the run made: what was sent, and the exchange that made it."""

    sent: dict[str, Any]
    exchange: Exchange

    @property
    def id(self) -> str:
        """The id that the target gave."""
        return str(self.exchange.contact["id"])

    @property
    def record(self) -> dict[str, Any]:
        """The record that the create answered with."""
        return self.exchange.contact


def factory(scene: Scene) -> ContactFactory:
    """Return a data factory for the scene."""
    return ContactFactory(scene.rng, scene.words)


def forged(record: dict[str, Any]) -> list[str]:
    """Return the names of server-owned fields that bear a forged value, times in any notation."""
    return [name for name, value in FORGED.items() if name in record and _same(record[name], value)]


def _same(shown: Any, value: Any) -> bool:
    moment = to_epoch(value)
    return bool(shown == value or (moment is not None and to_epoch(shown) == moment))


async def make(api: Client, payload: dict[str, Any]) -> Made:
    """Create a contact that a scene needs.

    Raises:
        PremiseFailed: no contact with an id came of it; CREATE-01 tells by itself.

    """
    exchange = await api.create(payload)
    premise(has_id(exchange), "a contact that the set-up needs could not be created", exchange)
    return Made(payload, exchange)


async def borrow(scene: Scene, number: int) -> Made:
    """Return one of the shelf's last contacts, to be changed: its reading is over by then."""
    made: list[Made] = (await scene.of("shelf")).made
    premise(len(made) > number, "the shelf has no contact to lend: too few could be created")
    return made[-1 - number]


async def make_all(scene: Scene, *payloads: dict[str, Any]) -> list[Made]:
    """Create several contacts side by side."""
    return await scene.all(*(make(scene.api, payload) for payload in payloads))


def has_id(exchange: Exchange) -> bool:
    """Whether the exchange made a contact, whatever else is wrong with it."""
    contact_id = exchange.contact.get("id")
    return exchange.ok and isinstance(contact_id, str) and contact_id != ""


def active_contacts(scene: Scene) -> int:
    """Return how many contacts of this run are alive and, as last seen, not archived."""
    known = scene.stage.evidence.known
    live = [str(entry.id) for entry in scene.api.ledger.live(scene.api.account)]
    return sum(1 for i in live if i in known and known[i].latest.get("is_archived") is False)


async def change_with_type(
    scene: Scene, contact_id: str, values: dict[str, Any], kind: str
) -> tuple[Exchange, Exchange]:
    """Change fields and the type in one request; in two where that one is not answered 200."""
    both = await scene.api.update(contact_id, {**values, "contact_type": kind})
    if both.ok:
        return both, both
    return (
        await scene.api.update(contact_id, values),
        await scene.api.update(contact_id, {"contact_type": kind}),
    )


async def discard(scene: Scene, *exchanges: Exchange) -> None:
    """Delete at once what hostile input made, so that it troubles no other scene.

    Nothing is judged by these deletes; where an answer is lost, the cleaning up sees to the rest.
    """
    ids = {str(x.contact["id"]) for x in exchanges if has_id(x)}
    with suppress(TargetUnavailable):
        await scene.all(*(scene.api.delete(contact_id) for contact_id in ids))


async def discard_found(scene: Scene, *found: Exchange, word: str) -> None:
    """Delete contacts that should not exist but turned up under a random word of ours."""
    ids = {
        str(record["id"])
        for x in found
        for record in x.records
        if word.lower() in str(record.get("first_name")).lower() and record.get("id")
    }
    for contact_id in ids:
        scene.api.ledger.found(scene.api.account, contact_id)
    with suppress(TargetUnavailable):
        await scene.all(*(scene.api.delete(contact_id) for contact_id in ids))
