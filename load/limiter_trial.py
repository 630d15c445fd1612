"""The limiter on trial inside a run: what the user class `RateLimitProbe` does, once."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable

from conformance.kit.limiter import RATE_LIMITED, Answer
from conformance.kit.limiter_steps import Shot
from load import credentials, settings
from load.node import Node
from load.probing import Driver, Stopped, as_data, tokens_of
from load.transport import NoAnswer
from load.trial import plan_for

LOG = logging.getLogger("load")
SHARED = (
    "other user classes spend the same budget, so RateLimitProbe tries nothing: "
    "run it alone, or use nox -s ratelimit"
)


def has_server_of_its_own(node: Node) -> bool:
    """Whether the limiter that is tried is another server's than the one under load."""
    return os.environ.get(settings.EMBEDDED_URL) == node.base_url


def _on_trial(node: Node) -> tuple[str, str, str | None]:
    """Return base URL, token and second token of the server whose limiter is tried.

    The embedded server that is loaded has no limit to speak of: a second one goes on trial.
    """
    if has_server_of_its_own(node):
        names = (settings.PROBE_URL, settings.PROBE_TOKEN, settings.PROBE_SECOND_TOKEN)
        url, first, second = (os.environ[name] for name in names)
        return url, first, second
    return node.base_url, node.tokens.token, os.environ.get(credentials.SECOND_TOKEN)


def run(node: Node, report: Callable[..., None]) -> None:
    """Carry out a trial from a node; `report` is locust's request event."""
    url, first, second = _on_trial(node)
    trial = plan_for(url, seed=node.options.seed, second_token=second is not None)

    def observe(shot: Shot, answer: Answer) -> None:
        node.trial.append(as_data(answer))
        _tell(report, shot, answer)

    driver = Driver(
        url,
        node.connection,
        tokens_of(first, second),
        observe=observe,
        say=lambda line: LOG.info("limiter: %s", line),
        stopped=lambda: node.closing,
        extra=node.tokens.extra,
        renewal=None if has_server_of_its_own(node) else node.renewal,
    )
    node.trying = True
    try:
        with contextlib.suppress(Stopped):
            driver.run(trial)
    except NoAnswer as problem:
        LOG.error("limiter: %s", problem)  # noqa: TRY400 - the text says all
    finally:
        node.trial_final[:] = [as_data(answer) for answer in trial.answers]
        node.trial_made[:] = trial.live
        node.trial_made[:] = driver.clean(trial, node.options.clean_within)
        driver.close()
        node.trying = False


def _tell(report: Callable[..., None], shot: Shot, answer: Answer) -> None:
    report(
        request_type="429" if answer.status == RATE_LIMITED else "PROBE",
        name=f"probe {shot.operation}",
        response_time=(answer.answered - answer.sent) * 1000,
        response_length=0,
        exception=None,
        context={},
    )
