"""Attempts: what becomes of one generated request, and whether its case allows that.

Only the scene of generated requests imports this module, and hypothesis with it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Coroutine
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy

from conformance.kit.client import JSON_TYPE, encode
from conformance.kit.compare import coerced, differing
from conformance.kit.exchange import Exchange
from conformance.kit.expect import PremiseFailed
from conformance.kit.scene import Scene
from conformance.scenes.common import Made, discard, factory, has_id, make, make_all
from fixtures import strategies
from fixtures.factories import LISTED
from fixtures.strategies import Case, Legal

REFUSALS = {400: Legal.REFUSED, 413: Legal.TOO_LARGE}
LONGEST_MARKS = 3


@dataclass(frozen=True)
class Breach:
    """An example that breaks its clause."""

    expected: str
    actual: str
    exchange: Exchange


@dataclass(frozen=True)
class Kind:
    """A kind of generated request, the clause that judges it, and how one is tried."""

    clause: str
    name: str
    strategy: SearchStrategy[Any]
    attempt: Callable[[Any], Coroutine[Any, Any, Breach | None]]


async def kinds(s: Scene, chosen: Container[str] | None = None) -> list[Kind]:
    """Return the kinds of the selected clauses, and make the contacts that they need.

    `chosen` names some that do without contacts; otherwise they are all, with a contact to change
    and some that a wildcard would find.
    """
    people = factory(s)
    # The token shares no letter with an email, nor the word with the token.
    word, token = people.word(), people.name(LISTED)
    lengths = range(1, LONGEST_MARKS + 1) if chosen is None else ()
    names = [f"{word}{'x' * length}{word}" for length in lengths]
    near = await make_all(
        s,
        *(
            people.named(first_name=name, last_name=token, email=people.email(name))
            for name in names
        ),
    )
    edited = await make(s.api, people.named()) if chosen is None else None
    bodies, searches = Bodies(s, edited), Searches(s, near, word, token)
    creates = (
        ("CREATE-02", "valid creates", strategies.valid_creates()),
        ("CREATE-08", "creates with malformed emails", strategies.malformed_email_bodies("create")),
        ("CREATE-09", "creates of wrong types", strategies.wrong_types("create")),
        ("CREATE-10", "creates that are no objects", strategies.no_objects("create")),
        ("CREATE-15", "creates in other scripts", strategies.unicode_creates()),
        ("CREATE-18", "long creates", strategies.long_creates()),
        ("CREATE-20", "dangerous creates", strategies.dangerous_creates()),
        ("CREATE-21", "odd creates", strategies.odd_creates()),
        ("CREATE-23", "creates with unusual emails", strategies.unusual_email_creates()),
    )
    updates = (
        ("UPDATE-02", "valid updates", strategies.valid_updates()),
        ("UPDATE-06", "updates of wrong types", strategies.wrong_types("update")),
        ("UPDATE-06", "updates with malformed emails", strategies.malformed_email_bodies("update")),
        ("UPDATE-06", "updates that are no objects", strategies.no_objects("update")),
    )
    everything = [
        *(Kind(*kind, bodies.create) for kind in creates),
        Kind("LIST-15", "odd list searches", strategies.odd_words(token), searches.odd_word),
        Kind("SEARCH-06", "odd searches", strategies.odd_words(token), searches.odd_name),
        Kind("SEARCH-06", "searches for marks", strategies.marks(LONGEST_MARKS), searches.marks),
        *(Kind(*kind, bodies.update) for kind in updates),
    ]
    return [
        kind
        for kind in everything
        if kind.clause in s.settings.selected and (chosen is None or kind.name in chosen)
    ]


class Bodies:
    """Attempts with the bodies of creates and updates."""

    def __init__(self, s: Scene, edited: Made | None) -> None:
        """Take the contact that the updates change; None: nothing is updated."""
        self._scene, self._edited = s, edited
        self._people = factory(s)

    async def create(self, case: Case) -> Breach | None:
        """Create, read back what was taken, and delete it."""
        payload = {**self._people.named(), **case.fields}
        body = encode(payload) if case.body is None else case.body
        x = await self._scene.api.create_raw(body, payload)
        get = await self._scene.api.get(str(x.contact["id"])) if has_id(x) else None
        await discard(self._scene, x)
        return self._judge(case, payload, x, get)

    async def update(self, case: Case) -> Breach | None:
        """Update a contact, and read back what was taken."""
        body = encode(dict(case.fields)) if case.body is None else case.body
        if self._edited is None:
            raise PremiseFailed("there is no contact to update")
        api, contact_id = self._scene.api, self._edited.id
        x = await api.call("update", contact_id, body=body, headers=(JSON_TYPE,))
        get = await api.get(contact_id) if x.ok else None
        return self._judge(case, dict(case.fields), x, get)

    def _judge(
        self, case: Case, sent: dict[str, Any], x: Exchange, get: Exchange | None
    ) -> Breach | None:
        for answer in (x, get):
            if answer is not None and not case.legal & _outcomes(case, sent, answer):
                legal = " or ".join(sorted(case.legal))
                expected = f"{legal}, for {case} (--seed {self._scene.settings.seed} repeats it)"
                return Breach(expected, _actual(case, sent, answer), answer)
        return None


def _outcomes(case: Case, sent: dict[str, Any], x: Exchange) -> set[Legal]:
    """Return which outcomes an answer may count as."""
    if not x.ok:
        return {REFUSALS[x.status]} if x.status in REFUSALS else set()
    if case.body is not None:
        return set()
    wrong = differing(sent, x.contact, sent)
    if not wrong:
        return {Legal.STORED}
    kept = all(
        name in case.fields and coerced(value, x.contact.get(name))
        for name, (value, _) in wrong.items()
    )
    return {Legal.COERCED} if kept else set()


def _actual(case: Case, sent: dict[str, Any], x: Exchange) -> str:
    shown = {name: x.contact.get(name) for name in case.fields or sent} if x.ok else {}
    return f"{x.status}" + (f" with {shown!r}" if shown else "")


class Searches:
    """Attempts with search texts, on contacts that a wildcard would match and the text does not."""

    def __init__(self, s: Scene, near: list[Made], word: str, token: str) -> None:
        """Take the contacts that are near the texts, and the words that they are made of."""
        self._scene, self._near, self._word, self._token = s, near, word, token
        self._people = factory(s)

    async def odd_word(self, text: str) -> Breach | None:
        """Search the list for a text that shares two letters with the contacts (LIST-15)."""
        x = await self._scene.api.list(search=text)
        return self._unlike(x, text)

    async def odd_name(self, text: str) -> Breach | None:
        """Search by name for such a text (SEARCH-06)."""
        x = await self._scene.api.search(name=text)
        return self._unlike(x, text)

    async def marks(self, marks: str) -> Breach | None:
        """Search for punctuation inside a name: who has it is found, who is near is not."""
        api, word = self._scene.api, self._word
        text = f"{word[-4:]}{marks}{word[:4]}"
        made = await api.create(self._people.named(first_name=f"{word}{marks}{word}"))
        by_name, by_email = await self._scene.all(api.search(name=text), api.search(email=text))
        await discard(self._scene, made)
        stored = made.ok and made.contact.get("first_name") == f"{word}{marks}{word}"
        if stored and by_name.ok and made.contact.get("id") not in by_name.ids:
            return self._breach(f"the contact with {text!r} in its name", "nobody", by_name)
        return self._unlike(by_name, text) or self._unlike(by_email, text)

    def _unlike(self, x: Exchange, text: str) -> Breach | None:
        if x.status != 200:
            return self._breach(f"200 for the text {text!r}", str(x.status), x)
        found = [made for made in self._near if made.id in x.ids]
        if not found:
            return None
        shown = ", ".join(str(made.record.get("full_name")) for made in found)
        return self._breach(f"no contact unlike {text!r}", shown, x)

    def _breach(self, expected: str, actual: str, x: Exchange) -> Breach:
        seed = self._scene.settings.seed
        return Breach(f"{expected} (--seed {seed} repeats it)", actual, x)
