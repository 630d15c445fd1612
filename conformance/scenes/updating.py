"""Updates: each field alone, all together, none, each type, free statuses, tags as a whole."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from conformance.kit.compare import differing
from conformance.kit.exchange import Exchange
from conformance.kit.expect import premise
from conformance.kit.scene import Phase, Scene, scene
from conformance.scenes.common import (
    BORROWED,
    CARRIED,
    FORGED,
    LATE,
    SINGLE,
    WHOLE,
    Made,
    borrow,
    change_with_type,
    factory,
    make,
)
from fixtures.factories import ContactFactory

LATER_S = 1.1
CASED = ("street_address",)
"""A field of which the update of it alone changes nothing but the case."""
DRAWS = 50
BEYOND_ASCII = "Žoë 李小龍 ñ 🏡"
RIDERS = ("company", "first_name", "street_address", "zip_code", "last_name")
"""Fields that come along with one update of several each: the next one shows whether they stayed."""
TAGS: list[list[str]] = [["red", "green", "blue"], ["blue", "green", "red"], ["blue", "amber"], []]
"""One of each step replaces the last: in another order, in part, and wholly."""


@scene(Phase.HOSTILE, costs=16, needs=("shelf",))
async def single_updates(s: Scene) -> None:
    """Change each of the 13 fields alone, on a contact of its own that was not changed just now.

    So each change has to move the time of the last one, too (UPDATE-10). The shelf has been read in
    every way by then. One list shows what is stored; what it does not show is asked for.
    """
    people = factory(s)
    shelf = await s.of("shelf")
    # The last but two was lent to someone who may not change it.
    chosen = [*shelf.made[:-BORROWED], await borrow(s, 2), await borrow(s, 0)]
    names = people.full_update().keys()
    premise(len(chosen) == len(names), "the shelf has too few contacts: not all were created")
    values = {n: _new(people, n, made.sent) for n, made in zip(names, chosen, strict=True)}
    with s.stage.budget.promising(len(values)):
        await _settled(chosen)
    answers = await s.all(
        *(
            s.api.update(made.id, {name: values[name]})
            for made, name in zip(chosen, values, strict=True)
        )
    )
    steps = [
        Single(name, values[name], made, x)
        for made, name, x in zip(chosen, values, answers, strict=True)
    ]
    await _still_there(s, [step.made for step in steps if step.exchange.status == 404])
    s.out.steps = steps
    s.out.before = {str(r.get("id")): r for r in shelf.hundred.records}
    await _read_back(s, shelf.token)
    s.out.renamed = await s.api.list(search=values["last_name"], limit=100)


async def _still_there(s: Scene, doubtful: list[Made]) -> None:
    """Look whether contacts that could not be updated are gone: DELETE-09 tells by itself."""
    gets = await s.all(*(s.api.get(made.id) for made in doubtful))
    premise(all(x.ok for x in gets), "contacts are gone that nobody deleted", *gets[:1])


@dataclass(frozen=True)
class Single:
    """An update of one field: the value sent, the contact as it was made, and the answer."""

    name: str
    value: Any
    made: Made
    exchange: Exchange


def _new(people: ContactFactory, name: str, sent: dict[str, Any]) -> Any:
    """Return a value that the field does not have: what changes nothing need not move any time."""
    if name in CASED and name in sent:
        # What is compared without regard to case must be changed all the same.
        return str(sent[name]).swapcase()
    drawn = (people.full_update(contact_type=SINGLE)[name] for _ in range(DRAWS))
    return next(value for value in drawn if value != sent.get(name))


async def _read_back(s: Scene, token: str) -> None:
    """Keep, by field, the record and the answer that show what became of it."""
    listed = await s.api.list(search=token, limit=100)
    shown = {str(record.get("id")): record for record in listed.records}
    s.out.stored = {
        step.name: (shown[step.made.id], listed)
        for step in s.out.steps
        if not differing({step.name: step.value}, shown.get(step.made.id, {}), [step.name])
    }
    doubtful = [step for step in s.out.steps if step.name not in s.out.stored and step.exchange.ok]
    gets = await s.all(*(s.api.get(step.made.id) for step in doubtful))
    s.out.stored |= {
        step.name: (x.contact, x) for step, x in zip(doubtful, gets, strict=True) if x.ok
    }


async def _settled(chosen: list[Made]) -> None:
    """Wait until the last of the contacts is old enough; on most targets it already is."""
    last = max(made.exchange.ended for made in chosen)
    await asyncio.sleep(max(0.0, last + LATER_S - time.time()))


@scene(costs=23)
async def whole_updates(s: Scene) -> None:
    """Change all 13 fields of a minimal contact at once, then find it by what it is now."""
    people = factory(s)
    # An update cannot send the license, so it has to leave it alone.
    sent = people.minimal(
        contact_type="seller",
        last_name=people.name(),
        email=people.email(),
        license_number=people.full()["license_number"],
    )
    made = await make(s.api, sent)
    body = people.full_update(
        first_name=f"D'{people.name()}",
        email=people.email(f"{people.word()}+{people.word(length=4)}"),
        contact_type=WHOLE,
        notes=f"Known as {sent['first_name']} before",
    )
    s.out.made, s.out.body, s.out.types = made, body, []
    s.out.update = await s.api.update(made.id, body)
    s.out.same_again = await s.api.update(made.id, body)
    s.out.get = await s.api.get(made.id)
    new, old = body["first_name"], sent["first_name"]
    answers = await s.all(
        s.api.list(search=new),
        s.api.list(search=body["email"], type=WHOLE),
        s.api.list(search=body["email"], type="seller"),
        s.api.search(email=body["email"]),
        s.api.list(search=old),
        s.api.search(name=old),
        s.api.search(email=sent["email"]),
    )
    s.out.found, s.out.old = answers[:4], answers[4:]
    await _nothing(s, made)
    await _free(s, made, people)
    # It has been renamed twice by now, which an index may follow once only.
    s.out.renamed = await s.api.search(name=s.out.name)
    await _owned(s, made)


async def _nothing(s: Scene, made: Made) -> None:
    s.out.before_empty = s.out.get
    s.out.empty = await s.api.update(made.id, {})
    s.out.no_body = await s.api.call("update", made.id)


async def _free(s: Scene, made: Made, people: ContactFactory) -> None:
    """Change what is free-form, and the type along with it."""
    texts = ["past_client", f"Under review ({people.word()}), 2nd pass"]
    s.out.statuses, s.out.tags = [], []
    new = people.full_update()
    s.out.name = new["first_name"]
    for number, (kind, rider) in enumerate(zip(CARRIED, RIDERS, strict=False)):
        status = {"contact_status": texts[number]} if number < len(texts) else {}
        tags = {"tags": TAGS[number - 1]} if number else {}
        last = number == len(TAGS)
        # At last a name is what it was at the creation again.
        change = {**status, **tags, rider: made.sent["last_name"] if last else new[rider]}
        x, typed = await change_with_type(s, made.id, change, kind)
        s.out.types.append((kind, typed))
        both = {**status, **tags}
        answers = dict.fromkeys(both, x)
        if not x.ok and len(both) > 1:
            # Either may have been refused for the other.
            answers = {name: await s.api.update(made.id, {name: both[name]}) for name in both}
        s.out.statuses += [(text, answers["contact_status"]) for text in status.values()]
        for value in tags.values():
            get = await s.api.get(made.id) if last else answers["tags"]
            s.out.tags.append((value, answers["tags"], get))


async def _owned(s: Scene, made: Made) -> None:
    """Try to take over the fields that are the server's."""
    s.out.before_owned = s.out.tags[-1][2]
    s.out.owned = await s.api.update(made.id, {**FORGED, "notes": "beside forged fields"})
    if s.out.owned.status == 400:
        # Another field may have been refused for it: what matters most is tried alone.
        s.out.owned = await s.api.update(made.id, {"is_archived": True})
    s.out.after_owned = await s.api.get(made.id)


@scene(Phase.HOSTILE, costs=3, needs=("archiving", "people"))
async def late_update(s: Scene) -> None:
    """Change contacts more than a second after their last change (UPDATE-10)."""
    people = factory(s)
    crew, archiving = await s.of("people"), await s.of("archiving")
    # The second was archived and restored before: that its update is kept shows at the end.
    _, restored = archiving.rounds[-1]
    changes: list[tuple[str, Exchange, dict[str, Any]]] = [
        (crew.lone.id, crew.lone.exchange, {"tags": ["later"], "last_name": people.name()}),
        (archiving.moved.id, restored, {"notes": f"changed later, {BEYOND_ASCII}"}),
    ]
    # The clause speaks of time, so time has to pass; on most targets it already has.
    last = max(x.ended for _, x, _ in changes)
    with s.stage.budget.promising(len(changes)):
        await asyncio.sleep(max(0.0, last + LATER_S - time.time()))
    answers = await s.all(
        *(
            change_with_type(s, i, body, kind)
            for (i, _, body), kind in zip(changes, LATE, strict=True)
        )
    )
    s.out.steps = [(before, x) for (_, before, _), (x, _) in zip(changes, answers, strict=True)]
    # A contact that does not take the change as such tells nothing of the type.
    s.out.types = [(kind, t) for kind, (x, t) in zip(LATE, answers, strict=True) if x.ok]
    # Deleted with nothing in between, it has to be shown as the update left it (OBJ-09).
    await s.api.delete(crew.lone.id)
