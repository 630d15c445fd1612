"""Bodies that a target must refuse, or take without harm: malformed, wrong, long, dangerous.

These scenes run after the others and delete at once what came of them, so that a record which
spoils a broken target's lists condemns its own clause and not twenty others. Only what most targets
take for plain text is there while the full house is read, for which each contact counts.
"""

from __future__ import annotations

from typing import Any

import schemas
from conformance.kit.exchange import Exchange
from conformance.kit.scene import Phase, Scene, scene
from conformance.scenes.common import FORGED, borrow, discard, discard_found, factory, has_id
from fixtures.factories import ContactFactory

BAD_EMAILS = ("plainaddress", "@example.com", "someone@", "some one@example.com")
ALONE = ("is_archived", "id", "created_at")
DEPTH = 20_000
BAD_TYPES = ("buyers", "BUYER", "", None, 7)
BAD_TAGS: tuple[Any, ...] = ("text", [7], [{"a": 1}])
NO_OBJECTS = (b"[]", b"null")
BROKEN = (b'{"first_name":"Cut","contact_ty',)
SHAPED = ("first_name", "last_name", "email", "phone", "company", "notes", "zip_code")
WRONG_SHAPES: tuple[Any, ...] = (["a"], {"a": 1})
SCALARS: tuple[Any, ...] = (12345, True)


@scene(Phase.HOSTILE, costs=32)
async def bad_creates(s: Scene) -> None:
    """Send creates that must be refused; they all bear one first name, looked for at the end."""
    people = factory(s)
    name = people.name()
    base = people.named(first_name=name)
    s.out.name = name
    # Nothing else stands in for what is missing.
    rich = {**people.full(first_name=name), "email": base["email"]}
    without = {k: v for k, v in rich.items() if k != "first_name"}
    untyped = {k: v for k, v in rich.items() if k != "contact_type"}
    s.out.first_names = await _send(s, [without, {**rich, "first_name": None}])
    s.out.blanks = await _send(s, [{**base, "first_name": ""}, {**base, "first_name": "   "}])
    s.out.untyped = await _send(s, [untyped])
    s.out.types = await _send(s, [{**base, "contact_type": t} for t in BAD_TYPES])
    s.out.emails = await _send(s, [{**base, "email": e} for e in BAD_EMAILS])
    s.out.shapes = await _send(s, _wrong_shapes(base))
    s.out.scalars = await _send(s, _scalars(base))
    s.out.tags = await _send(s, [{**base, "tags": t} for t in BAD_TAGS])
    raw = [*BROKEN, *NO_OBJECTS, None]
    # One after the other: what is under way keeps a request for its delete, and few may be left.
    s.out.raw = [(body, await s.api.create_raw(body)) for body in raw]
    s.out.found = await s.all(s.api.list(search=name), s.api.list(search=base["email"]))
    await discard_found(s, *s.out.found, word=name)


def _wrong_shapes(base: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one body per text field with an object or an array in it."""
    return [{**base, name: WRONG_SHAPES[n % 2]} for n, name in enumerate(SHAPED)]


def _scalars(base: dict[str, Any]) -> list[dict[str, Any]]:
    """Return bodies with a number or a boolean in some text fields."""
    return [
        {**base, "notes": SCALARS[1]},
        {**base, "zip_code": SCALARS[0]},
    ]


async def _send(s: Scene, payloads: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Exchange]]:
    """Send creates side by side; delete at once what the target took."""
    answers = await s.all(*(s.api.create(payload) for payload in payloads))
    await discard(s, *answers)
    return list(zip(payloads, answers, strict=True))


@scene(Phase.FULL_HOUSE, costs=8)
async def unwieldy(s: Scene) -> None:
    """Create contacts of long, dangerous and forged values, which stay for the full house.

    Other scenes delete them and look at what was stored.
    """
    people = factory(s)
    long = [
        _long(people.named(), "first_name", 300, 1_000),
        _long(people.named(), "last_name", 5_000, 100_000),
    ]
    forged = {**people.minimal(email=people.email()), **FORGED}
    bodies = [*long, _dangerous(people), forged]
    made = list(zip(bodies, await s.all(*map(s.api.create, bodies)), strict=True))
    s.out.long, s.out.dangerous, s.out.forged = made[:2], made[2:3], made[3:]


@scene(Phase.HOSTILE, costs=1, needs=("unwieldy",))
async def forged_create(s: Scene) -> None:
    """See what came of a create with values for the fields that are the server's."""
    people = factory(s)
    s.out.tried = await _let_go(s, (await s.of("unwieldy")).forged)
    if s.out.tried[0][1].status == 400:
        # One field may have been refused for all: those that matter most are tried alone.
        alone = [{**people.named(), name: FORGED[name]} for name in ALONE]
        s.out.tried += await _hold(s, alone)


@scene(Phase.EXTRA, costs=4)
async def odd_texts(s: Scene) -> None:
    """Send NUL, control characters, a lone surrogate, and JSON nested very deep."""
    people = factory(s)
    texts = ("a\0b", "a\x01\x1b[31mb\x7f", "a\ud800b")
    # One after the other: what is under way keeps a request for its delete, and few are left.
    s.out.tried = [held for text in texts for held in await _hold(s, [people.named(notes=text)])]
    deep = b'{"first_name":"Deep","contact_type":"buyer","notes":' + b"[" * DEPTH + b"]" * DEPTH
    s.out.deep = await s.api.create_raw(deep + b"}")
    await discard(s, s.out.deep)


@scene(Phase.HOSTILE, costs=15, needs=("shelf",))
async def bad_updates(s: Scene) -> None:
    """Send updates that must be refused, each with a valid change beside the bad field."""
    people = factory(s)
    made = await borrow(s, 3)
    s.out.made = made
    listed = (await s.of("shelf")).hundred.records
    s.out.before = [made.record, *(r for r in listed if r.get("id") == made.id)]
    city = people.name()
    bad: list[dict[str, Any]] = [
        {"email": BAD_EMAILS[0]},
        # Two faults are one error all the same (ENV-03).
        {"email": BAD_EMAILS[-1], "state": {"a": 1}},
        {"first_name": {"a": 1}},
        {"contact_type": ["buyer"]},
        {"contact_status": {"a": 1}},
        {"tags": [{"a": 1}]},
    ]
    bodies = [{"city": city, **fields} for fields in bad]
    answers = await s.all(*(s.api.update(made.id, body) for body in bodies))
    s.out.refused = list(zip(bodies, answers, strict=True))
    s.out.good = await s.api.update(made.id, {"phone": people.full_update()["phone"]})
    # Coercions are legal here (rule 12), so these come with no change beside them.
    scalars = [{"company": 12345}, {"tags": "text"}]
    s.out.scalars = [(body, await s.api.update(made.id, body)) for body in scalars]
    raw = [*BROKEN, *NO_OBJECTS]
    texts = await s.all(*(s.api.call("update", made.id, body=body) for body in raw))
    s.out.raw = list(zip(raw, texts, strict=True))
    # A cache of what is read is filled by this, and must not outlive the delete.
    s.out.after = await s.api.get(made.id)
    s.out.delete = await s.api.delete(made.id)
    s.out.gone = await s.api.get(made.id)


@scene(Phase.HOSTILE, costs=2, needs=("unwieldy",))
async def long_texts(s: Scene) -> None:
    """See what came of long notes and names: together, and alone where one may not be at fault."""
    people = factory(s)
    s.out.tried = await _let_go(s, (await s.of("unwieldy")).long)
    for name, (body, whole, _) in zip(("first_name", "last_name"), list(s.out.tried), strict=True):
        if not whole.ok:
            by_notes = await _hold(s, [{**body, name: people.name()}])
            # Where the notes are taken, it is the name that was refused.
            by_name = [] if by_notes[0][1].ok else [{**body, "notes": "short"}]
            s.out.tried += [*by_notes, *await _hold(s, by_name)]


def _long(base: dict[str, Any], field: str, name_length: int, notes_length: int) -> dict[str, Any]:
    name = (base[field] + " ") * (name_length // 13 + 1)
    notes = "".join(f"{n:09d} " for n in range(notes_length // 10))
    return {
        **base,
        field: name[: name_length - 1] + "z",
        "notes": notes[: notes_length - 1] + "z",
    }


DECOMPOSED = "1 Cafe\u0301 Ma\u0308rz A\u030angstro\u0308m {word}"
"""Letters and combining marks for which Unicode has one code point too, in fields of their own."""


@scene(Phase.HOSTILE, costs=1, needs=("unwieldy",))
async def dangerous_texts(s: Scene) -> None:
    """See what came of text that means something to HTML, SQL, templates and file systems."""
    s.out.tried = await _let_go(s, (await s.of("unwieldy")).dangerous)


def _dangerous(people: ContactFactory) -> dict[str, Any]:
    word = people.word()
    html = f'<script>alert("{word}")</script>'
    sql = f"{word}'; DROP TABLE contacts; --"
    template = f"{{{{7*7}}}} ${{7*7}} {word}"
    path = f"../../etc/passwd {word} & <b>bold</b>"
    return people.named(
        first_name=f"{people.name()} {html}",
        last_name=DECOMPOSED.format(word=word),
        company=f"{template} $1 \\1 ${{x}} {path}",
        notes=f"{html} {sql} {template} {path} 100% \\n &amp;",
        street_address=DECOMPOSED.format(word=word),
        city=html,
        tags=[html, f"{sql}, {word}", template, path],
    )


Tried = list[tuple[dict[str, Any], Exchange, Exchange | None]]
"""What was sent, the create, and the delete where it shows the contact."""


async def _hold(s: Scene, bodies: list[dict[str, Any]]) -> Tried:
    """Create and delete at once."""
    creates = await s.all(*(s.api.create(body) for body in bodies))
    return await _let_go(s, list(zip(bodies, creates, strict=True)))


async def _let_go(s: Scene, held: list[tuple[dict[str, Any], Exchange]]) -> Tried:
    """Delete what was created: what a delete shows was stored, where it shows the whole contact."""
    made = {n: s.api.delete(str(x.contact["id"])) for n, (_, x) in enumerate(held) if has_id(x)}
    shown = dict(zip(made, await s.all(*made.values()), strict=True))
    whole = {n: x for n, x in shown.items() if set(schemas.CREATE_FIELDS) <= x.contact.keys()}
    return [(body, x, whole.get(n)) for n, (body, x) in enumerate(held)]
