"""Delete: an active and an archived contact go, two like them stay."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from conformance.kit.exchange import Exchange
from conformance.kit.expect import premise
from conformance.kit.stage import Scene, scene
from conformance.scenes.common import borrow, factory, make, make_all
from fixtures.factories import LISTED


@scene()
async def deletion(s: Scene) -> None:
    """Delete two of four contacts and look for them everywhere, before and after reviving."""
    people = factory(s)
    token = people.name(LISTED)
    kind = {"last_name": token, "contact_type": "vendor"}
    # Twins: what is deleted by name or email instead of id takes the other along (DELETE-09).
    one, two = people.full(**kind), people.full(**kind)
    active, archived, stays, hidden = await make_all(s, one, two, one, two)
    distinct = len({m.id for m in (active, archived, stays, hidden)}) == 4
    premise(distinct, "equal creates did not make contacts of their own", hidden.exchange)
    s.out.active, s.out.archived, s.out.stays, s.out.hidden = active, archived, stays, hidden
    hiding = await s.all(s.api.archive(archived.id), s.api.archive(hidden.id))
    premise(all(x.ok for x in hiding), "contacts could not be archived", hiding[0])
    # The last values of a contact are not those it was created with.
    edited = await s.api.update(active.id, {"city": people.name(), "notes": people.name()})
    premise(edited.ok, "the contact could not be updated", edited)
    s.out.last = await s.api.get(active.id)
    s.out.delete, s.out.delete_archived = await s.all(
        s.api.delete(active.id), s.api.delete(archived.id)
    )
    await _look(s, token)
    await _revive(s)
    s.out.after_reviving = await s.all(*_lists(s, token))


def _lists(s: Scene, token: str) -> list[Coroutine[Any, Any, Exchange]]:
    return [s.api.list(search=token), s.api.list(search=token, archived=True)]


async def _look(s: Scene, token: str) -> None:
    sent = s.out.active.sent
    answers: list[Exchange] = await s.all(
        *_lists(s, token),
        s.api.list(search=token, type="vendor"),
        s.api.list(search=sent["email"]),
        s.api.search(name=token),
        s.api.search(email=sent["email"]),
        s.api.search(email=s.out.archived.sent["email"]),
    )
    s.out.lists = answers[:2]
    s.out.filtered = answers[2:4]
    s.out.searches = answers[4:]


async def _revive(s: Scene) -> None:
    """Try everything that might bring a deleted contact back."""
    gone, gone_archived = s.out.active.id, s.out.archived.id
    s.out.restores = await s.all(s.api.restore(gone), s.api.restore(gone_archived))
    s.out.others = await s.all(
        s.api.get(gone), s.api.get(gone_archived), s.api.update(gone, {"city": "Elsewhere"})
    )
    s.out.others.append(await s.api.archive(gone))
    s.out.others.append(await s.api.delete(gone))
    s.out.restore_last = await s.api.restore(gone)


@scene()
async def forbidden(s: Scene) -> None:
    """Let an account that may not delete try to: a contact it sees, else one of its own."""
    known = "restricted" in s.target.accounts
    premise(known, "give --restricted-token to have it evaluated", kind="token")
    people = factory(s)
    restricted = s.stage.client("restricted")
    made = await borrow(s, 2)
    seen = await restricted.get(made.id)
    owner = s.api
    if seen.status == 404:
        made, owner = await make(restricted, people.named()), restricted
    s.out.delete = await restricted.delete(made.id)
    s.out.after = await owner.get(made.id)
