"""Two users: what the second one makes is not the first one's to see or touch."""

from __future__ import annotations

from conformance.kit.client import encode
from conformance.kit.expect import premise
from conformance.kit.scene import Scene, scene
from conformance.scenes.common import Made, factory, has_id, make
from fixtures.factories import LISTED

WHILE_ARCHIVED = ("get", "restore", "delete")
ALLOWED = (403,)
"""ISO-02 only warns about 403."""


@scene(costs=16)
async def isolation(s: Scene) -> None:
    """Let the first user look for, read and change a contact of the second."""
    known = "second" in s.target.accounts
    premise(known, "give --second-token to have it evaluated", kind="token")
    people = factory(s)
    token = people.name(LISTED)
    second = s.stage.client("second")
    # What one user's contact has is no other user's to keep from theirs.
    crew = await s.if_played("people")
    shared = crew.found.sent["email"] if crew.has("found") else people.email()
    sent = people.full(last_name=token, email=shared)
    s.out.sent, s.out.create = sent, await second.create(sent)
    made = Made(sent, s.out.create) if has_id(s.out.create) else None
    theirs = made or await make(second, people.named(last_name=token))
    s.out.theirs = theirs
    listed, *s.out.searches = await s.all(
        s.api.list(search=token),
        s.api.search(name=token),
        s.api.search(email=theirs.sent["email"]),
    )
    s.out.own = await second.list(search=theirs.sent["email"], limit=100)
    body = encode(people.full_update())
    s.out.tries = [
        await s.api.call("update", theirs.id, body=body, allows=ALLOWED),
        await s.api.call("archive", theirs.id, allows=ALLOWED),
    ]
    s.out.after = await second.get(theirs.id)
    # Now its owner has read it, which may have filled a cache.
    s.out.tries.append(await s.api.call("get", theirs.id, allows=ALLOWED))
    # Each is tried where it would change something: what one does, another may undo.
    await second.archive(theirs.id)
    s.out.tries += [await s.api.call(name, theirs.id, allows=ALLOWED) for name in WHILE_ARCHIVED]
    # With a type the total may be counted by a query of its own (ISO-04).
    kind = theirs.sent["contact_type"]
    s.out.lists = [listed, await s.api.list(search=token, archived=True, type=kind)]
    s.out.after_archived = await second.get(theirs.id)
