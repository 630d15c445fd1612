"""What a set of answers says about a rate limiter: pure, no I/O.

`analyse` takes every answer of a trial and says which limit, window and kind of window explain
them, whether the target let more or less pass than it documents, what opens a new budget, and
what each LIMIT clause makes of it. Whoever gathers the answers may send them in any order and in
parallel; `Answer` tells what has to be kept of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
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
    UNTOLD,
    Bypass,
    Case,
    ClauseVerdict,
    LimiterFinding,
    bypass_matrix,
    held_to_limit,
    unlimited_operations,
)
from conformance.kit.limiter_clauses import judge_all
from conformance.kit.limiter_explained import doubtful, explain, longest_reset
from conformance.kit.limiter_fits import FIXED, UNKNOWN, Fit, best_fits, shown, witness
from conformance.kit.limiter_models import GREEDY, ROUNDING_S

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
    longest = longest_reset(ordered)
    told_s = documented.window_s or (longest if longest > ROUNDING_S else None)
    window_s = told_s or float(schemas.RATE_LIMIT_WINDOW_S)
    case = Case(ordered, plain, [], None, announced, window_s, loopback, told_s is not None)
    case.unlimited = unlimited_operations(case)
    if not any(a.refused for a in plain):
        case.observed = batches(plain, [a for a in ordered if doubtful(a, case)])
        return case
    case, explained = explain(case, documented.limit, documented.window_s)
    if explained is not None:
        case.unlimited, case.trickled = explained.unlimited, explained.trickled
        case.observed = explained.observed
        case.fit = shown(explained.best, announced)
    return case


def _most_common(values: Iterable[int | None]) -> int | None:
    counts = Counter(value for value in values if value is not None)
    return counts.most_common(1)[0][0] if counts else None


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
