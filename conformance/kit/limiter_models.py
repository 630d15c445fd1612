"""Four kinds of rate limiter as models.

A model is told what the target accepted, batch by batch, and says how many requests of the next
batch it has room for: a fewest and a most, as the moment of each decision is known only to lie
between sending and answer. What the target accepted beyond the room, or refused within it, is a miss.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from conformance.kit.limiter_answers import Batch

GREEDY = " that counts refused requests"
ROUNDING_S = 1.0
"""`RateLimit-Reset` is whole seconds."""


class Model(Protocol):
    """A limiter that has seen what the target accepted so far."""

    def room(self, start: float, end: float) -> tuple[int, int]:
        """Return the fewest and the most requests it lets pass between the two moments."""
        ...

    def record(self, batch: Batch) -> None:
        """Take over what the target accepted and refused."""
        ...


@dataclass
class Window:
    """A fixed window that was seen: from when at the earliest, and the span in which it ends.

    `used` passed in it for sure, `perhaps` in it or in the window before. `late` passed around its
    end, the first of them at `late_from`: in it or in the next window.
    """

    opened: float
    ends: tuple[float, float]
    used: int = 0
    perhaps: int = 0
    late: int = 0
    late_from: float = math.inf


class FixedWindow:
    """A budget that comes back as a whole when the window ends.

    A window opens with the first request after the last one ended, or, where `aligned`, follows
    the last one without a gap.
    """

    def __init__(
        self, limit: int, length: float, running: Window | None = None, *, aligned: bool = False
    ) -> None:
        """Start without a window, or inside one that others opened."""
        self.limit, self.length, self.aligned = limit, length, aligned
        self.windows = [running] if running else []

    def room(self, start: float, end: float) -> tuple[int, int]:
        """Return what is left of the window, all of it after its end, both bounds around its end."""
        if not self.windows:
            return self.limit, self.limit
        window = self.windows[-1]
        if start >= window.ends[1]:
            return max(0, self.limit - window.late), self.limit
        most = max(0, self.limit - window.used)
        fewest = max(0, self.limit - window.used - window.perhaps - window.late)
        return fewest, most if end < window.ends[0] else most + self.limit

    def record(self, batch: Batch) -> None:
        """Count what passed, in a new window where the running one cannot have let it pass."""
        if self._opens_with(batch):
            sure = batch.accepted - self._left_before(batch)
            perhaps = batch.accepted - sure + (self.windows[-1].late if self.windows else 0)
            opened = batch.end if self._straddles(batch) else batch.start
            self.windows.append(Window(opened, self._ends(batch), sure, perhaps))
        elif batch.end >= self.windows[-1].ends[0]:
            window = self.windows[-1]
            window.late += batch.accepted
            if batch.accepted:
                window.late_from = min(window.late_from, batch.start)
        else:
            self.windows[-1].used += batch.accepted

    def _opens_with(self, batch: Batch) -> bool:
        if not self.windows or batch.start >= self.windows[-1].ends[1]:
            return True
        return batch.end >= self.windows[-1].ends[0] and batch.accepted > self._left_before(batch)

    def _straddles(self, batch: Batch) -> bool:
        """Whether a batch may lie in two windows, so that its first request need not open one."""
        return batch.size > 1 and bool(self.windows) and batch.start < self.windows[-1].ends[1]

    def _left_before(self, batch: Batch) -> int:
        """Return how many of the batch may have passed in the window before the one it opens."""
        if not self.windows or batch.start >= self.windows[-1].ends[1]:
            return 0
        return max(0, self.limit - self.windows[-1].used - self.windows[-1].late)

    def _ends(self, batch: Batch) -> tuple[float, float]:
        if not self.windows:
            return batch.start + self.length, batch.opened + self.length
        first, last = self.windows[-1].ends
        if not self.aligned:
            opened = max(first, min(batch.start, self.windows[-1].late_from))
            latest = batch.end if self._straddles(batch) else batch.opened
            return opened + self.length, latest + self.length
        passed = max(1, math.ceil((batch.opened - first) / self.length))
        return first + passed * self.length, last + passed * self.length


class SlidingLog:
    """Each request that passed counts until it is one window old."""

    def __init__(self, limit: int, length: float, *, counts_refused: bool = False) -> None:
        """Start with an empty log; `counts_refused`: refused requests are logged as well."""
        self.limit, self.length, self.counts_refused = limit, length, counts_refused
        self._sent: list[float] = []
        self._answered: list[float] = []

    def room(self, start: float, end: float) -> tuple[int, int]:
        """Return the limit less what the log may hold, and less what it must hold."""
        held = len(self._sent)
        maybe = held - bisect_left(self._answered, start - self.length)
        surely = held - bisect_right(self._sent, end - self.length)
        return max(0, self.limit - maybe), max(0, self.limit - surely)

    def record(self, batch: Batch) -> None:
        """Log what counts."""
        for answer in batch.answers:
            if self.counts_refused or not answer.refused:
                self._sent.append(answer.sent)
                # Ascending, for the search: an overtaken answer counts as the one that overtook.
                latest = self._answered[-1] if self._answered else answer.answered
                self._answered.append(max(latest, answer.answered))


class SlidingCounter:
    """Two counters: this window's, and the last one's weighted by how much of it still overlaps."""

    def __init__(self, limit: int, length: float, origin: float) -> None:
        """Cut time into windows that begin at `origin` and every `length` seconds before and after."""
        self.limit, self.length, self.origin = limit, length, origin
        self._counts: dict[int, int] = {}

    def room(self, start: float, end: float) -> tuple[int, int]:
        """Return the bounds; implementations differ by one where a fraction weighs in."""
        bounds = [self._load(moment) for moment in (start, end)]
        bounds += [self._load(b) for b in self._borders(start, end)]
        heaviest, lightest = max(bounds), min(bounds)
        if heaviest == lightest and heaviest.is_integer():
            return max(0, self.limit - int(heaviest)), max(0, self.limit - int(heaviest))
        fewest = math.floor(self.limit - heaviest) - 1
        return max(0, fewest), max(0, math.ceil(self.limit - lightest) + 1)

    def record(self, batch: Batch) -> None:
        """Count what passed in the window in which it was answered."""
        for answer in batch.answers:
            if not answer.refused:
                index = self._index(answer.answered)
                self._counts[index] = self._counts.get(index, 0) + 1

    def _index(self, moment: float) -> int:
        return math.floor((moment - self.origin) / self.length)

    def _borders(self, start: float, end: float) -> Iterator[float]:
        for index in range(self._index(start) + 1, self._index(end) + 1):
            yield self.origin + index * self.length

    def _load(self, moment: float) -> float:
        index = self._index(moment)
        share = (moment - self.origin) / self.length - index
        return self._counts.get(index - 1, 0) * (1 - share) + self._counts.get(index, 0)


class TokenBucket:
    """A bucket of `limit` tokens that fills up at `limit / length` a second."""

    def __init__(self, limit: int, length: float) -> None:
        """Start full."""
        self.limit, self.rate = limit, limit / length
        self._fewest = self._most = float(limit)
        self._from = self._to = float("-inf")

    def room(self, start: float, end: float) -> tuple[int, int]:
        """Return the bounds of the tokens between the moments."""
        fewest, most = self._levels(start, end)
        return math.floor(fewest + 1e-9), math.floor(most + 1e-9)

    def record(self, batch: Batch) -> None:
        """Take the tokens out; a refusal shows that there was not a whole one left."""
        fewest, most = self._levels(batch.start, batch.end)
        self._fewest = max(0.0, fewest - batch.accepted)
        self._most = max(0.0, most - batch.accepted)
        if batch.refused and self._fewest < 1:
            # A refusal in spite of a token is a miss, and must not make the bucket fit better.
            spread = (batch.end - batch.start) * self.rate
            self._most = min(self._most, 1.0 + spread)
            self._fewest = min(self._fewest, self._most)
        self._from, self._to = batch.start, batch.end

    def _levels(self, start: float, end: float) -> tuple[float, float]:
        if self._to == float("-inf"):
            return float(self.limit), float(self.limit) + (end - start) * self.rate
        fewest = min(float(self.limit), self._fewest + (start - self._to) * self.rate)
        most = min(
            self.limit + (end - start) * self.rate, self._most + (end - self._from) * self.rate
        )
        return fewest, most
