"""The gate as a user runs it: exit status, screen and reports of whole runs, in processes."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from kit.gate_runs import FILES, Gate, GateRun, PausingLimiter, Served
from kit.source_tree import cited

import schemas
from conformance.kit.catalogue import Catalogue

OPEN_KINDS = {"not_built", "permission"}
"""Reasons for which a clause may stay open where nothing is wrong."""


@pytest.fixture(scope="module")
def embedded_run(tmp_path_factory: pytest.TempPathFactory) -> GateRun:
    """One whole run against the embedded server, as `nox -s conformance` makes it."""
    return Gate(tmp_path_factory.mktemp("embedded")).run()


def test_the_embedded_server_passes_the_gate(embedded_run: GateRun) -> None:
    document = embedded_run.document

    assert embedded_run.status == 0, embedded_run.screen
    assert (document["verdict"], document["exit_status"]) == ("passed", 0)
    assert document["leftovers"] == []
    assert document["target"]["embedded"] is True


def test_a_window_run_keeps_to_480_requests(embedded_run: GateRun) -> None:
    requests = embedded_run.document["requests"]

    assert 100 < requests["total"] <= 480
    assert sum(requests["by_operation"].values()) <= requests["total"]
    assert requests["throttled"] == 0


def test_a_window_run_performs_the_ordered_pairs_of_operations_on_one_contact(
    embedded_run: GateRun,
) -> None:
    told = next(n for n in embedded_run.document["notices"] if n.startswith("LIFE-01"))
    performed = re.search(r"all scenes together performed (\d+)", told)

    assert "of the 56 ordered pairs" in told
    # With 21 requests left, some of the pairs that the scenes leave open may find no room.
    assert performed is not None
    assert int(performed[1]) >= 53, told


def test_every_clause_is_reported_in_contract_order(embedded_run: GateRun) -> None:
    assert list(embedded_run.clauses) == list(Catalogue.load().ids())


def test_clauses_pass_unless_they_have_no_test_yet(embedded_run: GateRun) -> None:
    said = embedded_run.clauses.values()
    still_open = [c for c in said if c["status"] != "passed" and c["tier"] != "observed"]

    assert {c["status"] for c in still_open} <= {"not_evaluated"}
    # On a slow machine half of Retry-After is over before the trial comes to it (LIMIT-13).
    assert {c["reason_kind"] for c in still_open if c["id"] != "LIMIT-13"} <= OPEN_KINDS
    assert [c["id"] for c in said if c["violations"]] == []
    assert all(c["checks"] > 0 for c in said if c["status"] == "passed")


def test_nothing_is_left_open_where_every_token_and_a_limit_to_spend_are_at_hand(
    embedded_run: GateRun,
) -> None:
    requests = embedded_run.document["requests"]

    still_open = {c["id"] for c in embedded_run.clauses.values() if c["status"] == "not_evaluated"}

    # On a slow machine half of Retry-After is over before the trial comes to it.
    assert still_open <= {"LIMIT-13"}
    assert requests["rate_limit_probe"] > 100
    assert embedded_run.document["behaviour"]["limiter_window"] == "fixed window"


def test_exactly_the_clauses_without_a_test_are_reported_as_not_built(
    embedded_run: GateRun,
) -> None:
    tested = {clause for test in cited() for clause in test.clauses}

    not_built = {c["id"] for c in embedded_run.clauses.values() if c["reason_kind"] == "not_built"}

    assert not_built == set(Catalogue.load().ids()) - tested


def test_the_document_fits_its_schema(embedded_run: GateRun) -> None:
    schemas.validator("results").validate(embedded_run.document)


def test_junit_has_one_test_case_per_clause(embedded_run: GateRun) -> None:
    # The file is our own, written a moment ago.
    root = ET.parse(embedded_run.directory / "junit.xml").getroot()  # noqa: S314

    names = [str(case.get("name")) for case in root.iter("testcase")]
    assert len(names) == len(Catalogue.load())
    assert all(any(clause in name for name in names) for clause in Catalogue.load().ids())


def test_every_report_is_written(embedded_run: GateRun) -> None:
    assert {path.name for path in embedded_run.directory.iterdir()} == FILES


def test_the_screen_tells_target_seed_and_verdict(embedded_run: GateRun) -> None:
    screen = embedded_run.screen

    assert "target: the embedded reference server" in screen
    assert f"--seed {embedded_run.document['seed']}" in screen
    assert "Traceback" not in screen


@pytest.fixture(scope="module")
def selected_run(tmp_path_factory: pytest.TempPathFactory) -> GateRun:
    """A run of a few clauses, one of them listed as a known failure though it holds."""
    directory = tmp_path_factory.mktemp("selected")
    known = directory / "known.txt"
    known.write_text("DELETE-01 once was broken\n")
    options = ("--clause", "DELETE-01", "--clause", "page-0[12]", "--seed", "7")
    return Gate(directory / "reports").run(*options, "--known-failures", str(known))


def test_a_selection_runs_only_what_it_names(selected_run: GateRun) -> None:
    said = selected_run.clauses.values()

    evaluated = {c["id"] for c in said if c["status"] == "passed"}
    assert evaluated == {"DELETE-01", "PAGE-01", "PAGE-02"}, selected_run.screen
    assert {c["reason_kind"] for c in said if c["id"] not in evaluated} == {"not_selected"}
    assert selected_run.document["seed"] == 7
    assert selected_run.document["requests"]["total"] < 300
    assert selected_run.document["leftovers"] == []


def test_a_stale_known_failure_fails_the_run(selected_run: GateRun) -> None:
    assert selected_run.status == 1
    assert "no longer failing: DELETE-01" in selected_run.document["message"]


def test_a_known_failure_whose_date_has_gone_by_fails_the_run(gate: Gate, tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text('[PAGE-01]\nreason = "counts from 0"\nuntil = 2020-02-29\n')

    run = gate.run("--clause", "PAGE-01", "--known-failures", str(known))

    assert run.status == 1
    assert "until a date that has gone by: PAGE-01" in run.document["message"]
    assert "until a date that has gone by: PAGE-01" in " ".join(run.screen.split())
    assert any("until 2020-02-29: counts from 0" in n for n in run.document["notices"])


def test_collecting_only_sends_nothing(gate: Gate, served: Served) -> None:
    requests: list[str] = []
    served.on_request = lambda method, _path: requests.append(method)

    run = gate.run("--collect-only", "-q", **served.options())

    assert run.status == 0
    assert requests == []


def test_a_selection_of_nothing_ends_with_5(gate: Gate) -> None:
    run = gate.run("-k", "no_test_has_this_name")

    assert run.status == 5
    assert run.document["exit_status"] == 5


def test_a_harder_bound_leaves_the_run_incomplete_and_clean(gate: Gate, served: Served) -> None:
    run = gate.run("--max-requests", "60", **served.options())

    assert run.status == 6
    assert run.document["requests"]["total"] <= 60
    assert run.document["leftovers"] == []
    assert served.remaining() == 0


def test_a_rate_limited_target_is_waited_for(
    gate: Gate, served_with: Callable[..., Served]
) -> None:
    served = served_with(PausingLimiter(150))

    run = gate.run(**served.options())

    assert run.status == 0, run.screen
    requests = run.document["requests"]
    assert requests["throttled"] > 0
    assert requests["waited_s"] > 0
    assert requests["total"] - requests["throttled"] <= 480
    assert run.document["leftovers"] == []
    assert run.clauses["LIMIT-04"]["status"] == "passed"
    assert served.remaining() == 0


# --- interrupts, other clients, hostile echoes -------------------------------------------------


@pytest.mark.parametrize(
    ("creates", "signals"),
    [(1, [signal.SIGTERM]), (40, [signal.SIGINT, signal.SIGINT])],
    ids=["SIGTERM", "SIGINT, and again while cleaning up"],
)
def test_an_interrupted_run_cleans_up_and_reports(
    gate: Gate, served: Served, creates: int, signals: list[signal.Signals]
) -> None:
    methods: list[str] = []
    moments = [threading.Event() for _ in signals]

    def watch(method: str, _path: str) -> None:
        methods.append(method)
        if methods.count("POST") == creates:
            moments[0].set()
        # Scenes delete here and there; so many in a row are the cleaning up.
        if interrupted.is_set() and methods[-8:] == ["DELETE"] * 8:
            moments[-1].set()

    interrupted = threading.Event()
    served.on_request = watch
    process = gate.start(**served.options())
    for moment, number in zip(moments, signals, strict=True):
        assert moment.wait(30)
        process.send_signal(number)
        interrupted.set()
    run = gate.finish(process)

    assert run.status == run.document["exit_status"] == 2, run.screen
    assert run.document["verdict"] == "interrupted"
    assert run.document["leftovers"] == []
    assert served.remaining() == 0
    assert {path.name for path in run.directory.iterdir()} == FILES
    assert "Traceback" not in run.screen
    assert ("interrupt again to leave contacts behind" in run.screen) is (len(signals) > 1)
    tested = {clause for test in cited() for clause in test.clauses}
    unbuilt = {c["id"] for c in run.clauses.values() if c["reason_kind"] == "not_built"}
    assert unbuilt == set(Catalogue.load().ids()) - tested


def test_sweep_deletes_what_a_killed_run_left(gate: Gate, served: Served) -> None:
    made = threading.Event()
    methods: list[str] = []

    def watch(method: str, _path: str) -> None:
        methods.append(method)
        if methods.count("POST") == 30:
            made.set()

    served.on_request = watch
    process = gate.start(**served.options())
    assert made.wait(30)
    process.kill()
    process.communicate()
    left = served.remaining()

    swept = gate.sweep(**served.options())

    assert left > 0
    assert swept.status == 0, swept.screen
    assert served.remaining() == 0
    assert list(gate.directory.glob("ledger*.jsonl")) == []


def test_another_client_and_a_full_account_change_no_verdict(gate: Gate, served: Served) -> None:
    """Two thousand contacts are there, and someone creates, changes and deletes all the while."""
    served.fill(2_000)
    stop = threading.Event()
    busy = threading.Thread(target=disturb, args=(served, stop))
    busy.start()
    try:
        run = gate.run(**served.options())
    finally:
        stop.set()
        busy.join()

    assert run.status == 0, run.screen
    assert run.document["requests"]["total"] <= 480
    assert run.document["leftovers"] == []
    assert [c["id"] for c in run.clauses.values() if c["violations"]] == []


def disturb(served: Served, stop: threading.Event) -> None:
    """Work on the account under test as another client does, until told to stop."""
    headers = dict(served.target.accounts["first"].headers)
    with httpx.Client(base_url=served.target.base_url, headers=headers) as client:
        number = 0
        while not stop.is_set():
            number += 1
            body = {"first_name": f"Busy{number}", "contact_type": "lender", "tags": ["busy"]}
            contact = client.post("/contacts", json=body).json()["data"]["id"]
            client.put(f"/contacts/{contact}", json={"city": "Fresno"})
            client.patch(f"/contacts/{contact}/archive")
            client.delete(f"/contacts/{contact}")
            stop.wait(0.01)


def test_credentials_that_the_target_echoes_reach_no_report(gate: Gate, served: Served) -> None:
    """The target breaks clauses, and quotes every header that it was sent while it does."""
    password = "dXNlcjpvcGVuLXNlc2FtZS1hbmQtbW9yZQ=="
    served.twist = echoing

    run = gate.run(
        "--clause",
        "ENV-0*",
        "--clause",
        "AUTH-*",
        **served.options(),
        CONTACTS_HEADER=f"X-Gateway: Basic {password}",
    )

    everything = run.everything()
    options = served.options()
    assert run.status == 1, run.screen
    assert run.clauses["ENV-01"]["violations"] != []
    assert "$CONTACTS_TOKEN" in everything
    assert password not in everything
    for name in ("TOKEN", "SECOND_TOKEN", "RESTRICTED_TOKEN", "EXPIRED_TOKEN"):
        _, claims, signature = options[f"CONTACTS_{name}"].split(".")
        assert signature not in everything
        assert claims not in everything


def echoing(headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    """A success that is text, and an echo of what no answer may hold."""
    return {**body, "success": f"yes, {headers}", "request_headers": headers}


def test_a_target_whose_contacts_have_no_id_fails_and_breaks_nothing(
    gate: Gate, served: Served
) -> None:
    """No contact can be deleted then, so each is told as left over."""
    served.twist = without_ids

    run = gate.run(**served.options())

    assert run.status == 1, run.screen
    assert run.clauses["OBJ-01"]["status"] == "failed"
    assert [c["id"] for c in run.clauses.values() if c["status"] == "error"] == []
    assert len(run.document["leftovers"]) == served.remaining() > 0


def without_ids(_headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    """The same body, its records without their ids."""
    records = body.get("data")
    if isinstance(records, dict):
        records = records.get("contacts", [records])
    for record in records or []:
        record.pop("id", None)
    return body


UNTIDY = """
import gc


class Untidy:
    def __del__(self):
        raise ResourceWarning("a file that an interrupt left open")


def pytest_unconfigure():
    Untidy()
    gc.collect()
"""


def test_what_is_left_open_when_all_is_over_changes_no_status(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "untidy.py").write_text(UNTIDY)

    options = ("-p", "untidy", "--clause", "GET-01")
    run = gate.run(*options, PYTHONPATH=str(tmp_path))

    assert run.status == 0, run.screen
    assert "Traceback" not in run.screen
