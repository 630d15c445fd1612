"""A run that is killed at any moment leaves a ledger from which sweep deletes all that it made."""

from __future__ import annotations

import random
import threading

import pytest
from kit.gate_runs import Gate, Served

SEEDS = range(6)
REQUESTS_MOST = 440
"""A whole run sends some more."""


def killed_and_swept(gate: Gate, served: Served, moment: int) -> tuple[int, str]:
    """Kill a run when the server sees the request of that number; sweep; return what is left."""
    seen, reached = [], threading.Event()

    def watch(method: str, _path: str) -> None:
        seen.append(method)
        if len(seen) == moment:
            reached.set()

    served.on_request = watch
    process = gate.start("--seed", "1", **served.options())
    assert reached.wait(60)
    process.kill()
    process.communicate()
    served.on_request = lambda _method, _path: None
    swept = gate.sweep(**served.options())
    assert swept.status == 0, swept.screen
    return served.remaining(), swept.screen


@pytest.mark.parametrize("seed", SEEDS)
def test_sweep_deletes_all_that_a_run_made_until_it_was_killed(
    gate: Gate, served: Served, seed: int
) -> None:
    moment = random.Random(seed).randrange(1, REQUESTS_MOST)  # noqa: S311 - a moment

    left, screen = killed_and_swept(gate, served, moment)

    assert left == 0, f"killed at request {moment}: {screen}"
    assert list(gate.directory.glob("ledger*.jsonl")) == []
