"""The latency of the open model is true to the schedule, whatever the target does."""

from __future__ import annotations

import signal
import time

from load_runs import Run, Runs

RATE, RUN_S, FROZEN_S = 50, 15, 3
WITHIN = 0.1
ATTEMPTS = 3
"""A machine that stalls by itself is later than the schedule says; it does not stall each time."""


def test_corrected_percentiles_are_those_of_the_schedule_when_the_target_freezes(
    runs: Runs,
) -> None:
    for _ in range(ATTEMPTS):
        run, frozen_s = _freeze(runs)

        arrivals, latency = run.document["arrivals"], run.document["total"]["latency_ms"]
        assert arrivals["sent"] + arrivals["dropped"] == arrivals["scheduled"]
        assert abs(arrivals["scheduled"] - RATE * RUN_S) <= 1
        assert latency["service"]["p90"] <= latency["corrected"]["p90"]
        if all(_is_true(latency["corrected"], name, frozen_s) for name in ("p90", "p99")):
            return
    raise AssertionError(run.screen)


def _is_true(corrected: dict[str, float], percentile: str, frozen_s: float) -> bool:
    expected = _scheduled_latency(frozen_s, float(percentile[1:]))
    return abs(corrected[percentile] - expected) < WITHIN * expected


def _freeze(runs: Runs) -> tuple[Run, float]:
    """Load a target that stops for a while; return the run, and for how long it stopped."""
    server = runs.serve()
    process = runs.start(
        *("--headless", "--host", server.url, "AddressBook"),
        *("--arrival-rate", str(RATE), "--arrivals", "even", "--run-time", f"{RUN_S}s"),
        CONTACTS_TOKEN=server.token,
    )
    runs.await_on(process, lambda: "All users spawned" in runs.screen())
    signal.sigtimedwait([signal.SIGUSR2], 3.0)

    frozen_at = time.monotonic()
    server.send(signal.SIGSTOP)
    signal.sigtimedwait([signal.SIGUSR2], FROZEN_S)
    server.send(signal.SIGCONT)
    frozen_s = time.monotonic() - frozen_at
    return runs.finish(process), frozen_s


def _scheduled_latency(frozen_s: float, percent: float) -> float:
    """The latency in ms at a percentile of even arrivals, answered at once but for a freeze."""
    moments = [number / RATE for number in range(RATE * RUN_S)]
    begin = 5.0
    late = sorted(
        begin + frozen_s - moment if begin <= moment < begin + frozen_s else 0.0
        for moment in moments
    )
    return 1000 * late[int(len(late) * percent / 100)]
