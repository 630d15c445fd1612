"""Delete: an active and an archived contact go, others like them stay."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from conformance.kit.client import Client
from conformance.kit.exchange import Exchange
from conformance.kit.expect import premise
from conformance.kit.scene import Phase, Scene, scene
from conformance.scenes.common import borrow, factory, make


@scene(Phase.DELETED, costs=17, needs=("filters",))
async def deletion(s: Scene) -> None:
    """Delete an active and an archived contact of the filtered set; look for them everywhere.

    It follows the full house, for which they are wanted alive.
    """
    before = await s.of("filters")
    premise(before.odd, "the set to delete from could not be made")
    people = factory(s)
    active, archived = before.made[0], before.made[3]
    s.out.active, s.out.archived = active, archived
    s.out.stays, s.out.hidden = before.made[1:3], before.made[4:]
    # The last values of a contact are not those it was created with.
    change = {"city": people.name(), "notes": people.name(), "contact_status": people.status()}
    edited = await s.api.update(active.id, change)
    premise(edited.ok, "the contact could not be updated", edited)
    s.out.delete, s.out.delete_archived = await s.all(
        s.api.delete(active.id), s.api.delete(archived.id)
    )
    await _look(s, before.token)
    await _revive(s)


def _lists(s: Scene, token: str) -> list[Coroutine[Any, Any, Exchange]]:
    return [s.api.list(search=token), s.api.list(search=token, archived=True)]


async def _look(s: Scene, token: str) -> None:
    sent = s.out.active.sent
    answers: list[Exchange] = await s.all(
        *_lists(s, token),
        s.api.list(search=token, type="buyer"),
        s.api.list(search=sent["email"]),
        s.api.search(name=token),
        s.api.search(email=sent["email"]),
        # A search by both may take another way through the target than one by either.
        s.api.search(name=token, email=sent["email"]),
        # Deleted contacts must not take the places of others either.
        s.api.search(name=token, limit=len(s.out.stays)),
    )
    s.out.lists = answers[:2]
    s.out.filtered = answers[2:4]
    s.out.searches = answers[4:]


async def _revive(s: Scene) -> None:
    """Try everything that might bring a deleted contact back; later lists show whether it did."""
    gone, gone_archived = s.out.active.id, s.out.archived.id
    s.out.restores = await s.all(s.api.restore(gone), s.api.restore(gone_archived))
    s.out.others = await s.all(s.api.get(gone_archived), s.api.update(gone, {"city": "Elsewhere"}))
    s.out.others.append(await s.api.archive(gone))
    s.out.others.append(await s.api.delete(gone))


@scene(costs=4, needs=("access", "edited_archive"))
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
    s.out.archived = await _archived(s, restricted) if owner is s.api else None


async def _archived(s: Scene, restricted: Client) -> Exchange | None:
    """Try it with an archived contact, too, once nobody else needs that one."""
    await s.of("edited_archive")
    hidden = (await s.of("access")).hidden
    seen = s.api.deeds.archived.get(hidden.id)
    return await restricted.delete(hidden.id) if seen else None
