"""Requests without credentials, and with ones that are wrong in each documented way."""

from __future__ import annotations

from conformance.kit import credentials
from conformance.kit.client import Client, encode
from conformance.kit.credentials import NO_CREDENTIAL, Credential
from conformance.kit.exchange import OPERATIONS, Exchange
from conformance.kit.scene import Scene, scene
from conformance.scenes.common import (
    UNKNOWN_ID,
    Made,
    borrow,
    discard_found,
    factory,
    has_id,
)

ELSEWHERE = "Elsewhere"
"""The city that every refused update would set."""
GUESS = "secret"
KNOWN = tuple(operation for operation in OPERATIONS if operation != "get")
UNKNOWN = ("get", "delete", "restore")
"""A read that is let through changes nothing, so that an unknown id tells as much as a known one."""
SOME = {
    "altered": ("list",),
    "cut short": ("create",),
    "no JWT": ("get",),
    "other scheme": ("update",),
    "unsigned": ("get", "search", "update", "restore"),
    "Unsigned": ("archive",),
    "guessed": ("list",),
    "unreadable": ("delete",),
    "expired": OPERATIONS,
}
"""Each operation meets a token that has the form of a good one: routes check for themselves."""


@scene(costs=41, needs=("shelf",))
async def access(s: Scene) -> None:
    """Try all operations with wrong credentials on two contacts, then see whether they changed."""
    people = factory(s)
    victim, hidden = await borrow(s, 1), await borrow(s, 4)
    s.out.before_hidden = await s.api.archive(hidden.id)
    s.out.victim, s.out.hidden = victim, hidden
    s.out.body = people.named()
    trials = Trials(s, victim, hidden)
    s.out.anonymous = await trials.run(NO_CREDENTIAL, KNOWN)
    s.out.anonymous += await trials.run(NO_CREDENTIAL, UNKNOWN, unknown=True)
    token = s.target.token
    s.out.altered = await trials.run(credentials.altered(token), SOME["altered"])
    s.out.altered += await trials.run(credentials.cut_short(token), SOME["cut short"])
    s.out.no_jwt = await trials.run(credentials.not_a_jwt(), SOME["no JWT"])
    s.out.no_jwt += await trials.run(credentials.unreadable(token), SOME["unreadable"])
    s.out.scheme = await trials.run(credentials.other_scheme(token, "Basic"), SOME["other scheme"])
    s.out.unsigned = await trials.run(credentials.unsigned(token), SOME["unsigned"])
    s.out.unsigned += await trials.run(credentials.unsigned(token, "None"), SOME["Unsigned"])
    s.out.guessed = await trials.run(credentials.resigned(token, GUESS), SOME["guessed"])
    await _others(s)
    s.out.expired = await _expired(s, trials)
    await _aftermath(s, victim, hidden)


async def _others(s: Scene) -> None:
    """Try a key alone, the scheme in lower case, and bodies that are wrong as well."""
    token = s.target.token
    key = s.api.speaking_as(credentials.api_key(token))
    lower = s.api.speaking_as(credentials.lower_case_scheme(token))
    nobody = s.api.speaking_as(NO_CREDENTIAL)
    *s.out.api_key, s.out.lower, one, two, three, four = await s.all(
        key.list(),
        key.search(),
        key.create(s.out.body),
        lower.list(limit=1),
        # What one target takes for text, another refuses: these bodies are wrong for all of them.
        nobody.create({"first_name": {"a": 1}, "email": "no address"}),
        nobody.create_raw(b'{"first_name": "Cut'),
        nobody.update(UNKNOWN_ID, {"first_name": {"a": 1}, "email": "no address"}),
        nobody.call("update", UNKNOWN_ID, body=b'{"first_name": "Cut'),
    )
    s.out.invalid = [one, two, three, four]


async def _expired(s: Scene, trials: Trials) -> list[Exchange]:
    """Try a token that has run out, where there is one."""
    token = s.target.expired_token
    if token is None:
        return []
    credential = credentials.bearer(token, "$CONTACTS_EXPIRED_TOKEN", "an expired token")
    return await trials.run(credential, SOME["expired"])


class Trials:
    """Performs operations with a credential on the contacts set up for it."""

    def __init__(self, s: Scene, victim: Made, hidden: Made) -> None:
        """Remember the active contact and the archived one, on which restore is tried."""
        self._scene, self._victim, self._hidden = s, victim, hidden

    async def run(
        self, credential: Credential, operations: tuple[str, ...], *, unknown: bool = False
    ) -> list[Exchange]:
        """Perform the operations side by side, on real ids or on one that is unknown."""
        api = self._scene.api.speaking_as(credential)
        return await self._scene.all(*(self._step(api, name, unknown) for name in operations))

    async def _step(self, api: Client, operation: str, unknown: bool) -> Exchange:
        if operation == "create":
            return await api.create(self._scene.out.body)
        if operation in ("list", "search"):
            return await api.call(operation)
        contact_id = (self._hidden if operation == "restore" else self._victim).id
        body = encode({"city": ELSEWHERE}) if operation == "update" else None
        return await api.call(operation, UNKNOWN_ID if unknown else contact_id, body=body)


async def _aftermath(s: Scene, victim: Made, hidden: Made) -> None:
    first = s.out.body["first_name"]
    answers = await s.all(
        s.api.get(victim.id),
        s.api.list(search=hidden.sent["first_name"], archived=True),
        s.api.list(search=first),
    )
    s.out.after, s.out.after_hidden, *s.out.found = answers
    await discard_found(s, *s.out.found, word=first)
    tried = [*s.out.anonymous, *s.out.altered, *s.out.unsigned, *s.out.expired, *s.out.api_key]
    await _undo(s, tried)


async def _undo(s: Scene, answers: list[Exchange]) -> None:
    """Delete what creates without good credentials made, perhaps under another account.

    None of it counts as a contact of this account any longer.
    """
    for made in (x for x in answers if x.operation == "create" and has_id(x)):
        contact_id = str(made.contact["id"])
        if (await s.api.delete(contact_id)).status == 404:
            s.api.ledger.gone(contact_id)
