"""Whole runs without a page: verdicts, exit statuses, reports, and nothing left behind."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from load_runs import Run, Runs, Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Runs(tmp_path_factory.mktemp("server")) as runs:
        yield runs.serve()


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Server]]:
    """A run of every class that sends, its objectives met."""
    with Runs(tmp_path_factory.mktemp("steady")) as runs:
        server = runs.serve()
        run = runs.headless(
            server,
            *("AddressBook", "Lifecycle", "Importer", "Searcher"),
            *("--arrival-rate", "80", "--run-time", "4s", "--validate-every", "1"),
            *("--objective", "p95(list) < 2s", "--objective", "errors < 0.1%"),
            *("--objective", "rate > 50/s"),
        )
        yield run, server


def test_a_run_that_meets_its_objectives_exits_0(steady: tuple[Run, Server]) -> None:
    run, _ = steady

    verdicts = [row["verdict"] for row in run.document["objectives"]]

    assert (run.status, run.document["verdict"]) == (0, "passed"), run.screen
    assert verdicts == ["met"] * 3


def test_arrivals_are_sent_or_dropped_and_every_one_is_a_request(
    steady: tuple[Run, Server],
) -> None:
    document = steady[0].document
    arrivals = document["arrivals"]

    assert arrivals["sent"] + arrivals["dropped"] == arrivals["scheduled"]
    assert arrivals["sent"] == document["total"]["requests"]
    assert abs(arrivals["scheduled"] - 320) < 80


def test_every_operation_is_reported_by_its_name(steady: tuple[Run, Server]) -> None:
    document = steady[0].document

    names = {row["name"] for row in document["operations"]}

    assert names == {
        *("list", "search", "get", "create", "update", "archive", "restore", "delete"),
    }
    assert sum(row["requests"] for row in document["operations"]) == document["total"]["requests"]


def test_what_a_run_made_is_deleted(steady: tuple[Run, Server]) -> None:
    run, server = steady

    assert run.document["leftovers"] == []
    assert run.document["cleaning"]["deleted"] > 0
    assert server.contacts() == 0


def test_no_credential_is_in_what_a_run_leaves(steady: tuple[Run, Server]) -> None:
    run, server = steady

    assert server.token not in run.everything()


def test_the_page_is_self_contained(steady: tuple[Run, Server]) -> None:
    page = steady[0].page

    assert "<svg" in page
    assert not re.findall(r"(?:src|href)=\"(?!#|data:,)", page)


def test_the_verdict_is_the_last_that_the_screen_shows(steady: tuple[Run, Server]) -> None:
    last = steady[0].screen.strip().splitlines()[-4:]

    assert any(line.startswith("verdict: passed") for line in last)


def test_a_missed_objective_exits_1_and_is_named(runs: Runs, server: Server) -> None:
    run = runs.headless(
        server,
        *("AddressBook", "--arrival-rate", "40", "--run-time", "2s"),
        *("--objective", "p50(get) < 1us", "--objective", "max < 60s"),
    )

    rows = {row["expression"]: row["verdict"] for row in run.document["objectives"]}
    assert (run.status, rows) == (1, {"p50(get) < 1us": "missed", "max < 60s": "met"})
    assert any("p50(get) < 1us" in reason for reason in run.document["reasons"])


def test_fail_fast_stops_a_run_that_is_lost(runs: Runs, server: Server) -> None:
    run = runs.headless(
        server,
        *("AddressBook", "--arrival-rate", "40", "--run-time", "90s", "--fail-fast"),
        *("--objective", "max < 1us"),
    )

    assert run.status == 1
    assert run.document["duration_s"] < 30


def test_a_step_search_reports_the_last_rate_that_held(runs: Runs, server: Server) -> None:
    run = runs.headless(
        server,
        *("AddressBook", "--shape", "step", "--shape-time", "1", "--arrival-rate", "50"),
        *("--objective", "p75 < 200ms", "--objective", "rate > 1/s"),
    )

    capacity = run.document["capacity"]
    held, broke = capacity["last_rate_held"], capacity["broke_at"]
    assert 50 <= held < broke, run.screen
    assert capacity["broken_by"] == "p75 < 200ms"


def test_a_run_throttled_from_beginning_to_end_is_invalid(runs: Runs) -> None:
    spent = runs.serve("--rate-limit", "1", "--rate-window", "600")
    options = ("AddressBook", "--arrival-rate", "30", "--run-time", "2s", "--clean-within", "1")

    run = runs.headless(spent, *options)

    assert (run.status, run.document["verdict"]) == (6, "invalid"), run.screen
    assert run.document["total"]["throttled"] == run.document["total"]["requests"] > 0
    assert any("429" in reason for reason in run.document["reasons"])


def test_a_target_that_does_not_answer_is_one_line_and_exits_4(runs: Runs) -> None:
    run = runs.run(
        *("--headless", "--host", "http://127.0.0.1:9/v1", "--run-time", "1s"),
        CONTACTS_TOKEN="a.b.c",
    )

    assert run.status == 4
    assert len(run.screen.strip().splitlines()) == 1
    assert "--host http://127.0.0.1:9/v1" in run.screen


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--host", "http://192.0.2.1/v1"), "--i-own-this-target"),
        (("--host", "https://api.actuallycare.com/v1", "--i-own-this-target"), "production"),
        (("--shape", "step"), "--arrival-rate"),
        (("--objective", "p95(list) < 300"), "p95(list) < 300"),
        (("--objective", "max < 1min"), "max < 1min"),
        (("--arrival-rate", "many"), "many"),
        (("--arrival-rate", "-5"), "-5"),
        (("--no-such-option",), "--no-such-option"),
        (("--objective-file", "/nowhere/objectives"), "/nowhere/objectives"),
        (("--validate-every", "x"), "x"),
    ],
)
def test_what_cannot_be_used_is_named_and_exits_4(
    runs: Runs, options: tuple[str, ...], named: str
) -> None:
    run = runs.run("--headless", "--run-time", "1s", *options, CONTACTS_TOKEN="a.b.c")

    assert run.status == 4
    assert named in run.screen
    assert "Traceback" not in run.screen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_in_order(runs: Runs, number: signal.Signals) -> None:
    server = runs.serve()
    process = runs.start(
        *("--headless", "--host", server.url, "Lifecycle", "Importer"),
        *("--arrival-rate", "60", "--run-time", "60s"),
        CONTACTS_TOKEN=server.token,
    )
    runs.await_on(process, lambda: server.contacts() > 20)

    process.send_signal(number)
    run = runs.finish(process)

    assert run.status == 2, run.screen
    assert run.document["total"]["requests"] > 20
    assert run.document["leftovers"] == []
    assert "<svg" in run.page
    assert server.contacts() == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc tells who heeds what")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("started", ["launcher", "server", "locust"])
def test_a_signal_before_the_run_begins_ends_it_in_one_line(
    runs: Runs, number: signal.Signals, started: str
) -> None:
    needed = {"launcher": 0, "server": 1, "locust": 3}[started]
    process = runs.start("--headless", "--arrival-rate", "20", "--run-time", "60s")
    runs.await_on(process, lambda: _heeds(process.pid) and len(_family(process.pid)) > needed)

    process.send_signal(number)
    run = runs.finish(process)

    assert run.status == 2, run.screen
    assert "Traceback" not in run.screen
    assert run.screen.startswith("load: interrupted before the run began") or run.document


def test_a_signal_that_an_import_takes_for_its_own_failure_ends_it_in_one_line(
    runs: Runs, tmp_path: Path
) -> None:
    # As `_ssl` does, which imports `_socket` in C.
    (tmp_path / "ssl.py").write_text(
        "import os, signal\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.getpid()\n"
        "except Exception:\n"
        "    raise ImportError('could not import module') from None\n"
    )

    run = runs.run("--headless", "--run-time", "1s", PYTHONPATH=str(tmp_path))

    assert run.status == 2, run.screen
    assert run.screen.startswith("load: interrupted before the run began"), run.screen


def test_locust_does_not_outlive_a_launcher_that_is_killed_at_once(runs: Runs) -> None:
    server = runs.serve()
    process = runs.start(
        *("--headless", "--host", server.url, "AddressBook"),
        *("--arrival-rate", "20", "--run-time", "60s"),
        CONTACTS_TOKEN=server.token,
    )
    runs.await_on(process, lambda: len(_family(process.pid)) > 1)
    family = _family(process.pid)

    process.kill()
    _, alive = psutil.wait_procs(family, timeout=30)

    assert alive == []
    assert server.contacts() == 0


def _heeds(pid: int) -> bool:
    """Whether a process handles SIGINT and SIGTERM by now, as its status in /proc says."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    line = next(each for each in status.splitlines() if each.startswith("SigCgt"))
    caught = int(line.split()[1], 16)
    return all(caught >> (number - 1) & 1 for number in (signal.SIGINT, signal.SIGTERM))


def test_no_process_shows_a_token(runs: Runs) -> None:
    server = runs.serve()
    process = runs.start(
        *("--headless", "--host", server.url, "AddressBook", "--processes", "2"),
        *("--arrival-rate", "20", "--run-time", "3s"),
        CONTACTS_TOKEN=server.token,
    )
    runs.await_on(process, lambda: server.contacts() > 0)

    lines = [" ".join(each.cmdline()) for each in _family(process.pid)]
    run = runs.finish(process)

    assert len(lines) >= 2
    assert not [line for line in lines if server.token in line]
    assert run.status == 0, run.screen


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def test_locusts_own_reports_still_work(runs: Runs, server: Server, tmp_path: Path) -> None:
    run = runs.headless(
        server,
        *("AddressBook", "--users", "3", "--run-time", "2s", "--think-time", "0.1"),
        *("--html", str(tmp_path / "locust.html"), "--csv", str(tmp_path / "locust")),
    )

    assert run.status == 0, run.screen
    assert (tmp_path / "locust.html").stat().st_size > 1000
    assert "list" in (tmp_path / "locust_stats.csv").read_text()
