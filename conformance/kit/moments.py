"""Moments in time: RFC 3339 date-times, and the target's own clock (rule 6 of the contract)."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

from conformance.kit.exchange import Exchange

SKEW_S = 120.0
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def to_epoch(value: object) -> float | None:
    """Return an RFC 3339 date-time with offset in seconds since the epoch, else None."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value.upper()).timestamp()
    except (ValueError, OverflowError):
        return None


def server_now(exchange: Exchange) -> float:
    """Return the target's time of an answer: its `Date` header, else the local time."""
    try:
        return parsedate_to_datetime(exchange.response.headers.get("date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return exchange.ended
