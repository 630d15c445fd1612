"""Archive and restore: one contact goes back and forth beside one that stays."""

from __future__ import annotations

from conformance.kit.client import encode
from conformance.kit.exchange import ARCHIVED_REFUSALS, Exchange
from conformance.kit.expect import premise
from conformance.kit.scene import Scene, scene
from conformance.scenes.common import (
    CARRIED,
    Made,
    change_with_type,
    factory,
    has_id,
    make_all,
)
from fixtures.factories import LISTED

BEFORE = "changed before the archive, Žoë 李小龍 🏡"
BETWEEN = "changed between two archives"
KEPT = ("first_name", "last_name", "email")
"""What finds the contact again."""
TYPES = CARRIED[-2:]
"""Types that come along with the changes here."""


@scene(costs=17, needs=("creation",))
async def archiving(s: Scene) -> None:
    """Archive a contact, look, restore it, look, and go round twice more."""
    moved, still = await _twins(s)
    token = moved.sent["last_name"]
    s.out.moved, s.out.still = moved, still
    # What an archive may lose is not only what the contact was created with. The last name comes
    # along, so that the lists find the contact even where an update empties what it is not sent.
    new = factory(s).full_update(notes=BEFORE, last_name=token)
    change = {n: v for n, v in new.items() if n not in ("first_name", "email", "contact_type")}
    s.out.before, typed = await change_with_type(s, moved.id, change, TYPES[0])
    s.out.types = [(TYPES[0], typed)]
    s.out.archive = await s.api.archive(moved.id)
    s.out.archived_lists = await _both(s, token)
    s.out.archive_again = await s.api.archive(moved.id)
    s.out.archived_twice = await s.api.get(moved.id)
    s.out.restore = await s.api.restore(moved.id)
    s.out.restored_lists = await _both(s, token)
    s.out.restore_again = await s.api.restore(moved.id)
    await _rounds(s, moved, token)


async def _twins(s: Scene) -> list[Made]:
    """Return the two equal contacts of the creation scene, or two new ones where those are one."""
    pairs = (await s.of("creation")).twins
    twins = [Made(sent, x) for sent, x in pairs if has_id(x)]
    if len({made.id for made in twins}) == 2:
        return twins
    people = factory(s)
    token = people.name(LISTED)
    return await make_all(s, people.full(last_name=token), people.full(last_name=token))


async def _rounds(s: Scene, moved: Made, token: str) -> None:
    # Changed between two archives: the second restore must not bring the first one's values back.
    changes = {"notes": BETWEEN, "last_name": token}
    s.out.between, typed = await change_with_type(s, moved.id, changes, TYPES[1])
    # Its answer shows what the second restore left, too.
    s.out.restored_twice = s.out.between if s.out.between.ok else await s.api.get(moved.id)
    s.out.types.append((TYPES[1], typed))
    archive = await s.api.archive(moved.id)
    s.out.last_hidden = await _both(s, token)
    s.out.rounds = [(archive, await s.api.restore(moved.id))]
    kind = s.out.rounds[0][1].contact.get("contact_type", TYPES[1])
    s.out.last_list, s.out.last_typed = await s.all(
        s.api.list(search=token, limit=100), s.api.list(search=token, type=kind, limit=100)
    )


async def _both(s: Scene, token: str) -> list[Exchange]:
    """Return the active and the archived list of the set."""
    return await s.all(
        s.api.list(search=token, limit=100), s.api.list(search=token, archived=True, limit=100)
    )


@scene(costs=3, needs=("access",))
async def edited_archive(s: Scene) -> None:
    """Update a contact while it is archived, where the target allows that; never restore it."""
    access = await s.of("access")
    made = s.out.made = access.hidden
    s.out.before = access.before_hidden
    # Requests without credentials tried to restore it; where one did, it tells nothing here.
    kept = any(record.get("id") == made.id for record in access.after_hidden.records)
    premise(kept, "the contact is not archived any more, or not listed so", access.after_hidden)
    new = factory(s).full_update(notes="changed while archived")
    body = encode({name: value for name, value in new.items() if name not in KEPT})
    s.out.update = await s.api.call("update", made.id, body=body, allows=ARCHIVED_REFUSALS)
    first = made.sent["first_name"]
    # An archived contact is read from the lists: that it can be got is GET-04's to judge.
    s.out.listed, s.out.archived_list = await s.all(
        s.api.list(search=first), s.api.list(search=first, archived=True)
    )
