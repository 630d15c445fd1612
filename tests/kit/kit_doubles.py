"""Doubles for the kit's tests: made-up tokens, exchanges, a clock, and a target in memory."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx

from conformance.kit.budget import Budget
from conformance.kit.client import Client
from conformance.kit.credentials import bearer
from conformance.kit.evidence import Evidence
from conformance.kit.exchange import Exchange, Request, Response
from conformance.kit.ledger import Ledger
from conformance.kit.settings import Settings
from conformance.kit.wire import Wire

T = TypeVar("T")
Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z, the time of every clock here."""
MOMENT = "2027-01-15T08:00:00Z"
TURNS = 100
"""Turns of the event loop that a sleeper leaves to the others."""
BASE_URL = "http://target.example/v1"
AN_ID = "7d0f6b9a-2c41-4e58-9b3a-1f2e3d4c5b6a"
JSON_HEADERS = {"content-type": "application/json"}


def jwt_of(header: object = None, **claims: object) -> str:
    """A JWT in form; its signature is made up."""
    signature = hashlib.sha256(repr(claims).encode()).digest()
    encoded = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    return ".".join((part(header or {"alg": "HS256", "typ": "JWT"}), part(claims), encoded))


def part(value: object) -> str:
    """A value as base64url-encoded JSON without padding."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


TOKEN = jwt_of(sub="ann", exp=NOW + 3600, note="made up for the self-tests")


class FakeTime:
    """A clock that moves only when someone sleeps by it; others act before the sleeper wakes."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        wakes_at = self.now + seconds
        self.slept.append(seconds)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self.now = max(self.now, wakes_at)


def run(coroutine: Coroutine[Any, Any, T], limit_s: float = 10) -> T:
    """Run a coroutine to its end, within real seconds that no test comes near."""

    async def bounded() -> T:
        async with asyncio.timeout(limit_s):
            return await coroutine

    return asyncio.run(bounded())


@asynccontextmanager
async def wire_to(
    handler: Handler | httpx.AsyncBaseTransport,
    settings: Settings,
    *,
    time: FakeTime | None = None,
    budget: Budget | None = None,
) -> AsyncIterator[Wire]:
    """An open wire whose target is a function."""
    time = time or FakeTime()
    transport = (
        handler if isinstance(handler, httpx.AsyncBaseTransport) else httpx.MockTransport(handler)
    )
    async with Wire(
        settings,
        BASE_URL,
        budget or Budget(None, settings.max_wait, lambda: 0),
        transport=transport,
        sleep=time.sleep,
        clock=time,
    ) as wire:
        yield wire


def client_on(wire: Wire, ledger: Ledger | None = None, token: str = TOKEN) -> Client:
    """A client of the first account, its ledger in memory."""
    return Client(wire, ledger or Ledger(None, {}), bearer(token), "first")


class Recorder:
    """A target that answers from a list (the last answer again and again) and keeps requests."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers) or [success([])]
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def targets(self) -> list[str]:
        """Method and raw path with query of each request."""
        return [f"{r.method} {r.url.raw_path.decode()}" for r in self.requests]


def success(data: Any, status: int = 200, **more: Any) -> httpx.Response:
    """An answer in the envelope of a success."""
    return httpx.Response(status, json={"success": True, "data": data, **more})


def limited(**headers: str) -> httpx.Response:
    """A 429 with these headers, their underscores read as dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(429, headers=named, json=error_body("RATE_LIMIT_EXCEEDED"))


def error_body(code: str = "NOT_FOUND", **more: Any) -> dict[str, Any]:
    """The envelope of an error, with everything that the platform states."""
    error = {"code": code, "message": "made up"}
    return {"success": False, "error": error, "timestamp": MOMENT, **more}


def contact(**changes: Any) -> dict[str, Any]:
    """A record with all 20 documented fields; `changes` replace values."""
    record: dict[str, Any] = {
        "id": AN_ID,
        "first_name": "Jordan",
        "last_name": "Lee",
        "full_name": "Jordan Lee",
        "email": "jordan@example.com",
        "phone": None,
        "contact_type": "buyer",
        "contact_status": None,
        "company": None,
        "license_number": None,
        "street_address": None,
        "city": None,
        "state": "CA",
        "zip_code": None,
        "notes": None,
        "tags": [],
        "is_archived": False,
        "archived_at": None,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    return record | changes


_PATHS = {
    "list": ("GET", ""),
    "create": ("POST", ""),
    "search": ("GET", "/search"),
    "get": ("GET", f"/{AN_ID}"),
    "update": ("PUT", f"/{AN_ID}"),
    "delete": ("DELETE", f"/{AN_ID}"),
    "archive": ("PATCH", f"/{AN_ID}/archive"),
    "restore": ("PATCH", f"/{AN_ID}/restore"),
    "other": ("GET", f"/{AN_ID}/notes"),
}
_numbers = itertools.count(1)


def exchange(
    operation: str = "get",
    status: int = 200,
    body: Any = None,
    *,
    sent: Any = None,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    path: str | None = None,
    allows: tuple[int, ...] = (),
    raw: bytes | None = None,
    request_headers: tuple[tuple[str, str], ...] = (("Authorization", "Bearer $CONTACTS_TOKEN"),),
) -> Exchange:
    """An exchange as the wire makes them; `raw` stands for a body that is no JSON."""
    method, suffix = _PATHS[operation]
    url = f"{BASE_URL}/contacts{suffix if path is None else path}" + (f"?{query}" if query else "")
    content = json.dumps(body).encode() if raw is None else raw
    payload = sent if isinstance(sent, bytes | None) else json.dumps(sent).encode()
    return Exchange(
        next(_numbers),
        "a scene",
        Request(operation, method, url, request_headers, payload, allows),
        Response(status, JSON_HEADERS if headers is None else headers, content, 0.004),
        NOW,
        NOW,
    )


def evidence_of(*exchanges: Exchange, owned: tuple[str, ...] = ()) -> Evidence:
    """The evidence of a run that saw these exchanges and made the contacts `owned`."""
    ledger = Ledger(None, {})
    for contact_id in owned:
        ledger.found("first", contact_id)
    evidence = Evidence(ledger)
    for x in exchanges:
        evidence.observe(x)
    return evidence


def at(x: Exchange, started: float, ended: float) -> Exchange:
    """The exchange at seconds after the start of the run."""
    return dataclasses.replace(x, started=NOW + started, ended=NOW + ended)


def one(operation: str = "get", **changes: Any) -> Exchange:
    """A successful operation that shows a record."""
    status = 201 if operation == "create" else 200
    return exchange(operation, status, {"success": True, "data": contact(**changes)})


def wrote(operation: str, sent: dict[str, Any], **changes: Any) -> Exchange:
    """A successful write of a body, and the record that it answers with."""
    status = 201 if operation == "create" else 200
    return exchange(operation, status, {"success": True, "data": contact(**changes)}, sent=sent)
