"""What the run may still spend: requests, and seconds of waiting for a rate limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from conformance.kit.expect import PremiseFailed

LOSSES_COVERED = 20
"""Requests beyond the bound, for repeats: what 480 leave of a window of 500."""


class BudgetExhausted(PremiseFailed):
    """A request or a wait no longer fits."""

    def __init__(self, reason: str) -> None:
        """Keep the reason under the kind `budget`."""
        super().__init__(reason, kind="budget")


class Budget:
    """Counts requests against a bound; keeps one in reserve for each contact to be deleted."""

    def __init__(
        self,
        bound: int | None,
        max_wait: float,
        debts: Callable[[], int],
        *,
        repeats_count: bool = True,
    ) -> None:
        """Take the bound (None: no bound), seconds of waiting, and the count of open debts.

        `repeats_count` tells whether a request that was refused by the rate limit, or whose answer
        was lost, counts again when it is repeated: where the bound is the user's own.
        """
        self.bound = bound
        self.max_wait = max_wait
        self.used = 0
        self.waited = 0.0
        self.kept_back = 0
        self._promised = 0
        self._granted = 0
        self._covered = 0
        self._debts = debts
        self._repeats_count = repeats_count

    def spend(self, *, settles: bool = False) -> None:
        """Count one request; one that `settles` a debt was reserved when the debt was made.

        Raises:
            BudgetExhausted: the request does not fit beside what cleaning up will need.

        """
        needed = self.used + 1 + (0 if settles else self._reserve())
        if self.bound is not None and needed > self.bound + self._granted:
            raise BudgetExhausted(
                f"the budget of {self.bound} requests is spent "
                f"({self.used} sent, {self._debts()} kept for cleaning up)"
            )
        self.used += 1

    def lower(self, room: int) -> None:
        """Bound what is sent from now on, where that is less than the bound there is."""
        bound = self.used + room
        self.bound = bound if self.bound is None else min(self.bound, bound)

    def left(self) -> int | None:
        """Return the number of requests that may still be sent; None without a bound."""
        return (
            None
            if self.bound is None
            else max(0, self.bound + self._granted - self.used - self._reserve())
        )

    def limited(self, *, settles: bool) -> None:
        """Take note of a 429: a refused request that settles a debt has to be sent again.

        This goes beyond the bound, so that no rate limit leaves a contact behind.
        """
        self._granted += settles
        if not settles:
            self._repeat()

    def lost(self, *, settles: bool = False) -> None:
        """Take note of a lost answer: what settles a debt is sent again, and a debt may have grown.

        For so many of them this goes beyond the bound, so that no contact is left behind.
        """
        if self.bound is None:
            return
        owed = max(int(settles), self.used + self._debts() - self.bound - self._granted)
        if owed <= 0:
            self._repeat()
            return
        owed = min(owed, LOSSES_COVERED - self._covered)
        self._granted += owed
        self._covered += owed

    def _repeat(self) -> None:
        if not self._repeats_count and self._covered < LOSSES_COVERED:
            self._granted += 1
            self._covered += 1

    @contextmanager
    def promising(self, requests: int) -> Iterator[None]:
        """Keep so many requests from others, for who has to wait before sending them."""
        self._promised += requests
        try:
            yield
        finally:
            self._promised -= requests

    def _reserve(self) -> int:
        return self._debts() + self.kept_back + self._promised

    def wait(self, seconds: float) -> None:
        """Count seconds of waiting.

        Raises:
            BudgetExhausted: the wait does not fit into what the user allows.

        """
        if self.waited + seconds > self.max_wait:
            raise BudgetExhausted(
                f"the target asks for {seconds:.0f} s of waiting, {self.waited:.0f} s were spent "
                f"of the {self.max_wait:.0f} s that --max-wait allows"
            )
        self.waited += seconds
