"""The probe's driver: it sends what a trial asks for, keeps the ledger, and cleans up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from kit_doubles import limited, run

from conformance.kit.budget import BudgetExhausted
from conformance.kit.embedded import minted_target
from conformance.kit.ledger import Ledger
from conformance.kit.limiter import Analysis, Documented, analyse
from conformance.kit.limiter_answers import FIRST
from conformance.kit.limiter_steps import SECOND, Forecast, Plan, Shot
from conformance.kit.limiter_trial import Trial
from conformance.kit.outgoing import TargetUnavailable
from conformance.kit.probe import Allowance, Ground, Probe, outgoing_of
from conformance.kit.settings import Settings
from conformance.kit.wire import Transport
from fixtures.mutants.inprocess import Clock, InProcess
from fixtures.reference.app import create_app
from fixtures.reference.config import Config
from fixtures.reference.limiter import FixedWindowLimiter

KEY, BASE_URL = "a key of thirty-two bytes or more, for tests", "http://contacts.test/v1"
LIMIT, WINDOW_S = 30, 60.0
AN_ID = "7d0f6b9a-2c41-4e58-9b3a-1f2e3d4c5b6a"


class Watched(httpx.AsyncBaseTransport):
    """Passes requests on and keeps them; `act` may answer or raise in place of the server."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.seen: list[httpx.Request] = []
        self.act: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.act(request)
        return answer or await self.inner.handle_async_request(request)


class Stand:
    """A reference server in this process, with a limiter, and a probe on it."""

    def __init__(self, settings: Settings, *, own: bool = True, **options: Any) -> None:
        clock = Clock()
        config = Config(KEY, LIMIT, WINDOW_S, clock=clock)
        self.app = create_app(config, limiter=FixedWindowLimiter(LIMIT, WINDOW_S))
        self.first = Watched(InProcess(self.app))
        self.second = Watched(InProcess(self.app, "127.0.0.2"))
        self.ground = Ground(
            minted_target(BASE_URL, KEY),
            own=own,
            transports={FIRST: self.first, SECOND: self.second},
            clock=clock,
            sleep=clock.sleep,
        )
        self.ledger = Ledger(None, {})
        self.said: list[str] = []
        allowance = options.get("allowance", Allowance())
        self.probe = Probe(settings, self.ground, self.ledger, allowance, self.said.append)
        numbers = itertools.count()
        self.trial = Trial(
            Plan(
                lambda: {
                    "first_name": "Ann",
                    "last_name": f"Probefield{next(numbers):04}",
                    "contact_type": "buyer",
                },
                second_token=True,
                second_address=True,
                in_flight=4,
            )
        )

    def carry_out(self) -> Analysis:
        run(self.probe.carry_out(self.trial))
        return analyse(self.trial.answers, Documented())

    def remaining(self) -> int:
        store = self.app.state.application.contacts.store
        rows = store.connection.execute("SELECT count(*) FROM contacts WHERE deleted_at IS NULL")
        return int(rows.fetchone()[0])


def test_a_trial_decides_every_clause_but_that_on_overlapping_requests(settings: Settings) -> None:
    stand = Stand(settings)

    analysis = stand.carry_out()

    said = {clause: verdict.status for clause, verdict in analysis.clauses.items()}
    # In one process a request ends before the next begins.
    assert {c for c, s in said.items() if s not in ("passed", "observed")} <= {"LIMIT-10"}
    assert (analysis.kind, analysis.scope) == ("fixed", "address")
    assert stand.probe.requests == len(stand.first.seen) + len(stand.second.seen)


def test_every_create_is_in_the_ledger_before_it_is_sent_and_gone_at_the_end(
    settings: Settings,
) -> None:
    stand = Stand(settings)
    known: list[int] = []

    def act(request: httpx.Request) -> None:
        if request.method == "POST":
            known.append(len(stand.ledger.entries))

    stand.first.act = act
    stand.carry_out()

    assert known == list(range(1, len(known) + 1))
    assert (stand.ledger.live(), stand.ledger.lost()) == ([], [])
    assert stand.remaining() == 0


def test_a_finding_leads_to_the_exchange_that_shows_it(settings: Settings) -> None:
    stand = Stand(settings)
    application = stand.app.state.application
    application.limiter.retry_after = lambda _reset_s: 7

    analysis = stand.carry_out()

    finding = analysis.clauses["LIMIT-11"].findings[0]
    assert finding.answer is not None
    assert finding.answer.source.response.headers["retry-after"] == "7"


def test_the_forecast_is_said_before_anything_is_spent_on_a_server_of_the_users(
    settings: Settings,
) -> None:
    stand = Stand(settings, own=False)
    at: list[int] = []
    stand.probe._say = lambda line: at.append(len(stand.first.seen)) or stand.said.append(line)

    stand.carry_out()

    assert stand.said[0].startswith("rate-limit probe: about ")
    assert f"for a limit of {LIMIT} in 60 s" in stand.said[0]
    assert at[0] == 1
    assert any("waiting" in line for line in stand.said[1:])


@pytest.mark.parametrize(
    ("allowance", "option"),
    [(Allowance(seconds=59), "--max-wait"), (Allowance(requests=60), "--max-requests")],
)
def test_a_trial_that_does_not_fit_ends_after_one_request(
    allowance: Allowance, option: str, settings: Settings
) -> None:
    stand = Stand(settings, own=False, allowance=allowance)

    with pytest.raises(BudgetExhausted, match=option):
        stand.carry_out()

    assert len(stand.first.seen) == 1


def test_a_limit_beyond_all_measure_is_not_tried_without_permission() -> None:
    forecast = Forecast(requests=200_000, seconds=1.0, window_s=1.0, limit=100_000)

    with pytest.raises(BudgetExhausted, match="limit of 100000"):
        Allowance().permits(forecast)
    Allowance(requests=200_000).permits(forecast)


def test_a_second_address_that_gets_no_answer_ends_nothing(settings: Settings) -> None:
    stand = Stand(settings)

    def refuse(_request: httpx.Request) -> None:
        raise httpx.ConnectError("no such address")

    stand.second.act = refuse

    analysis = stand.carry_out()

    assert "another address" not in [row.name for row in analysis.bypasses]
    assert analysis.scope == "unknown"
    assert analysis.clauses["LIMIT-09"].status == "passed"


def test_a_plain_request_without_an_answer_ends_the_trial_and_cleans_up(
    settings: Settings,
) -> None:
    stand = Stand(settings, own=False)

    def fail_once(request: httpx.Request) -> None:
        if request.method == "PATCH":
            raise httpx.ReadError("gone")

    stand.first.act = fail_once

    with pytest.raises(TargetUnavailable):
        stand.carry_out()

    assert stand.remaining() == 0
    assert stand.probe.leftovers == []


@pytest.mark.parametrize("at", ["in the middle", "past the limit"])
def test_a_cancelled_trial_cleans_up_on_a_server_that_stays(at: str, settings: Settings) -> None:
    stand = Stand(settings, own=False)
    count = {"in the middle": 12, "past the limit": 60}[at]

    async def interrupted() -> None:
        task = asyncio.ensure_future(stand.probe.carry_out(stand.trial))

        def act(_request: httpx.Request) -> None:
            if len(stand.first.seen) == count:
                task.cancel()

        stand.first.act = act
        with pytest.raises(asyncio.CancelledError):
            await task

    run(interrupted())

    assert stand.remaining() == 0
    assert stand.probe.leftovers == []


def test_answers_with_429_are_passive_evidence_and_no_waits(settings: Settings) -> None:
    stand = Stand(settings)
    stand.first.act = lambda r: limited() if r.method == "DELETE" else None

    stand.carry_out()

    assert stand.probe.evidence.judge("LIMIT-04").findings != []
    assert stand.probe.evidence.judge("ENV-06").checks > 0


def test_a_variation_changes_what_it_names_and_odd_paths_are_exempt() -> None:
    plain = outgoing_of(Shot("get", AN_ID))
    forwarded = outgoing_of(Shot("get", AN_ID, variation="forwarded: X-Forwarded-For", number=9))
    slashed = outgoing_of(Shot("get", AN_ID, variation="a trailing slash"))
    head = outgoing_of(Shot("get", AN_ID, variation="another method"))

    assert ("X-Forwarded-For", "203.0.113.9") in forwarded.headers
    assert (forwarded.operation, forwarded.path) == ("get", plain.path)
    assert (slashed.operation, slashed.path) == ("other", f"{plain.path}/")
    assert (head.operation, head.method) == ("other", "HEAD")
