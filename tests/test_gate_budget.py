"""What a run does about a limit that it foresees, and about a token that runs out, end to end."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from kit.gate_runs import Gate, Served

import schemas
from conformance.kit.scene import SCRIPTS
from conformance.kit.thrift import with_needs
from conformance.scenes import MODULES
from fixtures.reference.limiter import FixedWindowLimiter, Window
from fixtures.reference.tokens import mint

WINDOW_S = 6.0
RUN_OUT = "the token given with --token expired at "


class Spent(FixedWindowLimiter):
    """A window of which others have had some requests when the run's first one comes."""

    def __init__(self, limit: int, window: float, spent: int) -> None:
        super().__init__(limit, window)
        self.spent = spent

    def current_window(self, key: str, now: float) -> Window:
        window = super().current_window(key, now)
        window.count, self.spent = window.count + self.spent, 0
        return window


def test_a_window_too_full_for_the_run_is_waited_for_before_it_begins(
    gate: Gate, served_with: Callable[..., Served]
) -> None:
    served = served_with(Spent(500, WINDOW_S, 300))

    run = gate.run(**served.options())

    requests = run.document["requests"]
    assert run.status == 0, run.screen
    assert run.document["verdict"] == "passed"
    assert "; the target says 199 of 500 are left, for 6 s\nwaiting 7 s, until " in run.screen
    assert run.screen.count("waiting") == 1
    assert (requests["throttled"], requests["waited_s"]) == (0, WINDOW_S + 1)
    assert run.document["leftovers"] == []
    assert served.remaining() == 0


class Rising(FixedWindowLimiter):
    """Says how many requests it has counted where it should say how many are left."""

    def remaining(self, window: Window) -> int:
        return min(self.limit, window.count)


def test_a_count_that_does_not_fall_is_not_waited_for(
    gate: Gate, served_with: Callable[..., Served]
) -> None:
    served = served_with(Rising(500, 900.0))

    run = gate.run("--clause", "DELETE-01", **served.options())

    assert run.status == 0, run.screen
    assert "that is not believed, as it did not fall with the next request" in run.screen
    assert run.document["requests"]["waited_s"] == 0


def test_a_window_with_nothing_left_is_waited_for_once(
    gate: Gate, served_with: Callable[..., Served]
) -> None:
    served = served_with(Spent(500, 3.0, 499))

    run = gate.run("--clause", "DELETE-01", **served.options())

    requests = run.document["requests"]
    assert run.status == 0, run.screen
    assert "the target says 0 of 500 are left, for 3 s; that was waited for" in run.screen
    assert (requests["throttled"], requests["waited_s"]) == (1, 3)


def test_a_wait_beyond_max_wait_is_not_begun(
    gate: Gate, served_with: Callable[..., Served]
) -> None:
    served = served_with(Spent(500, 900.0, 300))

    run = gate.run("--max-wait", "100", **served.options())

    assert run.status == 6, run.screen
    assert "that is not enough, and --max-wait leaves 100 s to wait" in run.screen
    assert run.document["requests"]["waited_s"] == 0
    assert [c["id"] for c in run.clauses.values() if c["status"] == "failed"] == []


def test_a_limit_below_what_the_run_needs_ends_it_incomplete_and_names_the_clauses(
    gate: Gate, served_with: Callable[..., Served]
) -> None:
    served = served_with(FixedWindowLimiter(120, 900.0))

    run = gate.run("--max-wait", "0", **served.options())

    missing = [
        c["id"] for c in run.clauses.values() if c["gating"] and c["reason_kind"] == "budget"
    ]
    assert run.status == run.document["exit_status"] == 6, run.screen
    assert missing != []
    assert all(clause in run.document["message"] for clause in missing)
    assert "the target says 119 of 120 are left, for 900 s" in run.screen
    assert "waiting" not in run.screen
    assert [c["id"] for c in run.clauses.values() if c["status"] == "failed"] == []


def test_a_selection_that_fits_into_what_is_left_waits_for_nothing(
    gate: Gate, served_with: Callable[..., Served]
) -> None:
    served = served_with(Spent(500, 900.0, 300))

    run = gate.run("--clause", "DELETE-01", **served.options())

    assert run.status == 0, run.screen
    told = re.search(r"forecast  at most (\d+) requests in 2 scenes; .* 199 of 500", run.screen)
    assert told is not None, run.screen
    assert run.document["requests"]["total"] <= int(told[1]) < 199
    assert run.document["requests"]["waited_s"] == 0


def test_a_limit_below_what_the_run_needs_is_kept_to_where_nothing_may_be_waited_for(
    gate: Gate, served_with: Callable[..., Served]
) -> None:
    served = served_with(FixedWindowLimiter(120, 900.0))

    run = gate.run("--max-wait", "0", **served.options())

    requests = run.document["requests"]
    assert requests["throttled"] == 0
    assert requests["total"] <= 120
    assert run.document["leftovers"] == []
    assert served.remaining() == 0


@pytest.mark.parametrize(("bound", "decided"), [(200, 84), (100, 45)])
def test_few_requests_go_where_they_decide_the_most(gate: Gate, bound: int, decided: int) -> None:
    run = gate.run("--max-requests", str(bound))

    statuses = [c["status"] for c in run.clauses.values()]
    share = [n for n in run.document["notices"] if f"the budget of {bound} requests has" in n]
    left_out = [c for c in run.clauses.values() if c["reason_kind"] == "budget"]
    assert run.status == 6, run.screen
    assert run.document["requests"]["total"] <= bound
    assert len(statuses) - statuses.count("not_evaluated") >= decided
    assert {"failed", "warned", "error"}.isdisjoint(statuses)
    assert len(share) == 1
    assert " of 102 required, " in share[0]
    assert any(c["reason"].endswith("for the scene access, which takes 41") for c in left_out)
    assert run.document["leftovers"] == []


def test_each_scene_takes_what_it_costs_and_needs_what_it_says(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path / "prices.json"
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "kit"))

    for name in MODULES:
        import_module(f"conformance.scenes.{name}")

    run = gate.run("-p", "price_plugin", PRICES_FILE=str(found))

    scenes = json.loads(found.read_text())
    played = {name: scene for name, scene in scenes.items() if name in SCRIPTS}
    prices = {name: SCRIPTS[name].price for name in played}
    assert run.status == 0, run.screen
    # The trial has a budget of its own, and the topping up may find no room.
    assert played.keys() >= SCRIPTS.keys() - {"limiter", "crowd"}
    # What a contact of one scene costs another that is lent it, may be counted on either.
    assert {
        name: scene["taken"]
        for name, scene in played.items()
        if not prices[name].upto and scene["taken"] > prices[name].requests
    } == {}
    assert {
        name: scene["needing"]
        for name, scene in played.items()
        if not set(scene["needing"]) <= with_needs([name], prices)
    } == {}


# --- tokens ------------------------------------------------------------------------------------


def expiring(served: Served, after: int) -> str:
    """A token of the first account that runs out at the server's request of this number."""
    token = mint(served.app.state.application.config.secret, subject="ann", account="acme", ttl_s=8)
    ends = int(time.time()) + 8 + 1
    count = 0

    def hold(_method: str, _path: str) -> None:
        nonlocal count
        count += 1
        if count == after:
            threading.Event().wait(max(0.0, ends - time.time()))

    served.on_request = hold
    return token


def test_a_token_that_runs_out_in_the_middle_condemns_no_clause(gate: Gate, served: Served) -> None:
    options = {**served.options(), "CONTACTS_TOKEN": expiring(served, 150)}

    run = gate.run(**options)

    document = run.document
    reasons = [c["reason"] for c in run.clauses.values() if c["reason_kind"] == "premise"]
    assert run.status == document["exit_status"] == 6, run.screen
    assert [c["id"] for c in run.clauses.values() if c["violations"]] == []
    assert [c["id"] for c in run.clauses.values() if c["status"] == "error"] == []
    assert sum(reason.startswith(RUN_OUT) for reason in reasons) > 20
    assert any(notice.startswith(RUN_OUT) for notice in document["notices"])
    assert len(document["leftovers"]) == served.remaining()
    schemas.validator("results").validate(document)


def test_a_token_command_carries_a_run_over_the_end_of_its_token(
    gate: Gate, served: Served
) -> None:
    options = {**served.options(), "CONTACTS_TOKEN": expiring(served, 150)}
    asked = gate.directory.parent / "asked"
    printing = f"print(open({str(asked)!r}, 'a').write('x') and {served.target.token!r})"

    run = gate.run(**options, CONTACTS_TOKEN_COMMAND=f'{sys.executable} -c "{printing}"')

    assert run.status == 0, run.screen
    assert len(asked.read_text()) == 1
    assert "the token was renewed with --token-command" in " ".join(run.document["notices"])
    assert run.document["leftovers"] == []
    assert served.remaining() == 0
    assert served.target.token.split(".")[1] not in run.everything()
