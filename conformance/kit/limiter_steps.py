"""The steps of a trial of a rate limiter, and the variations it tries, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.kit.limiter_answers import FIRST, Answer

SECOND = "second"
"""The label of the other token and of the other source address."""
TRIES_EACH = 3


@dataclass(frozen=True)
class Variation:
    """What a variation changes about `GET /contacts/{id}`: headers, or method and path."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    path: Callable[[str], str] = str


def _forwarded(header: str, value: str = "203.0.113.{n}") -> Variation:
    return Variation(f"forwarded: {header}", {header: value})


VARIATIONS = (
    _forwarded("X-Forwarded-For"),
    _forwarded("Forwarded", "for=203.0.113.{n}"),
    _forwarded("X-Real-IP"),
    _forwarded("X-Client-IP"),
    _forwarded("True-Client-IP"),
    _forwarded("CF-Connecting-IP"),
    _forwarded("X-Forwarded-Host", "host-{n}.example.com"),
    Variation("another user agent", {"User-Agent": "another-client/{n}"}),
    Variation("another method", method="HEAD"),
    Variation("a trailing slash", path=lambda path: path + "/"),
    Variation("another path case", path=lambda path: path.replace("contacts", "Contacts")),
    Variation("a doubled slash", path=lambda path: path.replace("/contacts", "//contacts")),
    Variation("an encoded letter", path=lambda path: path.replace("contacts", "%63ontacts")),
    Variation("an extra parameter", path=lambda path: path + "?_={n}"),
)
"""What may open a new budget where the limiter's key is derived carelessly (LIMIT-09)."""
BY_NAME = {variation.name: variation for variation in VARIATIONS}


@dataclass(frozen=True)
class Shot:
    """One request to send. `query` is for list and search; `number` fills `{n}` in variations."""

    operation: str
    contact_id: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    token: str = FIRST
    address: str = FIRST
    variation: str = ""
    number: int = 0


@dataclass(frozen=True)
class Volley:
    """Requests to send with at most `in_flight` at a time; the replies come in the same order."""

    shots: tuple[Shot, ...]
    in_flight: int = 1


@dataclass(frozen=True)
class Pause:
    """Nothing is sent before `until`, in seconds since the epoch.

    One that is not `needed` ends the trial where there is no time for it.
    """

    until: float
    why: str
    needed: bool = True


@dataclass(frozen=True)
class Forecast:
    """What is to come: about how many requests, and about how long from now."""

    requests: int
    seconds: float
    window_s: float
    limit: int


Step = Volley | Pause | Forecast


@dataclass(frozen=True)
class Reply:
    """An answer and its JSON body (None where it is none)."""

    answer: Answer
    body: Any = None

    def record(self) -> dict[str, Any]:
        """Return `data` where it is an object, else an empty one."""
        data = self.body.get("data") if isinstance(self.body, dict) else None
        return data if isinstance(data, dict) else {}


@dataclass(frozen=True)
class Plan:
    """What a trial may do; `limit` and `window_s` left out are taken from the first answer."""

    make_body: Callable[[], dict[str, Any]]
    limit: int | None = None
    window_s: float | None = None
    second_token: bool = False
    second_address: bool = False
    in_flight: int = 32
    max_requests: int | None = None
    longest_reset: float | None = None
    """The longest `RateLimit-Reset` that earlier answers showed, in seconds."""


def attempts(plan: Plan, contact_id: str) -> Iterator[Shot]:
    """Yield what may get past the limit: the other token, the other address, the variations."""
    shot = Shot("get", contact_id)
    for number in range(TRIES_EACH):
        if plan.second_token:
            yield replace(shot, operation="list", contact_id=None, token=SECOND)
        if plan.second_address:
            yield replace(shot, address=SECOND)
        for index, variation in enumerate(VARIATIONS):
            seed = 2 + number * len(VARIATIONS) + index
            yield replace(shot, variation=variation.name, number=seed)
