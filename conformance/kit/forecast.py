"""What a run will take, and whether the target's rate limit has so much left: told beforehand.

A run that is sure to meet the limit in the middle tears its races apart. Where the window has
room enough once it starts anew, the run waits before it begins.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from conformance.kit.exchange import Exchange
from conformance.kit.expect import PremiseFailed
from conformance.kit.limiter_answers import whole
from conformance.kit.settings import Settings
from conformance.kit.thrift import Price
from conformance.kit.wire import Wire

PREFLIGHT = 3
"""Requests before the first scene, at most."""
VARIATION = 1.25
"""What a scene takes of some targets, where its price was measured on another."""
SETTLING_S = 1.0
"""`RateLimit-Reset` is whole seconds, which a target may round down."""
FRESH = 3
"""A window that counts no more than the first requests has just begun, so it ends a window later."""
COLUMNS = 78
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
    """How many requests the run will send at most (None: no bound), and about how many in each scene."""

    most: int | None
    scenes: Mapping[str, int]
    quota: Quota

    @property
    def line(self) -> str:
        """The forecast of the whole run in one line."""
        count = "no bound on requests" if self.most is None else f"at most {self.most} requests"
        scenes = "1 scene" if len(self.scenes) == 1 else f"{len(self.scenes)} scenes"
        return f"forecast  {count} in {scenes}; {self.quota}"

    @property
    def by_scene(self) -> str:
        """What each scene takes, the dearest first, in lines that fit a terminal."""
        dearest = sorted(self.scenes.items(), key=lambda each: (-each[1], each[0]))
        text = ", ".join(f"{name} {requests}" for name, requests in dearest)
        indent = " " * len("forecast  ")
        return textwrap.fill(text, COLUMNS, initial_indent=indent, subsequent_indent=indent)

    def wait_s(self, sent: int) -> float:
        """Return how long to wait before the first scene, when so many requests have been sent.

        0 where what is left is enough or not known, and where no window has room for the run.
        """
        limit, reset_s = self.quota.limit, self.quota.reset_s
        if self.most is None or limit is None or not reset_s or not self._falls_short(sent):
            return 0.0
        return reset_s + SETTLING_S if self.most - sent <= limit else 0.0

    def room(self, sent: int, allowed_s: float) -> int | None:
        """Return how many requests the target grants within so many seconds of waiting.

        None where that is enough for the run, or not known. Of windows after the next, only those
        count whose length is known: that of a window which had just begun.
        """
        limit, remaining, reset_s = self.quota.limit, self.quota.remaining, self.quota.reset_s
        if self.most is None or limit is None or remaining is None or reset_s is None:
            return None
        length = reset_s + SETTLING_S
        windows = int(allowed_s / length)
        if remaining < limit - FRESH:
            windows = min(1, windows)
        granted = remaining + windows * limit
        return granted if granted < self.most - sent else None

    def _falls_short(self, sent: int) -> bool:
        remaining = self.quota.remaining
        return self.most is not None and remaining is not None and remaining < self.most - sent


def forecast_of(
    settings: Settings, scenes: Iterable[str], prices: Mapping[str, Price], quota: Quota
) -> Forecast:
    """Return the forecast of a run of these scenes."""
    taken = {name: prices[name].requests for name in scenes}
    most = settings.request_bound
    if most is not None:
        dearest = sum(max(prices[name].upto, ceil(VARIATION * taken[name])) for name in taken)
        most = min(most, PREFLIGHT + dearest)
    return Forecast(most, taken, quota)


def quota_of(exchange: Exchange) -> Quota:
    """Return what an answer says of the rate limit (LIMIT-01); a value of no use is None."""
    names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
    return Quota(*(whole(exchange.response.headers.get(name)) for name in names))


async def await_room(forecast: Forecast, wire: Wire, again: Again, say: Tell) -> int | None:
    """Show the forecast, and wait for a new window where the run needs one and may wait for it.

    `again` repeats the first request, and `say` shows a line. Returns how many requests the target
    grants where that is less than the run needs, else None.
    """
    budget = wire.budget
    sent, waited, allowed = budget.used, budget.waited, budget.max_wait - budget.waited
    wait_s, granted = forecast.wait_s(sent), forecast.room(sent, allowed)
    if wait_s == 0 and granted is None:
        say(f"{forecast.line}\n{forecast.by_scene}")
        return None
    if not await _counts_down(forecast.quota, again):
        # Where nothing was left, the wire has waited the window out by itself.
        doubt = "that is not believed, as it did not fall with the next request"
        said = doubt if budget.waited == waited else "that was waited for"
        say(f"{forecast.line}; {said}\n{forecast.by_scene}")
        return None
    if granted is not None:
        short = f"that is not enough, and --max-wait leaves {allowed:.0f} s to wait"
        say(f"{forecast.line}; {short}\n{forecast.by_scene}")
        return granted - (budget.used - sent)
    until = time.strftime("%H:%M:%S", time.localtime(time.time() + wait_s))
    waiting = f"waiting {wait_s:.0f} s, until {until}, for a window with room for all"
    say(f"{forecast.line}\n{waiting}\n{forecast.by_scene}")
    await wire.pause(wait_s)
    return None


async def _counts_down(quota: Quota, again: Again) -> bool:
    """Whether `Remaining` falls with a request: no long wait for a header that is wrong (LIMIT-02)."""
    try:
        remaining = quota_of(await again()).remaining
    except PremiseFailed:
        return False
    return remaining is not None and quota.remaining is not None and remaining < quota.remaining
