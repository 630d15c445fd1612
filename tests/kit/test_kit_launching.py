"""--start-command: the implementation is started, awaited, tested, and stopped in every case."""

from __future__ import annotations

import ast
import json
import os
import secrets
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from kit.gate_runs import FILES, Gate, GateRun
from kit.source_tree import ROOT

from conformance.kit import launching
from conformance.kit.embedded import SECRET_VARIABLE, minted_target
from conformance.kit.exchange import Redactor
from conformance.kit.launching import LOG, Launch, NotReady, answers, launch_of, started
from conformance.kit.settings import Settings, UsageProblem

PYTHON = shlex.quote(sys.executable)
SERVING = """
import http.server, os, signal, sys
{setup}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""A server that is up, though it answers nothing but 503."""
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
TWO_CLAUSES = ("--clause", "GET-01", "--clause", "CREATE-03")


@pytest.fixture
def port() -> int:
    """A port on which nobody listens."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def launch(tmp_path: Path, port: int) -> Callable[..., Launch]:
    """Makes a launch of a command line; `{port}` in it is the free port."""

    def make(command: str) -> Launch:
        url = f"http://127.0.0.1:{port}/v1/contacts?limit=1"
        return Launch(command.replace("{port}", str(port)), url, tmp_path / LOG)

    return make


def serving(setup: str = "") -> str:
    return f"{PYTHON} -c {shlex.quote(SERVING.format(setup=setup))} {{port}}"


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- what is to be started ---------------------------------------------------------------------


def test_the_default_ready_url_is_the_list_of_contacts(
    settings_with: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_with(base_url="http://127.0.0.1:9/v1", start_command="npm start")

    launch = launch_of(settings)

    assert launch == Launch("npm start", "http://127.0.0.1:9/v1/contacts", tmp_path / LOG)


def test_a_given_ready_url_is_waited_for(settings_with: Callable[..., Settings]) -> None:
    launch = launch_of(settings_with(start_command="x", ready_url="http://127.0.0.1:9/ok?a=b"))

    assert launch is not None
    assert launch.url == "http://127.0.0.1:9/ok?a=b"


def test_without_a_start_command_nothing_is_started(settings: Settings) -> None:
    assert launch_of(settings) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": None, "start_command": "KEY=hunter2 npm start"}, "--start-command npm: say"),
        ({"base_url": None, "start_command": "npm 'start"}, "--start-command: say"),
        ({"ready_url": "localhost:3000/ok"}, "--ready-url localhost:3000/ok: give an absolute"),
        ({"ready_url": "http://127.0.0.1:99999/"}, "--ready-url http://127.0.0.1:99999/: give"),
        ({"ready_url": "http://127.0.0.1/a b"}, "--ready-url http://127.0.0.1/a b: give"),
        ({"ready_url": "http://u:hunter2@127.0.0.1/"}, "--ready-url: leave user and password out"),
        ({"ready_url": "https://api.actuallycare.com/"}, "this is the vendor's production"),
        ({"ready_url": "https://api%2Eactuallycare.com/"}, "add --allow-production"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_remedy(
    settings_with: Callable[..., Settings], changes: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageProblem) as caught:
        launch_of(settings_with(**changes))

    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_variables_that_nox_treats_as_credentials_are_withheld() -> None:
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    (flags,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CREDENTIALS"
    ]
    variables = {f"CONTACTS_{flag[2:].replace('-', '_').upper()}": "secret" for flag in flags}

    left = launching.without_credentials({**variables, "PATH": "/bin", SECRET_VARIABLE: "key"})

    assert left == {"PATH": "/bin", SECRET_VARIABLE: "key"}


# --- the command's life ------------------------------------------------------------------------


def test_any_answer_is_ready_and_the_server_is_stopped_afterwards(
    launch: Callable[..., Launch], port: int
) -> None:
    with started(launch(serving())):
        assert listens(port)

    assert not listens(port)


def test_what_a_shell_leaves_behind_is_stopped_too(
    launch: Callable[..., Launch], port: int
) -> None:
    with started(launch(f"{serving()} & wait; exit 0")):
        assert listens(port)

    assert not listens(port)


def test_a_server_that_ignores_sigterm_is_killed(
    launch: Callable[..., Launch], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "STOP_TIMEOUT_S", 0.2)

    with started(launch(serving(STUBBORN))):
        assert listens(port)

    assert not listens(port)


def test_a_server_is_stopped_when_the_run_breaks(launch: Callable[..., Launch], port: int) -> None:
    with pytest.raises(KeyboardInterrupt), started(launch(serving())):
        raise KeyboardInterrupt

    assert not listens(port)


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("echo cannot bind; exit 7", "ended with status 7 instead of serving"),
        ("echo cannot bind; exit 0", "ended with status 0 instead of serving"),
        ("echo cannot bind; kill -9 $$", "was killed by signal 9 instead of serving"),
    ],
)
def test_a_command_that_ends_is_told_at_once_with_its_last_lines(
    launch: Callable[..., Launch], command: str, how: str
) -> None:
    with pytest.raises(NotReady) as caught, started(launch(command)):
        pytest.fail("nothing is up")

    assert how in str(caught.value)
    assert caught.value.lines == ["cannot bind"]


def test_a_command_that_keeps_silent_is_waited_for_until_the_bound(
    launch: Callable[..., Launch],
) -> None:
    made = launch("sleep 1000")

    with pytest.raises(NotReady) as caught, started(made, timeout_s=0.3):
        pytest.fail("nothing is up")

    assert f"{made.url} gave no HTTP answer within 0.3 s" in str(caught.value)


def test_nothing_is_started_where_something_answers_already(
    launch: Callable[..., Launch], answering: int, tmp_path: Path
) -> None:
    made = launch(f"touch {shlex.quote(str(tmp_path / 'started'))}")
    taken = Launch(made.command, f"http://127.0.0.1:{answering}/", made.log)

    with pytest.raises(NotReady, match="answers already"), started(taken):
        pytest.fail("that is another server")

    assert not (tmp_path / "started").exists()


@pytest.fixture
def answering() -> Iterator[int]:
    """The port of a server that answers one request with 501."""
    with HTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server.server_port
        thread.join()


class Quiet(BaseHTTPRequestHandler):
    """Knows no method, and says nothing on the screen."""

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


def test_a_socket_that_speaks_no_http_gives_no_answer() -> None:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        greeter = threading.Thread(target=lambda: greet(listener))
        greeter.start()

        answered = answers(url)

        greeter.join()
    assert answered is False


def greet(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with closing(connection):
        connection.recv(1000)
        connection.sendall(b"220 ready for mail\r\n")


def test_a_tls_port_counts_as_an_answer_only_where_it_speaks_tls(answering: int) -> None:
    assert answers(f"https://127.0.0.1:{answering}/") is False


def test_the_last_lines_are_twenty_at_most(tmp_path: Path) -> None:
    log = tmp_path / LOG
    log.write_bytes(b"".join(b"line %d \xff\r\n\n" % n for n in range(30)))

    assert launching.last_lines(log) == [f"line {n} \ufffd" for n in range(10, 30)]
    assert launching.last_lines(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("status", "kept"), [(0, None), (1, b"[redacted]\xff\r\n"), (4, b"[redacted]\xff\r\n")]
)
def test_the_log_of_a_failed_run_is_kept_without_credentials(
    settings_with: Callable[..., Settings], tmp_path: Path, status: int, kept: bytes | None
) -> None:
    log = tmp_path / LOG
    log.write_bytes(b"open sesame\xff\r\n")

    launching.settle_log(settings_with(start_command="x"), status, Redactor(["open sesame"]))

    assert (log.read_bytes() if log.exists() else None) == kept
    assert list(tmp_path.iterdir()) == ([log] if kept else [])


# --- whole runs --------------------------------------------------------------------------------


class Started:
    """The gate, and the reference server as the implementation that it starts."""

    def __init__(self, gate: Gate, port: int, tmp_path: Path) -> None:
        self.gate, self.port = gate, port
        self.noted = tmp_path / "environment.json"
        key = secrets.token_urlsafe(32)
        self.target = minted_target(f"http://127.0.0.1:{port}/v1", key)
        self.variables = {
            SECRET_VARIABLE: key,
            "CONTACTS_BASE_URL": self.target.base_url,
            "CONTACTS_TOKEN": self.target.token,
            "CONTACTS_EXPIRED_TOKEN": self.target.expired_token or "",
            "CONTACTS_HEADER": "X-Gateway: hunter2hunter2",
        }

    @property
    def serving(self) -> str:
        """The command line: it notes its environment first."""
        note = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
        noting = f"{PYTHON} -c {shlex.quote(note)} {shlex.quote(str(self.noted))}"
        return f"{noting} && {PYTHON} -m fixtures.reference --port {self.port}"

    def run(self, command: str, *options: str) -> GateRun:
        options = (*options, "--start-command", command)
        return self.gate.run(*TWO_CLAUSES, *options, **self.variables)


@pytest.fixture
def implementation(gate: Gate, port: int, tmp_path: Path) -> Started:
    return Started(gate, port, tmp_path)


def test_a_started_implementation_is_tested_and_stopped(implementation: Started) -> None:
    run = implementation.run(implementation.serving)

    assert run.status == 0, run.screen
    assert run.clauses["GET-01"]["status"] == "passed"
    assert run.document["target"] == {
        "base_url": implementation.target.base_url,
        "embedded": False,
        "started": True,
    }
    assert {path.name for path in run.directory.iterdir()} == FILES
    assert not listens(implementation.port)


def test_a_started_implementation_is_given_no_credential(implementation: Started) -> None:
    implementation.run(implementation.serving)

    environment = json.loads(implementation.noted.read_text())
    assert SECRET_VARIABLE in environment
    assert {name for name in environment if name.startswith("CONTACTS_")} == {
        SECRET_VARIABLE,
        "CONTACTS_BASE_URL",
    }


def test_a_command_that_ends_at_once_ends_the_run_with_its_last_line(
    implementation: Started,
) -> None:
    token = implementation.target.token
    wrong = f"echo '::error::no database \x1b[31m'; echo {token}; exit 3"

    run = implementation.run(wrong)

    message = "--start-command echo: it ended with status 3 instead of serving"
    assert run.status == run.document["exit_status"] == 4, run.screen
    assert message in run.document["message"]
    assert run.screen.count(f"ERROR: {message}") == 1
    assert "\n  : :error: :no database \\x1b[31m" in run.screen.replace("error::", "error: :")
    assert "no database" in (run.directory / LOG).read_text()
    assert token not in run.everything()
    assert token.rpartition(".")[2] not in run.everything()
    assert "Traceback" not in run.screen
    # No ledger: nothing was sent, and one of an earlier run is for `sweep` to read.
    assert {path.name for path in run.directory.iterdir()} == FILES - {"ledger.jsonl"} | {LOG}


def test_a_start_command_without_a_base_url_ends_in_one_line(gate: Gate) -> None:
    run = gate.run("--start-command", "npm start")

    assert run.status == 4
    assert run.screen.startswith("ERROR: --start-command npm: say where")
    assert "Traceback" not in run.screen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_waiting_stops_what_was_started(
    implementation: Started, tmp_path: Path, number: signal.Signals
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    silent = f"echo $$ > {shlex.quote(str(pipe))}; sleep 1000"
    command = (*TWO_CLAUSES, "--start-command", silent)
    process = implementation.gate.start(*command, **implementation.variables)
    group = int(pipe.read_text())

    process.send_signal(number)
    run = implementation.gate.finish(process)

    assert run.status == 2, run.screen
    assert _is_gone(group)
    assert (run.directory / LOG).exists()


def _is_gone(group: int) -> bool:
    """Whether a process group ends: a killed process is there until its new parent reaps it."""
    watched, tries = threading.Event(), 500
    while tries:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        watched.wait(0.02)
        tries -= 1
    return False


def test_an_interrupt_of_the_run_stops_what_was_started_after_cleaning_up(
    implementation: Started,
) -> None:
    command = ("--start-command", implementation.serving)
    process = implementation.gate.start(*command, **implementation.variables)
    ledger = implementation.gate.directory / "ledger.jsonl"
    watched = threading.Event()
    while not (ledger.exists() and ledger.read_text().count("\n") > 5):
        assert process.poll() is None
        watched.wait(0.02)

    process.send_signal(signal.SIGINT)
    run = implementation.gate.finish(process)

    assert run.status == 2, run.screen
    assert run.document["leftovers"] == []
    assert not listens(implementation.port)
