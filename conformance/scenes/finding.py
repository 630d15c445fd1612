"""Looking for contacts: the fuzzy `search` of the list, and the substring search."""

from __future__ import annotations

from typing import Any

from conformance.kit.scene import Scene, scene
from conformance.scenes.common import factory, make_all
from fixtures.factories import LISTED

WILDCARDS = ("%", "_", "*", ".", "\\")


@scene(costs=6)
async def people(s: Scene) -> None:
    """Create the contacts that searches look for: one to find, one not to, and odd ones."""
    maker = factory(s)
    word = maker.name()
    s.out.elsewhere = word
    # What only the other fields hold, no search finds (LIST-14).
    elsewhere = dict.fromkeys(("company", "license_number", "street_address", "city"), word)
    s.out.found, s.out.decoy, s.out.lone = await make_all(
        s,
        maker.named(
            first_name=_with_i(maker.name()),
            last_name=_with_i(maker.name()),
            email=maker.email(_with_i(maker.word())),
            notes=f"Met at {word}, twice",
            tags=[word],
            **elsewhere,
        ),
        maker.named(),
        maker.minimal(),
    )
    s.out.ids = {m.id for m in (s.out.found, s.out.decoy, s.out.lone)}
    s.out.absent = maker.word(LISTED)


def _with_i(word: str) -> str:
    """Return the word with a letter whose capital is not the same in every language."""
    return f"{word[:5]}i{word[6:]}"


@scene(costs=5)
async def punctuated(s: Scene) -> None:
    """Create a contact whose names and email hold wildcards, and look for it by them."""
    maker = factory(s)
    a, b, c, d = (maker.word(length=5) for _ in range(4))
    payload = maker.named(
        first_name=f"{a.capitalize()}%{b}_{c}*{d}",
        last_name=f"O'{b}.{c}\\{d}\"{a}",
        email=f"{a}_{b}.{c}+{d}@example.com",
    )
    s.out.create = await s.api.create(payload)
    s.out.by_first, s.out.by_last, s.out.by_email = await s.all(
        s.api.search(name=payload["first_name"]),
        s.api.search(name=payload["last_name"]),
        s.api.search(email=payload["email"].partition("@")[0]),
    )


@scene(costs=15, needs=("people",))
async def searches(s: Scene) -> None:
    """Ask the substring search for one contact in many ways; keep (what, query, exchange)."""
    crew = await s.of("people")
    found, decoy, lone = crew.found, crew.decoy, crew.lone
    first, last, email = (found.sent[name] for name in ("first_name", "last_name", "email"))
    full = found.record.get("full_name") or f"{first} {last}"
    local = email.partition("@")[0]
    middle = len(full) // 2
    hits = {
        "the start of the full name": {"name": full[:6]},
        # One record is all there is, so a limit of 1 cuts nothing, unless it comes before the filter.
        "the end of the full name": {"name": full[-6:], "limit": 1},
        "a part across the space": {"name": full[middle - 5 : middle + 5]},
        "the middle of the last name in upper case": {"name": last[3:9].upper()},
    }
    by_email = {
        "the middle of the email": {"email": local[3:9]},
        "its end and the domain": {"email": email[len(local) - 5 :], "limit": 1},
        "a part of the email in upper case": {"email": local[2:10].upper()},
    }
    swapped = first[:4] + ("x" if first[4] != "x" else "y") + first[5:]
    misses = {
        "the first name with one letter changed": {"name": swapped},
        "a part of the email, asked as name": {"name": local[1:11]},
        "its company, asked as name": {"name": found.sent["company"]},
        "another contact's name, asked as email": {"email": decoy.sent["first_name"].lower()},
    }
    both = {
        "name and email of the same contact": {"name": first, "email": local},
        "name of one and email of another": {
            "name": first,
            "email": decoy.sent["email"].partition("@")[0],
        },
    }
    groups: dict[str, dict[str, dict[str, Any]]]
    groups = {"name": hits, "email": by_email, "misses": misses, "both": both}
    groups["lone"] = {
        "the only name of a contact without last name and email": {"name": lone.sent["first_name"]}
    }
    groups["role"] = {"a role that no contact has": {"name": first, "role": crew.absent}}
    await _ask(s, groups)


async def _ask(s: Scene, groups: dict[str, dict[str, dict[str, Any]]]) -> None:
    questions = [(g, what, query) for g, asked in groups.items() for what, query in asked.items()]
    answers = await s.all(*(s.api.search(**query) for _, _, query in questions))
    for name in groups:
        kept = [(what, x) for (g, what, _), x in zip(questions, answers, strict=True) if g == name]
        setattr(s.out, name, kept)


@scene(costs=10, needs=("people",))
async def wildcards(s: Scene) -> None:
    """Put characters that other languages read as wildcards into the middle of a real name."""
    crew = await s.of("people")
    first = crew.found.sent["first_name"].lower()
    local = crew.found.sent["email"].partition("@")[0]
    names = [_disturbed(first, mark) for mark in WILDCARDS]
    emails = [_disturbed(local, mark) for mark in WILDCARDS]
    answers = await s.all(
        *(s.api.search(name=text) for text in names),
        *(s.api.search(email=text) for text in emails),
    )
    s.out.names = list(zip(names, answers[: len(names)], strict=True))
    s.out.emails = list(zip(emails, answers[len(names) :], strict=True))


def _disturbed(word: str, mark: str) -> str:
    """Replace one letter by a one-letter wildcard, or put an escape between letters."""
    if mark in "_.":
        return f"{word[1:4]}{mark}{word[5:9]}"
    if mark in "%*":
        return f"{word[1:4]}{mark}{word[6:10]}"
    return f"{word[1:4]}{mark}{word[4:9]}"


@scene(costs=9, needs=("people",))
async def list_searches(s: Scene) -> None:
    """Ask the list's search for contacts by what they are, by parts, and by what they are not."""
    crew = await s.of("people")
    found, lone = crew.found, crew.lone
    first, last, email = (found.sent[name] for name in ("first_name", "last_name", "email"))
    exact = {
        "first name": first,
        "last name": last,
        "full name": found.record.get("full_name") or f"{first} {last}",
        "email": email,
    }
    parts = {
        "first name in upper case": first.upper(),
        "first 6 letters of the last name": last[:6],
        "first 8 characters of the email in upper case": email[:8].upper(),
    }
    texts = [*exact.values(), *parts.values(), crew.elsewhere, lone.sent["first_name"]]
    answers = await s.all(*(s.api.list(search=text, limit=100) for text in texts))
    one, two = len(exact), len(exact) + len(parts)
    s.out.exact = list(zip(exact, answers[:one], strict=True))
    s.out.parts = list(zip(parts, answers[one:two], strict=True))
    s.out.elsewhere, s.out.lone = answers[two:]


@scene(costs=6, needs=("people",))
async def list_oddities(s: Scene) -> None:
    """Ask the list's search for texts that a careless query would take for syntax."""
    crew = await s.of("people")
    first = crew.found.sent["first_name"].lower()
    a, z = first[0], first[-1]
    texts = (
        f"{a}%{z}",
        f"{a}{'_' * (len(first) - 2)}{z}",
        f"{a}\\{z}",
        "' OR '1'='1",
        f"{a}; DROP TABLE contacts; --",
        "ñ漢字",
    )
    answers = await s.all(*(s.api.list(search=text, limit=100) for text in texts))
    s.out.asked = list(zip(texts, answers, strict=True))
