"""The reference server as a process: how it starts, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from reference_client import SECRET

from fixtures.reference.tokens import mint

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "fixtures.reference")
DEADLINE_S = 20


@contextmanager
def running(*options: str, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """A server process, killed at the end if it still runs."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        (*COMMAND, "--port", "0", *options),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_announce_prints_one_json_line_when_connections_are_accepted() -> None:
    with running("--announce", env={**os.environ, "CONTACTS_REFERENCE_SECRET": SECRET}) as process:
        url = json.loads(first_line(process))["base_url"]
        headers = {"Authorization": f"Bearer {mint(SECRET, subject='owner')}"}
        answer = httpx.get(f"{url}/contacts", headers=headers, timeout=DEADLINE_S)
        process.terminate()
        rest, errors = process.communicate(timeout=DEADLINE_S)

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
    assert answer.status_code == 200
    assert (rest, errors) == ("", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_cleanly(number: int) -> None:
    with running("--announce") as process:
        first_line(process)
        process.send_signal(number)

        assert process.wait(DEADLINE_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_the_process_ends_with_its_stdin_where_asked() -> None:
    with running("--announce", "--exit-with-parent", stdin=subprocess.PIPE) as process:
        first_line(process)
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()

        assert process.wait(DEADLINE_S) == 0


def test_the_greeting_is_lines_for_a_shell_with_tokens_that_work() -> None:
    with running("--rate-limit", "50", "--rate-window", "9.5") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(6)]
        values = dict(
            pair.split("=", 1)
            for line in lines
            if line.startswith("export ")
            for pair in line.split()[1:]
        )
        url = f"{values.pop('CONTACTS_BASE_URL')}/contacts"
        statuses = {
            name: httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code
            for name, token in values.items()
        }
        last = httpx.get(url)

    assert statuses == {
        "CONTACTS_TOKEN": 200,
        "CONTACTS_SECOND_TOKEN": 200,
        "CONTACTS_RESTRICTED_TOKEN": 200,
        "CONTACTS_EXPIRED_TOKEN": 401,
    }
    assert last.headers["ratelimit-limit"] == "50"
    assert last.headers["ratelimit-remaining"] == "45"


def test_a_post_does_not_wait_for_delayed_acknowledgements() -> None:
    with running("--announce", env={**os.environ, "CONTACTS_REFERENCE_SECRET": SECRET}) as process:
        url = json.loads(first_line(process))["base_url"]
        headers = {"Authorization": f"Bearer {mint(SECRET, subject='owner')}"}
        with httpx.Client(headers=headers, timeout=DEADLINE_S) as client:
            body = {"first_name": "Jordan", "contact_type": "buyer"}
            answers = [client.post(f"{url}/contacts", json=body) for _ in range(20)]

    assert {answer.status_code for answer in answers} == {201}
    assert min(answer.elapsed.total_seconds() for answer in answers) < 0.03


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--port", "x"], "--port"),
        (["--port", "65536"], "--port"),
        (["--rate-limit", "0"], "--rate-limit"),
        (["--rate-window", "nan"], "--rate-window"),
        (["--bogus"], "--bogus"),
        (["--secret-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE"),
        (["--secret-env", "TOO_SHORT"], "TOO_SHORT"),
        (["--database", "no/such/folder/contacts.db"], "no/such/folder"),
        (["--host", "192.0.2.1"], "192.0.2.1"),
    ],
)
def test_bad_options_end_with_one_clear_line(options: list[str], expected: str) -> None:
    finished = subprocess.run(  # noqa: S603 - our own command
        (*COMMAND, *options),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env={**os.environ, "TOO_SHORT": "short"},
    )

    assert finished.returncode == 4
    assert finished.stdout == ""
    assert finished.stderr.count("\n") == 1
    assert expected in finished.stderr
