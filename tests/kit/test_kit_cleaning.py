"""Cleaning up: everything made is deleted, what was lost is found, what stays is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from kit_doubles import (
    FakeTime,
    Handler,
    client_on,
    contact,
    error_body,
    limited,
    run,
    success,
    wire_to,
)
from kit_house import House

from conformance.kit.budget import Budget
from conformance.kit.cleaning import TRIES, clean, is_ours
from conformance.kit.client import Client
from conformance.kit.expect import PremiseFailed
from conformance.kit.ledger import Ledger
from conformance.kit.settings import Settings

NAME = "Qkzvtmwebdfh"
BODY = {"first_name": NAME, "last_name": "Xlcumospratn", "email": "qkzvtm@example.com"}


def refusal(status: int) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(status, json=error_body("MADE_UP"))


def no_answer() -> httpx.Response:
    raise httpx.ReadError("connection reset")


def cleaned(
    house: Handler,
    settings: Settings,
    *creates: dict[str, Any],
    between: Callable[[], None] = lambda: None,
    budget: Budget | None = None,
    ledger: Ledger | None = None,
) -> list[str]:
    """Create, then clean up; return what may remain."""
    ledger = ledger or Ledger(None, {})

    async def act() -> list[str]:
        async with wire_to(house, settings, budget=budget, time=FakeTime()) as wire:
            api = client_on(wire, ledger)
            for body in creates:
                with suppress(PremiseFailed):
                    await api.create(body)
            between()
            return await clean({"first": api}, ledger)

    return run(act())


def test_every_contact_that_was_made_is_deleted(settings: Settings) -> None:
    house, ledger = House(), Ledger(None, {})

    left = cleaned(house, settings, *({"first_name": f"N{n}"} for n in range(20)), ledger=ledger)

    assert left == []
    assert house.contacts == {}
    assert ledger.debts() == 0


def test_what_is_gone_already_counts_as_cleaned(settings: Settings) -> None:
    house = House()

    assert cleaned(house, settings, BODY, between=house.contacts.clear) == []


@pytest.mark.parametrize(
    ("about", "answer"),
    [
        ("no answer", no_answer),
        ("a 500", refusal(500)),
        ("a 201 without an id", lambda: success({}, 201)),
        ("a 201 that is no JSON", lambda: httpx.Response(201, text="done")),
        ("a redirect", lambda: httpx.Response(303, headers={"location": "/"})),
    ],
)
@pytest.mark.parametrize("archived", [False, True])
def test_a_create_whose_answer_told_nothing_is_found_by_its_words(
    settings: Settings, about: str, answer: Callable[[], httpx.Response], archived: bool
) -> None:
    house = House(POST=answer)

    def hide() -> None:
        for record in house.contacts.values():
            record["is_archived"] = archived

    assert cleaned(house, settings, BODY, between=hide) == [], about
    assert house.contacts == {}


@pytest.mark.parametrize(
    "stored",
    [
        BODY,
        {**BODY, "email": None, "last_name": None},
        {"first_name": NAME.upper(), "email": "QKZVTM@example.com"},
        {**BODY, "first_name": f" {NAME} "},
    ],
)
def test_a_lost_create_is_found_however_its_values_were_folded(
    stored: dict[str, Any],
) -> None:
    assert is_ours(contact(**stored), (NAME, BODY["last_name"], BODY["email"]))


def test_a_lost_create_with_a_long_name_is_found(settings: Settings) -> None:
    house = House(POST=no_answer)

    assert cleaned(house, settings, {"first_name": NAME * 400}) == []
    assert house.contacts == {}


def test_contacts_of_others_are_left_alone(settings: Settings) -> None:
    house = House(POST=no_answer)
    other = contact(id="1", first_name=f"{NAME} Smith", email="someone@example.com")

    def add_other() -> None:
        house.contacts["1"] = other

    assert cleaned(house, settings, BODY, between=add_other) == []
    assert house.contacts == {"1": other}


@pytest.mark.parametrize("word", ["", "  ", "Lee", "short"])
def test_a_short_word_identifies_no_one(word: str) -> None:
    assert not is_ours(contact(first_name=word, last_name=word), (word,))


def test_a_refused_delete_is_told_by_its_id(settings: Settings) -> None:
    house = House(DELETE=refusal(403))

    left = cleaned(house, settings, BODY)

    assert left == ["00000000-0000-4000-8000-000000000001"]
    assert house.requests.count("DELETE") == 1


@pytest.mark.parametrize("answer", [refusal(500), no_answer])
def test_a_failing_delete_is_tried_again_and_then_told(
    settings: Settings, answer: Callable[[], httpx.Response]
) -> None:
    house = House(DELETE=answer)
    house.keeps = True

    left = cleaned(house, settings, BODY)

    assert left == list(house.contacts)
    assert house.requests.count("DELETE") == TRIES


def test_a_delete_that_took_effect_without_an_answer_is_settled(settings: Settings) -> None:
    answers: Iterator[httpx.Response | Exception] = iter(
        [httpx.ReadError("reset"), httpx.Response(404, json=error_body())]
    )

    def answer() -> httpx.Response:
        given = next(answers)
        if isinstance(given, Exception):
            raise given
        return given

    house = House(DELETE=answer)

    assert cleaned(house, settings, BODY) == []


def test_cleaning_up_waits_for_the_rate_limit(settings: Settings) -> None:
    answers = iter([limited(retry_after="9"), success({})])
    house = House(DELETE=lambda: next(answers))

    assert cleaned(house, settings, BODY) == []


def test_limits_on_the_cleaning_up_leave_nothing_behind(settings: Settings) -> None:
    """Every other delete is refused at first, and the budget was spent to the last request."""
    house, ledger = House(), Ledger(None, {})
    turn = itertools.count()

    async def target(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE" and next(turn) % 2 == 0:
            return limited(retry_after="1")
        return await house(request)

    budget = Budget(40, 1000, ledger.debts)
    bodies = [{"first_name": f"Qkzvtmwebdfh{n}"} for n in range(50)]

    assert cleaned(target, settings, *bodies, budget=budget, ledger=ledger) == []
    assert house.made == 20
    assert house.contacts == {}


def test_a_lost_create_that_cannot_be_looked_for_is_told_by_its_words(settings: Settings) -> None:
    house = House(POST=no_answer, GET=refusal(500))

    (left,) = cleaned(house, settings, BODY)

    assert left == " ".join(BODY.values())


@pytest.mark.parametrize("odd_id", [None, "", {"$oid": "a"}, ["a"]])
def test_a_contact_that_no_delete_can_name_is_told_by_its_words(
    settings: Settings, odd_id: object
) -> None:
    house = House(POST=lambda: success({}, 201))

    def take_the_id_away() -> None:
        for record in house.contacts.values():
            record["id"] = odd_id

    (left,) = cleaned(house, settings, BODY, between=take_the_id_away)

    assert left == " ".join(BODY.values())


def test_a_number_for_an_id_is_deleted_by_it(settings: Settings) -> None:
    house = House(POST=lambda: success({"id": 7}, 201))

    def number() -> None:
        (record,) = house.contacts.values()
        house.contacts.clear()
        house.contacts["7"] = record | {"id": 7}

    assert cleaned(house, settings, BODY, between=number) == []
    assert house.contacts == {}


def test_one_delete_that_breaks_keeps_no_other_from_its_turn(settings: Settings) -> None:
    house, ledger = House(), Ledger(None, {})

    async def target(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE" and request.url.path.endswith("1"):
            raise KeyError(request.url.path)
        return await house(request)

    with pytest.raises(KeyError):
        cleaned(target, settings, *[{"first_name": f"{NAME}{n}"} for n in "abc"], ledger=ledger)

    assert list(house.contacts) == ["00000000-0000-4000-8000-000000000001"]


def test_lists_without_an_array_prove_no_absence(settings: Settings) -> None:
    house = House(POST=no_answer, GET=lambda: success(None))

    (left,) = cleaned(house, settings, BODY)

    assert left == " ".join(BODY.values())


def test_cleaning_up_fits_into_what_the_budget_kept(settings: Settings) -> None:
    ledger, house = Ledger(None, {}), House(POST=no_answer)
    budget = Budget(12, 0, ledger.debts)

    left = cleaned(
        house,
        settings,
        *({**BODY, "email": f"{n}@example.com"} for n in range(20)),
        budget=budget,
        ledger=ledger,
    )

    assert left == []
    assert house.contacts == {}
    # The last of them was sent when nobody knew that it would have to be looked for.
    assert budget.used <= 12 + 2


def test_lost_creates_that_share_their_words_are_looked_for_once(settings: Settings) -> None:
    house = House(POST=refusal(500))

    cleaned(house, settings, *[BODY] * 10)

    assert house.contacts == {}
    assert house.requests.count("GET") == 2


def test_each_account_cleans_its_own(settings: Settings) -> None:
    house, ledger, seen = House(), Ledger(None, {}), []

    async def act() -> list[str]:
        async with wire_to(house, settings) as wire:
            first, second = client_on(wire, ledger), client_on(wire, ledger)
            second = Client(wire, ledger, second.credential, "second")
            await first.create({"first_name": "A"})
            await second.create({"first_name": "B"})
            wire.observers.append(lambda x: seen.append(x.status))
            return await clean({"first": first, "second": second}, ledger)

    assert run(act()) == []
    assert seen == [200, 200]
