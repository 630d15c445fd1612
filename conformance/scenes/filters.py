"""A set of active and archived contacts of two types under one last name, and its filters."""

from __future__ import annotations

from conformance.kit.expect import premise
from conformance.kit.stage import Scene, scene
from conformance.scenes.common import factory, make_all
from fixtures.factories import LISTED

ODD_BOOLEANS = ("yes", "")


@scene()
async def filters(s: Scene) -> None:
    """Archive some of the set, then list it by archived, type, search and all together."""
    people = factory(s)
    token = people.name(LISTED)
    types = ("buyer", "agent", "title_officer", "buyer", "agent")
    made = await make_all(
        s, *(people.named(last_name=token, contact_type=t) for t in types)
    )
    hidden = made[3:5]
    archived = await s.all(*(s.api.archive(m.id) for m in hidden))
    premise(all(x.ok for x in archived), "contacts could not be archived", archived[0])
    s.out.made = made
    s.out.active = {m.id for m in made if m not in hidden}
    s.out.archived = {m.id for m in hidden}
    s.out.type_of = {m.id: m.sent["contact_type"] for m in made}
    asked = {
        "default": {},
        "archived=false": {"archived": "false"},
        "archived=true": {"archived": "true"},
        "type": {"type": "buyer"},
        "type and archived": {"type": "buyer", "archived": "true"},
        "other type and archived": {"type": "agent", "archived": "true"},
        "type without archived": {"type": "title_officer", "archived": "true"},
    }
    answers = await s.all(*(s.api.list(**{"search": token, **q}) for q in asked.values()))
    s.out.asked = dict(zip(asked, answers, strict=True))
    first = made[0].sent["first_name"]
    s.out.crossed = await s.all(
        s.api.list(search=first, type="agent"),
        s.api.list(search=first, archived="true"),
    )
    odd = await s.all(*(s.api.list(search=token, archived=value) for value in ODD_BOOLEANS))
    s.out.odd = list(zip(ODD_BOOLEANS, odd, strict=True))
