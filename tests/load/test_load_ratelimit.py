"""`python -m load.ratelimit` over the wire: kinds of windows told apart, defects named."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pytest
from kit.gate_runs import Served, in_a_thread
from load_runs import Run, Runs
from starlette.applications import Starlette

from conformance.kit.embedded import minted_target
from fixtures.mutants import all_mutants
from fixtures.reference import serving
from fixtures.reference.app import create_app
from fixtures.reference.config import Config
from fixtures.reference.limiter import Decision, FixedWindowLimiter
from fixtures.variants.limits import SlidingWindow, TokenBucket

LIMIT, WINDOW_S = 40, 5.0
LONGER_S = 10.0
AT_ONCE = 6
ATTEMPTS = 3
MUTANTS = all_mutants()
HALF_WAY = "LIMIT-13"
"""Half of a Retry-After is asked for from 4 s on, which a window of 5 s hardly leaves."""
PROBED = sorted({m.clauses[0]: n for n, m in MUTANTS.items() if m.probes}.values())
"""One defect of each clause that needs a probe; the simulated trials have all of them."""
WINDOWS_S = {n: LONGER_S for n in PROBED if MUTANTS[n].clauses[0] == HALF_WAY}
Make = Callable[[Config], Starlette]


class SlidingCounter(FixedWindowLimiter):
    """Two counters of aligned windows stand for the log: the older one by its share."""

    def __init__(self, limit: int, window: float) -> None:
        super().__init__(limit, window)
        self.counts: dict[tuple[str, int], int] = {}

    def hit(self, key: str, now: float) -> Decision:
        number, into = divmod(now, self.window)
        this, last = (key, int(number)), (key, int(number) - 1)
        share = 1 - into / self.window
        used = self.counts.get(this, 0) + self.counts.get(last, 0) * share
        allowed = used + 1 <= self.limit
        if allowed:
            self.counts[this] = self.counts.get(this, 0) + 1
        wait = max(1, -int(-(self.window - into) // 1))
        left = max(0, int(self.limit - used - allowed))
        return Decision(allowed, self.limit, left, wait, None if allowed else wait)


class Tried(Served):
    """A server of any make, its limit small enough to be tried."""

    def __init__(self, make: Make, window_s: float = WINDOW_S) -> None:
        key = secrets.token_urlsafe(32)
        self.app = make(Config(key, rate_limit=LIMIT, rate_window=window_s))
        self.store = self.app.state.application.contacts.store
        self.on_request = lambda _method, _path: None
        self.twist = None
        self.listener = serving.listen("127.0.0.1", 0)
        self.target = minted_target(serving.base_url(self.listener, "/v1"), key)


def _limited_by(kind: type[FixedWindowLimiter]) -> Make:
    return lambda config: create_app(config, limiter=kind(config.rate_limit, config.rate_window))


KINDS: dict[str, Make] = {
    "fixed": _limited_by(FixedWindowLimiter),
    "sliding log": _limited_by(SlidingWindow),
    "sliding counter": _limited_by(SlidingCounter),
    "token bucket": _limited_by(TokenBucket),
}
TRIED: dict[str, Make] = {**KINDS, **{name: MUTANTS[name].app for name in PROBED}}


def _served(name: str) -> Tried:
    return Tried(TRIED[name], WINDOWS_S.get(name, WINDOW_S))


def _try(runs: Runs, name: str, server: Tried) -> tuple[Run, int]:
    """Put a server on trial; a defect again where a machine that stalls may have hidden it."""
    for _ in range(ATTEMPTS):
        tried = _try_once(runs, name, server)
        if name not in PROBED or _named(tried[0], name):
            break
    return tried


def _named(run: Run, name: str) -> bool:
    """Whether the trial found a breach of the clause that a mutant breaks."""
    statuses = {clause["id"]: clause["status"] for clause in run.document["limiter"]["clauses"]}
    named = [clause for clause in MUTANTS[name].clauses if clause.startswith("LIMIT")]
    return any(statuses[clause] in ("failed", "warned") for clause in named)


def _try_once(runs: Runs, name: str, server: Tried) -> tuple[Run, int]:
    plain = name.replace(" ", "-")
    _, second = server.target.accounts["second"].headers[0]
    run = runs.run(
        *("--base-url", server.target.base_url),
        *("--limit", str(LIMIT), "--window", str(WINDOWS_S.get(name, WINDOW_S))),
        module="load.ratelimit",
        name=plain,
        CONTACTS_TOKEN=server.target.token,
        CONTACTS_SECOND_TOKEN=second.removeprefix("Bearer "),
    )
    return run, server.remaining()


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Run, int]]]:
    """Every trial, a few at a time: most of each is waiting."""
    with Runs(tmp_path_factory.mktemp("trials")) as runs, ExitStack() as stack:
        servers = {n: stack.enter_context(in_a_thread(_served(n))) for n in TRIED}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = {n: pool.submit(partial(_try, runs, n, s)) for n, s in servers.items()}
            yield {name: future.result() for name, future in futures.items()}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fixed", "fixed"),
        ("sliding log", "sliding"),
        ("sliding counter", "sliding"),
        ("token bucket", "bucket"),
    ],
)
def test_a_correct_limiter_is_as_documented_and_its_kind_is_named(
    trials: dict[str, tuple[Run, int]], name: str, kind: str
) -> None:
    run, remaining = trials[name]

    limiter = run.document["limiter"]
    failed = [clause["id"] for clause in limiter["clauses"] if clause["status"] == "failed"]

    assert (run.status, failed) == (0, []), run.screen
    assert (limiter["verdict"], limiter["limit"]) == ("as_documented", LIMIT), run.screen
    assert limiter["kind"] == kind, run.screen
    assert remaining == 0


@pytest.mark.parametrize("name", PROBED)
def test_a_defective_limiter_is_named_by_its_clause(
    trials: dict[str, tuple[Run, int]], name: str
) -> None:
    run, _ = trials[name]

    assert _named(run, name), run.screen
    assert "Traceback" not in run.screen


def test_the_trial_says_beforehand_how_long_it_takes(trials: dict[str, tuple[Run, int]]) -> None:
    screen = trials["fixed"][0].screen

    first = screen.splitlines()[0]

    assert f"limit {LIMIT} in 5 s: about" in first
    assert "never more than 10 s" in first


def test_the_report_draws_the_trial(trials: dict[str, tuple[Run, int]]) -> None:
    run, _ = trials["fixed"]

    timeline = run.document["limiter"]["timeline"]

    assert {row["status"] for row in timeline} >= {200, 201, 429}
    assert "<svg" in run.page
    assert all(clause in run.page for clause in ("LIMIT-05", "LIMIT-09", "LIMIT-13"))


def test_no_token_is_in_what_a_trial_leaves(trials: dict[str, tuple[Run, int]]) -> None:
    left = [run.everything() for run, _ in trials.values()]

    # Every JWT begins with an encoded brace and quote.
    assert not [text for text in left if "eyJ" in text]


def test_a_trial_of_nothing_is_one_line_and_exits_4(runs: Runs) -> None:
    run = runs.run(
        *("--base-url", "http://127.0.0.1:9/v1"),
        module="load.ratelimit",
        CONTACTS_TOKEN="a.b.c",
    )

    assert run.status == 4
    assert len(run.screen.strip().splitlines()) == 1


def test_another_host_is_not_tried_unless_it_is_owned(runs: Runs) -> None:
    run = runs.run(
        *("--base-url", "http://192.0.2.1/v1"),
        module="load.ratelimit",
        CONTACTS_TOKEN="a.b.c",
    )

    assert run.status == 4
    assert "--i-own-this-target" in run.screen


def test_a_trial_without_a_target_tries_the_embedded_server(runs: Runs) -> None:
    size = ("--rate-limit", "40", "--rate-window", "5")

    run = runs.run(*size, module="load.ratelimit")

    assert run.status == 0, run.screen
    statuses = {c["id"]: c["status"] for c in run.document["limiter"]["clauses"]}
    assert "not_evaluated" not in statuses.values(), json.dumps(statuses)
