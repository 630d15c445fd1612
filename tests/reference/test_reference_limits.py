"""The rate limit of the reference server, as arithmetic and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from reference_client import SECRET, Client, Clock
from starlette.applications import Starlette

from fixtures.reference.app import create_app
from fixtures.reference.config import Config
from fixtures.reference.limiter import Decision, FixedWindowLimiter


def test_a_window_allows_its_limit_and_refuses_the_rest() -> None:
    limiter = FixedWindowLimiter(2, 10)

    decisions = [limiter.hit("a", 100 + second) for second in (0, 1.5, 4)]

    assert decisions == [
        Decision(allowed=True, limit=2, remaining=1, reset_s=10, retry_after=None),
        Decision(allowed=True, limit=2, remaining=0, reset_s=9, retry_after=None),
        Decision(allowed=False, limit=2, remaining=0, reset_s=6, retry_after=6),
    ]


def test_waiting_as_told_opens_a_new_window_whatever_was_refused_meanwhile() -> None:
    limiter = FixedWindowLimiter(1, 10)
    limiter.hit("a", 0.25)
    refused = limiter.hit("a", 3.5)
    limiter.hit("a", 9)

    assert refused.retry_after == 7
    assert not limiter.hit("a", 10.2).allowed
    assert limiter.hit("a", 3.5 + 7).allowed


def test_keys_have_budgets_of_their_own() -> None:
    limiter = FixedWindowLimiter(1, 10)

    assert limiter.hit("a", 0).allowed
    assert limiter.hit("b", 0).allowed
    assert not limiter.hit("a", 0).allowed


def test_a_clock_set_back_opens_a_new_window() -> None:
    limiter = FixedWindowLimiter(1, 10)
    limiter.hit("a", 1_000)

    assert limiter.hit("a", 0) == Decision(True, 1, 0, 10, None)


def test_windows_that_are_over_are_forgotten() -> None:
    limiter = FixedWindowLimiter(1, 10)
    limiter.crowded = 3
    for moment, key in enumerate("abc"):
        limiter.hit(key, moment)

    limiter.hit("d", 11.5)

    assert set(limiter.windows) == {"c", "d"}


@pytest.fixture
def tight(clock: Clock) -> Iterator[Starlette]:
    """A server that allows three requests in a minute."""
    app = create_app(Config(SECRET, clock=clock, rate_limit=3, rate_window=60))
    yield app
    app.state.application.close()


def test_every_answer_counts_and_says_what_is_left(
    tight: Starlette, token: Callable[..., str]
) -> None:
    client, anonymous = Client(tight, token()), Client(tight, None)

    answers = [client.get("/contacts"), anonymous.get("/contacts"), client.get("/nothing")]

    assert [answer.status_code for answer in answers] == [200, 401, 404]
    assert [answer.headers["ratelimit-limit"] for answer in answers] == ["3"] * 3
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0"]
    assert [answer.headers["ratelimit-reset"] for answer in answers] == ["60"] * 3


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/contacts"),
        ("POST", "/contacts"),
        ("GET", "/contacts/search"),
        ("DELETE", "/contacts/{id}"),
        ("PUT", "/contacts/{id}"),
        ("PATCH", "/contacts/{id}/archive"),
        ("GET", "/nothing"),
        ("PATCH", "/contacts"),
    ],
)
def test_past_the_limit_nothing_passes_and_nothing_changes(
    tight: Starlette, token: Callable[..., str], clock: Clock, method: str, path: str
) -> None:
    client = Client(tight, token())
    contact = client.create()
    client.read(contact["id"])
    client.read(contact["id"])
    clock.advance(14.5)

    refused = client.request(method, path.format(id=contact["id"]), json={"city": "Taft"})

    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"] == "46"
    clock.advance(46)
    assert client.listed()["contacts"] == [contact]


def test_only_another_address_opens_another_budget(
    tight: Starlette, token: Callable[..., str]
) -> None:
    client = Client(tight, token())
    for _ in range(3):
        client.get("/contacts")

    same = [
        Client(tight, token("stranger")).get("/contacts"),
        client.get("/contacts", headers={"X-Forwarded-For": "198.51.100.7"}),
        client.get("/contacts", headers={"Forwarded": "for=198.51.100.7"}),
        client.get("/Contacts/"),
    ]
    other = Client(tight, token(), address="198.51.100.7").get("/contacts")

    assert [answer.status_code for answer in same] == [429] * 4
    assert other.status_code == 200
