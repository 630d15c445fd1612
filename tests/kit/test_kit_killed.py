"""A run that is ended at any moment leaves nothing: it cleans up itself, or sweep does after it."""

from __future__ import annotations

import random
import signal
import threading

import pytest
from kit.gate_runs import FILES, Gate, GateRun, Served

PLACES = range(50)
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
REQUESTS_MOST = 440
"""A whole run sends some more."""
INTERRUPTED = 2


def ended(gate: Gate, served: Served, number: signal.Signals, moment: int) -> GateRun:
    """Start a run, and end it when the server sees the request of that number."""
    seen, reached = [], threading.Event()

    def watch(method: str, _path: str) -> None:
        seen.append(method)
        if len(seen) == moment:
            reached.set()

    served.on_request = watch
    process = gate.start("--seed", "1", **served.options())
    assert reached.wait(60)
    process.send_signal(number)
    run = gate.finish(process)
    served.on_request = lambda _method, _path: None
    return run


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_left_of_a_run_that_was_ended_at_any_moment(
    gate: Gate, served: Served, place: int
) -> None:
    number = SIGNALS[place % len(SIGNALS)]
    moment = random.Random(place).randrange(1, REQUESTS_MOST)  # noqa: S311 - a moment

    run = ended(gate, served, number, moment)
    by_itself = served.remaining()
    written = {path.name for path in gate.directory.iterdir()}
    swept = gate.sweep(**served.options())

    assert swept.status == 0, swept.screen
    assert served.remaining() == 0, f"{number.name} at request {moment}: {swept.screen}"
    assert list(gate.directory.glob("ledger*.jsonl")) == []
    if number is not signal.SIGKILL:
        assert run.status == INTERRUPTED, run.screen
        assert by_itself == 0, f"{number.name} at request {moment}: {run.screen}"
        assert written >= FILES
        assert run.document["leftovers"] == []
