"""What a set of answers says about a rate limiter: pure, no I/O.

`analyse` takes every answer of a trial and says which limit, window and kind of window explain
them, whether the target let more or less pass than it documents, what opens a new budget, and
what each LIMIT clause makes of it. Whoever gathers the answers may send them in any order and in
parallel; `Answer` tells what has to be kept of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import schemas
from conformance.kit.limiter_answers import (
    FIRST,
    NO_CREDENTIALS,
    RATE_LIMITED,
    Answer,
    Batch,
    answer_of,
    batches,
    whole,
)
from conformance.kit.limiter_case import (
    ELSEWHERE,
    UNTOLD,
    Bypass,
    Case,
    ClauseVerdict,
    LimiterFinding,
    bypass_matrix,
    held_to_limit,
    name_of,
    unlimited_operations,
)
from conformance.kit.limiter_clauses import judge_all
from conformance.kit.limiter_models import (
    BUCKET,
    CLEAR_MARGIN,
    FITS,
    FIXED,
    GREEDY,
    ROUNDING_S,
    UNKNOWN,
    Fit,
    best_fits,
    shown,
    witness,
)

__all__ = [
    "FIRST",
    "NO_CREDENTIALS",
    "RATE_LIMITED",
    "Analysis",
    "Answer",
    "Bypass",
    "ClauseVerdict",
    "Documented",
    "Expected",
    "LimiterFinding",
    "analyse",
    "answer_of",
    "not_probed",
    "whole",
]

SHORTER_SHARE = 0.9
BREAK_S = 1.0
"""A gap between requests from which on a bucket may have filled up meanwhile."""
Verdict = Literal["as_documented", "stricter", "laxer", "not_evaluated"]
Outcome = Literal["accept", "refuse", "either"]


@dataclass(frozen=True)
class Documented:
    """The limit that the target is held to; a part left out is what its own headers announce."""

    limit: int | None = None
    window_s: float | None = None


@dataclass(frozen=True)
class Expected:
    """What the documented limiter would have done with one request."""

    answer: Answer
    outcome: Outcome


@dataclass(frozen=True)
class Analysis:
    """What a trial showed.

    `limit` is the limit that explains the answers, `announced` the one in `RateLimit-Limit`.
    `kind` is fixed, sliding, bucket or unknown, `detail` says it in words, `witness` holds one
    sentence for each kind that is ruled out. `scope` is whose budget was spent: address, token,
    everyone or unknown. `behaviour` holds the choices that LIMIT-12 records.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    limit: int | None
    announced: int | None
    window_s: float | None
    kind: str
    detail: str
    witness: tuple[str, ...]
    scope: str
    bypasses: tuple[Bypass, ...]
    behaviour: dict[str, object]
    expected: tuple[Expected, ...]
    clauses: dict[str, ClauseVerdict]


def analyse(
    answers: Iterable[Answer],
    documented: Documented | None = None,
    *,
    loopback: bool = False,
) -> Analysis:
    """Return what the answers say.

    `documented` is what the target is held to; `loopback` softens forwarded headers to a warning
    (LIMIT-09). Without answers every clause is not evaluated.
    """
    documented = documented or Documented()
    ordered = sorted(answers, key=lambda a: a.sent)
    if not any(a.plain for a in ordered):
        return not_probed("no plain request was sent")
    case = _case(ordered, documented, loopback=loopback)
    clauses = judge_all(case)
    held_to = documented.limit or case.announced
    verdict, reasons, expected = _verdict(case, clauses, held_to)
    sentences = _witness(case.fit, case) if case.fit else []
    return Analysis(
        verdict,
        tuple(reasons),
        _limit(case),
        case.announced,
        case.window_s,
        case.kind or UNKNOWN,
        case.fit.name if case.fit else _why_unknown(case),
        tuple(sentences),
        _scope(case),
        tuple(bypass_matrix(case)),
        _behaviour(case),
        tuple(expected),
        clauses,
    )


def _witness(fit: Fit, case: Case) -> list[str]:
    """Return what rules out each other kind of the same size."""
    rivals = best_fits([fit.limit], fit.window_s, case.observed)
    others = [rival for kind, rival in rivals.items() if kind != fit.kind]
    return witness(fit, others, case.plain[0].sent)


def not_probed(reason: str) -> Analysis:
    """Return the analysis of a trial that did not take place."""
    empty = Case([], [], [], None, None, float(schemas.RATE_LIMIT_WINDOW_S), loopback=False)
    clauses = {f"LIMIT-{n:02}": ClauseVerdict(f"LIMIT-{n:02}", reason=reason) for n in range(1, 14)}
    return Analysis(
        "not_evaluated",
        (reason,),
        None,
        None,
        None,
        UNKNOWN,
        reason,
        (),
        _scope(empty),
        (),
        {},
        (),
        clauses,
    )


def _case(ordered: list[Answer], documented: Documented, *, loopback: bool) -> Case:
    plain = [a for a in ordered if a.plain]
    announced = _most_common(a.limit_value for a in plain)
    longest = _longest_reset(ordered)
    told_s = documented.window_s or (longest if longest > ROUNDING_S else None)
    window_s = told_s or float(schemas.RATE_LIMIT_WINDOW_S)
    case = Case(ordered, plain, [], None, announced, window_s, loopback, told_s is not None)
    case.unlimited = unlimited_operations(case)
    if not any(a.refused for a in plain):
        case.observed = batches(plain, [a for a in ordered if _doubtful(a, case)])
        return case
    explained = _explained(case, documented)
    if documented.window_s is None and explained is not None:
        guessed_s = _guessed_window(case, longest)
        guess = replace(case, window_s=guessed_s or window_s, told=False)
        other = _explained(guess, documented) if guessed_s is not None else None
        if other is not None and other.score < explained.score:
            case, explained = guess, other
    if explained is not None:
        case.unlimited, case.trickled = explained.unlimited, explained.trickled
        case.observed = explained.observed
        case.fit = shown(explained.best, announced)
    return case


@dataclass(frozen=True)
class _Explained:
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


def _explained(case: Case, documented: Documented) -> _Explained | None:
    """Return the assumption that leaves the fewest requests unexplained.

    Whatever passed while others were refused may have got past the limiter, or may have had what
    came back of the budget just then. The limiter has the benefit of the doubt: an operation, or a
    row of the bypass matrix, counts as let through only where counting it explains less.
    """
    through = frozenset(row.name for row in bypass_matrix(case) if row.works) - {ELSEWHERE}
    limited = _limited(case) - through

    def assume(
        unlimited: frozenset[str], trickled: frozenset[str], *, spends: bool = False
    ) -> _Explained | None:
        counted = _counted(case, unlimited, trickled | limited, spends=spends)
        ours = {id(a) for a in counted}
        # What is never refused may take the place of what is.
        others = [
            a
            for a in case.answers
            if id(a) not in ours and (_doubtful(a, case) or (a.plain and a.operation in unlimited))
        ]
        limits = _candidate_limits(counted, case.announced, documented)
        if not limits:
            return None
        observed = batches(counted, others)
        best = best_fits(limits, case.window_s, observed)
        return _Explained(best, observed, unlimited, trickled, case.announced)

    accused = assume(case.unlimited, frozenset())
    if accused is None or not (case.unlimited or through):
        return accused
    if case.unlimited:
        accused = _better(assume(case.unlimited, frozenset(), spends=True), accused)
    cleared = assume(frozenset(), through)
    # A guess at how fast the budget comes back may be off by a request or two.
    slack = 0 if case.told else CLEAR_MARGIN - 1
    if cleared is not None and cleared.score <= accused.score + slack:
        return cleared
    if cleared is not None and not case.told and accused.score > slack:
        return cleared
    for name in sorted(case.unlimited):
        less = assume(accused.unlimited - {name}, accused.trickled)
        accused = _better(less, accused, slack)
    for name in sorted(through):
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


def _counted_down(answer: Answer) -> bool:
    """Whether the limiter answered for a budget that had been spent before."""
    limit, remaining = answer.limit_value, answer.remaining_value
    return limit is not None and remaining is not None and remaining <= limit // 2


def _better(one: _Explained | None, other: _Explained, slack: int = 0) -> _Explained:
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


def _doubtful(answer: Answer, case: Case) -> bool:
    return (
        not answer.plain
        and answer.address == FIRST
        and not answer.refused
        and not case.while_shut(answer)
    )


def _most_common(values: Iterable[int | None]) -> int | None:
    counts = Counter(value for value in values if value is not None)
    return counts.most_common(1)[0][0] if counts else None


def _longest_reset(answers: Sequence[Answer]) -> float:
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
    rates = [(first - announced) / (ours[first].sent - ours[0].sent)] if first else []
    drained = list(_without_break(ours[first:]))
    passed = sum(not a.refused for a in drained)
    if passed > 1:
        took = drained[-1].sent - drained[0].sent
        rates += [(passed + d) / took for d in (-0.5, 0.0, 0.5)]
    windows = [announced / rate for rate in rates if rate > 0]
    # Reset is then never more than what one request takes to come back, rounded up.
    hidden = [w for w in windows if longest <= w / announced + 2 * ROUNDING_S]
    observed = batches(ours)
    return min(
        hidden,
        key=lambda w: min(fit.score for fit in FITS[BUCKET](announced, w, observed)),
        default=None,
    )


def _without_break(answers: Sequence[Answer]) -> Iterator[Answer]:
    """Yield answers up to the first pause, at the last refusal before it or soon after."""
    for before, after in pairwise(answers):
        yield before
        if after.sent - before.answered > BREAK_S:
            return


def _candidate_limits(
    counted: Sequence[Answer], announced: int | None, documented: Documented
) -> list[int]:
    until_refused = next((i for i, a in enumerate(counted) if a.refused), 0)
    given = [announced, documented.limit, until_refused]
    if announced:
        # Off by one, and off by a factor of two, are told apart even where tokens trickle in.
        given += [announced + 1, announced - 1, 2 * announced, announced // 2]
    return [limit for limit in given if limit]


def _limit(case: Case) -> int | None:
    if case.fit is not None:
        return case.fit.limit
    return next((i for i, a in enumerate(case.plain) if a.refused), None)


def _why_unknown(case: Case) -> str:
    if not any(a.refused for a in case.plain):
        return "no request was refused"
    return "the answers fit no kind of window, or several"


def _verdict(
    case: Case, clauses: dict[str, ClauseVerdict], limit: int | None
) -> tuple[Verdict, list[str], list[Expected]]:
    if limit is None:
        return "not_evaluated", ["no limit is documented or announced"], []
    if not case.told and (case.fit is None or case.fit.limit != limit):
        return "not_evaluated", [UNTOLD], []
    fit = held_to_limit(case, limit, case.observed)
    laxer, stricter = _laxer(fit, clauses, case), _stricter(fit, clauses)
    expected = [e for row in fit.expected for e in _expected(*row)]
    if laxer:
        return "laxer", laxer + stricter, expected
    if stricter:
        return "stricter", stricter, expected
    if not any(a.refused for a in case.plain):
        return "not_evaluated", ["the limit was not reached"], expected
    return "as_documented", [], expected


def _laxer(fit: Fit, clauses: dict[str, ClauseVerdict], case: Case) -> list[str]:
    beyond = sum(miss.beyond for miss in fit.misses)
    reasons = (
        [f"{beyond} requests passed beyond {fit.limit} in {fit.window_s:g} s"] if beyond else []
    )
    shorter = _shorter_window(case)
    if shorter is not None:
        reasons.append(f"windows are {shorter} s long instead of {case.window_s:g} s")
    if case.unlimited:
        reasons.append(f"never refused: {', '.join(sorted(case.unlimited))}")
    if clauses["LIMIT-09"].status == "failed":
        names = [row.name for row in bypass_matrix(case) if row.works and "address" not in row.name]
        reasons.append(f"a new budget opens with: {', '.join(names)}")
    return reasons


def _shorter_window(case: Case) -> int | None:
    """Return the length of fixed windows that end sooner than documented, by their own Reset.

    Two windows have to be seen: the first may have been running when the trial began.
    """
    resets = [a.reset_value for a in case.plain if a.reset_value is not None]
    if case.kind != FIXED or len(list(case.windows())) < 2 or not resets:
        return None
    return max(resets) if max(resets) < SHORTER_SHARE * case.window_s else None


def _stricter(fit: Fit, clauses: dict[str, ClauseVerdict]) -> list[str]:
    short = sum(miss.short for miss in fit.misses)
    reasons = [f"{short} requests were refused within {fit.limit} in {fit.window_s:g} s"]
    reasons = reasons if short else []
    if clauses["LIMIT-07"].status == "failed":
        reasons.append("requests are refused after Retry-After is over")
    return reasons


def _expected(batch: Batch, fewest: int, most: int) -> list[Expected]:
    """Return an outcome for each request of a batch; in parallel ones only the number is known."""
    counts: list[tuple[Outcome, int]] = [("accept", fewest), ("either", most - fewest)]
    counts.append(("refuse", batch.size - most))
    outcomes = [outcome for outcome, count in counts for _ in range(count)]
    ordered = sorted(batch.answers, key=lambda a: (a.refused, a.answered))
    return [Expected(a, o) for a, o in zip(ordered, outcomes, strict=True)]


def _scope(case: Case) -> str:
    works = {row.name: row.works for row in bypass_matrix(case)}
    if works.get("another token"):
        return "token"
    if works.get("another address"):
        return "address"
    if works.get("another address") is False:
        return "everyone"
    return UNKNOWN


def _behaviour(case: Case) -> dict[str, object]:
    name = case.fit.name if case.fit else None
    logs_refused = {"sliding log": False, f"sliding log{GREEDY}": True}
    found = {
        "window": name.removesuffix(GREEDY) if name else None,
        "refused_requests_count": logs_refused.get(name or ""),
        "unauthenticated_requests_count": _unauthenticated_count(case),
    }
    return {name: value for name, value in found.items() if value is not None}


def _unauthenticated_count(case: Case) -> bool | None:
    """Whether Remaining fell by two over a 401 and the next plain request (LIMIT-12)."""
    ordered = [a for a in case.answers if a.address == FIRST]
    for before, asked, after in zip(ordered, ordered[1:], ordered[2:], strict=False):
        a, b = before.remaining_value, after.remaining_value
        if asked.variation != NO_CREDENTIALS or not (before.plain and after.plain):
            continue
        if a is not None and b is not None and a >= 2 and not after.refused and b < a:
            return a - b >= 2
    return None
