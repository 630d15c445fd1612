"""The LIMIT clauses, each a function of what was observed and of the limiter that explains it.

A judge says what it checked and what it found, and where it cannot decide, why. Nothing here
sends a request: whoever gathers the answers decides how many requests are worth a clause.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import pairwise

from conformance.kit.exchange import OPERATIONS
from conformance.kit.limiter_answers import FIRST, Answer, Batch, batches, http_date
from conformance.kit.limiter_case import (
    ELSEWHERE,
    UNTOLD,
    Case,
    ClauseVerdict,
    bypass_matrix,
    held_to_limit,
    name_of,
)
from conformance.kit.limiter_fits import (
    BUCKET,
    CLEAR_MARGIN,
    FIT_SHARE,
    FITS,
    FIXED,
    Fit,
    best_fits,
)

AGREEMENT_S = 1.0
HALF_FROM, HALF_TO = 0.35, 0.65
"""The part of Retry-After in which a request counts as sent at half of it (LIMIT-13)."""
LONG_ENOUGH_S = 4.0
WRITES = ("create", "update", "delete", "archive", "restore")
FORWARDED = "forwarded"
"""Variations whose name starts so claim another client address in a header."""


Judge = Callable[[Case, ClauseVerdict], None]
_JUDGES: dict[str, Judge] = {}


def judged_by(clause: str) -> Callable[[Judge], Judge]:
    """Register the judge of a clause."""

    def register(judge: Judge) -> Judge:
        _JUDGES[clause] = judge
        return judge

    return register


def judge_all(case: Case) -> dict[str, ClauseVerdict]:
    """Return the verdict of every LIMIT clause, in the catalogue's order of ids."""
    verdicts = {}
    for clause, judge in sorted(_JUDGES.items()):
        verdicts[clause] = ClauseVerdict(clause)
        judge(case, verdicts[clause])
    return verdicts


@judged_by("LIMIT-01")
def _headers(case: Case, verdict: ClauseVerdict) -> None:
    # An odd path or method may be answered before the API, and its limiter, sees it.
    for a in (a for a in case.answers if not a.variation):
        texts = {"Limit": a.limit, "Remaining": a.remaining, "Reset": a.reset}
        values = {"Limit": a.limit_value, "Remaining": a.remaining_value, "Reset": a.reset_value}
        bad = [f"RateLimit-{n}: {texts[n] or 'missing'}" for n, v in values.items() if v is None]
        expected = "RateLimit-Limit, -Remaining and -Reset, each a non-negative integer"
        verdict.that(not bad, expected, ", ".join(bad), a)


@judged_by("LIMIT-02")
def _remaining(case: Case, verdict: ClauseVerdict) -> None:
    for a in case.answers:
        if a.limit_value is not None and a.remaining_value is not None:
            good = a.remaining_value <= a.limit_value
            actual = f"Remaining {a.remaining_value} of Limit {a.limit_value}"
            verdict.that(good, "Remaining at most Limit", actual, a)
    for window in case.windows():
        _never_rises(window, "remaining", verdict)
        _counts_down(window, case.unlimited, verdict)


def _never_rises(window: list[Answer], header: str, verdict: ClauseVerdict) -> None:
    """Judge pairs that do not overlap: the later answer shows no more than the earlier one."""
    lowest: Answer | None = None
    for a in sorted(window, key=lambda answer: answer.sent):
        value = getattr(a, f"{header}_value")
        if value is None:
            continue
        if lowest is not None and a.sent >= lowest.answered:
            before = getattr(lowest, f"{header}_value")
            name = f"RateLimit-{header.capitalize()}"
            verdict.that(value <= before, f"{name} at most {before} in this window", value, a)
        if lowest is None or value < getattr(lowest, f"{header}_value"):
            lowest = a


def _counts_down(window: list[Answer], unlimited: frozenset[str], verdict: ClauseVerdict) -> None:
    """Judge the set: of Limit requests, only Limit - r can leave r or more behind them."""
    counted = [
        a
        for a in window
        if not a.refused and a.operation not in unlimited and a.remaining_value is not None
    ]
    if not counted or counted[0].limit_value is None:
        return
    limit = counted[0].limit_value
    left = sorted((a.remaining_value or 0 for a in counted), reverse=True)
    worst = max(range(len(left)), key=lambda i: left[i] - max(0, limit - i - 1))
    allowed = max(0, limit - worst - 1)
    expected = f"Remaining at most {allowed} after {worst + 1} counted requests"
    verdict.that(left[worst] <= allowed, expected, left[worst], counted[0])


@judged_by("LIMIT-03")
def _reset(case: Case, verdict: ClauseVerdict) -> None:
    for a in case.answers:
        if a.reset_value is not None:
            expected = f"Reset in seconds, at most the window of {case.window_s:g} s"
            verdict.that(a.reset_value <= case.window_s, expected, a.reset_value, a)
    for window in case.windows():
        _never_rises(window, "reset", verdict)


@judged_by("LIMIT-04")
def _retry_after(case: Case, verdict: ClauseVerdict) -> None:
    for a in case.refused:
        seconds = a.retry_after_s
        good = seconds is not None and (seconds >= 1 or http_date(a.retry_after) is not None)
        expected = "Retry-After as whole seconds (at least 1) or an HTTP date"
        verdict.that(good, expected, a.retry_after or "no Retry-After", a)
        if a.enveloped is not None:
            verdict.that(a.enveloped, "the error envelope on a 429", "another body", a)


@judged_by("LIMIT-05")
def _every_operation(case: Case, verdict: ClauseVerdict) -> None:
    if not any(a.refused for a in case.plain):
        passed = len(case.plain)
        if _past(case):
            expected = f"429 past the limit of {case.announced}"
            verdict.that(False, expected, f"{passed} passed", case.plain[-1])
        else:
            verdict.undecided(f"{passed} requests passed and none was refused: not past the limit")
        return
    limited = {a.operation for a in case.plain if a.refused}
    for name in OPERATIONS:
        if name in case.unlimited:
            shown = next(a for a in reversed(case.plain) if a.operation == name and not a.refused)
            verdict.that(False, f"{name} refused with 429 past the limit", shown.status, shown)
        elif name in limited:
            verdict.that(True, "", "")
    untried = [n for n in OPERATIONS if n not in limited and n not in case.unlimited]
    if untried:
        verdict.undecided(f"not tried past the limit: {', '.join(untried)}")


def _past(case: Case) -> bool:
    """Whether more passed than a window of the announced size has room for, of whatever kind.

    Where windows end faster than requests come, no limit is reached however many are sent.
    """
    if case.announced is None or not case.told:
        return False
    fits = best_fits([case.announced], case.window_s, case.observed).values()
    return all(any(miss.beyond for miss in fit.misses) for fit in fits)


@judged_by("LIMIT-06")
def _as_many_as_announced(case: Case, verdict: ClauseVerdict) -> None:
    announced = case.announced
    if announced is None:
        verdict.undecided("no answer carries a usable RateLimit-Limit")
        return
    expected = f"{announced} requests pass in a window"
    if not any(a.refused for a in case.plain):
        if _past(case):
            shown = case.plain[-1]
            verdict.that(False, expected, f"{len(case.plain)} passed, none was refused", shown)
        else:
            verdict.undecided("the limit was not reached")
        return
    if not case.told:
        if case.fit is not None and case.fit.limit == announced:
            verdict.that(True, "", "")
        else:
            verdict.undecided(UNTOLD)
        return
    beyond, short, seen, shown = _first_window(case, announced)
    if 0 < beyond + short <= sum(a.operation in case.unlimited for a in case.plain):
        verdict.undecided(f"{', '.join(sorted(case.unlimited))} is never refused: no exact count")
        return
    verdict.that(not beyond, expected, seen, shown)
    if short and _shared(case):
        verdict.warn(False, expected, f"{seen}; {OTHERS}", shown)
    else:
        verdict.that(not short, expected, seen, shown)
    if case.fit is not None and not beyond and not short:
        held = held_to_limit(case, announced, case.observed)
        explained = held.score - case.fit.score < max(CLEAR_MARGIN, FIT_SHARE * announced)
        actual = f"a limit of {case.fit.limit} explains the answers"
        verdict.that(explained, expected, actual, shown)


OTHERS = "Remaining fell by more than this run sent, so somebody else may use this address"


def _first_window(case: Case, announced: int) -> tuple[int, int, str, Answer]:
    """Return how many passed beyond the announced limit, and how many too few, in one window.

    The words that say so and the answer that shows it come with the numbers.

    The first window alone is judged, and its requests one by one: what parallel requests do is
    LIMIT-10, what comes after the first window LIMIT-07.
    """
    refused = next(a for a in case.plain if a.refused)
    end = refused.answered + min(refused.retry_after_s or case.window_s, case.window_s)
    observed = [b for b in case.observed if b.end < end]
    # A limiter whose kind was not shown has the benefit of the doubt.
    fit = held_to_limit(case, announced, observed, tuple(FITS))
    misses = [m for m in fit.misses if m.batch.size == 1]
    passed = sum(b.accepted for b in observed)
    beyond = sum(miss.beyond for miss in misses)
    if beyond:
        last = next(miss.batch.answers[0] for miss in reversed(misses) if miss.beyond)
        words = f"{passed} of {sum(b.size for b in observed)} requests passed"
        return beyond, 0, words, last
    first = next((b for b in observed if b.refused), None)
    before = sum(b.accepted for b in observed if first is not None and b.start < first.start)
    short = sum(m.short for m in misses if m.batch is first)
    return 0, short, f"the first refusal came after {before} had passed", refused


def _shared(case: Case) -> bool:
    """Whether Remaining sometimes, but not always, fell by more than one from one to the next."""
    drops = []
    # Of two requests in flight together, the one that is sent last may be counted first.
    ours = [a for a in case.answers if a.address == FIRST]
    for one, other in pairwise(batches(ours)):
        before, after = one.answers[0], other.answers[0]
        a, b = before.remaining_value, after.remaining_value
        alone = one.size == other.size == 1 and before.plain and after.plain
        if alone and not after.refused and a and b is not None and b < a:
            drops.append(a - b)
    return bool(drops) and max(drops) > 1 and min(drops) <= 1


@judged_by("LIMIT-07")
def _comes_back(case: Case, verdict: ClauseVerdict) -> None:
    promises: list[tuple[float, Answer]] = []
    ours = [a for a in case.answers if a.address == FIRST and a.operation not in case.unlimited]
    for batch in batches(ours):
        due, promise = min(promises, default=(float("inf"), None), key=_due)
        # Where processes count for themselves, one does not know when the other is ready.
        last = max(promises, key=_due)[0] if promises and case.side_by_side else due
        over = (last if not batch.accepted else due) <= batch.start
        if promise is not None and over and all(a.plain for a in batch.answers):
            verdict.that(
                batch.accepted,
                f"a request passes once Retry-After {promise.retry_after} is over",
                f"429 after {batch.start - promise.answered:.2f} s",
                batch.answers[0],
            )
        # What passed may have taken the place that was promised to others.
        promises = [*([] if batch.accepted else promises), *_promises(batch)]
        promises = [pick(promises, key=_due) for pick in (min, max) if promises]
    if not verdict.checks:
        verdict.undecided("no request was sent at the end of a Retry-After")


def _promises(batch: Batch) -> Iterator[tuple[float, Answer]]:
    for answer in batch.answers:
        wait = answer.patience_s
        if answer.refused and wait is not None and wait >= 1:
            yield answer.answered + wait, answer


def _due(promise: tuple[float, Answer | None]) -> float:
    return promise[0]


@judged_by("LIMIT-08")
def _refused_writes(case: Case, verdict: ClauseVerdict) -> None:
    for a in case.refused:
        if a.operation in WRITES and a.effect is not None:
            verdict.that(not a.effect, f"a refused {a.operation} changes nothing", "it did", a)
    if not verdict.checks:
        verdict.undecided("no refused write was looked up afterwards")


@judged_by("LIMIT-09")
def _no_bypass(case: Case, verdict: ClauseVerdict) -> None:
    rows = bypass_matrix(case)
    if not any(a.refused for a in case.plain):
        verdict.undecided("the limit was not reached")
        return
    for row in rows:
        actual = f"{row.effective} of {row.tried} took effect past the limit"
        if row.name in case.trickled:
            continue
        if row.name == ELSEWHERE:
            expected = "a budget of its own for another client address"
            verdict.warn(row.refused < row.tried, expected, "refused as well")
            continue
        lenient = case.loopback and row.name.startswith(FORWARDED)
        say = verdict.warn if lenient else verdict.that
        others = (a for a in case.answers if not a.plain and name_of(a) == row.name)
        shown = next((a for a in others if a.effective), None)
        say(not row.works, f"429 past the limit for {row.name}", actual, shown)
    if not verdict.checks:
        verdict.undecided(
            "the budget came back as fast as it could be tried"
            if rows
            else "nothing but plain requests was tried past the limit"
        )


def _explaining_singles(case: Case) -> list[Fit]:
    """Return a fit of each kind that explains what was sent one by one, with the announced limit."""
    if case.announced is None or not case.observed:
        return []
    fits = best_fits([case.announced], case.window_s, case.observed).values()
    whole = [fit for fit in fits if len(fit.expected) == len(case.observed)]
    return [fit for fit in whole if all(miss.batch.size > 1 for miss in fit.misses)]


@judged_by("LIMIT-10")
def _under_concurrency(case: Case, verdict: ClauseVerdict) -> None:
    fits = [case.fit] if case.fit is not None else _explaining_singles(case)
    if not fits:
        unknown = "no kind of window explains the answers, so there is no number to hold to"
        verdict.undecided(unknown if case.told else UNTOLD)
        return
    crossed = [(batch, most) for batch, most in _rooms(fits) if most < batch.size]
    if not case.told:
        # A guessed window is off by a little, which adds up: only a full bucket is a number.
        sure = fits[0].kind == BUCKET and fits[0].limit == case.announced
        crossed = [(batch, most) for batch, most in crossed if sure and most >= fits[0].limit]
    beyond = sum(max(0, batch.accepted - most) for batch, most in crossed)
    for batch, most in crossed:
        expected = f"at most {most} of {batch.size} parallel requests pass"
        verdict.that(not beyond, expected, batch.accepted, batch.answers[-1])
    if not crossed:
        none = "no parallel requests were sent across the limit"
        verdict.undecided(none if case.told else UNTOLD)


def _rooms(fits: list[Fit]) -> Iterator[tuple[Batch, int]]:
    """Yield the parallel batches with their room: of several kinds the most has the benefit."""
    for rows in zip(*(fit.expected for fit in fits), strict=True):
        batch = rows[0][0]
        if batch.size > 1:
            yield batch, max(row[2] for row in rows)


@judged_by("LIMIT-11")
def _agreement(case: Case, verdict: ClauseVerdict) -> None:
    for a in case.refused:
        wait, reset = a.retry_after_s, a.reset_value
        if wait is None or reset is None:
            continue
        # An HTTP date is whole seconds on a clock that need not tick with ours.
        slack = AGREEMENT_S + (http_date(a.retry_after) is not None)
        actual = f"Retry-After {a.retry_after}, RateLimit-Reset {a.reset}"
        expected = "Retry-After and RateLimit-Reset within one second of each other"
        verdict.that(abs(wait - reset) <= slack, expected, actual, a)


@judged_by("LIMIT-12")
def _choices(case: Case, verdict: ClauseVerdict) -> None:
    verdict.observed = True
    if any(a.refused for a in case.plain):
        verdict.checks += 1
    else:
        verdict.undecided("the limit was not reached")


@judged_by("LIMIT-13")
def _half_way(case: Case, verdict: ClauseVerdict) -> None:
    counted = [a for a in case.plain if a.operation not in case.unlimited]
    for promise, asked in _half_way_requests(counted):
        # A window that ends too early is no window of the announced length, so no kind fits.
        explained = case.fit is not None and case.fit.limit == case.announced
        if case.kind != FIXED and (explained or not _whole_again(asked)):
            continue
        expected = f"429 at half of Retry-After {promise.retry_after}"
        verdict.that(asked.refused, expected, asked.status, asked)
    if verdict.checks:
        return
    waits = [a.retry_after_s for a in counted if a.refused]
    if case.kind not in (FIXED, None):
        verdict.undecided(f"it speaks of fixed windows, this is a {case.kind} one", applies=False)
    elif case.kind == FIXED and waits and max(w or 0.0 for w in waits) < LONG_ENOUGH_S:
        verdict.undecided("no Retry-After was as long as 4 s", applies=False)
    elif case.kind == FIXED:
        verdict.undecided("no request was sent at half of a Retry-After of 4 s or more")
    else:
        verdict.undecided("the window is not shown to be fixed")


def _whole_again(answer: Answer) -> bool:
    """Whether an answer says that the whole budget came back, as no window but a fixed one does."""
    limit, remaining = answer.limit_value, answer.remaining_value
    if answer.refused or limit is None or remaining is None:
        return False
    return remaining >= limit - 2 > 0


def _half_way_requests(plain: list[Answer]) -> Iterator[tuple[Answer, Answer]]:
    """Yield each plain request that was sent at half of a Retry-After, with the 429 that gave it."""
    moments = [answer.sent for answer in plain]
    asked: dict[int, Answer] = {}
    for promise in plain:
        wait = promise.retry_after_s if promise.refused else None
        if wait is None or wait < LONG_ENOUGH_S:
            continue
        latest = promise.sent + HALF_TO * wait
        first = bisect_left(moments, promise.answered + HALF_FROM * wait)
        for index in range(first, bisect_left(moments, latest)):
            if plain[index].answered <= latest:
                asked.setdefault(index, promise)
    for index, promise in sorted(asked.items()):
        yield promise, plain[index]
