"""Which requests a limiter counted: the assumption that leaves the fewest answers unexplained.

Pure, as all of the analysis. What passed while others were refused got past the limiter, or had
what came back of the budget just then; which of the two, the models tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import schemas
from conformance.kit.limiter_answers import FIRST, NO_CREDENTIALS, Answer, Batch, batches
from conformance.kit.limiter_case import ELSEWHERE, Case, bypass_matrix, name_of
from conformance.kit.limiter_fits import BUCKET, CLEAR_MARGIN, FITS, Fit, best_fits
from conformance.kit.limiter_models import ROUNDING_S

BREAK_S = 1.0
"""A gap between requests from which on a bucket may have filled up meanwhile."""


@dataclass(frozen=True)
class Explained:
    """One assumption about which requests the limiter counts, and what then explains the answers."""

    best: dict[str, Fit]
    observed: list[Batch]
    unlimited: frozenset[str]
    trickled: frozenset[str]
    announced: int | None

    @property
    def score(self) -> int:
        """How many requests are left unexplained; that it takes another limit costs a margin."""
        return min(
            fit.score + CLEAR_MARGIN * (fit.limit != self.announced) for fit in self.best.values()
        )


def explain(case: Case, limit: int | None, window_s: float | None) -> tuple[Case, Explained | None]:
    """Return what explains the answers best, and the case, with another window where that does.

    `limit` and `window_s` are what is documented, None where it is what the headers say.
    """
    explained = _with_window(case, limit)
    if window_s is not None or explained is None:
        return case, explained
    guessed_s = _guessed_window(case, longest_reset(case.answers))
    if guessed_s is None:
        return case, explained
    guess = replace(case, window_s=guessed_s, told=False)
    other = _with_window(guess, limit)
    if other is None or other.score >= explained.score:
        return case, explained
    return guess, other


def _with_window(case: Case, limit: int | None) -> Explained | None:
    """Return the assumption that leaves the fewest requests unexplained.

    Whatever passed while others were refused may have got past the limiter, or may have had what
    came back of the budget just then. The limiter has the benefit of the doubt: an operation, or a
    row of the bypass matrix, counts as let through only where counting it explains less.
    """
    through = frozenset(row.name for row in bypass_matrix(case) if row.works) - {ELSEWHERE}
    limited = _limited(case) - through
    unsure = through - _rich(case)

    def assume(
        unlimited: frozenset[str], trickled: frozenset[str], *, spends: bool = False
    ) -> Explained | None:
        counted = _counted(case, unlimited, trickled | limited, spends=spends)
        ours = {id(a) for a in counted}
        # What is never refused may take the place of what is.
        others = [
            a
            for a in case.answers
            if id(a) not in ours and (doubtful(a, case) or (a.plain and a.operation in unlimited))
        ]
        limits = _candidate_limits(counted, case.announced, limit)
        if not limits:
            return None
        observed = batches(counted, others)
        best = best_fits(limits, case.window_s, observed)
        return Explained(best, observed, unlimited, trickled, case.announced)

    accused = assume(case.unlimited, frozenset())
    if accused is None or not (case.unlimited or through):
        return accused
    if case.unlimited:
        accused = _better(assume(case.unlimited, frozenset(), spends=True), accused)
    cleared = assume(frozenset(), unsure)
    # A guess at how fast the budget comes back may be off by a request or two.
    slack = 0 if case.told else CLEAR_MARGIN - 1
    if cleared is not None and cleared.score <= accused.score + slack:
        return cleared
    if cleared is not None and not case.told and accused.score > slack:
        return cleared
    for name in sorted(case.unlimited):
        less = assume(accused.unlimited - {name}, accused.trickled)
        accused = _better(less, accused, slack)
    for name in sorted(unsure):
        more = assume(accused.unlimited, accused.trickled | {name})
        accused = _better(more, accused, slack)
    return accused


def _limited(case: Case) -> frozenset[str]:
    """Return the rows of which the limiter saw a request: it refused, counted or let it pass."""
    tried = [a for a in case.answers if not a.plain and a.address == FIRST]
    return frozenset(
        name_of(a)
        for a in tried
        if a.variation != NO_CREDENTIALS and (a.refused or a.effective or _counted_down(a))
    )


def _rich(case: Case) -> frozenset[str]:
    """Return the rows whose answers showed more left than trickles back between two refusals."""
    return frozenset(
        name_of(a)
        for a in case.answers
        if not a.plain and case.while_shut(a) and not a.refused and (a.remaining_value or 0) > 1
    )


def _counted_down(answer: Answer) -> bool:
    """Whether the limiter answered for a budget that had been spent before."""
    limit, remaining = answer.limit_value, answer.remaining_value
    return limit is not None and remaining is not None and remaining <= limit // 2


def _better(one: Explained | None, other: Explained, slack: int = 0) -> Explained:
    """Return the one that explains more; where both do alike, the first."""
    return one if one is not None and one.score <= other.score + slack else other


def _counted(
    case: Case, unlimited: frozenset[str], rows: frozenset[str], *, spends: bool
) -> list[Answer]:
    """Return the answers that spend the budget: plain ones, and those of some rows of the matrix.

    An operation that is never refused may still spend it: where it `spends`, what it sent before
    the limit counts.
    """
    first = next((a for a in case.plain if a.refused), None)
    plain = [
        a
        for a in case.plain
        if a.operation not in unlimited
        or (spends and first is not None and a.answered <= first.sent)
    ]
    others = [a for a in case.answers if not a.plain and name_of(a) in rows]
    return sorted([*plain, *others], key=lambda a: a.sent)


def doubtful(answer: Answer, case: Case) -> bool:
    """Whether the limiter may or may not have counted an answer that is not a plain one."""
    return (
        not answer.plain
        and answer.address == FIRST
        and not answer.refused
        and not case.while_shut(answer)
    )


def longest_reset(answers: Sequence[Answer]) -> float:
    """Return the longest Reset within the vendor's window, 0 where there is none."""
    resets = [a.reset_value or 0 for a in answers]
    return float(max((r for r in resets if r <= schemas.RATE_LIMIT_WINDOW_S), default=0))


def _guessed_window(case: Case, longest: float) -> float | None:
    """Return the window of the bucket that comes nearest to the answers, if Reset may hide it.

    Some buckets tell in Reset when the next request passes, rather than when they are full again.
    """
    announced = case.announced
    ours = _counted(case, frozenset(), _limited(case), spends=False)
    first = next((i for i, a in enumerate(ours) if a.refused), None)
    if announced is None or first is None:
        return None
    spent_s = ours[first].sent - ours[0].sent
    rates = [(first - announced) / spent_s] if spent_s > 0 else []
    drained = list(_without_break(ours[first:]))
    passed = sum(not a.refused for a in drained)
    drained_s = drained[-1].sent - drained[0].sent if drained else 0.0
    if passed > 1 and drained_s > 0:
        rates += [(passed + d) / drained_s for d in (-0.5, 0.0, 0.5)]
    windows = [announced / rate for rate in rates if rate > 0]
    # Reset is then never more than what one request takes to come back, rounded up.
    hidden = [w for w in windows if longest <= w / announced + 2 * ROUNDING_S]
    observed = batches(ours)
    return min(
        hidden,
        key=lambda w: sum(f.run(observed).score for f in FITS[BUCKET](announced, w, observed)),
        default=None,
    )


def _without_break(answers: Sequence[Answer]) -> Iterator[Answer]:
    """Yield answers up to the first pause."""
    for before, after in pairwise(answers):
        yield before
        if after.sent - before.answered > BREAK_S:
            return


def _candidate_limits(
    counted: Sequence[Answer], announced: int | None, documented: int | None
) -> list[int]:
    until_refused = next((i for i, a in enumerate(counted) if a.refused), 0)
    given = [announced, documented, until_refused]
    if announced:
        # Off by one, and off by a factor of two, are told apart even where tokens trickle in.
        given += [announced + 1, announced - 1, 2 * announced, announced // 2]
    return [limit for limit in given if limit]
