# ruff: noqa: ARG002 - overrides of seams
"""Right limiters whose answers tell less, or several budgets: what is left in doubt condemns none."""

from __future__ import annotations

import math
import random
from email.utils import formatdate
from typing import Any

import pytest
import wrong_limiters as wrong
from limiters import Bucket, Counter, Decision, Fixed, Log, Server, run

from conformance.kit.limiter import Analysis, Documented, analyse
from conformance.kit.limiter_case import ClauseVerdict
from conformance.kit.limiter_steps import Shot

REQUIRED = ("LIMIT-04", "LIMIT-05", "LIMIT-07", "LIMIT-08")


def statuses(clauses: dict[str, ClauseVerdict]) -> dict[str, str]:
    return {clause: verdict.status for clause, verdict in clauses.items()}


def on_trial(server: Server, **options: Any) -> tuple[Analysis, Any]:
    """The analysis of a trial that knows nothing beforehand, as the gate's at a user's target."""
    trial, _ = run(server, **options)
    known = None if trial.longest_reset is not None else trial.window_s
    return analyse(trial.answers, Documented(window_s=known)), trial


class UntilFull(Server):
    """A bucket whose Reset says when it is full, as long as it refuses nobody."""

    def reset(self, decision: Decision) -> str | None:
        if not decision.passes:
            return super().reset(decision)
        rate = self.limiter.limit / self.limiter.window
        return str(math.ceil((self.limiter.limit - decision.remaining) / rate))


@pytest.mark.parametrize(
    "server",
    [Server(Fixed(60, 20.0)), Server(Log(60, 20.0)), Server(Counter(60, 20.0))],
    ids=["fixed", "log", "counter"],
)
def test_the_window_is_learned_from_the_headers(server: Server) -> None:
    analysis, trial = on_trial(server)

    assert trial.window_s == analysis.window_s == 20.0
    assert set(statuses(analysis.clauses).values()) <= {"passed", "observed", "not_evaluated"}
    assert {statuses(analysis.clauses)[clause] for clause in REQUIRED} == {"passed"}


def test_a_bucket_tells_its_window_only_when_it_is_empty() -> None:
    analysis, trial = on_trial(UntilFull(Bucket(60, 20.0)))

    assert trial.window_s == 20.0
    assert (analysis.kind, analysis.verdict) == ("bucket", "as_documented")
    assert {statuses(analysis.clauses)[clause] for clause in REQUIRED} == {"passed"}


class Mute(Server):
    """A right server without a single RateLimit header."""

    def announced(self) -> str | None:
        return None

    def remaining(self, decision: Decision) -> str | None:
        return None

    def reset(self, decision: Decision) -> str | None:
        return None


@pytest.mark.parametrize("limiter", [Fixed, Log])
def test_without_headers_the_window_ends_with_retry_after(limiter: Any) -> None:
    analysis, trial = on_trial(Mute(limiter(60, 20.0)))

    assert trial.window_s == pytest.approx(20.0, abs=1.5)
    assert trial.answers[-1].answered - trial.answers[0].sent < 60
    assert {statuses(analysis.clauses)[clause] for clause in REQUIRED} == {"passed"}


@pytest.mark.parametrize("seed", range(5))
def test_processes_that_count_for_themselves_break_no_required_clause(seed: int) -> None:
    server = wrong.PerProcess(Fixed(40, 8.0), choices=random.Random(seed))  # noqa: S311 - repeatable

    analysis, _ = on_trial(server, limit=40, window_s=8.0)

    assert {statuses(analysis.clauses)[c] for c in REQUIRED} <= {"passed", "not_evaluated"}


class Pinned(Server):
    """Two processes count for themselves; which one answers changes with each new connection."""

    def key(self, shot: Shot) -> Any:
        return shot.address, self.requests // 25 % 2


def test_processes_behind_lasting_connections_break_no_required_clause() -> None:
    analysis, _ = on_trial(Pinned(Fixed(40, 8.0)))

    assert {statuses(analysis.clauses)[c] for c in REQUIRED} <= {"passed", "not_evaluated"}


class Dated(Server):
    """Retry-After is an HTTP date: the second in which the window ends, cut off."""

    at = 0.0

    def answer(self, shot: Shot, sent: float, at: float, answered: float) -> Any:
        self.at = at
        return super().answer(shot, sent, at, answered)

    def retry_after(self, decision: Decision) -> str | None:
        return formatdate(math.floor(self.at + decision.reset), usegmt=True)


@pytest.mark.parametrize("start", [0.0, 0.3, 0.6, 0.9])
def test_a_date_is_over_when_its_second_is(start: float) -> None:
    analysis, _ = on_trial(Dated(Fixed(40, 8.0)), start=1_000_000.0 + start)

    assert statuses(analysis.clauses)["LIMIT-07"] == "passed"
    assert statuses(analysis.clauses)["LIMIT-04"] == "passed"


def test_a_budget_that_comes_back_faster_than_it_is_spent_is_not_past_its_limit() -> None:
    analysis, _ = on_trial(Server(Fixed(10, 1.0), latency=0.2))

    assert statuses(analysis.clauses)["LIMIT-05"] == "not_evaluated"
    assert statuses(analysis.clauses)["LIMIT-06"] == "not_evaluated"


@pytest.mark.parametrize("limiter", [Fixed, Log, Bucket])
def test_what_others_spent_before_is_waited_for(limiter: Any) -> None:
    server = UntilFull(limiter(60, 20.0)) if limiter is Bucket else Server(limiter(60, 20.0))
    for number in range(45):
        server.limiter.hit("first", 1_000_000.0 - 5 + number * 0.01)

    analysis, trial = on_trial(server, longest_reset=20.0)

    assert statuses(analysis.clauses)["LIMIT-06"] == "passed"
    assert {statuses(analysis.clauses)[clause] for clause in REQUIRED} == {"passed"}
    assert trial.answers[-1].answered - trial.answers[0].sent < 70
