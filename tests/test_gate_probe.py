"""The rate-limit probe of the gate as a user runs it, on servers of the user's own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from kit.gate_runs import Gate, Served

from fixtures.reference.limiter import Decision, FixedWindowLimiter, Limiter
from fixtures.variants.limits import SlidingWindow, TokenBucket

LIMIT, WINDOW_S = 40, 3.0
ACTIVE = ("--clause", "LIMIT-0[5-9]", "--clause", "LIMIT-1[02]")
ServedWith = Callable[..., Served]


@pytest.mark.parametrize("limiter", [FixedWindowLimiter, SlidingWindow, TokenBucket])
def test_a_right_limiter_of_any_kind_passes_the_probe(
    limiter: Callable[[int, float], Limiter], gate: Gate, served_with: ServedWith
) -> None:
    served = served_with(limiter(LIMIT, WINDOW_S))

    run = gate.run("--probe-rate-limit", *ACTIVE, **served.options())

    said = {i: c["status"] for i, c in run.clauses.items() if c["reason_kind"] != "not_selected"}
    assert run.status == 0, run.screen
    assert {"failed", "warned", "error"} & set(said.values()) == set(), said
    # A machine that is slower than the budget comes back leaves a clause undecided at worst.
    assert {said[f"LIMIT-0{n}"] for n in (5, 7, 8)} <= {"passed", "not_evaluated"}
    assert "passed" in said.values()
    assert said["LIMIT-12"] == "observed"
    assert served.remaining() == 0


def test_the_probe_says_beforehand_what_it_will_cost_and_counts_apart(
    gate: Gate, served_with: ServedWith
) -> None:
    served = served_with(FixedWindowLimiter(LIMIT, WINDOW_S))
    seen: list[str] = []
    served.on_request = lambda method, _path: seen.append(method)

    run = gate.run("--probe-rate-limit", "--clause", "LIMIT-05", **served.options())

    requests = run.document["requests"]
    assert "rate-limit probe: about" in run.screen
    assert f"for a limit of {LIMIT} in {WINDOW_S:.0f} s" in run.screen
    assert requests["total"] + requests["rate_limit_probe"] == len(seen)
    assert requests["total"] == 1
    assert requests["throttled"] == 0
    assert requests["waited_s"] == 0
    assert any("the rate-limit probe sent" in notice for notice in run.document["notices"])
    assert run.document["behaviour"] == {}


def test_without_permission_no_limit_is_spent(gate: Gate, served: Served) -> None:
    run = gate.run(*ACTIVE, **served.options())

    open_ = [c for c in run.clauses.values() if c["reason_kind"] == "permission"]
    assert run.status == 0, run.screen
    assert {c["id"] for c in open_} == {
        *(f"LIMIT-0{n}" for n in range(5, 10)),
        "LIMIT-10",
        "LIMIT-12",
    }
    assert all("--probe-rate-limit" in c["reason"] for c in open_)
    assert run.document["requests"]["rate_limit_probe"] == 0


@pytest.mark.parametrize(
    ("option", "value"), [("--max-wait", "30"), ("--max-requests", "60")], ids=["wait", "requests"]
)
def test_a_probe_that_does_not_fit_is_not_begun(
    option: str, value: str, gate: Gate, served_with: ServedWith
) -> None:
    served = served_with(FixedWindowLimiter(LIMIT, 60.0))

    run = gate.run("--probe-rate-limit", "--clause", "LIMIT-05", option, value, **served.options())

    clause = run.clauses["LIMIT-05"]
    assert run.status == 6, run.screen
    assert (clause["status"], clause["reason_kind"]) == ("not_evaluated", "budget")
    assert option in clause["reason"]
    assert run.document["requests"]["rate_limit_probe"] == 1


def test_an_interrupted_probe_deletes_what_it_made(gate: Gate, served_with: ServedWith) -> None:
    served = served_with(FixedWindowLimiter(LIMIT, WINDOW_S))
    made = threading.Event()
    methods: list[str] = []

    def watch(method: str, _path: str) -> None:
        methods.append(method)
        if methods.count("POST") == 5:
            made.set()

    served.on_request = watch
    process = gate.start("--probe-rate-limit", "--clause", "LIMIT-05", **served.options())
    assert made.wait(30)
    process.send_signal(signal.SIGINT)
    run = gate.finish(process)

    assert run.status == 2, run.screen
    assert run.document["leftovers"] == []
    assert served.remaining() == 0
    assert "Traceback" not in run.screen


def test_what_the_probe_finds_comes_with_an_exchange_and_a_curl_line(
    gate: Gate, served_with: ServedWith
) -> None:
    served = served_with(Unlimited(LIMIT, WINDOW_S))

    run = gate.run("--probe-rate-limit", "--clause", "LIMIT-05", **served.options())

    found = run.clauses["LIMIT-05"]["violations"][0]
    assert run.status == 1, run.screen
    assert found["exchange"]["response"]["status"] < 400
    assert found["curl"].startswith("curl -i")
    assert "$CONTACTS_TOKEN" in found["curl"]
    assert served.remaining() == 0


class Unlimited(FixedWindowLimiter):
    """Counts down to 0 and refuses nothing."""

    def hit(self, key: str, now: float) -> Decision:
        decision = super().hit(key, now)
        return replace(decision, allowed=True, retry_after=None)
