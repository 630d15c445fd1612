"""Ids that belong to no contact, or are no ids at all."""

from __future__ import annotations

from typing import Any

from conformance.kit.exchange import Exchange
from conformance.kit.scene import Scene, scene
from conformance.scenes.common import (
    MALFORMED_IDS,
    UNKNOWN_ID,
    UPDATED_ID,
    discard_found,
    factory,
    has_id,
)

OPERATIONS = ("update", "delete", "archive", "restore")


@scene(costs=9, needs=("people",))
async def identifiers(s: Scene) -> None:
    """Get unknown and malformed ids; a real id is cut and lengthened, too."""
    real = (await s.of("people")).decoy
    plain = (*MALFORMED_IDS, real.id[:-1], real.id + "0")
    exempt = (f"{real.id}/x", f"{real.id}\0")
    unknown, *answers = await s.all(
        s.api.get(UNKNOWN_ID),
        *(s.api.get(contact_id) for contact_id in plain),
        *(s.api.call("get", contact_id, exempt=True) for contact_id in exempt),
    )
    s.out.unknown = unknown
    s.out.malformed = list(zip([*plain, *exempt], answers, strict=True))
    s.out.real = real
    s.out.got, s.out.got_again = await s.all(s.api.get(real.id), s.api.get(real.id))


@scene(costs=9)
async def unknown_targets(s: Scene) -> None:
    """Update, delete, archive and restore ids that belong to no contact, but nearly to one."""
    people = factory(s)
    before = await s.if_played("punctuated")
    there = before.has("create") and has_id(before.create)
    real = str(before.create.contact["id"]) if there else UNKNOWN_ID
    malformed = {
        "update": f"{real}0",
        "delete": real[:-1],
        "archive": MALFORMED_IDS[0],
        "restore": f"{real}0",
    }
    s.out.body = people.named()
    s.out.unknown, s.out.malformed = {}, {}
    for operation in OPERATIONS:
        body = s.out.body if operation == "update" else None
        unknown = UPDATED_ID if operation == "update" else UNKNOWN_ID
        ids = (unknown, malformed[operation])
        answers = await s.all(*(_act(s, operation, i, body) for i in ids))
        s.out.unknown[operation], s.out.malformed[operation] = answers[0], answers[1:]
    first = s.out.body["first_name"]
    s.out.found = await s.all(s.api.list(search=first))
    await discard_found(s, *s.out.found, word=first)


async def _act(s: Scene, operation: str, contact_id: str, body: dict[str, Any] | None) -> Exchange:
    if operation == "update":
        return await s.api.update(contact_id, body)
    return await s.api.call(operation, contact_id)
