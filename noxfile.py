"""Sessions: the gate, the reference server, and the kit's own checks. Thin over `python -m ...`.

Credentials reach a child process in its environment only, its command line is not printed, and
its exit status becomes nox's own (interface: Commands, Exit statuses).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["conformance"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PACKAGES = ("conformance", "fixtures", "load", "reports", "schemas")
SOURCES = (*PACKAGES, "tests", "noxfile.py")
MEASURED = ("-m", "coverage", "run", "-m", "pytest", "-p", "no:locust")
SIDE_BY_SIDE = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")
"""Most tests wait for a server or a process; a file's tests share its fixtures."""
CLEAN_UP_S = 120
CREDENTIALS = {
    "--token",
    "--second-token",
    "--restricted-token",
    "--expired-token",
    "--token-command",
    "--start-command",
    "--header",
}


@nox.session
def conformance(session: nox.Session) -> None:
    """Run every clause against --base-url, or against the embedded reference server."""
    _install(session, "conformance")
    _run(session, "-m", "pytest", "conformance", *session.posargs)


@nox.session
def load(session: nox.Session) -> None:
    """Open locust's web page on --host, or on the embedded server; locust's options pass through."""
    _install(session, "load")
    _run(session, "-m", "load", *session.posargs)


@nox.session
def ratelimit(session: nox.Session) -> None:
    """Put the limiter of --base-url on trial, or that of the embedded server."""
    _install(session, "load")
    _run(session, "-m", "load.ratelimit", *session.posargs)


@nox.session
def serve(session: nox.Session) -> None:
    """Run the embedded reference server by itself: --port N."""
    _install(session, "reference")
    _run(session, "-m", "fixtures.reference", *session.posargs)


@nox.session
def sweep(session: nox.Session) -> None:
    """Delete what interrupted runs left behind at --base-url."""
    _install(session, "conformance")
    _run(session, "-m", "conformance.sweep", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the kit's self-tests; without arguments those of the load side after them."""
    _install(session, "tests")
    side_by_side = () if session.posargs else SIDE_BY_SIDE
    status = _child(session, "-m", "pytest", "tests", *side_by_side, *session.posargs)
    if status or session.posargs:
        sys.exit(status)
    session.notify("tests_load")


@nox.session
def tests_load(session: nox.Session) -> None:
    """Run the self-tests of the load side, where locust may patch the process."""
    _install(session, "tests-load")
    _run(session, "-m", "pytest", "-p", "no:locust", "tests/load", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which lines the self-tests run, those of processes that they start among them."""
    _install(session, "tests-load")
    for part in (("tests", "--ignore=tests/load", *SIDE_BY_SIDE), ("tests/load",)):
        if status := _child(session, *MEASURED, *part):
            sys.exit(status)
    for step in ("combine", "report"):
        if status := _child(session, "-m", "coverage", step):
            sys.exit(status)


@nox.session
def benchmark(session: nox.Session) -> None:
    """Measure the gate from near and far, or with `-- load` what the checks of the load side cost."""
    if session.posargs[:1] == ["load"]:
        _install(session, "load")
        _run(session, "-m", "load.benchmark", *session.posargs[1:])
    _install(session, "conformance")
    _run(session, "-m", "conformance.benchmark", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Run the suite against every deliberate defect and every correct variant."""
    _install(session, "conformance")
    _run(session, "-m", "fixtures.mutants", *session.posargs)


@nox.session
def schemathesis(session: nox.Session) -> None:
    """Check the OpenAPI document and the reference server against each other."""
    _install(session, "schemathesis")
    _run(session, "-m", "fixtures.schemathesis", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, lint and types."""
    _install(session, "lint")
    session.run("ruff", "format", "--check", *SOURCES)
    session.run("ruff", "check", *SOURCES)
    session.run("mypy", *(part for name in PACKAGES for part in ("-p", name)))


def _install(session: nox.Session, group: str) -> None:
    session.install("--quiet", *nox.project.dependency_groups(PYPROJECT, group))


def _run(session: nox.Session, *arguments: str) -> None:
    """Run Python with the arguments and end nox with its exit status."""
    sys.exit(_child(session, *arguments))


def _child(session: nox.Session, *arguments: str) -> int:
    """Run Python with the arguments and return its exit status."""
    public, secret = _without_credentials(arguments)
    environment = {**os.environ, **secret, "VIRTUAL_ENV": str(session.virtualenv.location)}
    python = str(Path(session.bin) / "python")
    # session.run would log the command line, flatten the status, and kill after half a second.
    return _wait(subprocess.Popen([python, *public], env=environment))  # noqa: S603 - our own


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the child; hand SIGTERM on, and give it time to clean up after an interrupt."""

    def hand_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    signal.signal(signal.SIGTERM, hand_on)
    try:
        return process.wait()
    except KeyboardInterrupt:
        # The terminal has sent the child the same signal; a second one is the user's to send.
        try:
            return process.wait(CLEAN_UP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _without_credentials(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Move credentials from the arguments into variables, where `ps` does not show them."""
    public: list[str] = []
    secret: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if option not in CREDENTIALS:
            public.append(argument)
            continue
        name = "CONTACTS_" + option.removeprefix("--").replace("-", "_").upper()
        given = value if equals else next(rest, "")
        # A header may hold a comma, so repeated options are handed over a line each.
        secret[name] = secret.get(name, "") + given + ("\n" if option == "--header" else "")
    return public, secret
