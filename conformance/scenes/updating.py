"""Updates: each field alone, all together, none, each type, free statuses, tags as a whole."""

from __future__ import annotations

from typing import Any

import schemas
from conformance.kit.exchange import Exchange
from conformance.kit.stage import Scene, scene
from conformance.scenes.common import Made, factory, make_all
from fixtures.factories import ContactFactory

STREAMS = 2


@scene()
async def single_updates(s: Scene) -> None:
    """Change each of the 13 fields alone, on two full contacts side by side."""
    people = factory(s)
    made = await make_all(s, *(people.full() for _ in range(STREAMS)))
    fields = [list(schemas.UPDATE_FIELDS[n::STREAMS]) for n in range(STREAMS)]
    value = people.full_update(contact_type="other")
    streams = await s.all(
        *(_one_by_one(s, m, {n: value[n] for n in names}) for m, names in zip(made, fields, strict=True))
    )
    s.out.steps = [step for steps, _ in streams for step in steps]
    s.out.gets = [get for _, get in streams]
    types = [t for t in schemas.CONTACT_TYPES if t != "other"]
    typed = await s.all(
        *(_types(s, m, types[n::STREAMS]) for n, m in enumerate(made))
    )
    s.out.types = [pair for pairs in typed for pair in pairs]
    s.out.made = made


async def _one_by_one(
    s: Scene, made: Made, values: dict[str, Any]
) -> tuple[list[tuple[str, Any, dict[str, Any], Exchange]], Exchange]:
    """Return (field, value, record before, exchange) for each field, and a get at the end."""
    before = made.record
    steps = []
    for name, value in values.items():
        exchange = await s.api.update(made.id, {name: value})
        steps.append((name, value, before, exchange))
        before = exchange.contact if exchange.ok else before
    return steps, await s.api.get(made.id)


async def _types(s: Scene, made: Made, types: list[str]) -> list[tuple[str, Exchange]]:
    return [(t, await s.api.update(made.id, {"contact_type": t})) for t in types]


@scene()
async def whole_updates(s: Scene) -> None:
    """Change all 13 fields of a minimal contact at once, then find it by what it is now."""
    people = factory(s)
    (made,) = await make_all(s, people.minimal(contact_type="seller", last_name=people.name()))
    body = people.full_update(contact_type="appraiser")
    s.out.made, s.out.body = made, body
    s.out.update = await s.api.update(made.id, body)
    s.out.get = await s.api.get(made.id)
    new, old = body["first_name"], made.sent["first_name"]
    answers = await s.all(
        s.api.list(search=new),
        s.api.list(search=body["email"]),
        s.api.list(search=new, type="appraiser"),
        s.api.list(search=new, type="seller"),
        s.api.search(name=new),
        s.api.search(email=body["email"]),
        s.api.list(search=old),
        s.api.search(name=old),
    )
    s.out.found, s.out.old = answers[:6], answers[6:]
    await _nothing(s, made)
    await _statuses(s, made, people)
    await _tags(s, made)


async def _nothing(s: Scene, made: Made) -> None:
    s.out.before_empty = s.out.get
    s.out.empty = await s.api.update(made.id, {})
    s.out.no_body = await s.api.call("update", made.id)
    s.out.after_empty = await s.api.get(made.id)


async def _statuses(s: Scene, made: Made, people: ContactFactory) -> None:
    texts = ["past_client", f"Under review ({people.word()}), 2nd pass"]
    s.out.statuses = [
        (text, await s.api.update(made.id, {"contact_status": text})) for text in texts
    ]


async def _tags(s: Scene, made: Made) -> None:
    s.out.tags = []
    for tags in (["red", "green", "blue"], ["blue", "amber"], []):
        update = await s.api.update(made.id, {"tags": tags})
        get = await s.api.get(made.id) if tags != ["red", "green", "blue"] else update
        s.out.tags.append((tags, update, get))
