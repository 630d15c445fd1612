"""What a run begins with: its target, ledger and budget, and the stage that plays its scenes.

Where it cannot begin, the exception says so; what becomes of the run then is the plugin's business.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial

import pytest

from conformance.kit.budget import Budget
from conformance.kit.catalogue import Catalogue
from conformance.kit.embedded import reference_server
from conformance.kit.exchange import Redactor
from conformance.kit.launching import launch_of, started
from conformance.kit.ledger import Ledger, keep_unsettled
from conformance.kit.probe import Ground, Opening
from conformance.kit.run import Run
from conformance.kit.screen import Screen, screen_of
from conformance.kit.selection import demands_of, scenes_of
from conformance.kit.settings import Settings
from conformance.kit.spendable import spendable_server
from conformance.kit.stage import Stage
from conformance.kit.target import Target, given_target

REPORTS = ("report.html", "conformance.json", "junit.xml", "summary.md", "ctrf.json")
PROBED = {c.id for c in Catalogue.load() if "rate_limit_probe" in c.needs} | {"LIMIT-04"}
"""The clauses that are worth a trial of the rate limit: it is the surest way to meet a 429."""


def start(session: pytest.Session, run: Run) -> None:
    """Start the scenes that the session's tests name.

    Raises:
        UsageProblem: the target cannot be reached with these settings, or did not get ready.
        ServerDidNotStart: the embedded server did not.
        Refused: the target cannot be tested.
        PremiseFailed: what the scenes stand on did not come about.

    """
    run.redact = Redactor(_given_secrets(run.settings))
    supplied = session.config.hook.pytest_contacts_target(settings=run.settings)
    target, transport = supplied or (_target(run), None)
    for secret in target.secrets():
        run.redact.add(secret)
    path = run.settings.report_dir / "ledger.jsonl"
    keep_unsettled(path)
    for name in REPORTS:
        # A run that is killed must not leave the verdict of another one behind.
        (run.settings.report_dir / name).unlink(missing_ok=True)
    ledger = Ledger(path, {"run": run.id, "base_url": target.base_url})
    budget = Budget(
        run.settings.request_bound,
        run.settings.max_wait,
        ledger.debts,
        repeats_count=run.settings.max_requests is not None,
    )
    run.stage = Stage(run.settings, target, run.id, budget, ledger, transport)
    run.stage.opening = _opening(session, run, target, in_process=transport is not None)
    run.stage.demands = demands_of(session.items)
    run.screen = _screen(session.config, run)
    run.stage.say = run.screen.say
    run.stage.conceal = run.redact.add
    run.stage.check = partial(_look_up, run)
    run.interrupts.defer()
    run.stage.start(scenes_of(session.items))
    run.stage.greet()


def _given_secrets(settings: Settings) -> list[str | None]:
    headers = [value for _, value in settings.header]
    bare = [value.rpartition(" ")[2] for value in headers]
    tokens = [settings.token, settings.second_token, settings.restricted_token]
    return [*tokens, settings.expired_token, *headers, *bare]


def _target(run: Run) -> Target:
    if run.settings.embedded:
        # A deep run is not held to one window, so its own server need not be either.
        roomy = () if run.settings.request_bound else ("--rate-limit", "10000000")
        return run.resources.enter_context(reference_server(*roomy))
    launch = launch_of(run.settings)
    if launch is not None:
        # Before the target is made: its --token-command may log in at what is started.
        run.resources.enter_context(started(launch))
    return given_target(run.settings)


def _opening(
    session: pytest.Session, run: Run, target: Target, *, in_process: bool
) -> Opening | None:
    """Return what opens a server whose rate limit may be spent, or None where there is none."""
    if not run.settings.probe_rate_limit or not PROBED & run.awaited.keys():
        return None
    ground = session.config.hook.pytest_contacts_ground(settings=run.settings)
    if ground is not None:
        return lambda: nullcontext(ground)
    if run.settings.embedded:
        return None if in_process else spendable_server
    return lambda: nullcontext(Ground(target))


def _screen(config: pytest.Config, run: Run) -> Screen:
    """Return what shows a line at once: while a test waits, pytest keeps what is printed."""
    descriptor = os.dup(1)
    run.resources.callback(os.close, descriptor)
    screen = screen_of(config, descriptor, run.redact, run.progress)
    run.resources.callback(screen.close)
    return screen


def _look_up(run: Run) -> None:
    """Look up from waiting for a scene: is there an interrupt, is there progress to show?"""
    run.interrupts.check()
    if run.screen is not None:
        run.screen.tick()
