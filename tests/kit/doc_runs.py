"""The commands of the guides, run as a reader runs them: in a shell, in a copy of the checkout.

What would fetch something, or is the reader's own, has a stand-in on the path. Example addresses
become those of a server on loopback, and long commands are made short with options of their own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kit.documents import PAGES, Piece, blocks, commands
from kit.gate_runs import Served
from kit.source_tree import ROOT

from conformance.kit.embedded import SECRET_VARIABLE
from conformance.kit.settings import ENVIRONMENT_PREFIX

LIMIT_S = 120
FEW = "GET-0[1-3]"
"""The clauses that a command is narrowed to unless it says which."""
STAGING, LOCAL, NEIGHBOUR = "https://staging.example.com/v1", "127.0.0.1:3001", "127.0.0.1:3002"
SHORTER = (
    ("conformance", "deep", ("--examples", "2")),
    ("load", "--headless", ("--run-time", "1s", "--arrival-rate", "20", "--stock", "10")),
    ("ratelimit", "", ("--rate-limit", "30", "--rate-window", "2")),
    ("benchmark", "", ("--help",)),
)
"""Sessions, a word of theirs, and what shortens them: the last one of two equal options counts."""
NPM = """
case "$*" in
start)
    cd "$STAND_IN_ROOT"
    exec python -m fixtures.reference --port "$STAND_IN_PORT" --rate-limit 1000000000 --quiet ;;
"run --silent token")
    echo "$STAND_IN_TOKEN" ;;
*)
    exit 9 ;;
esac
"""
STAND_INS: Mapping[str, tuple[str, str]] = {
    "nox": (
        'exec "$STAND_IN_PYTHON" "$STAND_IN_NOX" "$@"',
        "it would install what is here already",
    ),
    "python": ('exec "$STAND_IN_PYTHON" "$@"', "the name of the interpreter of the self-tests"),
    "pip": (
        'test "$*" = "install nox"',
        "it would fetch nox, and nothing else is installed by hand",
    ),
    "pipx": ('test "$1" = run && shift && exec "$@"', "it would fetch nox, then do what nox does"),
    "uvx": ('exec "$@"', "it would fetch nox, then do what nox does"),
    "git": ('test "$1" = clone && ln -sfn . "${2##*/}"', "the address in the README is a stand-in"),
    "npm": (NPM, "it is the reader's own server"),
}
"""Programs that a test cannot run as they are: a stand-in for each, and the reason."""
NOT_RUN: Mapping[str, str] = {
    "nox -s tests": "it is what runs this test",
    "pip install nox && nox -s tests": "it is what runs this test",
    "nox -s tests_load": "it is a part of what runs this test",
    "pipx run nox -s conformance": "what it does once it has fetched nox is run by itself",
    "uvx nox -s conformance": "what it does once it has fetched nox is run by itself",
    "nox -s lint": "its tools are not in the environment of the self-tests",
    "nox -s schemathesis": "its tool is not in the environment of the self-tests",
    "nox -s mutants": "it takes many minutes; with --only it is run",
    "python -m pip install jinja2 pygal": "the self-tests have it, and install nothing",
}
"""Commands that are looked at and not run, each with the reason; their sessions have to exist."""
IGNORED = shutil.ignore_patterns(".git", ".nox", ".venv", "out", ".*_cache", ".hypothesis")


@dataclass(frozen=True)
class Done:
    """What came of one piece: the script that was run, its status, and the screen."""

    script: str
    status: int
    screen: str


def pieces() -> list[Piece]:
    """Every block for a shell and every command of all pages, each once, in order."""
    lines = {line for page in PAGES for block in blocks(page, "sh") for line in _lines(block)}
    found: dict[str, Piece] = {}
    for page in PAGES:
        alone = [command for command in commands(page) if normal(command.text) not in lines]
        for piece in sorted([*blocks(page, "sh"), *alone], key=lambda piece: piece.line):
            found.setdefault(normal(piece.text), piece)
    return list(found.values())


def _lines(block: Piece) -> list[str]:
    return normal(block.text).replace("\\\n", " ").splitlines()


def belongs_to_the_load_side(piece: Piece) -> bool:
    """Whether a command needs what only the environment of the load side has."""
    return re.search(r"nox -s (?:(?:load|ratelimit)\b|benchmark -- load)", piece.text) is not None


def normal(text: str) -> str:
    """A command with its dots filled in and without what a comment adds."""
    text = re.sub(r"(--(?:base-url|host)) …", rf"\1 http://{LOCAL}/v1", text)
    return re.sub(r"\s+#.*$", "", text, flags=re.MULTILINE).strip()


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Copy:
    """A copy of the checkout with a shell in it; a page's commands build on each other there."""

    def __init__(self, directory: Path, served: Served) -> None:
        self.served = served
        self.port, self.master_port = free_port(), free_port()
        self.bin, self.tree = directory / "bin", directory / "contacts-conformance"
        shutil.copytree(ROOT, self.tree, ignore=IGNORED)
        (directory / "my-api").mkdir()
        self.bin.mkdir()
        for name, (script, _) in STAND_INS.items():
            (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
            (self.bin / name).chmod(0o755)

    def lay_out(self, page: Path) -> None:
        """Write the files that the page shows under the names by which its commands know them."""
        for block in blocks(page, "toml"):
            (self.tree / "known-failures.toml").write_text(block.text)

    def run(self, piece: Piece, *, dry: bool = False) -> Done:
        """Run a block or a command to its end."""
        process = self.start(piece, **({"STAND_IN_DRY": "1"} if dry else {}))
        try:
            screen, _ = process.communicate(timeout=LIMIT_S)
        finally:
            stop(process)
        return Done(self.script(piece), process.returncode, screen)

    def start(self, piece: Piece, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - the commands of our own pages
            ["/bin/bash", "-e", "-o", "pipefail", "-c", self.script(piece)],
            cwd=self.tree,
            env={**self._environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def script(self, piece: Piece) -> str:
        """The piece with this copy's addresses; a variable to fill in has to be set already."""
        text = re.sub(r"(?m)^export (\w+)=….*$", r'test -n "$\1"', normal(piece.text))
        base_url = self.served.target.base_url
        if "--start-command" in text:
            text = text.replace(LOCAL, f"127.0.0.1:{self.port}")
        for example in (STAGING, f"http://{LOCAL}/v1", f"http://{NEIGHBOUR}/v1"):
            text = text.replace(example, base_url)
        text = text.replace("--port 8000", f"--port {self.port}").replace("10.0.0.1", "127.0.0.1")
        assert not re.search(r"…|example\.com|:300\d", text), (
            f"{piece.place}: not to be run: {text}"
        )
        return text

    def _ports(self) -> list[tuple[str, str, tuple[str, str]]]:
        """What moves the load side to ports that nobody else listens on, in the form of SHORTER."""
        return [
            ("load", "", ("--web-port", str(self.port))),
            ("load", "--master", ("--master-bind-port", str(self.master_port))),
            ("load", "--worker", ("--master-port", str(self.master_port))),
        ]

    def _environment(self) -> dict[str, str]:
        usual = {n: v for n, v in os.environ.items() if not n.startswith(ENVIRONMENT_PREFIX)}
        given = {n: v for n, v in self.served.options().items() if not n.endswith("BASE_URL")}
        return {
            **{n: v for n, v in usual.items() if n != "PYTHONDONTWRITEBYTECODE"},
            **given,
            ENVIRONMENT_PREFIX + "CLAUSE": FEW,
            SECRET_VARIABLE: self.served.key,
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "STAND_IN_NOX": str(ROOT / "tests" / "kit" / "stand_in_nox.py"),
            "STAND_IN_PYTHON": sys.executable,
            "STAND_IN_PORT": str(self.port),
            "STAND_IN_ROOT": str(ROOT),
            "STAND_IN_SHORTER": json.dumps([*SHORTER, *self._ports()]),
            "STAND_IN_TOKEN": self.served.target.token,
        }


@contextmanager
def until(process: subprocess.Popen[str], seen: Callable[[str], bool]) -> Iterator[str]:
    """Read a process's screen until it shows something, yield that, and interrupt the process."""
    assert process.stdout is not None
    try:
        shown = ""
        for line in process.stdout:
            shown += line
            if seen(line):
                break
        yield shown
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=LIMIT_S)
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """End what is left of a process of ours."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    # What a killed process started may hold the other end of the pipe: nobody reads to its end.
    if process.stdout is not None:
        process.stdout.close()


def page_of(process: subprocess.Popen[str], url: str) -> int:
    """The status of a page, asked for until somebody listens there or the process has ended."""
    for _ in range(LIMIT_S * 20):
        try:
            with urllib.request.urlopen(url, timeout=LIMIT_S) as page:  # noqa: S310 - loopback
                return int(page.status)
        except urllib.error.URLError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                break
    raise AssertionError(f"nobody listens at {url}")
