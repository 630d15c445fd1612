"""A write whose answer was lost is looked up before it is sent once more; reads are just repeated."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from kit_doubles import (
    AN_ID,
    Recorder,
    client_on,
    contact,
    error_body,
    exchange,
    run,
    success,
    wire_to,
)

from conformance.kit.budget import Budget
from conformance.kit.evidence import Evidence
from conformance.kit.exchange import Exchange
from conformance.kit.expect import PremiseFailed
from conformance.kit.ledger import Ledger
from conformance.kit.outgoing import Outgoing, TargetUnavailable
from conformance.kit.settings import Settings
from conformance.kit.wire import FAULT_TRIES, SILENCES_MOST

BODY = {"first_name": "Qkzvtmwebdfh", "last_name": "Plmoknijbuhv", "email": "qkzvtm@example.com"}
RESET = httpx.ReadError("connection reset")
NO_CONNECTION = httpx.ConnectError("refused")
TIMED_OUT = httpx.ReadTimeout("slow")
CREATED = success(contact(**BODY), 201)
Answer = httpx.Response | Exception


def gateway(status: int) -> httpx.Response:
    return httpx.Response(status, html="<html>nginx</html>")


def listed(*records: dict[str, Any], total: int | None = None) -> httpx.Response:
    meta = {"total": len(records) if total is None else total}
    return success({"contacts": list(records), "stats": {}, "meta": meta})


def asked(target: Recorder) -> list[str]:
    return [line.partition("?")[0].replace("/v1/contacts", "") for line in target.targets]


def created(settings: Settings, *answers: Answer) -> tuple[Recorder, Ledger, Any]:
    """What came of a create, and how it was asked for; a problem is returned."""
    target, ledger = Recorder(*answers), Ledger(None, {})

    async def act() -> Any:
        async with wire_to(target, settings) as wire:
            try:
                return await client_on(wire, ledger).create(BODY)
            except PremiseFailed as problem:
                return problem

    return target, ledger, run(act())


def changed(
    settings: Settings, operation: str, *answers: Answer, archived: bool | None = None
) -> tuple[Recorder, Any]:
    """What came of a change of a contact of ours, last known as archived or not."""
    target, ledger = Recorder(*answers), Ledger(None, {})
    ledger.created(ledger.intend("first", BODY), AN_ID)

    async def act() -> Any:
        async with wire_to(target, settings) as wire:
            api = client_on(wire, ledger)
            if archived is not None:
                api.deeds.archived[AN_ID] = archived
            try:
                return await api.call(operation, AN_ID)
            except PremiseFailed as problem:
                return problem

    return target, run(act())


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_read_that_a_gateway_failed_is_repeated(settings: Settings, status: int) -> None:
    target, seen = Recorder(gateway(status), gateway(status), success([])), []

    async def act() -> Exchange:
        async with wire_to(target, settings) as wire:
            wire.observers.append(lambda x: seen.append(x.status))
            return await client_on(wire).list()

    assert run(act()).status == 200
    assert seen == [200]


def test_a_gateway_that_fails_every_time_is_heard_of_once(settings: Settings) -> None:
    target, seen = Recorder(gateway(503)), []

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            wire.observers.append(lambda x: seen.append(x.status))
            with pytest.raises(TargetUnavailable) as caught:
                await client_on(wire).list()
            assert caught.value.gateway

    run(act())

    assert len(target.requests) == FAULT_TRIES
    assert seen == [503]


@pytest.mark.parametrize("fault", [RESET, gateway(502), gateway(503)])
def test_a_create_is_repeated_once_no_contact_was_found(settings: Settings, fault: Answer) -> None:
    target, ledger, x = created(settings, fault, listed(), CREATED)

    assert x.status == 201
    assert asked(target) == ["POST ", "GET ", "POST "]
    assert [e.state for e in ledger.entries.values()] == ["absent", "live"]


def test_a_create_that_took_effect_is_deleted_before_the_next(settings: Settings) -> None:
    first = contact(**BODY, id="1")

    target, ledger, x = created(settings, RESET, listed(first), success(first), CREATED)

    assert x.status == 201
    assert asked(target) == ["POST ", "GET ", "DELETE /1", "POST "]
    assert [e.id for e in ledger.live()] == [AN_ID]


def test_a_contact_that_another_create_made_is_spared(settings: Settings) -> None:
    ledger, twin = Ledger(None, {}), contact(**BODY, id="1")
    ledger.created(ledger.intend("first", BODY), "1")
    target = Recorder(RESET, listed(twin), CREATED)

    async def act() -> Exchange:
        async with wire_to(target, settings) as wire:
            return await client_on(wire, ledger).create(BODY)

    assert run(act()).status == 201
    assert asked(target) == ["POST ", "GET ", "POST "]


@pytest.mark.parametrize(
    "answers",
    [
        (TIMED_OUT, listed()),
        (gateway(504), listed()),
        (RESET, success(None)),
        (RESET, listed(total=101)),
        (RESET, listed(contact(**BODY, id=7))),
        (RESET, httpx.Response(500, json={})),
    ],
    ids=["late", "504", "no list", "a list too long", "no id to delete by", "500"],
)
def test_a_create_of_unknown_fate_is_sent_once(
    settings: Settings, answers: tuple[Answer, ...]
) -> None:
    target, ledger, problem = created(settings, *answers)

    assert isinstance(problem, TargetUnavailable)
    assert asked(target).count("POST ") == 1
    assert [e.state for e in ledger.entries.values()] == ["lost"]


def test_a_create_that_never_left_is_sent_again_without_a_look(settings: Settings) -> None:
    target, ledger, x = created(settings, NO_CONNECTION, CREATED)

    assert x.status == 201
    assert asked(target) == ["POST ", "POST "]
    assert [e.state for e in ledger.entries.values()] == ["refused", "live"]


@pytest.mark.parametrize(("body", "times"), [(b"[]", FAULT_TRIES), (b'{"first_name":7}', 1)])
def test_without_words_only_what_makes_no_contact_is_repeated(
    settings: Settings, body: bytes, times: int
) -> None:
    target = Recorder(RESET)

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            await client_on(wire).create_raw(body)

    with pytest.raises(TargetUnavailable):
        run(act())
    assert asked(target) == ["POST "] * times


def test_a_delete_is_repeated_while_the_contact_is_there(settings: Settings) -> None:
    target, x = changed(settings, "delete", RESET, success(contact()), success(contact()))

    assert x.status == 200
    assert asked(target) == [f"{m} /{AN_ID}" for m in ("DELETE", "GET", "DELETE")]


def test_a_delete_that_took_effect_is_not_judged(settings: Settings) -> None:
    target, problem = changed(settings, "delete", RESET, httpx.Response(404, json={}))

    assert isinstance(problem, TargetUnavailable)
    assert asked(target) == [f"{m} /{AN_ID}" for m in ("DELETE", "GET")]


ACTIVE, ARCHIVED = success(contact()), success(contact(is_archived=True, archived_at="x"))


@pytest.mark.parametrize(
    ("operation", "before", "answers", "methods"),
    [
        ("archive", None, (ACTIVE, ARCHIVED), ["archive"]),
        ("archive", False, (ARCHIVED, ACTIVE, ARCHIVED), ["restore", "archive"]),
        ("archive", True, (ARCHIVED, ARCHIVED), ["archive"]),
        ("restore", True, (ACTIVE, ARCHIVED, ACTIVE), ["archive", "restore"]),
    ],
)
def test_a_change_is_taken_back_before_it_is_repeated(
    settings: Settings,
    operation: str,
    before: bool | None,
    answers: tuple[Answer, ...],
    methods: list[str],
) -> None:
    target, x = changed(settings, operation, RESET, *answers, archived=before)

    assert x.status == 200
    moves = [line.rpartition("/")[2] for line in asked(target) if line.startswith("PATCH")]
    assert moves == [operation, *methods]


def test_a_change_from_an_unknown_state_is_not_repeated(settings: Settings) -> None:
    target, problem = changed(settings, "archive", RESET, ARCHIVED)

    assert isinstance(problem, TargetUnavailable)
    assert len(target.requests) == 2


def test_what_a_lost_write_did_is_held_against_nobody() -> None:
    evidence = Evidence(Ledger(None, {}))
    record = contact()
    evidence.observe(_exchange("create", 201, record))

    evidence.mourn(Outgoing("update", "PUT", f"/contacts/{AN_ID}"))

    assert evidence.known[AN_ID].contradicted_by({**record, "city": "Elsewhere"}) == []
    evidence.mourn(Outgoing("delete", "DELETE", f"/contacts/{AN_ID}"))
    assert evidence.known == {}


def _exchange(operation: str, status: int, record: dict[str, Any]) -> Exchange:
    return exchange(operation, status, {"success": True, "data": record})


def test_a_silent_target_is_given_up(settings: Settings) -> None:
    target, problems = Recorder(TIMED_OUT), []

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            for _ in range(SILENCES_MOST):
                with pytest.raises(TargetUnavailable) as caught:
                    await client_on(wire).list()
                problems.append(caught.value.reason)
            wire.resume()
            with pytest.raises(TargetUnavailable, match="--request-timeout"):
                await client_on(wire).list()

    run(act())

    # The cleaning up tries its luck a few times only.
    assert len(target.requests) == SILENCES_MOST + FAULT_TRIES
    assert f"let {SILENCES_MOST} requests time out" in problems[-1]


def test_a_503_in_the_api_envelope_is_the_targets_own_answer(settings: Settings) -> None:
    target = Recorder(httpx.Response(503, json=error_body("MAINTENANCE")))

    async def act() -> Exchange:
        async with wire_to(target, settings) as wire:
            return await client_on(wire).list()

    assert run(act()).status == 503


def test_resets_alone_give_no_target_up(settings: Settings) -> None:
    target = Recorder(*[RESET] * 2 * SILENCES_MOST, success([]))

    async def act() -> Exchange:
        async with wire_to(target, settings) as wire:
            for _ in range(2 * SILENCES_MOST // FAULT_TRIES):
                with pytest.raises(TargetUnavailable):
                    await client_on(wire).list()
            return await client_on(wire).list()

    assert run(act()).status == 200


def test_a_write_whose_repeats_do_not_fit_is_mourned(settings: Settings) -> None:
    mourned: list[str] = []
    budget = Budget(1, 0, lambda: 0)

    async def act() -> None:
        async with wire_to(Recorder(RESET), settings, budget=budget) as wire:
            wire.mourners.append(lambda outgoing: mourned.append(outgoing.operation))
            await client_on(wire).update(AN_ID, {"city": "Elsewhere"})

    with pytest.raises(PremiseFailed):
        run(act())
    assert mourned == ["update"]
