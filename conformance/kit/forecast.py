"""What a run will take, and whether the target's rate limit has so much left: told beforehand.

A run that is sure to meet the limit in the middle tears its races apart. Where the window has
room enough once it starts anew, the run waits before it begins.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from conformance.kit.exchange import Exchange
from conformance.kit.expect import PremiseFailed
from conformance.kit.limiter_answers import whole
from conformance.kit.settings import Settings
from conformance.kit.wire import Wire

PER_SCENE = 50
"""More than any scene sends, its share of the cleaning up included."""
BORROWED = 100
"""More than the scenes send together that a selection draws in, or LIFE-01 beyond its share."""
SETTLING_S = 1.0
"""`RateLimit-Reset` is whole seconds, which a target may round down."""
Tell = Callable[[str], None]
Again = Callable[[], Awaitable[Exchange]]


@dataclass(frozen=True)
class Quota:
    """What the target said of its rate limit: requests, and seconds until the window is over."""

    limit: int | None = None
    remaining: int | None = None
    reset_s: int | None = None

    def __str__(self) -> str:
        """Return it in words."""
        if self.remaining is None:
            return "the target does not say how many are left"
        of = "" if self.limit is None else f" of {self.limit}"
        span = "" if self.reset_s is None else f", for {self.reset_s} s"
        return f"the target says {self.remaining}{of} are left{span}"


@dataclass(frozen=True)
class Forecast:
    """How many requests the run will send at most (None: no bound), and in how many scenes."""

    most: int | None
    scenes: int
    quota: Quota

    @property
    def line(self) -> str:
        """The forecast in one line."""
        count = "no bound on requests" if self.most is None else f"at most {self.most} requests"
        scenes = "1 scene" if self.scenes == 1 else f"{self.scenes} scenes"
        return f"forecast  {count} in {scenes}; {self.quota}"

    def wait_s(self, sent: int) -> float:
        """Return how long to wait before the first scene, when so many requests have been sent.

        0 where what is left is enough or not known, and where no window has room for the run.
        """
        limit, remaining, reset_s = self.quota.limit, self.quota.remaining, self.quota.reset_s
        if self.most is None or limit is None or remaining is None or not reset_s:
            return 0.0
        needed = self.most - sent
        return reset_s + SETTLING_S if remaining < needed <= limit else 0.0


def forecast_of(settings: Settings, scenes: int, all_scenes: int, quota: Quota) -> Forecast:
    """Return the forecast of a run of so many of all the scenes."""
    bound = settings.request_bound
    if bound is not None and scenes < all_scenes:
        bound = min(bound, BORROWED + PER_SCENE * scenes)
    return Forecast(bound, scenes, quota)


def quota_of(exchange: Exchange) -> Quota:
    """Return what an answer says of the rate limit (LIMIT-01); a value of no use is None."""
    names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
    return Quota(*(whole(exchange.response.headers.get(name)) for name in names))


async def await_room(forecast: Forecast, wire: Wire, again: Again, say: Tell) -> None:
    """Show the forecast, and wait for a new window where the run needs one and may wait for it.

    `again` repeats the first request, and `say` shows a line.
    """
    wait_s = forecast.wait_s(wire.budget.used)
    allowed = wire.budget.max_wait - wire.budget.waited
    if wait_s == 0:
        say(forecast.line)
        return
    if wait_s > allowed:
        say(f"{forecast.line}; that is not enough, and --max-wait leaves {allowed:.0f} s to wait")
        return
    waited = wire.budget.waited
    if not await _counts_down(forecast.quota, again):
        # Where nothing was left, the wire has waited the window out by itself.
        doubt = "that is not believed, as it did not fall with the next request"
        say(f"{forecast.line}; {doubt if wire.budget.waited == waited else 'that was waited for'}")
        return
    until = time.strftime("%H:%M:%S", time.localtime(time.time() + wait_s))
    say(f"{forecast.line}\nwaiting {wait_s:.0f} s, until {until}, for a window with room for all")
    await wire.pause(wait_s)


async def _counts_down(quota: Quota, again: Again) -> bool:
    """Whether `Remaining` falls with a request: no long wait for a header that is wrong (LIMIT-02)."""
    try:
        remaining = quota_of(await again()).remaining
    except PremiseFailed:
        return False
    return remaining is not None and quota.remaining is not None and remaining < quota.remaining
