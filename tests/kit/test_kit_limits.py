"""Passive LIMIT clauses: what one exchange says, and what a set of answers says of Remaining."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from kit_doubles import NOW, exchange

from conformance.kit.evidence import Evidence
from conformance.kit.expect import Judge
from conformance.kit.ledger import Ledger
from conformance.kit.limiter_answers import Answer
from conformance.kit.limits import judge_countdown

LIMIT, WINDOW_S = 500, 900.0


def answer(at: float, remaining: int, reset: float, status: int = 200) -> Answer:
    values = {"limit": str(LIMIT), "remaining": str(remaining), "reset": str(int(reset))}
    return Answer(NOW + at, NOW + at + 0.01, "list", status, **values)


def verdict(answers: Iterable[Answer], *, fixed: bool = False) -> Judge:
    judge = Judge("LIMIT-02")
    judge_countdown(answers, judge, fixed=fixed)
    return judge


def countdown(count: int, *, start: float = 0.0, step_s: float = 0.01) -> list[Answer]:
    """Answers of a fixed window that opens at `start`."""
    return [
        answer(start + n * step_s, LIMIT - 1 - n, WINDOW_S - n * step_s + 0.99)
        for n in range(count)
    ]


def test_a_window_that_counts_down_passes_in_any_order() -> None:
    answers = countdown(480)

    for one in (answers, answers[::-1]):
        judge = verdict(one, fixed=True)
        assert (judge.checks, judge.findings) == (1, [])


def test_two_windows_are_judged_apart() -> None:
    judge = verdict([*countdown(200), *countdown(200, start=WINDOW_S)], fixed=True)

    assert (judge.checks, judge.findings) == (2, [])


def test_others_at_the_same_address_only_lower_remaining() -> None:
    answers = [answer(n * 0.01, LIMIT - 1 - 2 * n, WINDOW_S) for n in range(200)]

    assert verdict(answers, fixed=True).findings == []


@pytest.mark.parametrize("each", [2, 10, 480])
def test_a_remaining_that_falls_too_seldom_is_found_in_a_window_of_any_kind(each: int) -> None:
    answers = [answer(n * 0.01, LIMIT - n // each, WINDOW_S - n * 0.01 + 0.99) for n in range(480)]

    assert verdict(answers).findings != []


def test_tokens_that_trickle_back_are_no_breach() -> None:
    rate, level, answers = LIMIT / WINDOW_S, float(LIMIT), []
    for n in range(200):
        level = min(LIMIT, level + rate * 0.5) - 1
        answers.append(answer(n * 0.5, int(level), (LIMIT - level) / rate))

    assert verdict(answers).findings == []


def test_a_short_window_is_not_mistaken_for_the_next_one() -> None:
    answers = [answer(n * 0.01, LIMIT - 1, 1.0) for n in range(100)]

    assert verdict(answers).checks == 0


def test_requests_that_were_not_accepted_need_not_count() -> None:
    answers = [answer(n * 0.01, LIMIT, WINDOW_S, status=404) for n in range(100)]

    assert verdict(answers).checks == 0


def headers(remaining: str = "7", reset: str = "900", **more: str) -> dict[str, str]:
    named = {"ratelimit-limit": "500", "ratelimit-remaining": remaining, "ratelimit-reset": reset}
    return {**named, **{name.replace("_", "-"): value for name, value in more.items()}}


@pytest.mark.parametrize(
    ("clause", "status", "good", "bad"),
    [
        ("LIMIT-02", 200, headers("500"), headers("501")),
        ("LIMIT-03", 200, headers(reset="900"), headers(reset="901")),
        ("LIMIT-03", 200, headers(reset="0"), headers(reset="1800000000")),
        ("LIMIT-11", 429, headers(retry_after="899"), headers(retry_after="898")),
        ("LIMIT-11", 429, headers(reset="0", retry_after="1"), headers(retry_after="1")),
    ],
)
def test_one_exchange_shows_a_breach(
    clause: str, status: int, good: dict[str, str], bad: dict[str, str]
) -> None:
    for shown, breaches in ((good, 0), (bad, 1)):
        evidence = Evidence(Ledger(None, {}))
        evidence.observe(exchange("list", status, {}, headers=shown))
        assert len(evidence.judge(clause).findings) == breaches, shown
        assert evidence.judge(clause).checks == 1
