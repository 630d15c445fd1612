# ruff: noqa: ARG002 - overrides of seams
"""Servers whose rate limiter breaks one clause each, as small overrides of the right one."""

from __future__ import annotations

import math
from typing import Any

from limiters import WRITES, Decision, Fixed, Server

from conformance.kit.limiter_steps import Shot


class Wrong(Server):
    """A server whose limiter gets the documented size unless the defect is in the size."""

    @staticmethod
    def size(limit: int, window: float) -> tuple[int, float]:
        return limit, window


class NoHeaders(Wrong):
    """RateLimit-Remaining is missing."""

    def remaining(self, decision: Decision) -> str | None:
        return None


class DoubleCost(Wrong):
    """Each request is counted twice."""

    def decide(self, shot: Shot, now: float) -> Decision:
        self.limiter.hit(self.key(shot), now)
        return super().decide(shot, now)


class OneForAll(Wrong):
    """All addresses share one budget."""

    def key(self, shot: Shot) -> Any:
        return "everyone"


class NoRetryAfter(Wrong):
    """A 429 does not say when to come back."""

    def retry_after(self, decision: Decision) -> str | None:
        return None


class ZeroRetryAfter(Wrong):
    """A 429 says to come back at once."""

    def retry_after(self, decision: Decision) -> str | None:
        return "0"


class LongRetryAfter(Wrong):
    """Retry-After is twice the time to the reset."""

    def retry_after(self, decision: Decision) -> str | None:
        return str(2 * math.ceil(decision.reset) + 2)


class Milliseconds(Wrong):
    """Retry-After is in milliseconds."""

    def retry_after(self, decision: Decision) -> str | None:
        return str(math.ceil(decision.reset * 1000))


class MillisecondReset(Wrong):
    """RateLimit-Reset is in milliseconds."""

    def reset(self, decision: Decision) -> str | None:
        return str(math.ceil(decision.reset * 1000))


class ShortRetryAfter(Wrong):
    """Retry-After is half of what it takes."""

    def retry_after(self, decision: Decision) -> str | None:
        return str(max(1, math.ceil(decision.reset / 2)))


class OneMore(Wrong):
    """One request more than announced passes."""

    @staticmethod
    def size(limit: int, window: float) -> tuple[int, float]:
        return limit + 1, window

    def announced(self) -> str | None:
        return str(self.limiter.limit - 1)

    def remaining(self, decision: Decision) -> str | None:
        return str(max(0, decision.remaining - 1))


class OneLess(Wrong):
    """One request less than announced passes."""

    @staticmethod
    def size(limit: int, window: float) -> tuple[int, float]:
        return limit - 1, window

    def announced(self) -> str | None:
        return str(self.limiter.limit + 1)

    def remaining(self, decision: Decision) -> str | None:
        return str(decision.remaining + 1)


class TwiceTheLimit(Wrong):
    """Twice as many requests as announced pass."""

    @staticmethod
    def size(limit: int, window: float) -> tuple[int, float]:
        return 2 * limit, window

    def announced(self) -> str | None:
        return str(self.limiter.limit // 2)

    def remaining(self, decision: Decision) -> str | None:
        return str(max(0, decision.remaining - self.limiter.limit // 2))


class NoLimit(Wrong):
    """Nothing is ever refused."""

    def decide(self, shot: Shot, now: float) -> Decision:
        found = super().decide(shot, now)
        return Decision(True, found.remaining, found.reset)


class PerToken(Wrong):
    """Each token has a budget of its own."""

    def key(self, shot: Shot) -> Any:
        return shot.token


class PerAddressAndToken(Wrong):
    """Each pair of address and token has a budget of its own."""

    def key(self, shot: Shot) -> Any:
        return shot.address, shot.token


class TrustsForwarded(Wrong):
    """The client says which address it has."""

    def key(self, shot: Shot) -> Any:
        return shot.number if shot.variation == "forwarded: X-Forwarded-For" else shot.address


class TrailingSlash(Wrong):
    """A path with a trailing slash is served, but not limited."""

    def limited(self, shot: Shot) -> bool:
        return shot.variation != "a trailing slash"

    def odd_path(self, shot: Shot, path: str) -> tuple[int, Any]:
        return (200, None) if path.endswith("/") else super().odd_path(shot, path)


class Racy(Wrong):
    """A request is counted when it is over, so that parallel ones pass beyond the limit."""

    def decide(self, shot: Shot, now: float) -> Decision:
        fixed: Fixed = self.limiter
        key = self.key(shot)
        used, opened = fixed.used.get(key, 0), fixed.opened.get(key, now)
        if now >= opened + fixed.window:
            used, opened = 0, now
        left = fixed.limit - used - 1
        return Decision(left >= 0, max(0, left), opened + fixed.window - now)

    def commit(self, shot: Shot, now: float) -> None:
        self.limiter.hit(self.key(shot), now)


class ExecutesRefused(Wrong):
    """Refused writes are carried out all the same."""

    def executes_refused(self, shot: Shot) -> bool:
        return shot.operation in WRITES


class Hammered(Wrong):
    """Each refused request puts off the end of the window."""

    def decide(self, shot: Shot, now: float) -> Decision:
        found = super().decide(shot, now)
        if not found.passes:
            self.limiter.opened[self.key(shot)] = now
            return Decision(False, 0, self.limiter.window)
        return found


class UnlimitedSearch(Wrong):
    """Search is not limited."""

    def limited(self, shot: Shot) -> bool:
        return shot.operation != "search"


class UnlimitedPatches(Wrong):
    """Archive and restore are not limited."""

    def limited(self, shot: Shot) -> bool:
        return shot.operation not in ("archive", "restore")


class UnlimitedDelete(Wrong):
    """Delete is counted, but never refused."""

    def decide(self, shot: Shot, now: float) -> Decision:
        found = super().decide(shot, now)
        return Decision(found.passes or shot.operation == "delete", found.remaining, found.reset)


class PerProcess(Wrong):
    """Two processes count for themselves, and requests go to either."""

    def key(self, shot: Shot) -> Any:
        return shot.address, self.choices.random() < 0.5


class ShortWindow(Wrong):
    """The window is half as long as it says."""

    @staticmethod
    def size(limit: int, window: float) -> tuple[int, float]:
        return limit, window / 2

    def reset(self, decision: Decision) -> str | None:
        return str(math.ceil(decision.reset + self.limiter.window))

    def retry_after(self, decision: Decision) -> str | None:
        return str(math.ceil(decision.reset + self.limiter.window))


class ConstantRemaining(Wrong):
    """Remaining is not counted down."""

    def remaining(self, decision: Decision) -> str | None:
        return str(self.limiter.limit - 1 if decision.passes else 0)


class Leaky(Wrong):
    """The block is lifted at two fifths of what Retry-After says."""

    blocked_at: float | None = None

    def decide(self, shot: Shot, now: float) -> Decision:
        found = super().decide(shot, now)
        if found.passes:
            self.blocked_at = None
            return found
        self.blocked_at = self.blocked_at or now
        lifted = now - self.blocked_at >= 0.4 * (found.reset + now - self.blocked_at)
        return Decision(lifted, 0, found.reset)
