"""Requests without credentials, and with ones that are wrong in each documented way."""

from __future__ import annotations

from conformance.kit import credentials
from conformance.kit.client import Client, encode
from conformance.kit.credentials import NO_CREDENTIAL, Credential
from conformance.kit.exchange import OPERATIONS, Exchange
from conformance.kit.expect import PremiseFailed
from conformance.kit.stage import Scene, scene
from conformance.scenes.common import UNKNOWN_ID, Made, discard_found, factory, make_all

BY_ID = ("get", "update", "delete", "archive", "restore")
GUESSES = ("secret", "conformance-guess")
SOME = {
    "no JWT": ("list", "create", "delete"),
    "other scheme": ("list", "get", "delete"),
    "bare": ("search",),
    "unsigned": ("list", "get", "create", "delete"),
    "guessed": ("list", "update", "archive"),
    "random key": ("get", "delete", "search"),
}


@scene()
async def access(s: Scene) -> None:
    """Try all operations with wrong credentials on two contacts, then see whether they changed."""
    people = factory(s)
    victim, hidden = await make_all(s, people.named(), people.named())
    await s.api.archive(hidden.id)
    s.out.victim = victim
    s.out.body = people.named()
    s.out.before, s.out.before_hidden = await s.all(
        s.api.get(victim.id), s.api.get(hidden.id)
    )
    trials = Trials(s, victim, hidden)
    s.out.anonymous = await trials.run(NO_CREDENTIAL, OPERATIONS)
    s.out.anonymous += await trials.run(NO_CREDENTIAL, BY_ID, unknown=True)
    token = s.target.token
    s.out.altered = await trials.run(credentials.altered(token), OPERATIONS)
    s.out.no_jwt = await trials.run(credentials.not_a_jwt(), SOME["no JWT"])
    s.out.scheme = await trials.run(
        credentials.other_scheme(token, "Basic"), SOME["other scheme"]
    )
    s.out.unsigned = await trials.run(credentials.unsigned(token), SOME["unsigned"])
    s.out.guessed = []
    for key, name in zip(GUESSES, ("guessed", "random key"), strict=True):
        s.out.guessed += await trials.run(credentials.resigned(token, key), SOME[name])
    await _aftermath(s, victim, hidden)


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
        body = encode({"city": "Elsewhere"}) if operation == "update" else None
        return await api.call(operation, UNKNOWN_ID if unknown else contact_id, body=body)


async def _aftermath(s: Scene, victim: Made, hidden: Made) -> None:
    first = s.out.body["first_name"]
    answers = await s.all(
        s.api.get(victim.id),
        s.api.get(hidden.id),
        s.api.list(search=first),
        s.api.search(name=first),
    )
    s.out.after, s.out.after_hidden, *s.out.found = answers
    await discard_found(s, *s.out.found, word=first)


@scene()
async def expired(s: Scene) -> None:
    """Read, create and delete with a token that has run out."""
    token = s.target.expired_token
    if token is None:
        raise PremiseFailed("give --expired-token to have it evaluated", "token")
    people = factory(s)
    (victim,) = await make_all(s, people.minimal())
    variable = "$CONTACTS_EXPIRED_TOKEN"
    api = s.api.speaking_as(credentials.bearer(token, variable, "an expired token"))
    body = people.minimal()
    s.out.answers = await s.all(
        api.list(), api.get(victim.id), api.create(body), api.update(victim.id, {"city": "Gone"})
    )
    s.out.answers.append(await api.delete(victim.id))
