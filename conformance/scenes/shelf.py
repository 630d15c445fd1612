"""The shelf: a set of contacts under one last name, for paging, types, limits and creation.

Its size leaves a short last page, the fourth, at five a page, and fills the last exactly at eight.
"""

from __future__ import annotations

from typing import Any

import schemas
from conformance.kit.expect import premise
from conformance.kit.scene import Phase, Scene, scene
from conformance.scenes.common import WHOLE, Made, active_contacts, factory, has_id
from fixtures.factories import LISTED, ContactFactory

SIZE = 16
UNEVEN, EVEN = 5, 8
UNEVEN_PAGES = (1, 2, 3, 4)
NAMESAKES = 4
PAGED = "inspector"
"""In the middle of the types, by the alphabet and as documented; the shelf holds six of them.

So in any order by type they lie across the first two pages, and a tie is not left to chance (PAGE-07).
"""
PAGED_AT = (0, 2, 4, 6, 8, 10)
OTHERS = tuple(kind for kind in schemas.CONTACT_TYPES if kind != PAGED)
ASKED = tuple(kind for kind in OTHERS if kind not in ("buyer", WHOLE))
_REST = iter(OTHERS)
KINDS = tuple(PAGED if number in PAGED_AT else next(_REST) for number in range(SIZE))
"""The types of the contacts in the order of their creation: the newest are of several."""
TYPED = 3
DISTURBING = 2
"""Contacts created in the middle of a walk that they do not belong to."""
UNUSUAL_EMAILS = (
    "{word}+tag@example.com",
    "{word}.{other}.last@example.org",
    "4711{word}42@example.net",
    "{word}-{other}@example.com",
    "{word}@mail.sub.example.com",
    "{word}@sub-domain.example.org",
    "{word}_{other}@example.net",
)


@scene(costs=52)
async def shelf(s: Scene) -> None:
    """Fill the shelf, then read it in every way that paging and filtering are judged by."""
    people = factory(s)
    token = people.name(LISTED)
    s.out.token = token
    s.out.size = SIZE
    await _fill(s, people, token)
    s.out.ids = {made.id for made in s.out.made}
    await s.all(_pages(s, token), _types(s, token), _searches(s, token))
    s.out.nothing = await s.api.list(search=people.word(LISTED))


async def _fill(s: Scene, people: ContactFactory, token: str) -> None:
    # Contacts of one name tie in any order by name, which must be stable all the same (PAGE-07).
    firsts = [people.name() for _ in range(SIZE // NAMESAKES)]
    payloads = [
        _payload(people, token, number, firsts[number // NAMESAKES]) for number in range(SIZE)
    ]
    creates = await s.all(*(s.api.create(payload) for payload in payloads))
    s.out.creates = list(zip(payloads, creates, strict=True))
    refused = sum(1 for x in creates if not has_id(x))
    # One round of plain replacements: what was refused is for its own clause to judge.
    plain = [people.named(last_name=token) for _ in range(refused)]
    more = await s.all(*(s.api.create(payload) for payload in plain))
    everything = [*s.out.creates, *zip(plain, more, strict=True)]
    s.out.made = [Made(payload, x) for payload, x in everything if has_id(x)]
    premise(len(s.out.made) == SIZE, f"{SIZE} contacts could not be created", creates[-1])


def _payload(people: ContactFactory, token: str, number: int, first: str) -> dict[str, Any]:
    body = people.full(
        first_name=first,
        last_name=token,
        contact_type=KINDS[number],
    )
    if number % 4 != 2:
        # No type asks for more than the two required fields (CREATE-04).
        del body["license_number"], body["company"]
    # The odd addresses come last, where every type has been seen with a plain one.
    odd = number - (SIZE - len(UNUSUAL_EMAILS))
    if odd >= 0:
        body["email"] = UNUSUAL_EMAILS[odd].format(word=people.word(), other=people.word(length=5))
    return body


async def _pages(s: Scene, token: str) -> None:
    uneven = [s.api.list(search=token, page=n, limit=UNEVEN) for n in UNEVEN_PAGES]
    others = [
        s.api.list(search=token, page=2, limit=EVEN),
        s.api.list(search=token, page=3, limit=EVEN),
        s.api.list(search=token, limit=100),
        s.api.list(search=token, type=PAGED, limit=TYPED),
        s.api.list(search=token, type=PAGED, limit=TYPED, page=2),
    ]
    answers = await s.all(*uneven, *others)
    s.out.uneven, rest = answers[: len(uneven)], answers[len(uneven) :]
    s.out.even_last, s.out.beyond, s.out.hundred, *s.out.typed = rest
    s.out.again = await s.api.list(search=token, page=2, limit=UNEVEN)


async def _types(s: Scene, token: str) -> None:
    # Inspectors are asked for page by page, and others where they meet another filter.
    answers = await s.all(*(s.api.list(search=token, type=t, limit=100) for t in ASKED))
    s.out.by_type = dict(zip(ASKED, answers, strict=True))


async def _searches(s: Scene, token: str) -> None:
    s.out.searched = await s.api.search(name=token)


@scene(Phase.FULL_HOUSE, costs=12, needs=("shelf", "unwieldy"))
async def full_house(s: Scene) -> None:
    """Read without any filter while all contacts of the run are there."""
    people = factory(s)
    await s.of("unwieldy")
    await _disturbed_walk(s, people)
    before = await s.of("shelf")
    token = before.token
    s.out.active = active_contacts(s)
    s.out.list, s.out.search, s.out.limited = await s.all(
        s.api.list(),
        s.api.search(),
        # By now the shelf is not among the newest contacts: a limit applied before the filter
        # finds too few.
        s.api.search(name=token, limit=UNEVEN),
    )
    # So does one applied between two filters; this one is first in no order by time.
    premise(len(before.made) == SIZE, f"{SIZE} contacts could not be created")
    s.out.one = one = before.made[SIZE // 2]
    s.out.limited_to_one = await s.api.search(name=token, email=one.sent["email"], limit=1)


async def _disturbed_walk(s: Scene, people: ContactFactory) -> None:
    """Walk the shelf with creates outside its filter between the pages (PAGE-08)."""
    before = await s.of("shelf")
    absent = people.name(LISTED)
    s.out.empty = await s.api.list(search=absent)
    s.out.walk = []
    for page in (1, 2):
        s.out.walk.append(await s.api.list(search=before.token, page=page, limit=12))
        if page == 1:
            # Nothing else is created meanwhile, so these are two equal creates in a row (CREATE-13).
            body = people.named(first_name=absent, **await _email_of_hidden(s))
            s.out.twins = [await s.api.create(body) for _ in range(DISTURBING)]
    # The list that showed nobody before.
    s.out.appeared = await s.api.list(search=absent)


async def _email_of_hidden(s: Scene) -> dict[str, Any]:
    """Return the email of an archived contact, which others may have as well (CREATE-13)."""
    before = await s.if_played("filters")
    return {"email": before.made[3].sent["email"]} if before.has("made") else {}
