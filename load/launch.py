"""`python -m load`: sets a run up, starts locust in a process of its own, maps its exit status.

Without `--host` the embedded reference server is the target. Credentials go on in the environment
only. Nothing but loopback is loaded unless the user says that the target is theirs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from conformance.kit.embedded import ServerDidNotStart, reference_server
from conformance.kit.limiter_steps import SECOND
from load import credentials, settings
from load.interrupts import Interrupts
from load.loopback import ALLOW_PRODUCTION, free_port, normal, refusal
from load.options import SHAPE_NAMES, Options, number, problem_with
from load.preflight import Unusable, greet

ROOT = Path(__file__).resolve().parents[1]
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
KIT_FAILED, USAGE = 3, 4
LOCUST_STATUSES = {0: 0, 1: KIT_FAILED, 2: USAGE}
"""locust's own exit statuses, where no run has said what the status is."""
WORKERS_COME_WITHIN_S = 60
ROOMY = ("--rate-limit", "1000000000")
PROBE_LIMIT, PROBE_WINDOW_S = 60, 10.0
USERS_FOR_S, USERS_LEAST, USERS_MOST = 4.0, 20, 2_000
"""In the open model there are users enough for answers that take this long."""


class Problem(Exception):
    """What the user has to mend, in one line; `status` is the exit status."""

    def __init__(self, message: str, status: int = USAGE) -> None:
        """Keep the line."""
        super().__init__(message)
        self.status = status


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line with the status for usage."""

    def error(self, message: str) -> NoReturn:
        """Print the complaint and exit."""
        self.exit(USAGE, f"load: {message}\n")


def parser() -> Parser:
    """Return the parser of what the launcher itself reads; the rest is locust's."""
    options = Parser(prog="python -m load", allow_abbrev=False, add_help=False)
    add, env = options.add_argument, os.environ.get
    add("-H", "--host", "--base-url", dest="host", default=env("CONTACTS_BASE_URL"))
    add("--token")
    add("--second-token")
    add("--token-command")
    add("--header", action="append", default=[])
    add("--rate-limit", type=int, help="of the server that RateLimitProbe tries")
    add("--rate-window", type=float, help="of the server that RateLimitProbe tries")
    for flag in ("--worker", "--master", "--headless"):
        add(flag, action="store_true")
    for flag in ("--i-own-this-target", "--insecure", "--allow-production"):
        add(flag, action="store_true", default=env(variable(flag)) == "1")
    add("-h", "--help", action="store_true")
    add("-V", "--version", action="store_true")
    add("-l", "--list", action="store_true")
    add("--processes", type=int)
    add("--arrival-rate", default=env("CONTACTS_ARRIVAL_RATE", "0"))
    add("-u", "--users", type=int)
    add("-r", "--spawn-rate", type=float)
    add("--shape", default=env("CONTACTS_SHAPE"))
    add("--web-host")
    add("--master-bind-host")
    add("--master-bind-port", type=int)
    add("--master-port", type=int)
    add("--expect-workers-max-wait", type=int)
    add("--ca-bundle", default=env("CONTACTS_CA_BUNDLE"))
    add("--objective", action="append", default=[])
    add("--objective-file", default=env("CONTACTS_OBJECTIVE_FILE"))
    add("--report-dir", default=env("CONTACTS_REPORT_DIR", "reports/out"))
    return options


def variable(flag: str) -> str:
    """Return the environment variable that stands in for an option."""
    return "CONTACTS_" + flag.removeprefix("--").replace("-", "_").upper()


@dataclass
class Launch:
    """What is started: locust's arguments, and what its processes find in the environment."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)


SWITCHES = ("worker", "master", "headless", "i_own_this_target", "insecure")
PASSED_ON = (
    "report_dir",
    "processes",
    "users",
    "spawn_rate",
    "shape",
    "ca_bundle",
    "objective_file",
)


def main(arguments: Sequence[str] | None = None, *, interrupts: Interrupts | None = None) -> int:
    """Run, and return the exit status.

    Raises:
        InterruptedEarly: a signal came before the run could begin.
    """
    interrupts = interrupts or Interrupts()
    try:
        given, rest = parser().parse_known_args(arguments)
        with ExitStack() as resources:
            launch = prepare(given, rest, resources)
            return run(launch, interrupts)
    except Problem as problem:
        sys.stderr.write(f"load: {problem}\n")
        return problem.status


def prepare(given: argparse.Namespace, rest: Sequence[str], resources: ExitStack) -> Launch:
    """Return what to start; the embedded servers belong to `resources`.

    Raises:
        Problem: an option cannot be used, or the target cannot.
    """
    if given.help or given.version or given.list:
        asked = [f for f in ("--help", "--version", "--list") if getattr(given, f[2:])]
        return Launch(["-f", str(LOCUSTFILE), *asked])
    _check_options(given)
    launch = Launch(_locust_arguments(given, rest), _credentials(given))
    if given.worker:
        return launch
    embedded = given.host is None
    host = _embedded(given, launch, resources) if embedded else _own_target(given, launch)
    launch.arguments += ["--host", host]
    return launch


def _locust_arguments(given: argparse.Namespace, rest: Sequence[str]) -> list[str]:
    arguments = ["-f", str(LOCUSTFILE)]
    arguments += [f"--{n.replace('_', '-')}" for n in SWITCHES if getattr(given, n)]
    for name in PASSED_ON:
        value = getattr(given, name)
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    for expression in given.objective:
        arguments += ["--objective", expression]
    if given.arrival_rate:
        arguments += ["--arrival-rate", str(given.arrival_rate), *_users(given)]
    arguments += _ports(given)
    if not given.worker:
        arguments += _binding(given)
    return [*arguments, *rest]


def _users(given: argparse.Namespace) -> list[str]:
    if given.users is not None:
        return []
    users = min(USERS_MOST, max(USERS_LEAST, math.ceil(given.arrival_rate * USERS_FOR_S)))
    started = [] if given.spawn_rate else ["--spawn-rate", str(max(min(users, 100), users // 4))]
    return ["--users", str(users), *started]


def _binding(given: argparse.Namespace) -> list[str]:
    """Return the addresses to listen on: loopback, unless the user says otherwise."""
    arguments = []
    if not given.headless:
        arguments += ["--web-host", given.web_host or "127.0.0.1"]
        # A shape from the command line drives the run; else the page offers classes and shapes.
        arguments += [] if given.shape else ["--class-picker"]
    if given.master or given.processes:
        arguments += ["--master-bind-host", given.master_bind_host or "127.0.0.1"]
        # Without it a run waits forever for workers that do not come.
        patience = given.expect_workers_max_wait or WORKERS_COME_WITHIN_S
        arguments += ["--expect-workers-max-wait", str(patience)] if given.headless else []
    return arguments


def _ports(given: argparse.Namespace) -> list[str]:
    """Return where a master and its workers meet: the processes of a run by itself on a free port.

    On locust's own port the workers of two runs of one machine would join either master.
    """
    bound, sought = given.master_bind_port, given.master_port
    if given.processes and not (given.master or given.worker) and bound is None and sought is None:
        bound = sought = free_port()
    named = {"--master-bind-port": bound, "--master-port": sought}
    return [text for n, port in named.items() if port is not None for text in (n, str(port))]


def _check_options(given: argparse.Namespace) -> None:
    try:
        Path(given.report_dir).mkdir(parents=True, exist_ok=True)
    except OSError as bad:
        raise Problem(f"--report-dir {given.report_dir}: {bad.strerror}") from None
    try:
        given.arrival_rate = number(given.arrival_rate)
    except ValueError as bad:
        raise Problem(f"--arrival-rate {given.arrival_rate}: {bad}") from None
    if given.shape is not None and given.shape not in SHAPE_NAMES:
        raise Problem(f"--shape {given.shape}: unknown; there are {', '.join(SHAPE_NAMES)}")
    listed = os.environ.get("CONTACTS_OBJECTIVE", "").split(",")
    given.objective = given.objective or [text.strip() for text in listed if text.strip()]
    rest = {"objective": tuple(given.objective), "objective_file": given.objective_file}
    problem = problem_with(Options(arrival_rate=given.arrival_rate, shape=given.shape, **rest))
    if problem is not None:
        raise Problem(problem)


def _credentials(given: argparse.Namespace) -> dict[str, str]:
    environment = {}
    named = {
        credentials.TOKEN: given.token,
        credentials.SECOND_TOKEN: given.second_token,
        credentials.TOKEN_COMMAND: given.token_command,
    }
    for name, value in named.items():
        found = value or os.environ.get(name)
        if found:
            environment[name] = found
    try:
        environment[credentials.HEADERS] = credentials.header_lines(given.header, os.environ)
    except credentials.BadHeader as problem:
        raise Problem(str(problem)) from None
    if given.allow_production:
        environment[ALLOW_PRODUCTION] = "1"
        os.environ[ALLOW_PRODUCTION] = "1"
    return environment


def _embedded(given: argparse.Namespace, launch: Launch, resources: ExitStack) -> str:
    """Start the embedded servers: one to load, and one with a small limit to put on trial."""
    limit, window = given.rate_limit or PROBE_LIMIT, given.rate_window or PROBE_WINDOW_S
    small = ("--rate-limit", str(limit), "--rate-window", str(window))
    try:
        target = resources.enter_context(reference_server(*ROOMY))
        tried = resources.enter_context(reference_server(*small))
    except ServerDidNotStart as problem:
        raise Problem(str(problem), KIT_FAILED) from None
    launch.environment |= {
        credentials.TOKEN: target.token,
        settings.EMBEDDED_URL: target.base_url,
        settings.PROBE_URL: tried.base_url,
        settings.PROBE_TOKEN: tried.token,
        settings.PROBE_SECOND_TOKEN: _bare(tried.accounts[SECOND].headers),
    }
    return str(target.base_url)


def _bare(headers: Sequence[tuple[str, str]]) -> str:
    return headers[0][1].rpartition(" ")[2]


def _own_target(given: argparse.Namespace, launch: Launch) -> str:
    """Check a target that the user named: may it be loaded, and does it answer?"""
    refused = refusal(given.host, owned=given.i_own_this_target)
    if refused is not None:
        raise Problem(refused)
    host = normal(given.host)
    if host != given.host.rstrip("/"):
        sys.stderr.write(f"load: --host has no path: /v1 was appended: {host}\n")
    environment = launch.environment
    if credentials.TOKEN not in environment and credentials.TOKEN_COMMAND not in environment:
        raise Problem(
            "--token: missing for a target of your own; give the account's JWT with --token, "
            f"{credentials.TOKEN} or --token-command"
        )
    try:
        if credentials.TOKEN not in environment:
            command = environment[credentials.TOKEN_COMMAND]
            environment[credentials.TOKEN] = credentials.ask(command)
        credentials.usable(environment[credentials.TOKEN], "--token")
        tokens = credentials.from_environment(environment)
        greet(host, tokens, insecure=given.insecure, ca_bundle=given.ca_bundle)
    except (credentials.NoToken, Unusable) as problem:
        raise Problem(str(problem)) from None
    return host


def run(launch: Launch, interrupts: Interrupts) -> int:
    """Run locust, hand signals on to it, and return the mapped exit status.

    Raises:
        InterruptedEarly: a signal came before locust could heed it.
    """
    with tempfile.TemporaryDirectory() as directory:
        status_file, heeding = Path(directory, "status"), Path(directory, "heeding")
        command = [sys.executable, "-m", "locust", *launch.arguments]
        environment = _environment(launch.environment, status_file, heeding)
        status, lines = mapped(interrupts.run(command, environment, heeding), status_file)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return status


def _environment(extra: Mapping[str, str], status_file: Path, heeding: Path) -> dict[str, str]:
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    return {
        **os.environ,
        **extra,
        settings.STATUS_FILE: str(status_file),
        settings.HEEDING_FILE: str(heeding),
        settings.LAUNCHER: str(os.getpid()),
        "PYTHONPATH": path,
    }


def mapped(ended: int, status_file: Path) -> tuple[int, list[str]]:
    """Return the status and the last lines that the run handed over.

    Where it handed over nothing, the status is locust's own in this product's terms.
    """
    try:
        handed = json.loads(status_file.read_text("utf-8"))
        return int(handed["status"]), [str(line) for line in handed["lines"]]
    except (OSError, ValueError, KeyError, TypeError):
        return LOCUST_STATUSES.get(ended, KIT_FAILED), []
