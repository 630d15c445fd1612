"""Tokens that run out in the middle of a run: renewed by --token-command, or told as what they are.

The wire asks here for the credential to send, and what to make of a 401. Credentials that a scene
made wrong on purpose (AUTH-01 to AUTH-05) are no concern of the renewal, except that a 401 says
nothing about them once the token they were made of has itself run out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from conformance.kit.credentials import Credential, NotAJwt, expires_at
from conformance.kit.exchange import Exchange
from conformance.kit.expect import PremiseFailed
from conformance.kit.moments import server_now
from conformance.kit.settings import UsageProblem
from conformance.kit.target import Target

RENEW_BEFORE_S = 30.0
RENEW_EVERY_S = 5.0
DATE_S = 1.0
"""`Date` is whole seconds: the target may be that much later than it says."""
FIRST = "first"
OPTIONS = {FIRST: "--token", "second": "--second-token", "restricted": "--restricted-token"}


class TokenRanOut(PremiseFailed):
    """A token of the run's own has run out and there is no other; nothing can be judged by it."""


@dataclass
class _Held:
    """A token of one of the accounts, and why it is of no more use."""

    credential: Credential
    token: str
    account: str
    over: str | None = None

    @property
    def expiry(self) -> float | None:
        try:
            return expires_at(self.token)
        except NotAJwt:
            return None

    def is_in(self, credential: Credential) -> bool:
        """Whether the credential is this one, or was made of its token."""
        if credential is self.credential:
            return True
        parts = self.token.split(".")
        mark = parts[1] if len(parts) == 3 else self.token
        return mark != "" and any(mark in value for _, value in credential.headers)


class Renewal:
    """Keeps the accounts' credentials fresh, one call of the command for all who wait for it."""

    def __init__(
        self,
        target: Target,
        ask: Callable[[], str] | None,
        renewed: Callable[[Target], None],
        note: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare.

        `ask` returns a fresh token or raises `UsageProblem`, and is called in a thread; None: there
        is no command. `renewed` is given the target with its fresh token, `note` what the report
        is to say.
        """
        self.target = target
        self._ask = ask
        self._renewed = renewed
        self._note = note
        self._clock = clock
        self._lock = asyncio.Lock()
        self._not_before = 0.0
        self._held = [
            _Held(credential, value.rpartition(" ")[2], account)
            for account, credential in target.accounts.items()
            for _, value in credential.headers
        ]

    async def present(self, credential: Credential) -> Credential:
        """Return the credential to send: the first account's own at its freshest, else as it is.

        Raises:
            TokenRanOut: it is known to have run out, or to be made of a token that has.

        """
        held = self._behind(credential)
        if held is not None and held.over:
            raise TokenRanOut(held.over)
        if not self._is_first(credential):
            return credential
        if self._seconds_left() < RENEW_BEFORE_S:
            await self._renew(self._current)
        async with (
            self._lock
        ):  # Where one that was refused is being renewed, the fresh one is sent.
            return self._current

    async def refused(self, used: Credential, exchange: Exchange, *, repeated: bool) -> bool:
        """Return whether a request that was answered 401 is to be sent again with a fresh token.

        Raises:
            TokenRanOut: no fresh one came, and by its `exp` the token has run out.

        """
        # Read first: a renewal may take long.
        late = self.ran_out(used, exchange)
        if self._is_first(used) and not repeated and await self._renew(used):
            if not late:
                self._note(
                    "the target answered 401 to a token that had not run out; "
                    "the run went on with a fresh one from --token-command"
                )
            return True
        held = self._behind(used)
        if late and held is not None:
            raise TokenRanOut(self._bury(held))
        return False

    def ran_out(self, used: Credential, exchange: Exchange) -> bool:
        """Whether the exchange is a 401 to a token whose `exp` is over, by either clock."""
        held = self._behind(used) if exchange.status == 401 else None
        if held is None or held.expiry is None:
            return False
        return held.expiry <= max(server_now(exchange) + DATE_S, exchange.ended)

    @property
    def _current(self) -> Credential:
        return self.target.accounts[FIRST]

    def _is_first(self, credential: Credential) -> bool:
        return any(h.credential is credential for h in self._held if h.account == FIRST)

    def _behind(self, credential: Credential) -> _Held | None:
        return next((held for held in self._held if held.is_in(credential)), None)

    def _seconds_left(self) -> float:
        held = self._behind(self._current)
        expiry = held.expiry if held else None
        return float("inf") if expiry is None else expiry - self._clock()

    async def _renew(self, stale: Credential) -> bool:
        """Return whether there is a fresher credential than the one given."""
        if self._ask is None:
            return False
        async with self._lock:
            if self._current is not stale:
                return True
            if self._clock() < self._not_before:
                return False
            try:
                token = await asyncio.to_thread(self._ask)
            except UsageProblem as problem:
                self._note(f"no fresh token: {problem}")
                return False
            finally:
                self._not_before = self._clock() + RENEW_EVERY_S
            return self._use(token)

    def _use(self, token: str) -> bool:
        if token == self.target.token:
            self._note("no fresh token: --token-command printed the one in use again")
            return False
        self.target = self.target.with_token(token)
        self._held.append(_Held(self._current, token, FIRST))
        self._renewed(self.target)
        self._note("the token was renewed with --token-command while the run went on")
        return True

    def _bury(self, held: _Held) -> str:
        """Return why a token is of no use; a static one is not tried again."""
        moment = _time_of_day(held.expiry or 0.0)
        if self._ask is not None and held.account == FIRST:
            return f"the token expired at {moment}, and no fresh one came from --token-command"
        remedy = "give --token-command or a longer-lived one"
        if held.account != FIRST:
            remedy = "give a longer-lived one"
        if held.over is None:
            held.over = (
                f"the token given with {OPTIONS[held.account]} expired at {moment}; {remedy}"
            )
            self._note(held.over)
        return held.over


def _time_of_day(moment: float) -> str:
    try:
        return time.strftime("%H:%M:%S", time.localtime(moment))
    except (OverflowError, ValueError, OSError):
        return "a time out of all bounds"
