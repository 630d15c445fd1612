"""Slow and stalling targets: what a trial takes for a defect must not be the pace of the answers."""

from __future__ import annotations

from typing import Any

import pytest
import wrong_limiters as wrong
from limiters import Aligned, Bucket, Counter, Fixed, Log, Pace, Server, run

from conformance.kit.limiter import Analysis, Documented, analyse

SIZES = ((40, 3.0), (30, 6.0), (60, 10.0))
PACES = ((0.003, 0.05), (0.01, 0.3), (0.05, 0.5), (0.1, 2.0))
SEEDS = (0, 1)
IN_FLIGHT = 8


class FullAgain(Bucket):
    """A bucket that says when it is full again, and to whom it refuses, when a request passes."""

    def hit(self, key: Any, now: float) -> Any:
        found = super().hit(key, now)
        if found.passes:
            tokens = self.state[key][0]
            found.reset = (self.limit - tokens) * self.window / self.limit
        return found


def breaches(analysis: Analysis) -> dict[str, list[str]]:
    return {
        clause: [f"{f.expected}: {f.actual}" for f in verdict.findings]
        for clause, verdict in analysis.clauses.items()
        if verdict.status in ("failed", "warned")
    }


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("limiter", [Fixed, Aligned, Log, Counter, Bucket, FullAgain])
def test_a_right_limiter_breaks_no_clause_however_slow_its_target_is(
    limiter: Any, size: tuple[int, float], pace: tuple[float, float]
) -> None:
    for seed in SEEDS:
        server = Server(limiter(*size), pace=Pace(*pace, seed))

        trial, _ = run(server, 1_000_000.0 + 0.37 * seed * size[1], in_flight=IN_FLIGHT)
        learned = trial.window_s if trial.longest_reset is None else None
        analysis = analyse(trial.answers, Documented(window_s=learned))

        assert breaches(analysis) == {}
        assert not trial.live


@pytest.mark.parametrize(
    ("defect", "clause"),
    [
        (wrong.OneMore, "LIMIT-06"),
        (wrong.OneLess, "LIMIT-06"),
        (wrong.UnlimitedSearch, "LIMIT-05"),
        (wrong.UnlimitedDelete, "LIMIT-05"),
        (wrong.TrustsForwarded, "LIMIT-09"),
        (wrong.TrailingSlash, "LIMIT-09"),
        (wrong.PerToken, "LIMIT-09"),
        (wrong.Racy, "LIMIT-10"),
        (wrong.Hammered, "LIMIT-07"),
    ],
)
def test_a_wrong_limiter_is_found_on_a_stalling_target_too(defect: Any, clause: str) -> None:
    limit, window = 40, 8.0
    for seed in SEEDS:
        server = defect(Fixed(*defect.size(limit, window)), pace=Pace(0.01, 0.1, seed))

        trial, _ = run(
            server, 1_000_000.0 + seed, in_flight=IN_FLIGHT, limit=limit, window_s=window
        )

        assert clause in breaches(analyse(trial.answers, Documented(limit, window)))
