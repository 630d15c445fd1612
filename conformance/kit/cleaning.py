"""Cleaning up: deletes what the ledger says is still there, and looks for what it is not sure of.

A create whose answer never arrived, or was no usable one, is found again by its random words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conformance.kit.client import Client
from conformance.kit.exchange import Exchange
from conformance.kit.expect import PremiseFailed
from conformance.kit.ledger import Entry, Ledger
from conformance.kit.outgoing import TargetUnavailable
from conformance.kit.recovery import WORD_LEAST, folded

TRIES = 3


async def clean(
    accounts: Mapping[str, Client], ledger: Ledger, refused: list[Exchange] | None = None
) -> list[str]:
    """Delete every live contact of the run; return the ids (or words) of what may remain.

    `refused` gets the answers that found no contact where the ledger has a live one, or that
    forbade its owner to delete it.
    """
    refused = [] if refused is None else refused
    for account, api in accounts.items():
        alike: dict[tuple[str, ...], list[Entry]] = {}
        for entry in ledger.lost(account):
            alike.setdefault(entry.words, []).append(entry)
        await asyncio.gather(*(_look_for(api, ledger, entries) for entries in alike.values()))
    # Each is tried, whatever becomes of the others.
    results = await asyncio.gather(
        *(
            _remove(accounts[e.account], ledger, e, refused)
            for e in ledger.live()
            if e.account in accounts
        ),
        return_exceptions=True,
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result
    unsure = [" ".join(e.words) for e in ledger.lost() if e.words]
    return [left for left in results if isinstance(left, str)] + unsure


async def _remove(api: Client, ledger: Ledger, entry: Entry, refused: list[Exchange]) -> str | None:
    for attempt in range(1, TRIES + 1):
        try:
            # Whether an attempt before it took effect does not matter here: 404 is as good.
            exchange = await api.call("delete", str(entry.id), settles=True, final=False)
        except TargetUnavailable:
            await api.wire.back_off(attempt)
            continue
        except PremiseFailed:
            return entry.id
        if exchange.status in (403, 404) and attempt == 1:
            refused.append(exchange)
        if exchange.ok or exchange.status == 404:
            ledger.gone(str(entry.id))
            return None
        if exchange.status < 500:
            return entry.id
    return entry.id


async def _look_for(api: Client, ledger: Ledger, entries: Sequence[Entry]) -> None:
    """Look for lost creates that share their words, and settle them where the lists told all."""
    account, words = entries[0].account, entries[0].words
    nameless = False
    # What was absent when it was lost cannot have been archived since.
    places = (False,) if all(e.state == "absent" for e in entries) else (False, True)
    for archived in places if words else ():
        query = {"search": words[-1], "archived": archived, "limit": 100}
        try:
            exchange = await api.call("list", query=query, settles=True)
        except PremiseFailed:
            return
        if not exchange.ok or not isinstance(exchange.at("data", "contacts"), list):
            return
        for record in exchange.records:
            if is_ours(record, words):
                nameless |= not _known_by_id(ledger, account, record.get("id"))
    for entry in entries if not nameless else ():
        ledger.settle(entry, "refused")


def _known_by_id(ledger: Ledger, account: str, contact_id: object) -> bool:
    """Take a contact over by its id; return whether it has one that a delete can name."""
    usable = isinstance(contact_id, str | int) and str(contact_id) != ""
    if usable:
        ledger.found(account, str(contact_id))
    return usable


def is_ours(record: Mapping[str, Any], words: Iterable[str]) -> bool:
    """Whether a record carries one of the random words as a name or an email.

    Names are compared without case, as a target may fold the case of an email.
    """
    values = {folded(record.get(name)) for name in ("first_name", "last_name", "email")}
    return any(folded(word) in values for word in words if len(word.strip()) >= WORD_LEAST)
