"""A set of active and archived contacts of two types under one last name, and its filters."""

from __future__ import annotations

from typing import Any

from conformance.kit.expect import premise
from conformance.kit.scene import Scene, scene
from conformance.scenes.common import factory, make_all
from fixtures.factories import LISTED, ContactFactory

ODD_BOOLEANS = ("",)


@scene(costs=19)
async def filters(s: Scene) -> None:
    """Archive some of the set, then list it by archived, type, search and all together."""
    people = factory(s)
    token = people.name(LISTED)
    made = await make_all(s, *_bodies(people, token, twins=True))
    if len({m.id for m in made}) < len(made):
        # Equal creates made one contact (CREATE-13 tells); the filters need five all the same.
        token = people.name(LISTED)
        made = await make_all(s, *_bodies(people, token, twins=False))
    hiding = made[3:5]
    archived = await s.all(*(s.api.archive(m.id) for m in hiding))
    premise(all(x.ok for x in archived), "contacts could not be archived", archived[0])
    s.out.made, s.out.token = made, token
    s.out.active = {m.id for m in made if m not in hiding}
    s.out.archived = {m.id for m in hiding}
    s.out.type_of = {m.id: m.sent["contact_type"] for m in made}
    asked: dict[str, dict[str, Any]] = {
        "default": {},
        "archived=false": {"archived": "false"},
        # Pages after the first may be counted by other filters (PAGE-05).
        "page 2": {"page": 2, "limit": 2},
        "archived=true": {"archived": "true"},
        # Fewer than are active, whose pages may be counted or cut instead (PAGE-02, PAGE-03).
        "page 2, archived=true": {"archived": "true", "page": 2, "limit": 1},
        # A search by email may take another way through the target than one by name.
        "email and type": {
            "search": made[0].sent["email"],
            "type": "buyer",
            "archived": "false",
        },
        "type and archived": {"type": "buyer", "archived": "true"},
        "email, type and archived": {
            "search": made[3].sent["email"],
            "type": "buyer",
            "archived": "true",
        },
    }
    answers = await s.all(*(s.api.list(**{"search": token, **q}) for q in asked.values()))
    s.out.asked = dict(zip(asked, answers, strict=True))
    name = made[0].sent["first_name"]
    s.out.crossed = await s.all(s.api.list(search=name, type="agent"))
    odd = await s.all(*(s.api.list(search=token, archived=value) for value in ODD_BOOLEANS))
    s.out.odd = list(zip(ODD_BOOLEANS, odd, strict=True))


def _bodies(people: ContactFactory, token: str, *, twins: bool) -> list[dict[str, Any]]:
    """Return three bodies to stay active and two to archive.

    The last of each state is a twin of the first but for its type, the archived one without an
    email: a delete by name or email instead of id would take it along (DELETE-09). One active and
    one archived contact share type and email, so that each filter has something to leave out.
    """
    first = people.full(last_name=token)
    hidden = people.full(last_name=token, **({"email": first["email"]} if twins else {}))
    other = {} if twins else people.named(last_name=token)
    another = {} if twins else people.minimal(last_name=token)
    nowhere = {name: value for name, value in hidden.items() if name != "email"}
    return [
        {**first, "contact_type": "buyer"},
        {**people.named(last_name=token), "contact_type": "agent"},
        {**first, **other, "contact_type": "title_officer"},
        {**hidden, "contact_type": "buyer"},
        {**nowhere, **another, "contact_type": "agent"},
    ]
