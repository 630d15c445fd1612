"""The gate in a process of its own, as a user runs it, and a reference server to watch."""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Message, Receive, Scope, Send

from conformance.kit.embedded import minted_target
from conformance.kit.settings import ENVIRONMENT_PREFIX
from conformance.kit.target import Target
from fixtures.factories import ContactFactory
from fixtures.reference import serving
from fixtures.reference.app import create_app
from fixtures.reference.config import Config
from fixtures.reference.limiter import Decision, Limiter

ROOT = Path(__file__).resolve().parents[2]
RUN_LIMIT_S = 120
FILES = {
    "conformance.json",
    "junit.xml",
    "report.html",
    "summary.md",
    "ctrf.json",
    "ledger.jsonl",
}
"""What every run leaves in its report directory."""
Twist = Callable[[dict[str, str], dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class GateRun:
    """What a user has of one run: the exit status, the screen, the report directory."""

    status: int
    screen: str
    directory: Path

    @property
    def document(self) -> dict[str, Any]:
        """The results document."""
        document: dict[str, Any] = json.loads((self.directory / "conformance.json").read_text())
        return document

    @property
    def clauses(self) -> dict[str, dict[str, Any]]:
        """The clauses of the document by id."""
        return {clause["id"]: clause for clause in self.document["clauses"]}

    def everything(self) -> str:
        """The screen and every file of the report directory as one text."""
        return self.screen + "".join(p.read_text("utf-8") for p in self.directory.iterdir())


class Gate:
    """Runs `python -m pytest conformance` in a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def start(self, *options: str, **variables: str) -> subprocess.Popen[str]:
        return self._start("pytest", "conformance", *options, **variables)

    def sweep(self, *options: str, **variables: str) -> GateRun:
        """Run `python -m conformance.sweep` on the same report directory."""
        return self.finish(self._start("conformance.sweep", *options, **variables))

    def _start(self, module: str, *options: str, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", module, *options]
        # Without bytecode each process would rewrite every assertion anew.
        usual = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.Popen(  # noqa: S603 - our own modules
            [*command, "--report-dir", str(self.directory)],
            cwd=ROOT,
            env={**usual, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> GateRun:
        try:
            screen, _ = process.communicate(timeout=RUN_LIMIT_S)
        finally:
            process.kill()
        return GateRun(process.returncode, screen, self.directory)

    def run(self, *options: str, **variables: str) -> GateRun:
        return self.finish(self.start(*options, **variables))


class PausingLimiter:
    """Lets `limit` requests through, then none for a second from the first that it refuses.

    Unlike a window of time it refuses on a slow machine, too.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self.closed_until: float | None = None

    def hit(self, _key: str, now: float) -> Decision:
        if self.closed_until is not None and now >= self.closed_until:
            self.count, self.closed_until = 0, None
        if self.count < self.limit:
            self.count += 1
            return Decision(True, self.limit, self.limit - self.count, 1, None)
        self.closed_until = self.closed_until or now + 1
        return Decision(False, self.limit, 0, 1, 1)


class Served:
    """A reference server on a socket.

    `on_request` is told of each request before it is served; `twist` makes another body of the
    request's headers and the body of the answer.
    """

    def __init__(self, limiter: Limiter | None = None) -> None:
        key = self.key = secrets.token_urlsafe(32)
        self.app: Any = create_app(Config(key, rate_limit=10**9), limiter=limiter)
        self.store = self.app.state.application.contacts.store
        self.on_request: Callable[[str, str], None] = lambda _method, _path: None
        self.twist: Twist | None = None
        self.listener = serving.listen("127.0.0.1", 0)
        self.target: Target = minted_target(serving.base_url(self.listener, "/v1"), key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.on_request(scope["method"], scope["path"])
        if self.twist is None:
            await self.app(scope, receive, send)
            return
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self.app(scope, receive, keep)
        sent = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        body = json.dumps(self.twist(sent, json.loads(answer[1]["body"]))).encode()
        kept = [(n, v) for n, v in answer[0]["headers"] if n != b"content-length"]
        await send({**answer[0], "headers": [*kept, (b"content-length", b"%d" % len(body))]})
        await send({**answer[1], "body": body})

    def options(self) -> dict[str, str]:
        """The environment variables with which the gate finds its way here."""
        values = {
            "BASE_URL": self.target.base_url,
            "TOKEN": self.target.token,
            "EXPIRED_TOKEN": self.target.expired_token or "",
        }
        for name in ("second", "restricted"):
            ((_, header),) = self.target.accounts[name].headers
            values[f"{name.upper()}_TOKEN"] = header.removeprefix("Bearer ")
        return {ENVIRONMENT_PREFIX + name: value for name, value in values.items()}

    def fill(self, count: int) -> None:
        """Give the first account contacts, as if it were an old one."""
        contacts = self.app.state.application.contacts
        factory = ContactFactory(random.Random(1), random.Random(2))  # noqa: S311 - test data
        for _ in range(count):
            self.store.insert("acme", contacts.new_record(factory.named()))

    def remaining(self) -> int:
        """How many contacts there are, in all accounts and lists."""
        rows = self.store.connection.execute(
            "SELECT count(*) FROM contacts WHERE deleted_at IS NULL"
        )
        return int(rows.fetchone()[0])


@contextmanager
def in_a_thread(served: Served) -> Iterator[Served]:
    """Serve on an event loop in a thread of its own."""
    config = serving.server_config(served.app)
    config.app = served
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([served.listener])))
    thread.start()
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join()
        served.app.state.application.close()
