"""LIMIT, passive: what the rate limiter's headers say on the exchanges of the run."""

from __future__ import annotations

import pytest

from conformance.kit.checks import Evidence
from conformance.kit.expect import Judge, premise


@pytest.mark.clause("LIMIT-01")
def test_every_answer_carries_the_limit_headers(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("LIMIT-01"))


@pytest.mark.clause("LIMIT-04")
def test_a_429_says_when_to_come_back(evidence: Evidence, judge: Judge) -> None:
    seen = evidence.judge("LIMIT-04")
    premise(seen.checks, "the target limited no request of this run", kind="permission")

    judge.absorb(seen)
