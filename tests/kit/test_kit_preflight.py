"""The first requests: a usable target costs one, an unusable one ends the run in one clear line."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from kit_doubles import (
    BASE_URL,
    FakeTime,
    Recorder,
    client_on,
    error_body,
    limited,
    run,
    success,
    wire_to,
)

from conformance.kit.budget import Budget, BudgetExhausted
from conformance.kit.preflight import Refused, greet
from conformance.kit.settings import Settings

HTML = "<!doctype html><title>Sign in</title>"
LIST = success({"contacts": [], "stats": {}, "meta": {}})
UNAUTHORIZED = httpx.Response(401, json=error_body("UnauthorizedError"))
NOT_FOUND = httpx.Response(404, json=error_body())
CRASH = httpx.Response(500, text="Internal Server Error")

UNUSABLE: dict[str, tuple[httpx.Response | Exception, int, str]] = {
    "nothing listens": (httpx.ConnectError("Connection refused"), 4, "is the server running?"),
    "an unknown host": (httpx.ConnectError("Name or service not known"), 4, "Name or service"),
    "it hangs up": (httpx.RemoteProtocolError("Server disconnected"), 4, "Server disconnected"),
    "too slow": (httpx.ReadTimeout("timed out"), 4, "--request-timeout"),
    "no API at the path": (httpx.Response(404, text=HTML), 4, "no Contacts API at this path"),
    "another JSON API": (NOT_FOUND, 4, "give the URL under which /contacts lives"),
    "a static file server": (httpx.Response(405, text="no"), 4, "no Contacts API at this path"),
    "a refused token": (UNAUTHORIZED, 4, "--token: the target refuses it"),
    "a gateway's 401": (httpx.Response(401, text=HTML), 4, "--token: the target refuses it"),
    "a suspended account": (
        httpx.Response(403, json=error_body("ACCOUNT_SUSPENDED")),
        4,
        "--token: the target refuses it",
    ),
    "a web page for everything": (httpx.Response(200, html=HTML), 1, "no JSON envelope"),
    "a redirect to a login page": (
        httpx.Response(302, headers={"location": "https://sso.example/login"}),
        1,
        "to https://sso.example/login",
    ),
    "JSON without an envelope": (httpx.Response(200, json={"items": []}), 1, "no JSON envelope"),
    "a crash for everything": (CRASH, 1, "no JSON envelope"),
    "empty answers": (httpx.Response(204), 1, "no content type"),
}


def greeted(
    target: Callable[[httpx.Request], object], settings: Settings, time: FakeTime | None = None
) -> None:
    async def act() -> None:
        async with wire_to(target, settings, time=time) as wire:  # type: ignore[arg-type]
            await greet(client_on(wire))

    run(act())


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_target_ends_the_run_with_one_clear_line(settings: Settings, name: str) -> None:
    answer, status, words = UNUSABLE[name]

    with pytest.raises(Refused) as caught:
        greeted(Recorder(answer), settings)

    message = caught.value.message
    assert caught.value.exit_status == status
    assert words in message
    assert "\n" not in message
    assert message.startswith(("--token", f"--base-url {BASE_URL}", BASE_URL))


def test_a_usable_target_costs_one_request(settings: Settings) -> None:
    target = Recorder(LIST)

    greeted(target, settings)

    assert target.targets == ["GET /v1/contacts?limit=1"]


@pytest.mark.parametrize(
    ("about", "answers"),
    [
        ("a list that crashes", [CRASH, success([]), NOT_FOUND]),
        ("a list that is not found", [NOT_FOUND, success([]), NOT_FOUND]),
        ("a list that is no JSON", [httpx.Response(200, text=HTML), success([]), NOT_FOUND]),
        ("a list that refuses the token", [UNAUTHORIZED, success([]), NOT_FOUND]),
        ("a search that refuses the token", [CRASH, UNAUTHORIZED, NOT_FOUND]),
        ("a list with an error in the envelope", [httpx.Response(500, json=error_body())]),
        ("a list without success", [httpx.Response(200, json={"data": {}})]),
    ],
)
def test_a_target_with_one_broken_operation_is_judged_clause_by_clause(
    settings: Settings, about: str, answers: list[httpx.Response]
) -> None:
    target = Recorder(*answers)

    greeted(target, settings)

    assert target.requests, about


def test_a_limited_first_request_is_waited_out(settings: Settings) -> None:
    time = FakeTime()

    greeted(Recorder(limited(retry_after="30"), LIST), settings, time)

    assert time.slept == [30]


def test_a_limit_beyond_max_wait_is_a_budget_and_no_refusal(settings: Settings) -> None:
    async def act() -> None:
        budget = Budget(None, 10, lambda: 0)
        async with wire_to(Recorder(limited(retry_after="30")), settings, budget=budget) as wire:
            await greet(client_on(wire))

    with pytest.raises(BudgetExhausted):
        run(act())
