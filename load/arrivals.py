"""The open model: when requests are meant to be sent, whatever the target makes of them.

`ArrivalClock` turns a rate into moments. `Dealer` (on the node that controls the run) deals them
out a little ahead to the nodes that send; `Queue` (on each such node) hands them to users when they
are due. All three are pure but for the clock they are given: nothing here imports locust.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

EVEN, POISSON = "even", "poisson"
KINDS = (POISSON, EVEN)
STEP_S = 0.02
"""The step over which a changing rate counts as constant."""
TICK_S = 0.5
LEAD_S = 1.0
"""How long before its moment an arrival is dealt out: what a lost worker can take with it."""


class ArrivalClock:
    """Moments of arrival at a rate that may change: every time the rate's integral has grown enough.

    Enough is 1 for even arrivals, and exponentially distributed with mean 1 for a Poisson process.
    """

    def __init__(self, kind: str, seed: int) -> None:
        """Begin at moment 0 with nothing due."""
        self._even = kind == EVEN
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._at = 0.0
        self._grown = 0.0
        self._enough = self._next_share()

    def _next_share(self) -> float:
        return 1.0 if self._even else self._random.expovariate(1.0)

    def until(self, end: float, rate_at: Callable[[float], float]) -> list[float]:
        """Return the moments from where the last call ended up to `end`, in seconds."""
        moments = []
        while self._at < end - 1e-9:
            step = min(STEP_S, end - self._at)
            rate = max(0.0, rate_at(self._at + step / 2))
            grown = self._grown + rate * step
            while grown >= self._enough - 1e-9:
                moments.append(self._at + (self._enough - self._grown) / rate)
                self._enough += self._next_share()
            self._at, self._grown = self._at + step, grown
        return moments


@dataclass
class Dealer:
    """Deals moments out to the nodes that send, in turn, tick by tick.

    `dealt` remembers the moments of each node, so that a node which is lost can be accounted for.
    """

    clock: ArrivalClock
    rate_at: Callable[[float], float]
    dealt: dict[str, list[float]] = field(default_factory=dict)
    _until: float = 0.0
    _turn: int = 0

    def tick(self, now: float, nodes: Sequence[str]) -> dict[str, list[float]]:
        """Return the moments that each node gets now; `now` is seconds since the start."""
        end = now + LEAD_S
        if not nodes or end - self._until < TICK_S:
            return {}
        moments = self.clock.until(end, self.rate_at)
        self._until = end
        hands: dict[str, list[float]] = {node: [] for node in nodes}
        for moment in moments:
            hands[nodes[self._turn % len(nodes)]].append(moment)
            self._turn += 1
        for node, hand in hands.items():
            self.dealt.setdefault(node, []).extend(hand)
        return {node: hand for node, hand in hands.items() if hand}

    def scheduled(self, until: float) -> int:
        """Return how many arrivals were due by a moment."""
        return sum(moment <= until for hand in self.dealt.values() for moment in hand)

    def scheduled_for(self, node: str, until: float) -> int:
        """Return how many arrivals of one node were due by a moment."""
        return sum(moment <= until for moment in self.dealt.get(node, ()))


class Queue:
    """The arrivals of one node that are still to come, in order of their moments."""

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: deque[float] = deque()

    def deal(self, moments: Iterable[float]) -> None:
        """Take in moments, ascending."""
        self._waiting.extend(moments)

    def wait_until(self, now: float) -> float | None:
        """Return the seconds until the next arrival (0 where one is due); None without one."""
        return max(0.0, self._waiting[0] - now) if self._waiting else None

    def take(self) -> float:
        """Return the moment of the next arrival, and remove it."""
        return self._waiting.popleft()

    def close(self, now: float) -> tuple[int, int]:
        """Remove everything; return how many were due by `now`, and how many later."""
        due = sum(moment <= now for moment in self._waiting)
        later = len(self._waiting) - due
        self._waiting.clear()
        return due, later
