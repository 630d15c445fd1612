"""Creates inside the unambiguous middle: minimal, full, equal, and beyond ASCII."""

from __future__ import annotations

import unicodedata
from typing import Any

from conformance.kit.expect import premise
from conformance.kit.scene import Scene, scene
from conformance.scenes.common import Made, factory, has_id
from fixtures.factories import LISTED, ContactFactory

SCRIPTS = {
    "accents": "Žoë Ñandú Łukász Ğü",
    "cjk": "李小龍 山田太郎 김민준",
    "rtl": "مريم חיים",
    "emoji": "😀🏡❤️👩‍👩‍👧",
    "combining": "q̃x̌ạ̈",
}


@scene(costs=11)
async def creation(s: Scene) -> None:
    """Create a minimal contact, one at the bounds of the middle, and two equal ones."""
    people = factory(s)
    twin = people.full(last_name=people.name(LISTED))
    payloads = [people.minimal(), people.at_the_bounds(), twin, twin]
    creates = await s.all(*(s.api.create(payload) for payload in payloads))
    s.out.pairs = list(zip(payloads, creates, strict=True))
    s.out.minimal, s.out.bounds, *s.out.twins = s.out.pairs
    made = [(payload, x) for payload, x in s.out.pairs if has_id(x)]
    made = made[:2]  # The twins are there to exist; others of the kind are read from lists.
    gets = await s.all(*(s.api.get(str(x.contact["id"])) for _, x in made))
    s.out.read = [(payload, x, get) for (payload, x), get in zip(made, gets, strict=True)]
    s.out.found = [await s.api.search(email=twin["email"])]


@scene(costs=8)
async def beyond_ascii(s: Scene) -> None:
    """Create contacts in other scripts, then read and find them."""
    people = factory(s)
    payloads = [_mixed(people), _separate(people)]
    creates = await s.all(*(s.api.create(payload) for payload in payloads))
    s.out.creates = list(zip(payloads, creates, strict=True))
    made = [(payload, x) for payload, x in s.out.creates if has_id(x)]
    gets = await s.all(*(s.api.get(str(x.contact["id"])) for _, x in made))
    s.out.read = [(p, x, get) for (p, x), get in zip(made, gets, strict=True)]
    premise(has_id(creates[1]), "a contact with accents could not be created", creates[1])
    s.out.target = Made(payloads[1], creates[1])
    first = payloads[1]["first_name"]
    s.out.listed, s.out.searched = await s.all(
        s.api.list(search=first), s.api.search(name=first[4:20])
    )


def _mixed(people: ContactFactory) -> dict[str, Any]:
    text = " ".join(_nfc(value) for value in SCRIPTS.values())
    word = people.name()
    return people.named(
        first_name=f"{word} {text}",
        last_name=f"{text} {people.word()}",
        notes=text,
        tags=[_nfc(value).split()[0] for value in SCRIPTS.values()],
    )


def _separate(people: ContactFactory) -> dict[str, Any]:
    return people.named(
        first_name=f"{people.name()} {_nfc(SCRIPTS['accents'])}",
        last_name=f"{_nfc(SCRIPTS['rtl'])} {people.word()}",
        notes=_nfc(SCRIPTS["cjk"]),
        company=_nfc(SCRIPTS["combining"]),
        city=_nfc(SCRIPTS["emoji"]),
        tags=[_nfc(SCRIPTS["emoji"]), _nfc(SCRIPTS["combining"])],
    )


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
