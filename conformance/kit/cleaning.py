"""Cleaning up: deletes what the ledger says is still there, and looks for what it is not sure of.

A create whose answer never arrived, or was no usable one, is found again by its random words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from conformance.kit.budget import BudgetExhausted
from conformance.kit.client import Client
from conformance.kit.expect import PremiseFailed
from conformance.kit.ledger import Entry, Ledger

TRIES = 2


async def clean(accounts: Mapping[str, Client], ledger: Ledger) -> list[str]:
    """Delete every live contact of the run; return the ids (or words) of what may remain."""
    for account, api in accounts.items():
        await asyncio.gather(*(_look_for(api, ledger, e) for e in ledger.lost(account)))
    results = await asyncio.gather(
        *(_remove(accounts[e.account], ledger, e) for e in ledger.live() if e.account in accounts)
    )
    unsure = [" ".join(e.words) for e in ledger.lost() if e.words]
    return [left for left in results if left is not None] + unsure


async def _remove(api: Client, ledger: Ledger, entry: Entry) -> str | None:
    for _ in range(TRIES):
        try:
            exchange = await api.delete(str(entry.id))
        except BudgetExhausted:
            return entry.id
        except PremiseFailed:
            continue
        if exchange.ok or exchange.status == 404:
            ledger.gone(str(entry.id))
            return None
        if exchange.status < 500:
            return entry.id
    return entry.id


async def _look_for(api: Client, ledger: Ledger, entry: Entry) -> None:
    if not entry.words:
        ledger.settle(entry, "refused")
        return
    try:
        for archived in (False, True):
            exchange = await api.list(search=entry.words[-1], archived=archived, limit=100)
            if not exchange.ok:
                return
            for record in exchange.records:
                if is_ours(record, entry.words) and isinstance(record.get("id"), str):
                    ledger.found(entry.account, record["id"])
    except PremiseFailed:
        return
    ledger.settle(entry, "refused")


def is_ours(record: Mapping[str, Any], words: Iterable[str]) -> bool:
    """Whether a record carries one of the random words as a name or an email.

    Names are compared without case, as a target may fold the case of an email.
    """
    values = {
        str(record.get(name) or "").strip().lower() for name in ("first_name", "last_name", "email")
    }
    return any(word.strip().lower() in values for word in words if len(word.strip()) >= 8)
