"""Whole runs over a faulty network: what is lost is made good, or left open; nothing breaks."""

from __future__ import annotations

import random
import resource
import sys

import pytest
from kit.faults import (
    LASTING,
    Fault,
    Rule,
    Turn,
    Weather,
    bomb,
    dripping,
    faulty,
    huge,
    late,
    too_long,
    unavailable,
)
from kit.gate_runs import FILES, Gate, GateRun, Served

from conformance.kit.budget import LOSSES_COVERED
from conformance.kit.wire import FAULT_TRIES, SILENCES_MOST

MEMORY_MOST_MB = 500
TIME_MOST_S = 90
QUICK = ("--request-timeout", "0.3")


def run_through(
    gate: Gate, served: Served, rule: Rule, *options: str
) -> tuple[GateRun, list[tuple[str, str]]]:
    """Run the gate behind a faulty network; return the run, and the requests that it sent."""
    with faulty(served.target.base_url, rule) as proxy:
        run = gate.run(*options, **{**served.options(), "CONTACTS_BASE_URL": proxy.url})
    return run, proxy.lines


def peak_mb() -> float:
    """The most memory that a child of this process ever took."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**20


def judge_sound(run: GateRun) -> None:
    """Whatever the target does, the kit itself is in order."""
    assert run.status in (1, 4, 6), run.screen
    assert "Traceback" not in run.screen
    assert {path.name for path in run.directory.iterdir()} == FILES
    assert [c["id"] for c in run.clauses.values() if c["status"] == "error"] == []
    assert run.document["duration_s"] < TIME_MOST_S
    assert peak_mb() < MEMORY_MOST_MB


@pytest.mark.parametrize("seed", [3, 8])
def test_a_conforming_server_does_not_fail_for_its_network(
    gate: Gate, served: Served, seed: int
) -> None:
    weather = Weather(seed)

    run, _ = run_through(gate, served, weather, "--seed", str(seed))

    gating = [c for c in run.clauses.values() if c["gating"]]
    assert [c["id"] for c in gating if c["status"] in ("failed", "error")] == [], run.screen
    # What could not be made good is told as not evaluated, which is 6.
    assert run.status in (0, 6), run.screen
    assert len(weather.faults) > 0
    assert any("lost to the network" in notice for notice in run.document["notices"])
    assert run.document["leftovers"] == []
    assert served.remaining() == 0
    assert "Traceback" not in run.screen


@pytest.mark.parametrize("fault", [bomb, huge, dripping, too_long])
def test_a_fault_of_every_answer_ends_the_run_with_one_line(
    gate: Gate, served: Served, fault: Fault
) -> None:
    run, sent = run_through(gate, served, lambda _turn: fault, *QUICK)

    judge_sound(run)
    assert run.status == (1 if fault is too_long else 4), run.screen
    assert len(sent) <= 3 * FAULT_TRIES
    assert run.document["message"]


def test_a_gateway_without_a_server_is_no_target(gate: Gate, served: Served) -> None:
    run, _ = run_through(gate, served, lambda _turn: unavailable)

    judge_sound(run)
    assert run.status == 4
    assert "a gateway answers in the API's place" in run.screen


def test_a_target_that_falls_silent_is_given_up(gate: Gate, served: Served) -> None:
    """From the hundredth request on no answer comes: the run ends, and tells what it left."""

    def rule(turn: Turn) -> Fault | None:
        return LASTING["silent"] if turn.number >= 100 else None

    run, sent = run_through(gate, served, rule, *QUICK)

    judge_sound(run)
    assert run.status == 6
    # Twice it is found silent: by the scenes, and by the cleaning up.
    assert len(sent) <= 100 + 2 * (SILENCES_MOST + 8)
    assert len(run.document["leftovers"]) >= served.remaining() > 0
    reasons = {c["reason_kind"] for c in run.clauses.values() if c["status"] == "not_evaluated"}
    assert "unavailable" in reasons


FAULTY = {"GET": "reset_midway", "PUT": "too_short", "PATCH": "duplicated", "DELETE": "bad_gateway"}


def test_a_fault_of_some_operations_leaves_the_others_judged(gate: Gate, served: Served) -> None:
    def rule(turn: Turn) -> Fault | None:
        if turn.method == "GET" and "/search" not in turn.path:
            return None
        return LASTING[FAULTY[turn.method]] if turn.method in FAULTY else None

    chosen = ("CREATE-01", "SEARCH-01", "ARCHIVE-01", "DELETE-01")
    options = (part for clause in chosen for part in ("--clause", clause))
    run, _ = run_through(gate, served, rule, *QUICK, *options)

    judge_sound(run)
    assert run.status == 6, run.screen
    assert run.clauses["CREATE-01"]["status"] == "passed"
    assert run.clauses["SEARCH-01"]["reason_kind"] == "unavailable"
    assert run.document["requests"]["total"] <= 480 + LOSSES_COVERED


def test_faults_of_every_kind_break_nothing(gate: Gate, served: Served) -> None:
    rng = random.Random(5)  # noqa: S311 - test data
    faults = [*LASTING.values(), late]

    def rule(turn: Turn) -> Fault | None:
        return rng.choice(faults) if turn.number > 1 and rng.random() < 0.1 else None

    run, _ = run_through(gate, served, rule, *QUICK)

    judge_sound(run)
    assert len(run.document["leftovers"]) >= served.remaining()


def test_the_slow_first_page_of_the_closing_hides_no_contact(gate: Gate, served: Served) -> None:
    """The contact that is deleted at the end is read before, however slow the reading is."""

    def rule(turn: Turn) -> Fault | None:
        first = "/contacts?archived=false&page=1&limit=100"
        return late if turn.path.endswith(first) else None

    run, _ = run_through(gate, served, rule, "--clause", "LIFE-02", "--clause", "DELETE-0[23]")

    assert run.clauses["LIFE-02"]["status"] == "passed", run.screen


@pytest.mark.parametrize("name", ["reset_after", "unavailable"])
def test_a_create_with_a_lost_answer_leaves_one_contact_at_most(
    gate: Gate, served: Served, name: str
) -> None:
    """The first answer to each create is lost; those to its repeats arrive."""
    seen: set[bytes] = set()

    def rule(turn: Turn) -> Fault | None:
        if turn.method != "POST" or turn.body in seen:
            return None
        seen.add(turn.body)
        return LASTING[name]

    run, sent = run_through(gate, served, rule, "--clause", "CREATE-02", "--clause", "GET-01")

    assert run.clauses["GET-01"]["status"] == "passed", run.screen
    assert served.remaining() == 0
    assert run.document["leftovers"] == []
    assert [method for method, _ in sent].count("POST") >= 2 * len(seen)
