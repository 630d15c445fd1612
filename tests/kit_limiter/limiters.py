# ruff: noqa: ARG002 - seams take what overrides may need
"""Rate limiters in virtual time, right ones and wrong ones, before a made-up address book.

They share no code with the kit's models, nor with the reference server: what the analysis is
tested on must not be what it is built from.
"""

from __future__ import annotations

import itertools
import math
import random
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from conformance.kit.limiter_answers import NO_CREDENTIALS, Answer
from conformance.kit.limiter_steps import BY_NAME, Forecast, Pause, Plan, Reply, Shot, Volley
from conformance.kit.limiter_trial import Trial

WRITES = ("create", "update", "delete", "archive", "restore")


@dataclass
class Decision:
    passes: bool
    remaining: int
    reset: float


class Fixed:
    """A window opens with the first request after the last one was over."""

    def __init__(self, limit: int, window: float) -> None:
        self.limit, self.window = limit, window
        self.opened: dict[Any, float] = {}
        self.used: dict[Any, int] = {}

    def hit(self, key: Any, now: float) -> Decision:
        if now >= self.opened.get(key, float("-inf")) + self.window:
            self.opened[key], self.used[key] = now, 0
        self.used[key] += 1
        left = self.limit - self.used[key]
        return Decision(left >= 0, max(0, left), self.opened[key] + self.window - now)


class Aligned(Fixed):
    """Windows follow the clock."""

    def hit(self, key: Any, now: float) -> Decision:
        start = now // self.window * self.window
        if self.opened.get(key) != start:
            self.opened[key], self.used[key] = start, 0
        return super().hit(key, now)


class Log:
    """A sliding window that remembers each request that passed."""

    counts_refused = False

    def __init__(self, limit: int, window: float) -> None:
        self.limit, self.window = limit, window
        self.seen: dict[Any, deque[float]] = {}

    def hit(self, key: Any, now: float) -> Decision:
        seen = self.seen.setdefault(key, deque())
        while seen and seen[0] <= now - self.window:
            seen.popleft()
        passes = len(seen) < self.limit
        if passes or self.counts_refused:
            seen.append(now)
        oldest = seen[-self.limit] if len(seen) >= self.limit else seen[0]
        return Decision(passes, max(0, self.limit - len(seen)), oldest + self.window - now)


class GreedyLog(Log):
    """Refused requests are remembered too."""

    counts_refused = True


class Counter:
    """A sliding window of two weighted counters, on the clock's own windows."""

    origin = 0.0

    def __init__(self, limit: int, window: float) -> None:
        self.limit, self.window = limit, window
        self.counts: dict[Any, int] = {}

    def hit(self, key: Any, now: float) -> Decision:
        index, share = divmod((now - self.origin) / self.window, 1)
        before, here = self.counts.get((key, index - 1), 0), self.counts.get((key, index), 0)
        load = before * (1 - share) + here
        passes = load + 1 <= self.limit
        if passes:
            self.counts[key, index] = here + 1
            load += 1
        reset = (1 - share) * self.window
        if not passes and before and here < self.limit:
            reset = min(reset, (load + 1 - self.limit) / before * self.window)
        elif not passes:
            reset += self.window / max(1, here)
        return Decision(passes, max(0, math.floor(self.limit - load)), min(reset, self.window))


class Bucket:
    """A token bucket: full at first, refilled evenly."""

    def __init__(self, limit: int, window: float) -> None:
        self.limit, self.window = limit, window
        self.state: dict[Any, tuple[float, float]] = {}

    def hit(self, key: Any, now: float) -> Decision:
        tokens, last = self.state.get(key, (float(self.limit), now))
        rate = self.limit / self.window
        tokens = min(float(self.limit), tokens + (now - last) * rate)
        passes = tokens >= 1
        if passes:
            tokens -= 1
        self.state[key] = (tokens, now)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / rate
        return Decision(passes, math.floor(tokens), wait)


@dataclass
class Pace:
    """How long requests take on a busy machine: `typical` seconds, and at times up to `stall` more."""

    typical: float
    stall: float
    seed: int

    def __post_init__(self) -> None:
        self.chances = random.Random(self.seed)  # noqa: S311 - repeatable, not secret

    def took(self) -> float:
        stalled = self.chances.random() < 0.1
        usual = self.typical * self.chances.uniform(0.5, 2)
        return usual + (self.chances.uniform(0, self.stall) if stalled else 0)

    def judged(self, sent: float, answered: float) -> float:
        """When the limiter saw a request."""
        return self.chances.uniform(sent, answered)


@dataclass
class Server:
    """An address book behind a limiter, with the defects as small overrides."""

    limiter: Any
    latency: float = 0.002
    book: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: int = 0
    pace: Pace | None = None
    choices: random.Random = field(
        default_factory=lambda: random.Random(7)  # noqa: S311 - repeatable, not secret
    )

    def key(self, shot: Shot) -> Any:
        return shot.address

    def limited(self, shot: Shot) -> bool:
        return True

    def decide(self, shot: Shot, now: float) -> Decision:
        return self.limiter.hit(self.key(shot), now)

    def commit(self, shot: Shot, now: float) -> None:
        """Called when the request is over."""

    def announced(self) -> str | None:
        return str(self.limiter.limit)

    def remaining(self, decision: Decision) -> str | None:
        return str(decision.remaining)

    def reset(self, decision: Decision) -> str | None:
        return str(math.ceil(decision.reset))

    def retry_after(self, decision: Decision) -> str | None:
        return str(max(1, math.ceil(decision.reset)))

    def executes_refused(self, shot: Shot) -> bool:
        return False

    def answer(self, shot: Shot, sent: float, at: float, answered: float) -> Reply:
        self.requests += 1
        limited = self.limited(shot)
        decision = self.decide(shot, at) if limited else Decision(True, 0, 0.0)
        if decision.passes or self.executes_refused(shot):
            status, body = self.execute(shot)
        if not decision.passes:
            status, body = 429, None
        values: dict[str, Any] = {}
        if limited:
            values = {"remaining": self.remaining(decision), "reset": self.reset(decision)}
            values["limit"] = self.announced()
        if status == 429:
            values |= {"retry_after": self.retry_after(decision), "enveloped": True}
        found = Answer(sent, answered, shot.operation, status, token=shot.token, **values)
        labels = {"address": shot.address, "variation": shot.variation}
        return Reply(Answer(**{**vars(found), **labels}), body)

    def execute(self, shot: Shot) -> tuple[int, Any]:
        if shot.variation == NO_CREDENTIALS:
            return 401, None
        change = BY_NAME.get(shot.variation)
        if change is not None and change.path("/contacts/x") != "/contacts/x":
            return self.odd_path(shot, change.path("/contacts/x"))
        if shot.operation == "create":
            record = {**(shot.body or {}), "id": str(uuid.UUID(int=self.choices.getrandbits(128)))}
            self.book[record["id"]] = {**record, "is_archived": False}
            return 201, {"success": True, "data": self.book[record["id"]]}
        if shot.operation in ("list", "search"):
            word = shot.query.get("search", "")
            found = [r for r in self.book.values() if word and word in str(r.get("last_name"))]
            return 200, {"success": True, "data": {"contacts": found}}
        return self.on_record(shot)

    def odd_path(self, shot: Shot, path: str) -> tuple[int, Any]:
        return (200, None) if "?" in path else (404, None)

    def on_record(self, shot: Shot) -> tuple[int, Any]:
        record = self.book.get(shot.contact_id or "")
        if record is None:
            return 404, None
        if shot.operation == "update":
            record |= shot.body or {}
        elif shot.operation in ("archive", "restore"):
            record["is_archived"] = shot.operation == "archive"
        elif shot.operation == "delete":
            del self.book[shot.contact_id or ""]
        return 200, {"success": True, "data": dict(record)}


def play(trial: Trial, server: Server, start: float = 1_000_000.0) -> list[Forecast]:
    """Carry the trial out in virtual time; return what it forecast."""
    steps, replies, now, forecasts = trial.steps(), None, start, []
    while True:
        try:
            step = steps.send(replies)  # type: ignore[arg-type]
        except StopIteration:
            return forecasts
        replies = None
        if isinstance(step, Pause):
            now = max(now, step.until)
        elif isinstance(step, Forecast):
            forecasts.append(step)
        elif isinstance(step, Volley):
            now, replies = _volley(step, server, now)


def _volley(step: Volley, server: Server, now: float) -> tuple[float, list[Reply]]:
    if server.pace is not None:
        return _busy_volley(step, server, server.pace, now)
    replies, gap = [], server.latency / step.in_flight
    ending: deque[tuple[float, Shot]] = deque()
    for shot in step.shots:
        sent, answered = now, now + server.latency
        at = sent + server.latency * 0.3
        while ending and ending[0][0] <= at:
            server.commit(ending.popleft()[1], at)
        replies.append(server.answer(shot, sent, at, answered))
        ending.append((sent + server.latency * 0.8, shot))
        now += gap
    for at, shot in ending:
        server.commit(shot, at)
    return replies[-1].answer.answered + 0.0005, replies


def _busy_volley(step: Volley, server: Server, pace: Pace, now: float) -> tuple[float, list[Reply]]:
    free = [now] * step.in_flight
    moments: list[tuple[float, bool, int, float, float]] = []
    for index in range(len(step.shots)):
        slot = min(range(len(free)), key=free.__getitem__)
        sent = free[slot]
        answered = free[slot] = sent + pace.took()
        judged = pace.judged(sent, answered)
        moments.append((judged, False, index, sent, answered))
        moments.append((pace.judged(judged, answered), True, index, sent, answered))
    replies: dict[int, Reply] = {}
    for at, over, index, sent, answered in sorted(moments):
        if over:
            server.commit(step.shots[index], at)
        else:
            replies[index] = server.answer(step.shots[index], sent, at, answered)
    return max(free) + 0.0005, [replies[index] for index in range(len(step.shots))]


def run(server: Server, start: float = 1_000_000.0, **options: Any) -> tuple[Trial, list[Forecast]]:
    """Put a server on trial, with all that a trial can use unless `options` say otherwise."""
    numbers = itertools.count()

    def make_body() -> dict[str, Any]:
        return {"first_name": "Ann", "last_name": f"Word{next(numbers)}", "contact_type": "buyer"}

    trial = Trial(Plan(make_body, **{"second_token": True, "second_address": True, **options}))
    return trial, play(trial, server, start)
