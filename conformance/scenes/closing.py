"""The end of the run: is everything that was acknowledged still there?"""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from conformance.kit.budget import BudgetExhausted
from conformance.kit.client import Client
from conformance.kit.evidence import Known
from conformance.kit.exchange import Exchange
from conformance.kit.expect import premise
from conformance.kit.scene import Phase, Scene, scene
from conformance.scenes.common import Made, factory

READS = 2
PAGES = 2
FULL = 100


@scene(Phase.CLOSING, costs=4)
async def closing(s: Scene) -> None:
    """List the newest of the account, and get what the lists did not show, or showed otherwise.

    One search shows whether it finds them to be the same (OBJ-09). What the run knows of each
    contact is kept from before these reads.
    """
    evidence = s.stage.evidence
    # Where the answer to a delete was lost, the contact may be gone.
    live = [str(entry.id) for entry in s.api.ledger.live(s.api.account)]
    ids = [contact_id for contact_id in live if contact_id in evidence.known]
    s.out.expected = ids
    s.out.known = {i: known for i, known in evidence.known.items() if i in ids}
    seen, firsts = {}, []
    for archived in (False, True):
        for page in range(1, PAGES + 1):
            x = await s.api.list(archived=archived, page=page, limit=FULL)
            seen.update({str(record.get("id")): (record, x) for record in x.records})
            if page == 1 and x.ok and len(x.records) < FULL:
                firsts.append(x)
            if x.at("data", "meta", "hasMore") is not True:
                break
    s.out.search = await s.api.search(limit=FULL)
    hidden = [x for x in firsts if "archived=true" in x.request.url]
    s.out.again = [(x, await s.api.list(archived=True, limit=FULL, page=1)) for x in hidden]
    s.out.seen = {contact_id: seen[contact_id] for contact_id in ids if contact_id in seen}
    known = s.out.known
    doubtful = [i for i in ids if i not in seen or _others(known.get(i), seen[i][0])]
    s.out.doubtful = set(doubtful)
    s.rng.shuffle(doubtful)
    chosen = doubtful[:READS]
    answers = await s.all(*(s.api.get(contact_id) for contact_id in chosen))
    s.out.gets = dict(zip(chosen, answers, strict=True))
    s.out.wholes = [Whole(x) for x in firsts]
    with suppress(BudgetExhausted):
        for whole in s.out.wholes:
            await _count_again(s, whole)


@dataclass
class Whole:
    """A list of all active or all archived contacts on one page."""

    last: Exchange
    others: Exchange | None = None
    """The same list of the second user, where the total was wrong twice."""

    @property
    def total(self) -> Any:
        """What `meta.total` says."""
        return self.last.at("data", "meta", "total")

    @property
    def is_wrong(self) -> bool:
        """Whether the total is a number, but not that of the contacts on the page."""
        return isinstance(self.total, int) and self.total != len(self.last.records)

    @property
    def is_for_all(self) -> bool:
        """Whether it is wrong, and the second user is told the same number."""
        others = self.others
        return others is not None and others.at("data", "meta", "total") == self.total


async def _count_again(s: Scene, whole: Whole) -> None:
    """List again where the total was wrong: others may work with the account (rule 3)."""
    archived = "archived=true" in whole.last.request.url
    if whole.is_wrong:
        whole.last = await s.api.list(archived=archived, limit=FULL)
    if whole.is_wrong and "second" in s.target.accounts:
        whole.others = await s.stage.client("second").list(archived=archived, limit=1)


def _others(known: Known | None, record: dict[str, Any]) -> list[str]:
    return known.contradicted_by(record) if known is not None else []


@scene(Phase.QUIET, costs=17, needs=("deletion", "filters"))
async def quiet(s: Scene) -> None:
    """Archive, restore, update and delete one contact, with the same reads between.

    Nobody else writes meanwhile.

    A cache that other writes would empty shows itself here (OBJ-09, ARCHIVE-02, GET-04, RESTORE-02,
    DELETE-02, DELETE-03).
    """
    before = await s.of("deletion")
    token = (await s.of("filters")).token
    premise(before.others, "the set to delete from could not be made")
    s.out.gone = gone = before.stays[0]
    reading = Reading(s.api, token, gone)
    s.out.before = await s.all(*reading.sets(), s.api.get(gone.id))
    if "second" in s.target.accounts:
        # The same list, right after the first user's: an answer kept by its query alone shows (ISO-01).
        await s.stage.client("second").list(search=token)
    s.out.archive = await s.api.archive(gone.id)
    s.out.archived = await s.all(*reading.sets(), s.api.get(gone.id))
    s.out.restore = await s.api.restore(gone.id)
    s.out.restored = await s.all(*reading.sets())
    # The last name comes along, for targets that empty what an update does not send.
    new = factory(s).full_update()
    change = {"email": new["email"], "phone": new["phone"], "last_name": token}
    s.out.update = await s.api.update(gone.id, change)
    # An index may have lost sight of what was restored.
    s.out.updated, s.out.by_email = await s.all(
        s.api.list(search=token), s.api.list(search=new["email"], limit=100)
    )
    s.out.delete = await s.api.delete(gone.id)
    s.out.list, s.out.search = await s.all(*reading.sets())


@dataclass(frozen=True)
class Reading:
    """The same reads, again and again."""

    api: Client
    token: str
    contact: Made

    def sets(self) -> list[Coroutine[Any, Any, Exchange]]:
        """Return the list of the set, and the search for the contact by its email."""
        email = self.contact.sent["email"]
        return [self.api.list(search=self.token), self.api.search(email=email)]
