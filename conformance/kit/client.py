"""The eight operations for one account; each returns the `Exchange`, whatever the answer was.

Paths and queries are built here so that a hostile id or parameter goes out exactly as meant.
Creates are written into the ledger before they are sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from conformance.kit.budget import BudgetExhausted
from conformance.kit.credentials import Credential
from conformance.kit.deeds import Deeds
from conformance.kit.exchange import Exchange
from conformance.kit.ledger import Entry, Ledger
from conformance.kit.outgoing import Outgoing, TargetUnavailable
from conformance.kit.recovery import change_is_undone, create_is_undone
from conformance.kit.renewal import TokenRanOut
from conformance.kit.wire import FAULT_TRIES, Wire

RESOURCE = "/contacts"
LONE_SURROGATES = "surrogatepass"
"""JSON can hold them, so an id or a name that a target gives may: they go back as they came."""
JSON_TYPE = ("Content-Type", "application/json")
Query = Mapping[str, object] | Iterable[tuple[str, object]]


class Client:
    """Speaks for one account; cheap to make, shares the wire and the ledger."""

    def __init__(
        self,
        wire: Wire,
        ledger: Ledger,
        credential: Credential,
        account: str,
        deeds: Deeds | None = None,
    ) -> None:
        """Bind the wire to a credential; `account` is the label under which creates are kept."""
        self.wire = wire
        self.ledger = ledger
        self.credential = credential
        self.account = account
        self.deeds = Deeds() if deeds is None else deeds
        self.owner = self
        """The client that speaks for the account with its own credential."""

    def speaking_as(self, credential: Credential, account: str | None = None) -> Client:
        """Return a client with another credential."""
        other = Client(self.wire, self.ledger, credential, account or self.account, self.deeds)
        other.owner = self.owner if account in (None, self.account) else other
        return other

    async def list(self, **query: object) -> Exchange:
        """`GET /contacts`; values are sent as `str` makes them, booleans in lower case."""
        return await self.call("list", query=query)

    async def search(self, **query: object) -> Exchange:
        """`GET /contacts/search`."""
        return await self.call("search", query=query)

    async def get(self, contact_id: str) -> Exchange:
        """`GET /contacts/{id}`; the id is percent-encoded whole."""
        return await self.call("get", contact_id)

    async def update(self, contact_id: str, payload: Any) -> Exchange:
        """`PUT /contacts/{id}` with a JSON body."""
        return await self.call("update", contact_id, body=encode(payload))

    async def delete(self, contact_id: str) -> Exchange:
        """`DELETE /contacts/{id}`; a 2xx is written into the ledger."""
        return await self.call("delete", contact_id)

    async def archive(self, contact_id: str) -> Exchange:
        """`PATCH /contacts/{id}/archive`."""
        return await self.call("archive", contact_id)

    async def restore(self, contact_id: str) -> Exchange:
        """`PATCH /contacts/{id}/restore`."""
        return await self.call("restore", contact_id)

    async def create(self, payload: Any) -> Exchange:
        """`POST /contacts` with a JSON body."""
        return await self.create_raw(encode(payload), payload)

    async def create_raw(
        self,
        body: bytes | None,
        payload: Any = None,
        headers: tuple[tuple[str, str], ...] = (JSON_TYPE,),
    ) -> Exchange:
        """`POST /contacts` with the bytes given; `payload` tells the ledger what they say.

        Where the answer is lost, the contact is looked for by its words before the next attempt.
        """
        for attempt in range(1, FAULT_TRIES + 1):
            last = attempt == FAULT_TRIES
            entry = self.ledger.intend(self.account, payload)
            try:
                exchange = await self.call("create", body=body, headers=headers, final=last)
            except (BudgetExhausted, TokenRanOut):
                self.ledger.settle(entry, "refused")
                raise
            except TargetUnavailable as problem:
                self.ledger.settle(entry, "lost" if problem.sent else "refused")
                self.wire.budget.lost()
                if last or problem.late:
                    raise
                await self.wire.back_off(attempt)
                if problem.sent and not await create_is_undone(self.owner, entry, body):
                    raise
                continue
            _settle(self.ledger, entry, exchange)
            return exchange
        raise AssertionError("the loop returns or raises")

    async def call(
        self,
        operation: str,
        contact_id: str | None = None,
        *,
        query: Query = (),
        body: bytes | None = None,
        headers: tuple[tuple[str, str], ...] | None = None,
        allows: tuple[int, ...] = (),
        exempt: bool = False,
        settles: bool = False,
        final: bool | None = None,
    ) -> Exchange:
        """Send one documented operation, with any body and headers.

        `allows` are statuses that a ruling permits here; `exempt` keeps the exchange out of the
        passive checks (rule 10: ids with an encoded slash or NUL); `settles` takes the request
        from what the budget keeps for cleaning up, as the delete of a known contact does. A caller
        that sees to lost answers by itself says whether this attempt is the `final` one.
        """
        outgoing = replace(
            outgoing_to(operation, contact_id, query=query, body=body, headers=headers),
            operation="other" if exempt else operation,
            settles=settles or (operation == "delete" and self.ledger.knows(contact_id)),
            allows=allows,
        )
        if outgoing.repeatable or operation == "create" or final is not None:
            outgoing = replace(outgoing, final=final is not False)
            exchange = await self.wire.send(outgoing, self.credential)
        else:
            exchange = await self._change(outgoing, operation, str(contact_id))
        self.deeds.note(exchange, contact_id)
        if operation == "delete" and exchange.ok and contact_id is not None:
            self.ledger.gone(contact_id)
        return exchange

    async def _change(self, outgoing: Outgoing, operation: str, contact_id: str) -> Exchange:
        """Send what must not be repeated blindly; look at the contact before the next attempt."""
        for attempt in range(1, FAULT_TRIES + 1):
            last = attempt == FAULT_TRIES
            try:
                return await self.wire.send(replace(outgoing, final=last), self.credential)
            except TargetUnavailable as problem:
                if last or problem.late:
                    raise
                await self.wire.back_off(attempt)
                if problem.sent and not await change_is_undone(self, operation, contact_id):
                    raise
        raise AssertionError("the loop returns or raises")


_ROUTES = {
    "list": ("GET", ""),
    "create": ("POST", ""),
    "search": ("GET", "/search"),
    "get": ("GET", ""),
    "update": ("PUT", ""),
    "delete": ("DELETE", ""),
    "archive": ("PATCH", "/archive"),
    "restore": ("PATCH", "/restore"),
}


def outgoing_to(
    operation: str,
    contact_id: str | None = None,
    *,
    query: Query = (),
    body: bytes | None = None,
    headers: tuple[tuple[str, str], ...] | None = None,
) -> Outgoing:
    """Return the request for one documented operation; a body is JSON unless `headers` say else."""
    method, suffix = _ROUTES[operation]
    path = RESOURCE + (f"/{_segment(contact_id)}" if contact_id is not None else "")
    if headers is None:
        headers = (JSON_TYPE,) if body is not None else ()
    return Outgoing(
        operation,
        method,
        path + suffix,
        encode_query(query),
        (*headers, ("Accept", "application/json")),
        body,
        repeatable=method in ("GET", "PUT"),
    )


def encode(payload: Any) -> bytes:
    """Return the payload as JSON in UTF-8; a lone surrogate goes out as its escape."""
    text = json.dumps(payload, ensure_ascii=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(payload).encode("ascii")


def encode_query(query: Query) -> str:
    """Return the query string; parameters keep their order, and `None` values are left out."""
    pairs = query.items() if isinstance(query, Mapping) else query
    given = [(k, _text(v)) for k, v in pairs if v is not None]
    return urlencode(given, quote_via=quote, errors=LONE_SURROGATES)


def _segment(text: str) -> str:
    # An id of dots alone would be taken for a relative path on its way (RFC 3986, 5.2.4).
    if not text.strip("."):
        return text.replace(".", "%2E")
    return quote(text, safe="", errors=LONE_SURROGATES)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _settle(ledger: Ledger, entry: Entry, exchange: Exchange) -> None:
    contact_id = exchange.contact.get("id")
    if exchange.ok and isinstance(contact_id, str) and contact_id:
        ledger.created(entry, contact_id)
    elif 400 <= exchange.status < 500:
        ledger.settle(entry, "refused")
    else:
        ledger.settle(entry, "lost")
