"""The plan of a trial for a target, and what the answers of any run say about its limiter."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conformance.kit.limiter import (
    Analysis,
    Answer,
    Documented,
    analyse,
    not_probed,
)
from conformance.kit.limiter_steps import Plan
from conformance.kit.limiter_trial import Trial
from fixtures.factories import ContactFactory
from load.loopback import on_loopback

PASSIVE = ("LIMIT-01", "LIMIT-03", "LIMIT-04", "LIMIT-11")
"""Clauses that any answers can break; the others need a trial."""
NOT_TRIED = "the limiter was not put on trial: add the user class RateLimitProbe"


def bodies(seed: int) -> Callable[[], dict[str, Any]]:
    """Return a maker of small bodies, each with names of its own."""
    choices = random.Random(seed)  # noqa: S311 - repeatable, not secret
    factory = ContactFactory(choices, random.SystemRandom())
    return lambda: factory.minimal(last_name=factory.name())


def plan_for(
    base_url: str,
    *,
    seed: int,
    limit: int | None = None,
    window_s: float | None = None,
    second_token: bool = False,
) -> Trial:
    """Return a trial of a target; a second source address is used on loopback only."""
    plan = Plan(
        bodies(seed),
        limit=limit,
        window_s=window_s,
        second_token=second_token,
        second_address=on_loopback(base_url) and "[" not in base_url,
    )
    return Trial(plan)


def analysis_of(
    trial: Sequence[Mapping[str, Any]],
    samples: Sequence[Sequence[Any]],
    base_url: str,
    documented: Documented | None = None,
) -> Analysis:
    """Return what a trial says, else what samples of ordinary answers say of the passive clauses."""
    if trial:
        answers = [Answer(**row) for row in trial]
        return analyse(answers, documented, loopback=on_loopback(base_url))
    nothing = not_probed(NOT_TRIED)
    seen = analyse([_sampled(row) for row in samples], documented)
    for clause in PASSIVE if samples else ():
        nothing.clauses[clause] = seen.clauses[clause]
    return nothing


def _sampled(row: Sequence[Any]) -> Answer:
    sent, answered, operation, status, limit, remaining, reset, retry_after, enveloped = row
    return Answer(
        sent,
        answered,
        operation,
        status,
        limit=limit,
        remaining=remaining,
        reset=reset,
        retry_after=retry_after,
        enveloped=enveloped,
    )
