"""How many requests may go out at a time, once the target has refused one for its rate limit.

Until then nothing is held back. After a 429 one request goes ahead; as many as its
`RateLimit-Remaining` leaves room for follow it, then the next one goes ahead. So a window that is
full, or a bucket that is empty, costs one refusal and not one for each request in flight.
"""

from __future__ import annotations

import asyncio

from conformance.kit.exchange import Exchange
from conformance.kit.limiter_answers import whole

EMPTY_MOST = 3
"""So many rounds that begin with nothing left, and what `RateLimit-Remaining` says is no guide."""


class Pace:
    """Admits requests; `returned` is told of each answer, and says how long to wait for room."""

    def __init__(self) -> None:
        """Hold nothing back."""
        self._wary = False
        self._room: int | None = None
        """How many may follow the one that went ahead; None: none has gone ahead yet."""
        self._ahead = False
        self._flying = 0
        self._left = 0
        self._empty = 0
        self._changed = asyncio.Event()

    def admits(self) -> bool:
        """Whether a request may go out now; it is counted as in flight then."""
        if self._wary and not self._has_room():
            return False
        self._flying += 1
        return True

    def _has_room(self) -> bool:
        if self._room is None and not self._flying:
            self._room, self._ahead = 0, True
            return True
        if not self._room:
            return False
        self._room -= 1
        return True

    async def change(self) -> None:
        """Wait until an answer has come, which only those wait for that were not admitted."""
        self._changed.clear()
        await self._changed.wait()

    def returned(self, exchange: Exchange | None) -> float:
        """Take note of an answer (None: none came); return the seconds until there is room.

        That is 0.0, but at the end of a round that has used up what was left.
        """
        self._flying -= 1
        self._changed.set()
        ahead, self._ahead = self._ahead, False
        if exchange is not None and exchange.status == 429:
            self._wary, self._room, self._empty = True, None, 0
        elif exchange is not None and self._room is not None:
            self._learn(exchange, ahead=ahead)
        if self._room == 0 and not self._flying:
            self._room = None
            if self._wary and exchange is not None and self._left == 0:
                return float(max(1, whole(exchange.response.headers.get("ratelimit-reset")) or 1))
        return 0.0

    def _learn(self, exchange: Exchange, *, ahead: bool) -> None:
        left = whole(exchange.response.headers.get("ratelimit-remaining"))
        if left is None:
            self._wary, self._room = False, None
        elif ahead:
            self._room = self._left = left
            self._empty = 0 if left else self._empty + 1
            self._wary = self._empty < EMPTY_MOST
        else:
            self._left = min(self._left, left)
