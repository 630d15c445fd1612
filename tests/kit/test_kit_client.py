"""The client: exact paths, queries and bodies, and a ledger that knows of every create."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit_doubles import (
    AN_ID,
    Recorder,
    client_on,
    contact,
    error_body,
    run,
    success,
    wire_to,
)

from conformance.kit.budget import Budget, BudgetExhausted
from conformance.kit.client import Client, encode, encode_query
from conformance.kit.credentials import NO_CREDENTIAL
from conformance.kit.exchange import OPERATIONS
from conformance.kit.expect import PremiseFailed
from conformance.kit.ledger import Entry, Ledger
from conformance.kit.settings import Settings

IDS = {
    "plain": "plain",
    "a/b": "a%2Fb",
    "../x": "..%2Fx",
    ".": "%2E",
    "..": "%2E%2E",
    "a\0": "a%00",
    "%2e%2e": "%252e%252e",
    "a b?c#d": "a%20b%3Fc%23d",
    "é漢": "%C3%A9%E6%BC%A2",
    ";x=1": "%3Bx%3D1",
    "a\\b": "a%5Cb",
    "": "",
    "\ud800": "%ED%A0%80",
}
QUERIES: dict[str, tuple[Any, str]] = {
    "booleans in lower case": ({"archived": True}, "archived=true"),
    "None left out": ({"search": None, "page": 2}, "page=2"),
    "an empty value": ({"limit": ""}, "limit="),
    "signs of SQL": ({"search": "'\"%_\\;--"}, "search=%27%22%25_%5C%3B--"),
    "signs of queries": ({"search": "a b+c&d=e#f"}, "search=a%20b%2Bc%26d%3De%23f"),
    "Unicode": ({"search": "é漢"}, "search=%C3%A9%E6%BC%A2"),
    "a lone surrogate": ({"search": "\ud800"}, "search=%ED%A0%80"),
    "a repeated parameter": ([("type", "buyer"), ("type", "seller")], "type=buyer&type=seller"),
}


def seen_by_target(settings: Settings, act: Callable[[Client], Any]) -> httpx.Request:
    target = Recorder(success(contact()))

    async def go() -> None:
        async with wire_to(target, settings) as wire:
            await act(client_on(wire))

    run(go())
    return target.requests[-1]


@pytest.mark.parametrize("contact_id", IDS)
def test_an_id_goes_out_encoded_whole(settings: Settings, contact_id: str) -> None:
    got = seen_by_target(settings, lambda api: api.get(contact_id))
    archived = seen_by_target(settings, lambda api: api.archive(contact_id))

    assert got.url.raw_path.decode() == f"/v1/contacts/{IDS[contact_id]}"
    assert archived.url.raw_path.decode() == f"/v1/contacts/{IDS[contact_id]}/archive"


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_goes_out_as_meant(settings: Settings, name: str) -> None:
    query, expected = QUERIES[name]

    request = seen_by_target(settings, lambda api: api.call("list", query=query))

    assert request.url.raw_path.decode() == f"/v1/contacts?{expected}"


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
def test_any_text_survives_the_query(query: dict[str, str]) -> None:
    assert dict(httpx.QueryParams(encode_query(query))) == query


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_any_json_survives_encoding(payload: Any) -> None:
    assert json.loads(encode(payload)) == payload


def test_a_lone_surrogate_goes_out_as_its_escape() -> None:
    assert encode({"first_name": "a\ud800"}) == b'{"first_name": "a\\ud800"}'
    assert encode({"first_name": "é"}) == '{"first_name": "é"}'.encode()


def test_the_eight_operations_have_their_documented_routes(settings: Settings) -> None:
    target = Recorder(success(contact()))

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            api = client_on(wire)
            await api.list()
            await api.create({})
            await api.search()
            await api.get(AN_ID)
            await api.update(AN_ID, {})
            await api.delete(AN_ID)
            await api.archive(AN_ID)
            await api.restore(AN_ID)
            assert list(wire.statistics.by_operation) == list(OPERATIONS)

    run(act())

    assert target.targets == [
        "GET /v1/contacts",
        "POST /v1/contacts",
        "GET /v1/contacts/search",
        f"GET /v1/contacts/{AN_ID}",
        f"PUT /v1/contacts/{AN_ID}",
        f"DELETE /v1/contacts/{AN_ID}",
        f"PATCH /v1/contacts/{AN_ID}/archive",
        f"PATCH /v1/contacts/{AN_ID}/restore",
    ]


def test_only_requests_with_a_body_name_a_content_type(settings: Settings) -> None:
    with_body = seen_by_target(settings, lambda api: api.update(AN_ID, {}))
    without = seen_by_target(settings, lambda api: api.archive(AN_ID))

    assert with_body.headers["content-type"] == "application/json"
    assert "content-type" not in without.headers
    assert without.headers["accept"] == "application/json"


CREATES: dict[str, tuple[httpx.Response | Exception, str, bool]] = {
    "201 with an id": (success(contact(), 201), "live", True),
    "200 with an id": (success(contact()), "live", True),
    "201 without an id": (success({}, 201), "lost", False),
    "201 that is no JSON": (httpx.Response(201, text="done"), "lost", False),
    "400": (httpx.Response(400, json=error_body("VALIDATION_ERROR")), "refused", False),
    "401": (httpx.Response(401, json=error_body("UnauthorizedError")), "refused", False),
    "302": (httpx.Response(302, headers={"location": "/login"}), "lost", False),
    "500": (httpx.Response(500, json=error_body("INTERNAL")), "lost", False),
    "no answer": (httpx.ReadError("reset"), "lost", False),
}


@pytest.mark.parametrize("name", CREATES)
def test_the_ledger_learns_what_came_of_a_create(settings: Settings, name: str) -> None:
    answer, state, known = CREATES[name]
    ledger = Ledger(None, {})

    async def act() -> None:
        async with wire_to(Recorder(answer), settings) as wire:
            with suppress(PremiseFailed):
                await client_on(wire, ledger).create({"first_name": "Jordan"})

    run(act())

    assert [entry.state for entry in ledger.entries.values()] == [state]
    assert ledger.knows(AN_ID) is known


def test_a_create_stands_in_the_ledger_before_it_is_sent(settings: Settings) -> None:
    ledger = Ledger(None, {})
    at_the_target: list[list[str]] = []

    async def target(_request: httpx.Request) -> httpx.Response:
        at_the_target.append([entry.state for entry in ledger.entries.values()])
        return success(contact(), 201)

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            await client_on(wire, ledger).create({"first_name": "Jordan"})

    run(act())

    assert at_the_target == [["sent"]]


def test_a_create_that_the_budget_forbids_is_no_debt(settings: Settings) -> None:
    ledger = Ledger(None, {})
    target = Recorder()

    async def act() -> None:
        budget = Budget(1, 10, ledger.debts)
        async with wire_to(target, settings, budget=budget) as wire:
            await client_on(wire, ledger).create({"first_name": "Jordan"})

    with pytest.raises(BudgetExhausted):
        run(act())
    assert target.requests == []
    assert ledger.debts() == 0


def test_a_delete_settles_the_debt_of_its_create(settings: Settings) -> None:
    ledger = Ledger(None, {})

    async def act() -> list[Entry]:
        async with wire_to(Recorder(success(contact())), settings) as wire:
            api = client_on(wire, ledger)
            await api.create({"first_name": "Jordan"})
            await api.delete(AN_ID)
        return ledger.live()

    assert run(act()) == []
    assert ledger.debts() == 0


def test_a_refused_delete_leaves_the_debt(settings: Settings) -> None:
    ledger = Ledger(None, {})
    target = Recorder(success(contact(), 201), httpx.Response(403, json=error_body("FORBIDDEN")))

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            api = client_on(wire, ledger)
            await api.create({"first_name": "Jordan"})
            await api.delete(AN_ID)

    run(act())

    assert ledger.debts() == 1


def test_an_exempt_request_is_no_documented_operation(settings: Settings) -> None:
    async def act() -> str:
        async with wire_to(Recorder(), settings) as wire:
            return (await client_on(wire).call("get", "a/b", exempt=True)).operation

    assert run(act()) == "other"


def test_a_create_with_other_credentials_keeps_its_account(settings: Settings) -> None:
    ledger = Ledger(None, {})
    target = Recorder(success(contact(), 201))

    async def act() -> None:
        async with wire_to(target, settings) as wire:
            await client_on(wire, ledger).speaking_as(NO_CREDENTIAL).create({"first_name": "A"})

    run(act())

    assert "authorization" not in target.requests[0].headers
    assert [entry.account for entry in ledger.live()] == ["first"]
