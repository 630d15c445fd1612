"""Whole runs of the load side in processes of their own, and servers to aim them at."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from conformance.kit.embedded import SECRET_VARIABLE, minted_target
from conformance.kit.settings import ENVIRONMENT_PREFIX
from conformance.kit.target import Target

ROOT = Path(__file__).resolve().parents[2]
RUN_LIMIT_S = 120
ROOMY = ("--rate-limit", "1000000000")
SECRET = "a-secret-token-of-this-test"
PRODUCTION = "https://api.actuallycare.com/v1"


@dataclass(frozen=True)
class Run:
    """What a user has of one run."""

    status: int
    screen: str
    directory: Path

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.directory / "load.json").read_text("utf-8"))
        return document

    @property
    def page(self) -> str:
        return (self.directory / "load.html").read_text("utf-8")

    def everything(self) -> str:
        """The screen and every file of the report directory as one text."""
        files = [path for path in self.directory.iterdir() if path.is_file()]
        return self.screen + "".join(path.read_text("utf-8") for path in files)


@dataclass(frozen=True)
class Server:
    """A reference server of its own process, and what is asked of it directly."""

    target: Target
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return self.target.base_url

    @property
    def token(self) -> str:
        return self.target.token

    def send(self, signal_number: int) -> None:
        self.process.send_signal(signal_number)

    def contacts(self) -> int:
        """How many contacts the account has, active and archived."""
        return sum(self._total(archived) for archived in ("false", "true"))

    def _total(self, archived: str) -> int:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        headers = {"Authorization": f"Bearer {self.token}"}
        connection.request("GET", f"{parts.path}/contacts?archived={archived}", headers=headers)
        total: int = json.loads(connection.getresponse().read())["data"]["meta"]["total"]
        connection.close()
        return total


class Runs:
    """Starts processes, and ends what is left of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def serve(self, *options: str) -> Server:
        """Start a reference server; without options its limit is out of reach."""
        key = secrets.token_urlsafe(32)
        process = subprocess.Popen(  # noqa: S603 - our own modules
            [
                *(sys.executable, "-m", "fixtures.reference", "--port", "0", "--announce"),
                *("--exit-with-parent", *(options or ROOMY)),
            ],
            env={**os.environ, SECRET_VARIABLE: key},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._stack.callback(_end, process)
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        return Server(minted_target(announced["base_url"], key), process)

    def start(
        self, *options: str, module: str = "load", name: str = "run", **variables: str
    ) -> subprocess.Popen[str]:
        """Start `python -m load` (or another module) in a process group of its own."""
        directory = self.directory / name
        clean = {n: v for n, v in os.environ.items() if not n.startswith(ENVIRONMENT_PREFIX)}
        log = self._stack.enter_context((self.directory / f"{name}.log").open("wb"))
        process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", module, *options, "--report-dir", str(directory)],
            env={**clean, **variables},
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._stack.callback(_end, process)
        return process

    def screen(self, name: str = "run") -> str:
        """What a process has printed by now."""
        return (self.directory / f"{name}.log").read_text("utf-8", "replace")

    def finish(self, process: subprocess.Popen[str], name: str = "run") -> Run:
        """Wait for the end of a process."""
        status = process.wait(RUN_LIMIT_S)
        return Run(status, self.screen(name), self.directory / name)

    def run(self, *options: str, module: str = "load", name: str = "run", **variables: str) -> Run:
        """Start, and wait for the end."""
        return self.finish(self.start(*options, module=module, name=name, **variables), name)

    def headless(self, server: Server, *options: str, name: str = "run") -> Run:
        """Run without a page against a server."""
        given = ("--headless", "--host", server.url, *options)
        return self.run(*given, name=name, CONTACTS_TOKEN=server.token)

    def await_on(self, process: subprocess.Popen[str], wanted: Callable[[], bool]) -> None:
        """Wait for a condition while a process runs."""
        for _ in range(RUN_LIMIT_S * 20):
            if wanted():
                return
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the process ended with {process.returncode}")
        raise AssertionError("the condition never came true")


def _end(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
