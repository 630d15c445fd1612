"""Which kind of rate limiter explains what was observed, and with which limit and window.

Each kind is tried with every beginning that the observations leave open. A batch that a model does
not explain is a miss; the kind with the fewest is shown where it leads clearly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from conformance.kit.limiter_answers import Answer, Batch
from conformance.kit.limiter_models import (
    GREEDY,
    ROUNDING_S,
    FixedWindow,
    Model,
    SlidingCounter,
    SlidingLog,
    TokenBucket,
    Window,
)

FIXED, SLIDING, BUCKET, UNKNOWN = "fixed", "sliding", "bucket", "unknown"
CLEAR_MARGIN = 3
"""Misses by which the best kind has to beat every other kind before it counts as shown."""
FIT_SHARE = 0.25
"""The share of the limit that the best kind may miss by before no kind counts as shown."""
PHASES = 8
"""How finely the beginning of a counter's windows is looked for within what Reset leaves open."""


@dataclass(frozen=True)
class Miss:
    """A batch that a model does not explain: it had room for `fewest` to `most` of its requests."""

    batch: Batch
    fewest: int
    most: int

    @property
    def beyond(self) -> int:
        """How many passed beyond the room."""
        return max(0, self.batch.accepted - self.most)

    @property
    def short(self) -> int:
        """How many were refused within the room."""
        return max(0, self.fewest - self.batch.accepted)

    @property
    def unexplained(self) -> int:
        """How many no race explains: as many may pass too many as were in flight at a time."""
        return self.short + max(0, self.beyond - self.batch.racing)


@dataclass
class Fit:
    """One model held against what was observed."""

    kind: str
    name: str
    limit: int
    window_s: float
    model: Model
    misses: list[Miss] = field(default_factory=list)
    expected: list[tuple[Batch, int, int]] = field(default_factory=list)

    @property
    def score(self) -> int:
        """How many requests the model does not explain."""
        return sum(miss.beyond + miss.short for miss in self.misses)

    @property
    def unexplained(self) -> int:
        """The score without what a race lets through: as many as were in flight at a time."""
        return sum(miss.unexplained for miss in self.misses)

    def run(self, observed: Iterable[Batch], *, up_to: int | None = None) -> Fit:
        """Play the batches through the model, and return itself.

        With more than `up_to` unexplained it stops: somebody else explains them better.
        """
        unexplained = 0
        for batch in observed:
            fewest, most = self.model.room(batch.start, batch.end)
            fewest = min(batch.size, max(0, fewest - batch.doubtful))
            most = min(batch.size, most)
            miss = Miss(batch, fewest, most)
            self.expected.append((batch, fewest, most))
            if miss.beyond or miss.short:
                self.misses.append(miss)
                unexplained += miss.unexplained
                if up_to is not None and unexplained > up_to:
                    break
            self.model.record(batch)
        return self


def fixed_fits(limit: int, length: float, observed: Sequence[Batch]) -> list[Fit]:
    """Return fixed windows of this size, to be run: as headers say, and opened by a request."""
    models = []
    for ends in _first_ends(observed, length):
        for aligned in (False, True):
            running = Window(observed[0].start, ends, _spent_before(observed[0].answers[0], limit))
            models.append(FixedWindow(limit, length, running, aligned=aligned))
    models.append(FixedWindow(limit, length))
    return [Fit(FIXED, "fixed window", limit, length, m) for m in models]


def _spent_before(first: Answer, limit: int) -> int:
    """Return what others had spent of the window that was running, as its headers say."""
    announced = first.limit_value or limit
    remaining = first.remaining_value
    return 0 if remaining is None else max(0, announced - remaining - 1)


def _first_ends(observed: Sequence[Batch], length: float) -> Iterator[tuple[float, float]]:
    """Yield the spans in which the window that was running may end, as its headers say."""
    first = observed[0].answers[0]
    reset = first.reset_value
    if reset is None or reset > length:
        return
    renewed = _renewed(observed)
    told = first.sent + reset - ROUNDING_S <= renewed[1].end if renewed else False
    if renewed is None or not told or renewed[0].start > first.answered + length + ROUNDING_S:
        # Whether Reset is rounded up or down is the server's choice.
        yield first.sent + reset - ROUNDING_S, first.answered + reset
        yield first.sent + reset, first.answered + reset + ROUNDING_S
        return
    before, after = renewed
    next_reset = after.answers[0].reset_value or 0
    low = max(before.start, after.start + next_reset - ROUNDING_S - length)
    high = min(after.start, after.end + next_reset + ROUNDING_S - length)
    yield (low, high) if low < high else (before.start, after.start)


def _renewed(observed: Sequence[Batch]) -> tuple[Batch, Batch] | None:
    """Return the first two single requests in a row of which the second shows a new budget."""
    for before, after in pairwise(observed):
        if before.size > 1 or after.size > 1:
            continue
        a, b = before.answers[0], after.answers[0]
        left, then = a.remaining_value, b.remaining_value
        reset, later = a.reset_value, b.reset_value
        if left is None or then is None or reset is None or later is None:
            continue
        if then >= left and later > reset - (b.sent - a.answered) + ROUNDING_S:
            return before, after
    return None


def sliding_fits(limit: int, length: float, observed: Sequence[Batch]) -> list[Fit]:
    """Return sliding windows of this size, to be run: logs, and counters of plausible origins."""
    first = observed[0].answers[0]
    origins = [first.answered, math.floor(first.answered / length) * length]
    if first.reset_value is not None:
        origins.append(first.answered + first.reset_value - length)
    origins += [end - length for end in _ends_by_reset(observed)]
    logs = [SlidingLog(limit, length), SlidingLog(limit, length, counts_refused=True)]
    counters = [SlidingCounter(limit, length, origin) for origin in origins]
    named: list[tuple[str, Model]] = [("sliding log", logs[0])]
    named.append((f"sliding log{GREEDY}", logs[1]))
    named += [("sliding counter", counter) for counter in counters]
    return [Fit(SLIDING, name, limit, length, m) for name, m in named]


def _ends_by_reset(observed: Sequence[Batch]) -> list[float]:
    """Return when the first window may have ended, if Reset tells and it is rounded up.

    Each answer leaves it one second of leeway; together they leave less.
    """
    earliest, latest = -math.inf, math.inf
    for batch in observed:
        for answer in batch.answers:
            if answer.reset_value is None:
                continue
            low = answer.answered + answer.reset_value - ROUNDING_S
            if low >= latest:
                break
            earliest, latest = max(earliest, low), min(latest, answer.sent + answer.reset_value)
    if not earliest < latest < math.inf:
        return []
    return [earliest + (latest - earliest) * (n + 0.5) / PHASES for n in range(PHASES)]


def bucket_fits(limit: int, length: float, _observed: Sequence[Batch]) -> list[Fit]:
    """Return the token bucket of this size, to be run."""
    return [Fit(BUCKET, "token bucket", limit, length, TokenBucket(limit, length))]


FITS: dict[str, Callable[[int, float, Sequence[Batch]], list[Fit]]] = {
    FIXED: fixed_fits,
    SLIDING: sliding_fits,
    BUCKET: bucket_fits,
}


def best_fits(limits: Iterable[int], length: float, observed: Sequence[Batch]) -> dict[str, Fit]:
    """Return the fit with the fewest misses of each kind, over the limits given (best first)."""
    order = list(dict.fromkeys(limits))
    return {kind: _best_of(kind, order, length, observed) for kind in FITS}


def _best_of(kind: str, limits: Iterable[int], length: float, observed: Sequence[Batch]) -> Fit:
    found: Fit | None = None
    for fit in (fit for limit in limits for fit in FITS[kind](limit, length, observed)):
        fit.run(observed, up_to=None if found is None else found.unexplained)
        if found is None or (fit.unexplained, fit.score) < (found.unexplained, found.score):
            found = fit
        if not found.score:
            break
    if found is None:
        raise ValueError("no limit to fit")
    return found


def shown(best: dict[str, Fit], announced: int | None = None) -> Fit | None:
    """Return the one fit that the observations single out, or None where they do not.

    A kind that explains them with the announced limit need not lead before one that takes another
    limit to explain them.
    """
    if not _came_back(next(iter(best.values()))):
        return None
    ranked = sorted(best.values(), key=lambda fit: (fit.score, fit.limit != announced))
    winner, runner_up = ranked[0], ranked[1]
    if winner.unexplained > max(CLEAR_MARGIN, FIT_SHARE * winner.limit):
        return None
    simpler = winner.limit == announced != runner_up.limit
    margin = 0 if simpler else CLEAR_MARGIN
    return winner if runner_up.score - winner.score >= margin else None


def _came_back(fit: Fit) -> bool:
    """Whether anything passed after the first refusal: before that all kinds look the same."""
    outcomes = [batch for batch, _, _ in fit.expected]
    first = next((i for i, batch in enumerate(outcomes) if batch.refused), len(outcomes))
    return any(batch.accepted for batch in outcomes[first + 1 :])


def witness(winner: Fit, rivals: Iterable[Fit], origin: float) -> list[str]:
    """Return, for each rival, the batch that it misses most, as a sentence."""
    lines = []
    for rival in rivals:
        misses = [m for m in rival.misses if m.batch not in [w.batch for w in winner.misses]]
        if not misses:
            continue
        worst = max(misses, key=lambda miss: miss.beyond + miss.short)
        batch, at = worst.batch, worst.batch.start - origin
        room = (
            f"{worst.fewest}" if worst.fewest == worst.most else f"{worst.fewest} to {worst.most}"
        )
        lines.append(
            f"at {at:.1f} s {batch.accepted} of {batch.size} passed; "
            f"a {rival.name} of {rival.limit} in {rival.window_s:g} s had room for {room}"
        )
    return lines
