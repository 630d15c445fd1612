"""Passive checks of the rate limiter: LIMIT-01 to LIMIT-04 and LIMIT-11 on ordinary exchanges.

What one exchange says is judged at once. What a set of them says about `RateLimit-Remaining` is
judged at the end, over answers that promise the same end of a window: the run's requests overlap,
so their order is not known. No request is sent from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import schemas
from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge
from conformance.kit.limiter_answers import RATE_LIMITED, Answer, answer_of, http_date, whole

HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
AGREEMENT_S = 1.0
ANSWERS_KEPT = 2_000
"""More than a window's worth; a deep run need not hold every body to its end."""
SAME_END_S = 1.5
"""How far the ends of one window may seem to lie apart: `Reset` is whole seconds."""
LONG_S = 10
"""A shorter window may be taken for the next one, so its answers are not put into sets."""

Check = Callable[[Exchange, Judge], None]


def _headers(x: Exchange, judge: Judge) -> None:
    for name in HEADERS:
        value = x.response.headers.get(name.lower())
        judge.that(whole(value) is not None, f"{name}, a non-negative integer", value, x)


def _remaining(x: Exchange, judge: Judge) -> None:
    limit, remaining, _ = _values(x)
    if limit is not None and remaining is not None:
        actual = f"Remaining {remaining} of Limit {limit}"
        judge.that(remaining <= limit, "RateLimit-Remaining at most RateLimit-Limit", actual, x)


def _reset(x: Exchange, judge: Judge) -> None:
    _, _, reset = _values(x)
    if reset is not None:
        longest = schemas.RATE_LIMIT_WINDOW_S
        expected = f"RateLimit-Reset in seconds, at most the window of {longest} s"
        judge.that(reset <= longest, expected, reset, x)


def _values(x: Exchange) -> tuple[int | None, int | None, int | None]:
    limit, remaining, reset = (whole(x.response.headers.get(name.lower())) for name in HEADERS)
    return limit, remaining, reset


def _retry_after(x: Exchange, judge: Judge) -> None:
    if x.status != RATE_LIMITED:
        return
    value = (x.response.headers.get("retry-after") or "").strip()
    seconds = whole(value)
    good = seconds >= 1 if seconds is not None else http_date(value) is not None
    expected = "Retry-After as whole seconds (at least 1) or an HTTP date"
    judge.that(good, expected, value or "no Retry-After header", x)
    enveloped = x.at("success") is False and isinstance(x.at("error"), dict)
    actual = _outline(x.json)
    judge.that(enveloped, "the error envelope on a 429", actual, x)


def _agreement(x: Exchange, judge: Judge) -> None:
    if x.status != RATE_LIMITED:
        return
    answer = answer_of(x)
    wait, reset = answer.retry_after_s, answer.reset_value
    if wait is None or reset is None:
        return
    # An HTTP date is whole seconds on a clock that need not tick with ours.
    slack = AGREEMENT_S + (whole(answer.retry_after) is None)
    actual = f"Retry-After {answer.retry_after}, RateLimit-Reset {answer.reset}"
    expected = "Retry-After and RateLimit-Reset within one second of each other"
    judge.that(abs(wait - reset) <= slack, expected, actual, x)


CHECKS: Mapping[str, Check] = {
    "LIMIT-01": _headers,
    "LIMIT-02": _remaining,
    "LIMIT-03": _reset,
    "LIMIT-04": _retry_after,
    "LIMIT-11": _agreement,
}
"""By clause: what one exchange says about it."""


def _outline(body: Any) -> str:
    if not isinstance(body, dict):
        return f"{body!r:.200}"
    keys = ("success", "error")
    return ", ".join(f"{k}: {body[k]!r:.80}" if k in body else f"no {k}" for k in keys)


def longest_reset(answers: Iterable[Answer]) -> float | None:
    """Return the longest usable `RateLimit-Reset` among answers, in seconds."""
    resets = [answer.reset_value or 0 for answer in answers]
    usable = [reset for reset in resets if 0 < reset <= schemas.RATE_LIMIT_WINDOW_S]
    return float(max(usable)) if usable else None


@dataclass
class _Window:
    """Answers that promise the same end, in seconds since the epoch."""

    ends: float
    answers: list[Answer] = field(default_factory=list)


def judge_countdown(answers: Iterable[Answer], judge: Judge, *, fixed: bool = False) -> None:
    """Judge that `Remaining` falls with the requests that were counted (LIMIT-02).

    Of n requests that passed inside one window, at most Limit - r can have left r or more. That
    holds for every kind of window as far as nothing comes back meanwhile, so a share of the limit
    is allowed for it, unless the window is shown to be `fixed`. Only 2xx are taken as counted.
    """
    for window in _windows(answers):
        counted = [a for a in window.answers if 200 <= a.status < 300]
        limits = {a.limit_value for a in counted}
        length = max((a.reset_value or 0 for a in window.answers), default=0)
        if len(limits) != 1 or length < LONG_S:
            continue
        limit = limits.pop() or 0
        took = max(a.answered for a in counted) - min(a.sent for a in counted)
        back = 0 if fixed else int(limit * took / length) + 1
        _count_down(counted, limit, back, judge)


def _count_down(counted: list[Answer], limit: int, back: int, judge: Judge) -> None:
    left = sorted(counted, key=lambda a: -(a.remaining_value or 0))
    excess = [(a.remaining_value or 0) - max(0, limit - n) for n, a in enumerate(left, 1)]
    worst = max(range(len(left)), key=excess.__getitem__)
    allowed = max(0, limit - worst - 1) + back
    expected = f"RateLimit-Remaining at most {allowed} after {worst + 1} counted requests"
    shown = left[worst]
    judge.that(excess[worst] <= back, expected, shown.remaining_value, shown.source)


def _windows(answers: Iterable[Answer]) -> list[_Window]:
    found: list[_Window] = []
    for answer in sorted(answers, key=lambda a: a.answered):
        if answer.reset_value is None or answer.remaining_value is None:
            continue
        ends = answer.answered + answer.reset_value
        window = next((w for w in reversed(found) if abs(w.ends - ends) <= SAME_END_S), None)
        if window is None:
            window = _Window(ends)
            found.append(window)
        window.answers.append(answer)
    return found
