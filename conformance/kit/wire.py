"""The wire: the one place that imports httpx and through which every request passes.

It keeps at most `concurrency` requests in flight, counts each against the budget, waits out a
429 as it is told (RFC 9110, 10.2.3), bounds time and size of an answer, repeats what may be
repeated where the connection or a gateway failed, and hands every exchange to the observers. It
never follows a redirect and judges nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Self, cast

import httpx

from conformance.kit.body import ACCEPTED_CODING, LARGE, LARGE_IN_ALL, read_body
from conformance.kit.budget import Budget, BudgetExhausted
from conformance.kit.connecting import NEVER_SENT, TIMED_OUT, faults, transport_to, why
from conformance.kit.credentials import Credential
from conformance.kit.exchange import Exchange, Request, Response
from conformance.kit.expect import PremiseFailed
from conformance.kit.limiter_answers import http_date
from conformance.kit.outgoing import Outgoing, Statistics, TargetUnavailable
from conformance.kit.pacing import Pace
from conformance.kit.renewal import Renewal
from conformance.kit.settings import Settings

LONGER_MOST = 3
"""How often a wait that was in vain is doubled."""
THROTTLED_TRIES = 8
FAULT_TRIES = 3
FAULT_BACKOFF_S = 0.2
GATEWAY_FAULTS = frozenset({502, 503, 504})
"""What a gateway answers where the server behind it gave no answer (RFC 9110, 15.6.3 to 15.6.5)."""
SILENCES_MOST = 16
"""Time-outs without any answer between them after which the target counts as gone."""
SILENCES_AGAIN = 8
"""How many of them are waited for once more where the cleaning up tries its luck."""
RESET_HEADER = "ratelimit-reset"

Transport = httpx.AsyncBaseTransport
"""What reaches a server that is not on the network; a name for those who only hand it on."""

current_scene: ContextVar[str] = ContextVar("current_scene", default="")
Observer = Callable[[Exchange], None]


class Wire:
    """Sends requests to one target, for all accounts; use as an async context manager."""

    def __init__(
        self,
        settings: Settings,
        base_url: str,
        budget: Budget,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Any] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
        local_address: str | None = None,
    ) -> None:
        """Prepare; no connection is opened before the first request.

        `local_address` is the source address of the connections, where it is not left open.
        """
        self.base_url = base_url.rstrip("/")
        self.budget = budget
        self.statistics = Statistics()
        self.observers: list[Observer] = []
        self.mourners: list[Callable[[Outgoing], None]] = []
        """Told of each request whose answer was lost for good."""
        self.renewal: Renewal | None = None
        self._settings = settings
        self._transport = transport
        self._faults = faults(settings)
        self._local_address = local_address
        self._sleep = sleep
        self._clock = clock
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._pace = Pace()
        self._halted = False
        self._resume_at = 0.0
        self._paused_until = 0.0
        self._in_vain = 0
        """How often in a row the first answer after a wait was another 429."""
        self._numbers = 0
        self._silences = 0
        self._large = 0
        self._stack = AsyncExitStack()
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._http = self._connected()
        return self

    def _connected(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            transport=self._transport
            or transport_to(self.base_url, self._settings, self._local_address),
            timeout=self._settings.request_timeout,
            headers={"accept-encoding": ACCEPTED_CODING},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # AUTH-01: none is kept
            follow_redirects=False,
            trust_env=False,
        )
        self._stack.push_async_callback(client.aclose)
        return client

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._stack.aclose()

    async def send(self, outgoing: Outgoing, credential: Credential) -> Exchange:
        """Send until the target no longer answers 429, and return the exchange.

        A 401 is sent again, once, where a fresh token came of it: a refused request did nothing.

        Raises:
            BudgetExhausted: the request or the wait for the rate limit does not fit.
            TargetUnavailable: no usable answer came.
            TokenRanOut: the token has run out, and there is no other.

        """
        repeated = False
        for _ in range(THROTTLED_TRIES):
            used, exchange = await self._turn(outgoing, credential)
            self._observe(exchange, used)
            if exchange.status in GATEWAY_FAULTS and exchange.at("success") is not False:
                # A gateway's own page: ENV-08 has heard of it, other clauses cannot be decided.
                self._mourn(outgoing)
                late = exchange.status == 504
                raise TargetUnavailable(exchange.line, late=late, gateway=True)
            if exchange.status == 401 and await self._renewed(used, exchange, repeated):
                repeated = True
                self.budget.limited(settles=outgoing.settles)
                continue
            if exchange.status != 429:
                self._in_vain = 0
                return exchange
            self.budget.limited(settles=outgoing.settles)
            self._throttled(exchange)
        raise BudgetExhausted(f"still limited after {THROTTLED_TRIES} waits ({exchange.line})")

    async def _turn(
        self, outgoing: Outgoing, credential: Credential
    ) -> tuple[Credential, Exchange]:
        async with self._slots:
            # Inside the slot, so that whoever queued for it learns of a window closed meanwhile.
            await self._wait_for_window()
            while not self._pace.admits():
                await self._pace.change()
                await self._wait_for_window()
            exchange = None
            try:
                used = await self._present(credential)
                self._refuse_when_halted()
                self.budget.spend(settles=outgoing.settles)
                exchange = await self._mourned(outgoing, used)
            finally:
                self._make_room(self._pace.returned(exchange))
            return used, exchange

    async def _mourned(self, outgoing: Outgoing, used: Credential) -> Exchange:
        try:
            return await self._patiently(outgoing, used)
        except PremiseFailed:  # Gave up, or the budget did before the last attempt.
            self._mourn(outgoing)
            raise

    def _mourn(self, outgoing: Outgoing) -> None:
        for mourner in self.mourners:
            mourner(outgoing)

    async def _present(self, credential: Credential) -> Credential:
        return credential if self.renewal is None else await self.renewal.present(credential)

    async def _renewed(self, used: Credential, exchange: Exchange, repeated: bool) -> bool:
        if self.renewal is None:
            return False
        return await self.renewal.refused(used, exchange, repeated=repeated)

    async def send_once(self, outgoing: Outgoing, credential: Credential) -> Exchange:
        """Send one request and return whatever comes, a 429 too (the limiter probe's way).

        Raises:
            BudgetExhausted: the request does not fit.
            TargetUnavailable: no usable answer came.

        """
        async with self._slots:
            used = await self._present(credential)
            self._refuse_when_halted()
            self.budget.spend(settles=outgoing.settles)
            exchange = await self._attempt(outgoing, used)
        self._observe(exchange, used)
        return exchange

    async def pause(self, seconds: float) -> None:
        """Wait, as one waits for a rate limit.

        Raises:
            BudgetExhausted: the wait does not fit into what the user allows.

        """
        self.budget.wait(seconds)
        self._paused_until = self._clock() + seconds
        while (left := self._paused_until - self._clock()) > 0:
            await self._sleep(left)

    @property
    def waits_s(self) -> float:
        """How long no request will be sent, for the sake of the target's rate limit."""
        return max(0.0, max(self._resume_at, self._paused_until) - self._clock())

    async def halt(self, grace_s: float) -> None:
        """Let no further request out; wait for those in flight, at most the seconds given."""
        self._halted = True
        taken = 0
        try:
            async with asyncio.timeout(grace_s):
                for _ in range(self._settings.concurrency):
                    await self._slots.acquire()
                    taken += 1
        except TimeoutError:
            return
        finally:
            for _ in range(taken):
                self._slots.release()

    def resume(self) -> None:
        """Let requests out again, also to a target that has been silent."""
        self._halted = False
        self._silences = min(self._silences, SILENCES_MOST - SILENCES_AGAIN)

    async def back_off(self, attempt: int) -> None:
        """Wait before the attempt that follows this one, counted from 1."""
        await self._sleep(FAULT_BACKOFF_S * attempt)

    def _refuse_when_halted(self) -> None:
        if self._halted:
            raise PremiseFailed("the run was interrupted")
        if self._silences >= SILENCES_MOST:
            # Else each request left would take its time-outs, cleaning up included.
            reason = f"it let {SILENCES_MOST} requests time out and answered none"
            raise TargetUnavailable(reason, sent=False)

    def _observe(self, exchange: Exchange, used: Credential) -> None:
        self.statistics.count(exchange)
        if self.renewal is not None and self.renewal.ran_out(used, exchange):
            return  # What a token that has run out is told is no evidence on the other clauses.
        for observer in self.observers:
            observer(exchange)

    async def _patiently(self, outgoing: Outgoing, credential: Credential) -> Exchange:
        tries = FAULT_TRIES if outgoing.repeatable else 1
        for attempt in range(1, tries + 1):
            try:
                return await self._from_target(outgoing, credential, attempt == tries)
            except TargetUnavailable:
                self.statistics.lost += 1
                self.budget.lost(settles=outgoing.settles)
                if attempt == tries or self._silences >= SILENCES_MOST:
                    raise
            await self.back_off(attempt)
            self.budget.spend(settles=outgoing.settles)
        raise AssertionError("the loop returns or raises")

    async def _from_target(
        self, outgoing: Outgoing, credential: Credential, last: bool
    ) -> Exchange:
        exchange = await self._attempt(outgoing, credential)
        if exchange.status in GATEWAY_FAULTS and not (last and outgoing.final):
            raise TargetUnavailable(exchange.line, late=exchange.status == 504)
        return exchange

    async def _attempt(self, outgoing: Outgoing, credential: Credential) -> Exchange:
        url = self.base_url + outgoing.path + (f"?{outgoing.query}" if outgoing.query else "")
        own = (*self._settings.header, *outgoing.headers)
        http = self._http
        started = self._clock()
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.request_timeout):
                status, headers, body = await self._receive(
                    outgoing, url, [*own, *credential.headers]
                )
        except self._faults as problem:
            if isinstance(problem, TIMED_OUT):
                self._fell_silent(http)
            raise _lost(f"{outgoing.method} {url:.200}", problem) from problem
        self._silences = 0
        elapsed = time.perf_counter() - begun
        self._numbers += 1
        shown = tuple((n, "…" if (n, v) in self._settings.header else v) for n, v in own)
        request = Request(
            outgoing.operation,
            outgoing.method,
            url,
            (*credential.shown, *shown),
            outgoing.body,
            outgoing.allows,
        )
        response = Response(status, headers, body, elapsed)
        scene = current_scene.get()
        return Exchange(self._numbers, scene, request, response, started, started + elapsed)

    def _fell_silent(self, http: httpx.AsyncClient | None) -> None:
        self._silences += 1
        if self._settings.http2 and http is self._http:
            # The one connection may be dead, and would carry all that follows.
            self._http = self._connected()

    async def _receive(
        self, outgoing: Outgoing, url: str, headers: Iterable[tuple[str, str]]
    ) -> tuple[int, dict[str, str], bytes]:
        assert self._http is not None  # noqa: S101 - entered before use
        request = self._http.build_request(
            outgoing.method, url, headers=list(headers), content=outgoing.body
        )
        response = await self._http.send(request, stream=True)
        self.statistics.http_versions[response.http_version] += 1
        received = _header_dict(response.headers)
        try:
            # httpx would inflate without a bound, layer upon layer.
            body = await read_body(
                cast("httpx.AsyncByteStream", response.stream), received.get("content-encoding", "")
            )
        finally:
            await response.aclose()
        self._large += len(body) if len(body) > LARGE else 0
        if self._large > LARGE_IN_ALL:
            raise ValueError(f"its bodies of more than {LARGE} bytes exceed {LARGE_IN_ALL} in all")
        return response.status_code, received, body

    async def _wait_for_window(self) -> None:
        while (remaining := self._resume_at - self._clock()) > 0:
            await self._sleep(remaining)

    def _make_room(self, seconds: float) -> None:
        """Wait for what the limiter gives back; where that takes too long, the next 429 says so."""
        if seconds and self.budget.waited + seconds <= self.budget.max_wait:
            self._resume_in(seconds)

    def _throttled(self, exchange: Exchange) -> None:
        """Wait as told; where that was in vain before, twice as long each time."""
        if exchange.started >= self._resume_at:
            self._in_vain += 1
        longer = 2 ** min(max(0, self._in_vain - 1), LONGER_MOST)
        self._resume_in(retry_after(exchange, self._clock()) * longer)

    def _resume_in(self, seconds: float) -> None:
        resume_at = self._clock() + seconds
        waiting_from = max(self._resume_at, self._clock())
        if resume_at > waiting_from:
            self.budget.wait(resume_at - waiting_from)
            self._resume_at = resume_at


def retry_after(exchange: Exchange, now: float) -> float:
    """Return the seconds to wait after a 429: `Retry-After`, else `RateLimit-Reset`, else 1."""
    headers = exchange.response.headers
    for name in ("retry-after", RESET_HEADER):
        text = headers.get(name, "").strip()
        if text.isascii() and text.isdigit():
            return max(float(text[:9]), 1.0)
        if name == "retry-after" and (moment := http_date(text)) is not None:
            return max(moment - now, 1.0)
    return 1.0


def _lost(what: str, problem: Exception) -> TargetUnavailable:
    sent, late = not isinstance(problem, NEVER_SENT), isinstance(problem, TIMED_OUT)
    return TargetUnavailable(f"{what}: {why(problem)}", sent=sent, late=late)


def _header_dict(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
