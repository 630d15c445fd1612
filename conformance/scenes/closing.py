"""The end of the run: is everything that was acknowledged still there?"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from conformance.kit.checks import Known
from conformance.kit.stage import Phase, Scene, scene

READS = 4
LATER_S = 1.1
PAGES = 2


@scene(Phase.CLOSING)
async def closing(s: Scene) -> None:
    """List the newest of the account, and get what the lists did not show, or showed otherwise.

    What the run knows of each contact is kept from before these reads.
    """
    ids = [str(entry.id) for entry in s.api.ledger.live(s.api.account)]
    s.out.expected = ids
    s.out.known = {i: known for i, known in s.stage.evidence.known.items() if i in ids}
    seen = {}
    for archived in (False, True):
        for page in range(1, PAGES + 1):
            x = await s.api.list(archived=archived, page=page, limit=100)
            seen.update({record.get("id"): (record, x) for record in x.records})
            if x.at("data", "meta", "hasMore") is not True:
                break
    s.out.seen = {contact_id: seen[contact_id] for contact_id in ids if contact_id in seen}
    known = s.out.known
    doubtful = [i for i in ids if i not in seen or _others(known.get(i), seen[i][0])]
    s.out.doubtful = set(doubtful)
    s.rng.shuffle(doubtful)
    chosen = doubtful[:READS]
    answers = await s.all(*(s.api.get(contact_id) for contact_id in chosen))
    s.out.gets = dict(zip(chosen, answers, strict=True))


def _others(known: Known | None, record: dict[str, Any]) -> list[str]:
    return known.contradicted_by(record) if known is not None else []


@scene(Phase.EXTRA)
async def late_update(s: Scene) -> None:
    """Change a contact more than a second after its last change (UPDATE-10)."""
    crew = await s.of("people")
    s.out.before = crew.decoy.exchange
    # The clause speaks of time, so time has to pass; on most targets it already has.
    await asyncio.sleep(max(0.0, s.out.before.ended + LATER_S - time.time()))
    s.out.update = await s.api.update(crew.decoy.id, {"notes": "changed later"})
