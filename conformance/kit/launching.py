"""Starts the implementation under test, waits until it answers, and stops it (--start-command).

The command runs in a session of its own, so that Ctrl-C reaches the run alone and the server
outlives the cleaning up. It is given no credential of the run. Nothing here knows of pytest.
"""

from __future__ import annotations

import http.client
import os
import shlex
import signal
import ssl
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from conformance.kit.settings import OPTIONS, Settings, UsageProblem, refuse_production

LOG = "start-command.log"
"""The file in the report directory that holds what the command wrote."""
READY_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 10.0
KILL_TIMEOUT_S = 2.0
FIRST_PAUSE_S = 0.05
LAST_PAUSE_S = 0.5
LINES_SHOWN = 20
WITHHELD = frozenset(
    option.variable
    for option in OPTIONS
    if option.kind == "secret" or option.flag in ("--header", "--start-command")
)
"""The variables that may hold a credential: a server under test has no use for them."""


@dataclass(frozen=True)
class Launch:
    """What to start, the URL that tells when it is up, and where its output goes."""

    command: str = field(repr=False)
    url: str
    log: Path

    @property
    def program(self) -> str | None:
        """The program's name alone: what stands before and after it may be a credential."""
        try:
            words = shlex.split(self.command)
        except ValueError:
            return None
        return next((word for word in words if "=" not in word), None)

    def problem(self, remedy: str) -> NotReady:
        """Return the problem with this command, and the last lines that it wrote."""
        return NotReady(self.program, remedy, last_lines(self.log))


class NotReady(UsageProblem):
    """The command did not bring up a server; `lines` are the last ones that it wrote, as is."""

    def __init__(self, program: str | None, remedy: str, lines: list[str]) -> None:
        """Keep the lines beside the one line that the user reads."""
        super().__init__("--start-command", program, remedy)
        self.lines = lines


def launch_of(settings: Settings) -> Launch | None:
    """Return what the settings ask to start, or None where they do not.

    Raises:
        UsageProblem: no target is named, or the URL to wait for cannot be used.

    """
    url = settings.ready_url
    if url:
        _check_url(url, allow_production=settings.allow_production)
    if not settings.start_command:
        return None
    launch = Launch(settings.start_command, url or "", settings.report_dir / LOG)
    if settings.base_url is None:
        remedy = "say where what it starts listens: --base-url http://127.0.0.1:3001/v1, say"
        raise UsageProblem("--start-command", launch.program, remedy)
    return Launch(launch.command, url or f"{settings.base_url}/contacts", launch.log)


def _check_url(text: str, *, allow_production: bool) -> None:
    remedy = "give an absolute http(s) URL such as http://127.0.0.1:3001/health"
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if "@" in text:
        raise UsageProblem("--ready-url", None, "leave user and password out; any answer will do")
    if not usable or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageProblem("--ready-url", text, remedy)
    if not allow_production:
        refuse_production("--ready-url", text, url.hostname or "")


@contextmanager
def started(launch: Launch, *, timeout_s: float = READY_TIMEOUT_S) -> Iterator[None]:
    """Start the command, yield once its URL answers, and stop all that it started.

    Raises:
        NotReady: the URL answered before the start, or the command ended or kept silent.

    """
    launch.log.unlink(missing_ok=True)
    if answers(launch.url):
        remedy = f"{launch.url} answers already; stop what listens there, or leave the option out"
        raise launch.problem(remedy)
    with launch.log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S602 - a shell command line is what the user gives
            launch.command,
            shell=True,
            env=without_credentials(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_ready(process, launch, timeout_s)
            yield
        finally:
            _stop(process)


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables that may hold a credential of the run."""
    return {name: value for name, value in environment.items() if name not in WITHHELD}


def answers(url: str, timeout_s: float = ANSWER_TIMEOUT_S) -> bool:
    """Whether a GET gets an HTTP answer, whatever its status; it carries no credential."""
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, timeout_s)
    path = parts.path or "/"
    try:
        connection.request("GET", f"{path}?{parts.query}" if parts.query else path)
        connection.getresponse()
    except (OSError, http.client.HTTPException, UnicodeError):
        return False
    finally:
        connection.close()
    return True


def _connection(
    scheme: str, host: str, port: int | None, timeout_s: float
) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    context = ssl.create_default_context()
    # Nothing secret is sent and nothing of the answer is used; the run itself verifies.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)


def _wait_until_ready(process: subprocess.Popen[bytes], launch: Launch, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    pause = FIRST_PAUSE_S
    while (left := deadline - time.monotonic()) > 0:
        ready = answers(launch.url, min(left, ANSWER_TIMEOUT_S))
        status = process.poll() if ready else _ended(process, min(pause, left))
        if status is not None:
            how = (
                f"ended with status {status}" if status >= 0 else f"was killed by signal {-status}"
            )
            remedy = f"it {how} instead of serving {launch.url}; it has to stay in the foreground"
            raise launch.problem(f"{remedy} (output: {LOG})")
        if ready:
            return
        pause = min(pause * 1.5, LAST_PAUSE_S)
    remedy = f"{launch.url} gave no HTTP answer within {timeout_s:g} s; check --ready-url"
    raise launch.problem(f"{remedy} (output: {LOG})")


def _ended(process: subprocess.Popen[bytes], pause_s: float) -> int | None:
    """Return the status with which the process ends during the pause, or None."""
    try:
        return process.wait(pause_s)
    except subprocess.TimeoutExpired:
        return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group: what a shell or npm starts may outlive either."""
    gone = False
    try:
        gone = _end(process, signal.SIGTERM, STOP_TIMEOUT_S)
    finally:
        if not gone:
            _end(process, signal.SIGKILL, KILL_TIMEOUT_S)
        process.wait()


def _end(process: subprocess.Popen[bytes], number: signal.Signals, timeout_s: float) -> bool:
    """Send a signal to the process group; return whether it is gone within the time."""
    deadline = time.monotonic() + timeout_s
    pause = FIRST_PAUSE_S
    alive = _signalled(process, number)
    while alive and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, LAST_PAUSE_S)
        process.poll()  # A leader that nobody has waited for is still in its group.
        alive = _signalled(process, 0)
    return not alive


def _signalled(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to the process group, or 0 to ask; return whether anyone is left in it."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS: only zombies are left.
        return False
    return True


def last_lines(log: Path) -> list[str]:
    """Return the last lines of a log that are not blank; none where there is no log."""
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            return list(deque((line.rstrip() for line in lines if line.strip()), LINES_SHOWN))
    except FileNotFoundError:
        return []


def settle_log(settings: Settings, status: int, redact: Callable[[str], str]) -> None:
    """Remove the log of a run that passed; hide the credentials in that of another."""
    log = settings.report_dir / LOG
    if not settings.start_command or not log.exists():
        return
    if status == 0:
        log.unlink()
        return
    clean = log.with_name(f"{LOG}.part")
    with _text(log, "r") as lines, _text(clean, "w") as output:
        output.writelines(map(redact, lines))
    clean.replace(log)


def _text(path: Path, mode: str) -> IO[str]:
    """Open a file that may hold any bytes, and keeps those that are no text."""
    return path.open(mode, encoding="utf-8", errors="surrogateescape", newline="")
