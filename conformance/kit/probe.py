"""Carries the trial of a rate limiter out: an asyncio driver for `limiter_trial`.

It sends what the plan says, a 429 being an answer like any other, writes each create into a ledger
before it is sent, and keeps every exchange as evidence. It judges nothing: `limiter` does. How the
user's consent, and a server to spend, are come by is the plugin's matter.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from conformance.kit.budget import Budget, BudgetExhausted
from conformance.kit.cleaning import clean
from conformance.kit.client import Client, encode, outgoing_to
from conformance.kit.credentials import NO_CREDENTIAL, Credential
from conformance.kit.evidence import Evidence
from conformance.kit.exchange import Exchange, NotJson
from conformance.kit.expect import PremiseFailed
from conformance.kit.hosts import is_loopback
from conformance.kit.ledger import Entry, Ledger
from conformance.kit.limiter_answers import FIRST, NO_ANSWER, NO_CREDENTIALS, Answer, answer_of
from conformance.kit.limiter_steps import (
    BY_NAME,
    SECOND,
    Forecast,
    Pause,
    Reply,
    Shot,
    Step,
    Volley,
)
from conformance.kit.limiter_trial import Trial
from conformance.kit.outgoing import Outgoing, TargetUnavailable
from conformance.kit.renewal import Renewal
from conformance.kit.settings import Settings
from conformance.kit.target import Target
from conformance.kit.wire import Transport, Wire

SECOND_ADDRESS = "127.0.0.2"
REQUESTS_MOST = 5_000
"""What a trial may send where --max-requests says nothing."""
SAID_FROM_S = 10.0
"""A pause from this length on is announced."""


@dataclass(frozen=True)
class Ground:
    """A server whose rate limit may be spent.

    Attributes:
        target: where it is, with its tokens.
        own: whether it was started for the trial: nobody else uses it, and nothing on it lasts.
        transports: what reaches a server in this process, by the label of the source address.
        window_s: the length of its window in seconds, where it is known beforehand.
        clock: seconds since the epoch, as the server reads them.
        sleep: waits so many seconds of that clock.
    """

    target: Target
    own: bool = False
    transports: Mapping[str, Transport] = field(default_factory=dict)
    window_s: float | None = None
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep

    def addresses(self) -> tuple[str, ...]:
        """The labels of the source addresses that requests can come from."""
        second = SECOND in self.transports or (not self.transports and self._on_ipv4_loopback())
        return (FIRST, SECOND) if second else (FIRST,)

    def on_loopback(self) -> bool:
        """Whether it is on this machine's loopback, where proxies are often trusted (LIMIT-09)."""
        return is_loopback(urlsplit(self.target.base_url).hostname or "")

    def _on_ipv4_loopback(self) -> bool:
        try:
            address = ipaddress.ip_address(urlsplit(self.target.base_url).hostname or "")
        except ValueError:
            return False
        return address.version == 4 and address.is_loopback


Opening = Callable[[], AbstractContextManager[Ground]]
"""Starts what the trial needs, in a thread, and stops it again."""


@dataclass(frozen=True)
class Allowance:
    """What a trial may spend: requests, and seconds of waiting; None: no bound."""

    requests: int | None = None
    seconds: float | None = None

    def permits(self, forecast: Forecast) -> None:
        """Go on only where the trial fits.

        Raises:
            BudgetExhausted: it does not; the reason names the option that would allow it.

        """
        if self.seconds is not None and forecast.seconds > self.seconds:
            raise BudgetExhausted(
                f"the rate-limit probe would wait about {forecast.seconds:.0f} s for windows of "
                f"{forecast.window_s:.0f} s; --max-wait leaves {max(0.0, self.seconds):.0f} s"
            )
        most = REQUESTS_MOST if self.requests is None else self.requests
        if forecast.requests > most:
            raise BudgetExhausted(
                f"the rate-limit probe would send about {forecast.requests} requests to pass a "
                f"limit of {forecast.limit}; --max-requests leaves {max(0, most)}"
            )


@asynccontextmanager
async def opened(opening: Opening) -> AsyncIterator[Ground]:
    """Start what the trial needs, and stop it again, without holding the event loop up."""
    stack = ExitStack()
    entering = asyncio.ensure_future(asyncio.to_thread(stack.enter_context, opening()))
    try:
        yield await asyncio.shield(entering)
    finally:
        # An interrupt must not lose what is still starting.
        await asyncio.shield(asyncio.ensure_future(_closed(entering, stack)))


async def _closed(entering: asyncio.Future[Ground], stack: ExitStack) -> None:
    await asyncio.wait([entering])
    await asyncio.to_thread(stack.close)


class Probe:
    """One trial on one ground: the wires, the ledger of its contacts, and what it saw."""

    def __init__(
        self,
        settings: Settings,
        ground: Ground,
        ledger: Ledger,
        allowance: Allowance,
        say: Callable[[str], None],
    ) -> None:
        """Prepare; nothing is sent before `carry_out`."""
        self.ground = ground
        self.evidence = Evidence(ledger)
        self.requests = 0
        self.leftovers: list[str] = []
        self.renewal: Renewal | None = None
        self._settings = settings
        self._ledger = ledger
        self._allowance = allowance
        self._say = say
        self._wires: dict[str, Wire] = {}
        self._refused: list[Entry] = []
        wait = float("inf") if allowance.seconds is None else max(0.0, allowance.seconds)
        self._waiting = Budget(None, wait, ledger.debts)

    async def carry_out(self, trial: Trial) -> None:
        """Take the trial's steps; `trial.answers` fills up. Delete what it made, whatever happens.

        Raises:
            BudgetExhausted: it would take more than is allowed.
            TargetUnavailable: the target gave no answer to a plain request.

        """
        async with AsyncExitStack() as stack:
            for address in self.ground.addresses():
                self._wires[address] = await stack.enter_async_context(self._wire(address))
            try:
                await self._take_steps(trial)
                # The trial has looked for what refused creates may have made, and deleted it.
                for entry in self._refused:
                    self._ledger.settle(entry, "refused")
            finally:
                self.requests = sum(wire.budget.used for wire in self._wires.values())
                await asyncio.shield(asyncio.ensure_future(self._clean(trial)))

    def _wire(self, address: str) -> Wire:
        wire = Wire(
            self._settings,
            self.ground.target.base_url,
            Budget(None, self._waiting.max_wait, self._ledger.debts),
            transport=self.ground.transports.get(address),
            sleep=self.ground.sleep,
            clock=self.ground.clock,
            local_address=SECOND_ADDRESS if address == SECOND else None,
        )
        wire.observers.append(self.evidence.observe)
        wire.renewal = self.renewal
        return wire

    async def _take_steps(self, trial: Trial) -> None:
        steps, replies = trial.steps(), None
        while True:
            try:
                step: Step = next(steps) if replies is None else steps.send(replies)
            except StopIteration:
                return
            if isinstance(step, Pause) and not step.needed and not self._has_time_for(step):
                return
            replies = await self._take(step)

    def _has_time_for(self, pause: Pause) -> bool:
        seconds = pause.until - self.ground.clock()
        return self._waiting.waited + max(0.0, seconds) <= self._waiting.max_wait

    async def _take(self, step: Step) -> list[Reply] | None:
        if isinstance(step, Volley):
            return await self._volley(step)
        if isinstance(step, Pause):
            await self._pause(step)
        elif isinstance(step, Forecast):
            self._allowance.permits(step)
            if not self.ground.own:
                self._say(
                    f"rate-limit probe: about {step.requests} requests in about "
                    f"{spoken(step.seconds)}, for a limit of {step.limit} in {step.window_s:.0f} s"
                )
        return None

    async def _pause(self, pause: Pause) -> None:
        remaining = pause.until - self.ground.clock()
        if remaining > 0:
            self._waiting.wait(remaining)
        if remaining > SAID_FROM_S and not self.ground.own:
            self._say(f"rate-limit probe: waiting {spoken(remaining)}: {pause.why}")
        while (remaining := pause.until - self.ground.clock()) > 0:
            await self.ground.sleep(remaining)

    async def _volley(self, volley: Volley) -> list[Reply]:
        if volley.in_flight == 1:
            return [await self._one(shot) for shot in volley.shots]
        # The wire's slots keep the number in flight to --concurrency.
        results = await asyncio.gather(*map(self._one, volley.shots), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]

    async def _one(self, shot: Shot) -> Reply:
        entry = None
        if shot.operation == "create":
            entry = self._ledger.intend(FIRST, dict(shot.body or {}))
        sent = self.ground.clock()
        try:
            exchange = await self._wires[shot.address].send_once(
                outgoing_of(shot), self._credential(shot)
            )
        except TargetUnavailable:
            if entry is not None:
                self._ledger.settle(entry, "lost")
            if shot.address == FIRST and not shot.variation:
                raise
            return Reply(_unanswered(shot, sent, self.ground.clock()))
        self._note(shot, exchange, entry)
        body = exchange.json
        return Reply(observed(shot, exchange), None if isinstance(body, NotJson) else body)

    def _credential(self, shot: Shot) -> Credential:
        if shot.variation == NO_CREDENTIALS:
            return NO_CREDENTIAL
        return self.ground.target.accounts[shot.token]

    def _note(self, shot: Shot, exchange: Exchange, entry: Entry | None) -> None:
        """Keep the ledger: a create refused with 429 may have taken effect all the same."""
        contact_id = exchange.contact.get("id")
        if entry is not None and exchange.ok and isinstance(contact_id, str) and contact_id:
            self._ledger.created(entry, contact_id)
        elif entry is not None:
            self._ledger.settle(entry, "lost")
            self._refused += [entry] if 400 <= exchange.status < 500 else []
        if shot.operation == "delete" and (exchange.ok or exchange.status == 404):
            self._ledger.gone(str(shot.contact_id))

    async def _clean(self, trial: Trial) -> None:
        for contact_id in trial.live:
            self._ledger.found(FIRST, contact_id)
        if not self.ground.own:
            account = self.ground.target.accounts[FIRST]
            client = Client(self._wires[FIRST], self._ledger, account, FIRST)
            self.leftovers = await clean({FIRST: client}, self._ledger)


def outgoing_of(shot: Shot) -> Outgoing:
    """Return the request that a shot stands for; one with an odd path or method is exempt (rule 10)."""
    body = None if shot.body is None else encode(shot.body)
    plain = outgoing_to(shot.operation, shot.contact_id, query=shot.query, body=body)
    variation = BY_NAME.get(shot.variation)
    if variation is None:
        return plain
    number = str(shot.number)
    headers = [(name, value.replace("{n}", number)) for name, value in variation.headers.items()]
    path = variation.path(plain.path).replace("{n}", number)
    same = (variation.method, path) == (plain.method, plain.path)
    return replace(
        plain,
        operation=plain.operation if same else "other",
        method=variation.method,
        path=path,
        headers=(*plain.headers, *headers),
    )


def observed(shot: Shot, exchange: Exchange) -> Answer:
    """Return an exchange as the analysis wants it."""
    labels = {"address": shot.address, "token": shot.token, "variation": shot.variation}
    answer = replace(answer_of(exchange, **labels), operation=shot.operation)
    return replace(answer, enveloped=None) if exchange.request.method == "HEAD" else answer


def _unanswered(shot: Shot, sent: float, ended: float) -> Answer:
    """Return what stands for no answer to a variation, or to the second address."""
    answer = Answer(sent, ended, shot.operation, NO_ANSWER)
    return replace(answer, address=shot.address, token=shot.token, variation=shot.variation)


def spoken(seconds: float) -> str:
    """Return a duration as a person says it."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def not_permitted() -> PremiseFailed:
    """Return why no trial took place where nobody asked for one."""
    reason = (
        "the rate limit was not put on trial: --probe-rate-limit allows it "
        "(it spends this address's window)"
    )
    return PremiseFailed(reason, kind="permission")
