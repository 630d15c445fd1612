"""Two users: what the second one makes is not the first one's to see or touch."""

from __future__ import annotations

from conformance.kit.expect import premise
from conformance.kit.stage import Scene, scene
from conformance.scenes.common import factory, make
from fixtures.factories import LISTED

OPERATIONS = ("get", "archive", "restore", "delete")
ALLOWED = (403,)
"""ISO-02 only warns about 403."""


@scene(costs=15)
async def isolation(s: Scene) -> None:
    """Let the first user look for, read and change a contact of the second."""
    known = "second" in s.target.accounts
    premise(known, "give --second-token to have it evaluated", kind="token")
    people = factory(s)
    token = people.name(LISTED)
    second = s.stage.client("second")
    theirs = await make(second, people.named(last_name=token))
    s.out.theirs = theirs
    listed, s.out.by_role, *s.out.searches = await s.all(
        s.api.list(search=token),
        s.api.search(role=theirs.sent["contact_type"], limit=100),
        s.api.search(name=token),
        s.api.search(email=theirs.sent["email"]),
    )
    tries = [await s.api.call(name, theirs.id, allows=ALLOWED) for name in OPERATIONS[:1]]
    body = b'{"city":"Elsewhere"}'
    tries.append(await s.api.call("update", theirs.id, body=body, allows=ALLOWED))
    tries += [await s.api.call(name, theirs.id, allows=ALLOWED) for name in OPERATIONS[1:]]
    s.out.tries = tries
    s.out.after = await second.get(theirs.id)
    await second.archive(theirs.id)
    hidden, archived = await s.all(
        s.api.list(search=token, archived=True),
        s.api.call("get", theirs.id, allows=ALLOWED),
    )
    s.out.lists, s.out.archived = [listed, hidden], archived
