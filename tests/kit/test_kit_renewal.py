"""Tokens that run out during a run: renewed once for all, or told as what they are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from kit_doubles import BASE_URL, NOW, TOKEN, FakeTime, error_body, jwt_of, run, success, wire_to

from conformance.kit.client import Client
from conformance.kit.credentials import (
    NO_CREDENTIAL,
    Credential,
    altered,
    bearer,
    lower_case_scheme,
    not_a_jwt,
)
from conformance.kit.exchange import Exchange, Redactor
from conformance.kit.ledger import Ledger
from conformance.kit.preflight import Refused, greet
from conformance.kit.renewal import RENEW_BEFORE_S, RENEW_EVERY_S, Renewal, TokenRanOut
from conformance.kit.settings import Settings, UsageProblem
from conformance.kit.target import Target, target_with
from conformance.kit.wire import Wire

FRESH = jwt_of(sub="ann", exp=NOW + 7200, note="made up, the second one")
UNAUTHORIZED = httpx.Response(401, json=error_body("UnauthorizedError"))


class Door:
    """A target that lets in the tokens it is told of, and keeps what each request carried."""

    def __init__(self, *valid: str) -> None:
        self.valid = {f"Bearer {token}" for token in valid}
        self.carried: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        carried = request.headers.get("authorization", "")
        self.carried.append(carried)
        # The others come to the door, too, before the first is answered.
        await asyncio.sleep(0)
        if carried in self.valid:
            return success({"contacts": []})
        return httpx.Response(401, content=UNAUTHORIZED.content)


class Command:
    """A token command: prints from a list, the last again and again; None: it fails."""

    def __init__(self, *tokens: str | None) -> None:
        self.tokens = list(tokens)
        self.threads: list[int] = []

    def __call__(self) -> str:
        self.threads.append(threading.get_ident())
        token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        if token is None:
            raise UsageProblem("--token-command", None, "the command ended with status 1")
        return token


class Desk:
    """What the stage does with a renewal: keeps the target, the notes and the secrets."""

    def __init__(self, command: Command | None, token: str = TOKEN, **others: str) -> None:
        second = others.get("second")
        self.target = target_with(BASE_URL, token, second, None, None)
        self.time = FakeTime()
        self.notes: list[str] = []
        self.redact = Redactor()
        self.seen: list[Exchange] = []
        self.first = self.target.accounts["first"]
        note = self.notes.append
        self.renewal = Renewal(self.target, command, self._renewed, note, clock=self.time)

    def _renewed(self, target: Target) -> None:
        self.target = target
        self.redact.add(target.token)

    @asynccontextmanager
    async def wire(self, door: Door, settings: Settings) -> AsyncIterator[Wire]:
        async with wire_to(door, settings, time=self.time) as wire:
            wire.renewal = self.renewal
            wire.observers.append(self.seen.append)
            yield wire

    def ask(
        self, door: Door, settings: Settings, *credentials: Credential, times: int = 1
    ) -> list[int]:
        """Send a list with each credential, all at once; return the statuses."""

        async def act() -> list[int]:
            async with self.wire(door, settings) as wire:
                clients = [
                    Client(wire, Ledger(None, {}), c, "first") for c in credentials or [self.first]
                ]
                answers = await asyncio.gather(*(c.list() for c in clients * times))
            return [x.status for x in answers]

        return run(act())


def test_eight_requests_refused_at_once_ask_the_command_once(settings: Settings) -> None:
    door, command = Door(FRESH), Command(FRESH)

    statuses = Desk(command).ask(door, settings, times=8)

    assert statuses == [200] * 8
    assert len(command.threads) == 1
    assert door.carried == [f"Bearer {TOKEN}"] * 8 + [f"Bearer {FRESH}"] * 8


def test_the_command_runs_beside_the_event_loop(settings: Settings) -> None:
    command = Command(FRESH)

    Desk(command).ask(Door(FRESH), settings)

    assert command.threads != [threading.get_ident()]


def test_a_request_is_repeated_once_only(settings: Settings) -> None:
    door, command = Door(), Command(FRESH)

    statuses = Desk(command).ask(door, settings)

    assert statuses == [401]
    assert door.carried == [f"Bearer {TOKEN}", f"Bearer {FRESH}"]


@pytest.mark.parametrize(
    "credential",
    [NO_CREDENTIAL, not_a_jwt(), altered(TOKEN), lower_case_scheme(TOKEN), bearer(TOKEN)],
    ids=["none", "no JWT", "altered", "lower case", "made by a scene"],
)
def test_credentials_that_a_scene_made_renew_nothing(
    settings: Settings, credential: Credential
) -> None:
    door, command = Door(FRESH), Command(FRESH)

    statuses = Desk(command).ask(door, settings, credential)

    assert statuses == [401]
    assert command.threads == []
    assert len(door.carried) == 1


def test_a_command_that_fails_leaves_the_401_and_a_note(settings: Settings) -> None:
    door, command = Door(FRESH), Command(None)
    desk = Desk(command)

    statuses = desk.ask(door, settings, times=8)

    assert statuses == [401] * 8
    assert len(door.carried) == len(desk.seen) == 8
    assert len(command.threads) == 1
    assert desk.notes == ["no fresh token: --token-command: the command ended with status 1"]


def test_a_command_that_failed_is_asked_again_after_a_while(settings: Settings) -> None:
    door, command = Door(FRESH), Command(None, FRESH)
    desk = Desk(command)

    statuses = [*desk.ask(door, settings), *desk.ask(door, settings)]
    desk.time.now += RENEW_EVERY_S
    statuses += desk.ask(door, settings)

    assert statuses == [401, 401, 200]
    assert len(command.threads) == 2


def test_a_command_that_prints_the_same_token_is_no_help(settings: Settings) -> None:
    door, desk = Door(), Desk(Command(TOKEN))

    assert desk.ask(door, settings) == [401]
    assert len(door.carried) == 1
    assert "printed the one in use again" in desk.notes[0]


@pytest.mark.parametrize(("left", "asked"), [(RENEW_BEFORE_S - 1, 1), (RENEW_BEFORE_S + 1, 0)])
def test_a_token_about_to_run_out_is_renewed_beforehand(
    settings: Settings, left: float, asked: int
) -> None:
    ending = jwt_of(sub="ann", exp=NOW + left)
    door, command = Door(ending, FRESH), Command(FRESH)

    statuses = Desk(command, ending).ask(door, settings, times=8)

    assert statuses == [200] * 8
    assert len(command.threads) == asked
    assert set(door.carried) == {f"Bearer {FRESH if asked else ending}"}


def test_a_fresh_token_is_the_target_s_and_shown_in_no_report(settings: Settings) -> None:
    opaque = "k9.Zm9yIHRoZSB0ZXN0.c2lnbmVk-with-nothing"
    desk = Desk(Command(opaque))

    desk.ask(Door(opaque), settings)

    assert desk.target.token == opaque
    assert desk.target.accounts["first"].shown == (("Authorization", "Bearer $CONTACTS_TOKEN"),)
    assert opaque not in desk.redact(f"the answer quotes {opaque}")
    assert all(opaque not in str(x.request.headers) for x in desk.seen)


def test_a_401_to_a_good_token_stays_evidence(settings: Settings) -> None:
    desk = Desk(Command(FRESH))

    desk.ask(Door(FRESH), settings)

    assert [x.status for x in desk.seen] == [401, 200]
    assert any("401 to a token that had not run out" in note for note in desk.notes)


# --- tokens that nothing renews ----------------------------------------------------------------


def ended(make: Callable[[Desk], Credential], desk: Desk, settings: Settings) -> TokenRanOut:
    desk.time.now = NOW + 3601
    with pytest.raises(TokenRanOut) as caught:
        desk.ask(Door(), settings, make(desk))
    return caught.value


@pytest.mark.parametrize(
    "make",
    [lambda d: d.first, lambda _: altered(TOKEN), lambda _: lower_case_scheme(TOKEN)],
    ids=["the token", "a wrong one made of it", "a right one made of it"],
)
def test_a_static_token_that_ran_out_is_no_evidence(
    settings: Settings, make: Callable[[Desk], Credential]
) -> None:
    desk = Desk(None)

    problem = ended(make, desk, settings)

    assert problem.kind == "premise"
    assert problem.reason.startswith("the token given with --token expired at ")
    assert problem.reason.endswith("; give --token-command or a longer-lived one")
    assert desk.notes == [problem.reason]
    assert desk.seen == []


def test_a_token_that_ran_out_is_sent_no_more(settings: Settings) -> None:
    desk, door = Desk(None), Door()
    ended(lambda d: d.first, desk, settings)

    with pytest.raises(TokenRanOut):
        desk.ask(door, settings)

    assert door.carried == []


def test_requests_that_need_no_good_token_go_on(settings: Settings) -> None:
    desk = Desk(None)
    ended(lambda d: d.first, desk, settings)

    assert desk.ask(Door(), settings, NO_CREDENTIAL, not_a_jwt()) == [401, 401]
    assert len(desk.seen) == 2


def test_a_second_user_s_token_that_ran_out_is_told_as_such(settings: Settings) -> None:
    desk = Desk(Command(FRESH), second=jwt_of(sub="bob", exp=NOW + 60))

    problem = ended(lambda d: d.target.accounts["second"], desk, settings)

    assert problem.reason.startswith("the token given with --second-token expired at ")
    assert problem.reason.endswith("; give a longer-lived one")


def test_a_token_that_ran_out_and_a_command_that_fails_are_no_evidence(settings: Settings) -> None:
    desk = Desk(Command(None))

    problem = ended(lambda d: d.first, desk, settings)

    assert "no fresh one came from --token-command" in problem.reason
    assert desk.seen == []


def test_a_refused_token_that_has_not_run_out_is_a_401(settings: Settings) -> None:
    desk = Desk(None)

    assert desk.ask(Door(), settings) == [401]
    assert len(desk.seen) == 1


def test_a_create_that_the_token_ran_out_on_leaves_nothing_to_look_for(settings: Settings) -> None:
    desk, ledger = Desk(None), Ledger(None, {})
    desk.time.now = NOW + 3601

    async def act() -> None:
        async with desk.wire(Door(), settings) as wire:
            await Client(wire, ledger, desk.first, "first").create({"first_name": "Nobody"})

    with pytest.raises(TokenRanOut):
        run(act())
    assert ledger.lost() == ledger.live() == []


def test_a_token_that_runs_out_before_the_first_answer_is_refused(settings: Settings) -> None:
    desk = Desk(None)
    desk.time.now = NOW + 3601

    async def act() -> None:
        async with desk.wire(Door(), settings) as wire:
            await greet(Client(wire, Ledger(None, {}), desk.first, "first"))

    with pytest.raises(Refused, match=r"--token: the target refuses it: .* expired at") as caught:
        run(act())
    assert caught.value.exit_status == 4
