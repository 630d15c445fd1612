"""The end of the run: is everything that was acknowledged still there?"""

from __future__ import annotations

from typing import Any

from conformance.kit.checks import Known
from conformance.kit.expect import premise
from conformance.kit.stage import Phase, Scene, scene

READS = 4
PAGES = 2


@scene(Phase.CLOSING)
async def closing(s: Scene) -> None:
    """List the newest of the account, and get what the lists did not show, or showed otherwise.

    What the run knows of each contact is kept from before these reads.
    """
    evidence = s.stage.evidence
    # Where the answer to a delete was lost, the contact may be gone.
    live = [str(entry.id) for entry in s.api.ledger.live(s.api.account)]
    ids = [contact_id for contact_id in live if contact_id in evidence.known]
    s.out.expected = ids
    s.out.known = {i: known for i, known in evidence.known.items() if i in ids}
    seen = {}
    for archived in (False, True):
        for page in range(1, PAGES + 1):
            x = await s.api.list(archived=archived, page=page, limit=100)
            seen.update({str(record.get("id")): (record, x) for record in x.records})
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


@scene(Phase.QUIET)
async def quiet(s: Scene) -> None:
    """Delete a contact between two readings of its list, while nothing else writes.

    A cache that other writes would empty shows itself here (DELETE-02, DELETE-03).
    """
    before = await s.of("deletion")
    token = (await s.of("filters")).token
    premise(before.after_reviving, "the set to delete from could not be made")
    s.out.gone = before.stays[0]
    email = s.out.gone.sent["email"]
    s.out.before = await s.all(s.api.list(search=token), s.api.search(email=email))
    s.out.delete = await s.api.delete(s.out.gone.id)
    s.out.list, s.out.search = await s.all(s.api.list(search=token), s.api.search(email=email))
