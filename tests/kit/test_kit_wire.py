"""The wire: bounded concurrency, waiting as told, bounded repeats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate

import httpx
import pytest
from kit_doubles import (
    AN_ID,
    NOW,
    TOKEN,
    FakeTime,
    Recorder,
    client_on,
    contact,
    limited,
    run,
    success,
    wire_to,
)

from conformance.kit.budget import Budget, BudgetExhausted
from conformance.kit.credentials import bearer
from conformance.kit.outgoing import Outgoing, TargetUnavailable
from conformance.kit.settings import Settings
from conformance.kit.wire import FAULT_TRIES, THROTTLED_TRIES

MakeSettings = Callable[..., Settings]
WAITS = {
    "seconds": ({"retry_after": "7"}, 7.0),
    "seconds before a reset": ({"retry_after": "7", "ratelimit_reset": "60"}, 7.0),
    "an HTTP date": ({"retry_after": formatdate(NOW + 30, usegmt=True)}, 30.0),
    "an HTTP date in the past": ({"retry_after": formatdate(NOW - 30, usegmt=True)}, 1.0),
    "zero seconds": ({"retry_after": "0"}, 1.0),
    "no number, and a reset": ({"retry_after": "soon", "ratelimit_reset": "9"}, 9.0),
    "a negative number, and a reset": ({"retry_after": "-5", "ratelimit_reset": "9"}, 9.0),
    "a fraction, and a reset": ({"retry_after": "1.5", "ratelimit_reset": "9"}, 9.0),
    "a reset alone": ({"ratelimit_reset": "12"}, 12.0),
    "nothing": ({}, 1.0),
}


@pytest.mark.parametrize("bound", [1, 3, 8])
def test_requests_in_flight_never_pass_the_bound(settings_with: MakeSettings, bound: int) -> None:
    in_flight, most = 0, 0

    async def target(_request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        for _ in range(10):
            await asyncio.sleep(0)
        in_flight -= 1
        return success([])

    async def act() -> None:
        async with wire_to(target, settings_with(concurrency=bound)) as wire:
            await asyncio.gather(*(client_on(wire).list(page=n) for n in range(1, 41)))

    run(act())

    assert most == bound


@pytest.mark.parametrize("name", WAITS)
def test_a_429_is_waited_out_as_the_target_says(settings: Settings, name: str) -> None:
    headers, expected = WAITS[name]
    time, target = FakeTime(), Recorder(limited(**headers), success([]))

    async def act() -> int:
        async with wire_to(target, settings, time=time) as wire:
            return (await client_on(wire).list()).status

    status = run(act())

    assert status == 200
    assert time.slept == [pytest.approx(expected)]
    assert len(target.requests) == 2


def test_a_limited_create_is_sent_again_after_the_wait(settings: Settings) -> None:
    target = Recorder(limited(retry_after="3"), success(contact(), 201))

    async def act() -> int:
        async with wire_to(target, settings) as wire:
            return (await client_on(wire).create({"first_name": "Jordan"})).status

    assert run(act()) == 201
    assert target.targets == ["POST /v1/contacts", "POST /v1/contacts"]


def test_one_429_holds_back_the_requests_that_wait_behind_it(settings: Settings) -> None:
    """Forty requests meet a closed window: only those in flight are refused, the rest wait."""
    time, refused = FakeTime(), 0

    async def target(_request: httpx.Request) -> httpx.Response:
        nonlocal refused
        await asyncio.sleep(0)
        if time.now < NOW + 10:
            refused += 1
            return limited(retry_after="10")
        return success([])

    async def act() -> list[int]:
        async with wire_to(target, settings, time=time) as wire:
            answers = await asyncio.gather(*(client_on(wire).list() for _ in range(40)))
            return [x.status for x in answers]

    statuses = run(act())

    assert statuses == [200] * 40
    assert refused <= settings.concurrency


def test_waits_of_parallel_requests_are_counted_once(settings: Settings) -> None:
    time = FakeTime()
    budget = Budget(None, 1000, lambda: 0)

    async def target(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return limited(retry_after="10") if time.now < NOW + 10 else success([])

    async def act() -> None:
        async with wire_to(target, settings, time=time, budget=budget) as wire:
            await asyncio.gather(*(client_on(wire).list() for _ in range(8)))

    run(act())

    assert budget.waited == pytest.approx(10)


def test_a_wait_beyond_max_wait_ends_in_a_clear_reason(settings: Settings) -> None:
    time, target = FakeTime(), Recorder(limited(retry_after="901"))
    budget = Budget(None, 900, lambda: 0)

    async def act() -> None:
        async with wire_to(target, settings, time=time, budget=budget) as wire:
            await client_on(wire).list()

    with pytest.raises(BudgetExhausted, match=r"901 s .* 900 s that --max-wait allows"):
        run(act())
    assert time.slept == []


def test_waits_add_up_to_max_wait(settings: Settings) -> None:
    time, target = FakeTime(), Recorder(limited(retry_after="300"))
    budget = Budget(None, 1000, lambda: 0)

    async def act() -> None:
        async with wire_to(target, settings, time=time, budget=budget) as wire:
            await client_on(wire).list()

    with pytest.raises(BudgetExhausted, match="900 s were spent"):
        run(act())
    assert sum(time.slept) == pytest.approx(900)


def test_a_wait_that_was_in_vain_is_longer_the_next_time(settings: Settings) -> None:
    time = FakeTime()

    async def target(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return limited(retry_after="1") if time.now < NOW + 6 else success([])

    async def act() -> None:
        async with wire_to(target, settings, time=time) as wire:
            await client_on(wire).list()

    run(act())
    assert time.slept == pytest.approx([1, 2, 4])


def test_a_target_that_never_lets_through_is_given_up(settings: Settings) -> None:
    target = Recorder(limited(retry_after="1"))

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            await client_on(wire).list()

    with pytest.raises(BudgetExhausted, match="still limited"):
        run(act())
    assert len(target.requests) == THROTTLED_TRIES


def test_the_limiter_probe_gets_its_429_at_once(settings: Settings) -> None:
    time, target = FakeTime(), Recorder(limited(retry_after="9"))

    async def act() -> int:
        async with wire_to(target, settings, time=time) as wire:
            outgoing = Outgoing("list", "GET", "/contacts")
            return (await wire.send_once(outgoing, bearer(TOKEN))).status

    assert run(act()) == 429
    assert time.slept == []


@pytest.mark.parametrize("operation", ["list", "get", "update"])
def test_a_repeatable_request_survives_a_broken_connection(
    settings: Settings, operation: str
) -> None:
    broken = httpx.ReadError("connection reset")
    target = Recorder(broken, broken, success(contact()))

    async def act() -> int:
        async with wire_to(target, settings) as wire:
            contact_id = None if operation == "list" else AN_ID
            body = b'{"city":"Bakersfield"}' if operation == "update" else None
            return (await client_on(wire).call(operation, contact_id, body=body)).status

    assert run(act()) == 200
    assert len(target.requests) == FAULT_TRIES == 3


def test_repeats_are_bounded_and_counted_against_the_budget(settings: Settings) -> None:
    target = Recorder(httpx.ConnectError("refused"))
    budget = Budget(480, 1000, lambda: 0)

    async def act() -> None:
        async with wire_to(target, settings, budget=budget) as wire:
            await client_on(wire).get(AN_ID)

    with pytest.raises(TargetUnavailable, match="ConnectError: refused"):
        run(act())
    assert len(target.requests) == FAULT_TRIES
    assert budget.used == FAULT_TRIES


def test_statistics_count_every_answer_by_operation(settings: Settings) -> None:
    target = Recorder(limited(retry_after="1"), success([]))

    async def act() -> tuple[dict[str, int], int]:
        async with wire_to(target, settings) as wire:
            api = client_on(wire)
            await api.list()
            await api.search(name="x")
            return wire.statistics.by_operation, wire.statistics.throttled

    assert run(act()) == ({"list": 2, "search": 1}, 1)
