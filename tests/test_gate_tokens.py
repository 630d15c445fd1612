"""Tokens of the gate and the sweep: where they come from, and that nobody gets to see them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from kit.gate_runs import Gate, Served, in_a_thread
from kit.token_targets import Quoting, Revoking, in_every_text

from conformance.kit.ledger import Ledger
from fixtures.factories import ContactFactory
from fixtures.reference.tokens import mint

FEW = ("--clause", "CREATE-01", "--clause", "GET-01")
BROKEN = ("--clause", "OBJ-*", "--clause", "ENV-*", "--clause", "AUTH-*")
PASSWORD = "dXNlcjpvcGVuLXNlc2FtZS1hbmQtbW9yZQ=="


@pytest.fixture
def revoking() -> Iterator[Revoking]:
    with in_a_thread(Revoking(10)) as served:
        assert isinstance(served, Revoking)
        yield served


@pytest.fixture
def quoting() -> Iterator[Served]:
    with in_a_thread(Quoting()) as served:
        yield served


def printing(token: str, directory: Path) -> str:
    """A command that prints a token, and writes down that it was asked."""
    (directory / "token").write_text(token)
    return f"echo x >> {directory / 'asked'}; cat {directory / 'token'}"


def asked(directory: Path) -> int:
    return len((directory / "asked").read_text().split())


def parts(token: str) -> list[str]:
    """What no text may hold of a token: its claims, and its signature."""
    return token.split(".")[1:]


@pytest.mark.parametrize("form", ["option", "variable"])
def test_the_gate_asks_the_token_command_for_its_token(
    gate: Gate, served: Served, tmp_path: Path, form: str
) -> None:
    command = printing(served.target.token, tmp_path)
    options = ("--token-command", command) if form == "option" else ()
    variables = {"CONTACTS_TOKEN_COMMAND": command} if form == "variable" else {}

    run = gate.run(*FEW, *options, CONTACTS_BASE_URL=served.target.base_url, **variables)

    assert run.status == 0, run.screen
    assert asked(tmp_path) == 1
    assert not [part for part in parts(served.target.token) if part in run.everything()]


def test_one_token_decides_all_clauses_but_those_that_speak_of_others(
    gate: Gate, served: Served
) -> None:
    own = ("CONTACTS_BASE_URL", "CONTACTS_TOKEN")

    run = gate.run(**{name: value for name, value in served.options().items() if name in own})

    clauses = run.clauses.values()
    assert not [c["id"] for c in clauses if c["status"] == "failed"], run.screen
    assert {c["id"] for c in clauses if c["reason_kind"] == "token"} == {
        *("AUTH-04", "DELETE-08", "ISO-01", "ISO-02", "ISO-03", "ISO-04")
    }
    assert {c["reason_kind"] for c in clauses if c["status"] == "not_evaluated"} == {
        *("token", "permission")
    }


def leave_behind(
    gate: Gate, served: Served, count: int = 1, *, others: tuple[str, ...] = ()
) -> None:
    """Leave contacts, also of accounts without a token, and the ledger of a run that was killed."""
    contacts = served.app.state.application.contacts
    factory = ContactFactory(random.Random(1), random.Random(2))  # noqa: S311 - test data
    gate.directory.mkdir()
    header = {"run": "r1", "base_url": served.target.base_url}
    ledger = Ledger(gate.directory / "ledger.jsonl", header)
    for _ in range(count):
        record = contacts.new_record(factory.named())
        served.store.insert("acme", record)
        ledger.created(ledger.intend("first", None), record["id"])
    for account in others:
        ledger.created(ledger.intend(account, None), f"a contact of the {account} account")
    ledger.close()


@pytest.mark.parametrize("form", ["CONTACTS_TOKEN", "CONTACTS_TOKEN_COMMAND", "--token-command"])
def test_the_sweep_takes_its_token_from_each_source(
    gate: Gate, served: Served, tmp_path: Path, form: str
) -> None:
    leave_behind(gate, served)
    value = (
        served.target.token if form == "CONTACTS_TOKEN" else printing(served.target.token, tmp_path)
    )
    options = (form, value) if form.startswith("--") else ()
    variables = {} if options else {form: value}

    run = gate.sweep(*options, CONTACTS_BASE_URL=served.target.base_url, **variables)

    assert run.status == 0, run.screen
    assert "0 left" in run.screen


def test_a_sweep_whose_token_is_refused_goes_on_with_a_fresh_one(
    gate: Gate, revoking: Revoking, tmp_path: Path
) -> None:
    leave_behind(gate, revoking, 30)
    command = printing(revoking.fresh, tmp_path)

    run = gate.sweep(**revoking.options(), CONTACTS_TOKEN_COMMAND=command)

    assert run.status == 0, run.screen
    assert "30 contacts deleted, 0 left" in run.screen
    assert "went on with a fresh one from --token-command" in run.screen
    assert asked(tmp_path) == 1
    assert not [part for part in parts(revoking.fresh) if part in run.screen]


def test_a_sweep_counts_what_it_deletes_once(gate: Gate, served: Served) -> None:
    leave_behind(gate, served, 2, others=("second",))

    options = served.options() | {"CONTACTS_SECOND_TOKEN": ""}

    first, again = gate.sweep(**options), gate.sweep(**options)

    assert (first.status, again.status) == (1, 1)
    assert "2 contacts deleted, 1 left" in first.screen
    assert "0 contacts deleted, 1 left" in again.screen
    assert "contacts of the second account: give its token" in again.screen


def test_a_gate_whose_token_is_refused_asks_once_for_all_that_are_in_flight(
    gate: Gate, revoking: Revoking, tmp_path: Path
) -> None:
    command = printing(revoking.fresh, tmp_path)

    run = gate.run(*FEW, "--clause", "LIST-*", **revoking.options(), CONTACTS_TOKEN_COMMAND=command)

    assert run.status == 0, run.screen
    assert asked(tmp_path) == 1
    assert 1 <= revoking.refused <= 8
    assert not [part for part in parts(revoking.fresh) if part in run.everything()]


# --- what others see ---------------------------------------------------------------------------


def command_lines(pid: int) -> list[str]:
    """The command line of a process and of all that it started."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # It may have ended meanwhile.
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    family, added = {pid}, {pid}
    while added := {child for child, parent in parents.items() if parent in added} - family:
        family |= added
    return [Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ") for each in family]


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="there is no /proc to read")
def test_no_process_of_a_run_shows_a_credential(gate: Gate, served: Served) -> None:
    """The lines are read while the server holds the first request back."""
    held, read = threading.Event(), threading.Event()
    variables = {**served.options(), "CONTACTS_HEADER": f"X-Gateway: Basic {PASSWORD}"}

    def hold(_method: str, _path: str) -> None:
        held.set()
        read.wait(60)

    served.on_request = hold
    process = gate.start(*FEW, "--probe-rate-limit", **variables)
    assert held.wait(60)
    lines = command_lines(process.pid)
    read.set()
    run = gate.finish(process)

    tokens = [value for name, value in variables.items() if name.endswith("TOKEN")]
    assert run.status == 0, run.screen
    assert any("conformance" in line for line in lines)
    assert not [line for line in lines for secret in (*tokens, PASSWORD) if secret in line]


def test_what_a_target_sends_back_in_headers_cookies_and_records_is_hidden(
    gate: Gate, quoting: Served
) -> None:
    quoting.twist = in_every_text
    variables = {**quoting.options(), "CONTACTS_HEADER": f"X-Gateway: Basic {PASSWORD}"}

    run = gate.run(*BROKEN, **variables)

    tokens = [value for name, value in variables.items() if name.endswith("TOKEN")]
    assert run.status == 1, run.screen
    assert "x-echo-quoted" in run.everything()
    assert run.clauses["OBJ-04"]["violations"] != []
    for token in tokens:
        assert not [part for part in parts(token) if part[:20] in run.everything()]
    assert PASSWORD not in run.everything()
    assert quote(PASSWORD, safe="") not in run.everything()


def test_a_token_that_no_target_hears_of_is_in_no_complaint(gate: Gate) -> None:
    """Nothing listens there: the run ends with one line, and the reports say the same."""
    token = mint("k" * 32, subject="ann", account="acme", ttl_s=900)

    run = gate.run(CONTACTS_BASE_URL="http://127.0.0.1:9/v1", CONTACTS_TOKEN=token)

    assert run.status == 4
    assert not [part for part in parts(token) if part[:20] in run.everything()]
