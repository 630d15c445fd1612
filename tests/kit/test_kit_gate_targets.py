"""Targets that cannot be tested: one clear line, the right exit status, reports all the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kit.gate_runs import FILES, Gate, GateRun, Served

import schemas

JWT = "eyJhbGciOiJIUzI1NiJ9." + "e30." + "c2lnbmF0dXJl"


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[str]:
    """A server that gives everyone the same answer; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


NOBODY = "nobody listens"
HTML = b"<!doctype html><title>Sign in</title>"
ENVELOPE = b'{"success": false, "error": {"code": "UnauthorizedError", "message": "no"}}'
UNUSABLE: dict[str, tuple[tuple[int, bytes, dict[str, str]], int, str]] = {
    "a wrong path": ((404, HTML, {"content_type": "text/html"}), 4, "no Contacts API at this path"),
    "a refused token": ((401, ENVELOPE, {}), 4, "--token: the target refuses it"),
    "HTML everywhere": ((200, HTML, {"content_type": "text/html"}), 1, "check --base-url"),
    "a login page": ((302, b"", {"location": "/login"}), 1, "redirects instead of answering"),
}


def ended_early(run: GateRun, status: int, message: str) -> None:
    """The marks of a run that could not begin: one clear line, reports, no traceback."""
    document = run.document
    assert run.status == document["exit_status"] == status, run.screen
    assert message in document["message"]
    assert "\n" not in document["message"]
    assert run.screen.count(f"ERROR: {document['message']}") == 1
    assert "Traceback" not in run.screen
    assert {path.name for path in run.directory.iterdir()} == FILES
    schemas.validator("results").validate(document)
    assert [c["id"] for c in run.clauses.values() if c["status"] == "passed"] == []


@pytest.fixture(scope="module")
def unusable_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, GateRun]:
    """One run for each target that cannot be tested, side by side."""
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(answering(status, body, **headers))
            for name, ((status, body, headers), _, _) in UNUSABLE.items()
        }
        with answering(200, b"") as url:
            urls[NOBODY] = url
        gates = {name: Gate(tmp_path_factory.mktemp("unusable")) for name in urls}
        begun = {
            name: gates[name].start("--base-url", url, CONTACTS_TOKEN=JWT)
            for name, url in urls.items()
        }
        return {name: gates[name].finish(process) for name, process in begun.items()}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_target_that_cannot_be_tested_ends_in_one_line(
    unusable_runs: dict[str, GateRun], name: str
) -> None:
    _, exit_status, message = UNUSABLE[name]

    ended_early(unusable_runs[name], exit_status, message)
    assert JWT not in unusable_runs[name].everything()


def test_an_unreachable_target_ends_in_one_line(unusable_runs: dict[str, GateRun]) -> None:
    ended_early(unusable_runs[NOBODY], 4, "is the server running?")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--base-url", "localhost:3000/v1"), "ERROR: --base-url localhost:3000/v1: give an"),
        (("--clause", "LIST-99"), "ERROR: --clause: no clause matches 'LIST-99'; did you mean"),
    ],
)
def test_a_wrong_option_ends_in_one_line(
    gate: Gate, options: tuple[str, ...], message: str
) -> None:
    run = gate.run(*options)

    assert run.status == 4
    assert [line for line in run.screen.splitlines() if line] == [
        line for line in run.screen.splitlines() if line.startswith(message)
    ]


def test_an_expired_token_ends_in_one_line(gate: Gate, served: Served) -> None:
    options = served.options()

    run = gate.run(**{**options, "CONTACTS_TOKEN": options["CONTACTS_EXPIRED_TOKEN"]})

    assert run.status == 4
    assert "--token: the token ran out" in run.screen
    assert "Traceback" not in run.screen
    assert options["CONTACTS_EXPIRED_TOKEN"] not in run.screen
