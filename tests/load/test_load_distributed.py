"""A master and its workers: sums are exact, and a worker that dies takes little along."""

from __future__ import annotations

import signal
import subprocess

import psutil
import pytest
from load_runs import Run, Runs, Server

from load.loopback import free_port

RATE, RUN_S = 60, 6


def _cluster(runs: Runs, server: Server, workers: int) -> list[subprocess.Popen[str]]:
    """Start a master and its workers as separate processes; the master is the first."""
    port = str(free_port())
    common = ("AddressBook", "--arrival-rate", str(RATE), "--arrivals", "even")
    master = runs.start(
        *("--headless", "--master", "--master-bind-port", port, "--host", server.url),
        *("--expect-workers", str(workers), "--run-time", f"{RUN_S}s", *common),
        name="master",
        CONTACTS_TOKEN=server.token,
    )
    return [
        master,
        *(
            runs.start(
                *("--worker", "--master-host", "127.0.0.1", "--master-port", port),
                name=f"worker{number}",
                CONTACTS_TOKEN=server.token,
            )
            for number in range(workers)
        ),
    ]


def _adds_up(run: Run) -> None:
    document = run.document
    arrivals = document["arrivals"]
    assert sum(node["requests"] for node in document["nodes"]) == document["total"]["requests"]
    assert arrivals["sent"] + arrivals["dropped"] == arrivals["scheduled"]
    counted = sum(row[2] for row in document["histogram"]["corrected"])
    assert counted == document["total"]["requests"] - document["total"]["throttled"]


def test_separate_workers_share_the_arrivals_and_their_results_add_up(runs: Runs) -> None:
    server = runs.serve()
    processes = _cluster(runs, server, 2)

    run = runs.finish(processes[0], "master")
    workers = [runs.finish(p, f"worker{n}") for n, p in enumerate(processes[1:])]

    document = run.document
    assert run.status == 0, run.screen + workers[0].screen
    assert abs(document["arrivals"]["scheduled"] - RATE * RUN_S) <= 1
    assert [node["requests"] > RATE for node in document["nodes"]] == [True, True]
    _adds_up(run)
    assert document["leftovers"] == []
    assert server.contacts() == 0


def test_processes_of_one_machine_do_the_same(runs: Runs) -> None:
    server = runs.serve()

    run = runs.headless(
        server,
        *("Lifecycle", "AddressBook", "--processes", "2"),
        *("--arrival-rate", str(RATE), "--run-time", "3s"),
    )

    assert run.status == 0, run.screen
    assert run.document["workers"] == 2
    _adds_up(run)
    assert server.contacts() == 0


def test_two_runs_of_one_machine_keep_to_their_own_workers(runs: Runs) -> None:
    server = runs.serve()
    options = ("--headless", "--host", server.url, "AddressBook", "--processes", "1")
    paced = ("--arrival-rate", str(RATE), "--run-time", "3s")

    both = [
        runs.start(*options, *paced, name=name, CONTACTS_TOKEN=server.token)
        for name in ("one", "other")
    ]

    for process, name in zip(both, ("one", "other"), strict=True):
        run = runs.finish(process, name)
        assert run.status == 0, run.screen
        assert run.document["workers"] == 1


def test_a_worker_that_dies_is_reported_and_its_share_goes_to_the_others(runs: Runs) -> None:
    server = runs.serve()
    master, doomed, _ = _cluster(runs, server, 2)
    runs.await_on(master, lambda: "All users spawned" in runs.screen("master"))
    signal.sigtimedwait([signal.SIGUSR2], 2.5)

    for process in [*psutil.Process(doomed.pid).children(recursive=True)]:
        process.kill()
    run = runs.finish(master, "master")

    document = run.document
    lost = [node for node in document["nodes"] if node["lost"]]
    assert (run.status, document["verdict"]) == (6, "invalid")
    assert len(lost) == 1
    assert lost[0]["requests"] > 0
    assert any("lost" in reason for reason in document["reasons"])
    assert abs(document["arrivals"]["scheduled"] - RATE * RUN_S) <= 1
    assert document["arrivals"]["sent"] > 0.6 * RATE * RUN_S
    _adds_up(run)
    assert server.contacts() == 0


def test_missing_workers_make_a_run_invalid(runs: Runs) -> None:
    server = runs.serve()

    run = runs.headless(
        server,
        *("AddressBook", "--master", "--master-bind-port", str(free_port())),
        *("--expect-workers", "2", "--expect-workers-max-wait", "1", "--run-time", "2s"),
    )

    assert (run.status, run.document["verdict"]) == (6, "invalid"), run.screen
    assert any("workers missing: 0 of 2" in reason for reason in run.document["reasons"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_master_ends_all_in_order(runs: Runs, number: signal.Signals) -> None:
    server = runs.serve()
    processes = _cluster(runs, server, 2)
    runs.await_on(processes[0], lambda: "All users spawned" in runs.screen("master"))
    signal.sigtimedwait([signal.SIGUSR2], 1.5)

    processes[0].send_signal(number)
    run = runs.finish(processes[0], "master")
    for place, process in enumerate(processes[1:]):
        runs.finish(process, f"worker{place}")

    assert run.status == 2, run.screen
    assert run.document["leftovers"] == []
    _adds_up(run)
    assert server.contacts() == 0
