"""`python -m conformance.benchmark`: how long the gate takes from near and far.

The embedded reference server stands behind a proxy that holds each answer back for 0, 20 and 100
ms; the gate runs once at each distance with the concurrency that it has by default, and at the
longest distance with others too. Exit status 1 where 100 ms cost more than four times the near
run and 10 s on top, or more than 20 s in all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from conformance.kit.embedded import reference_server
from conformance.kit.target import Target

ROOT = Path(__file__).resolve().parents[1]
DISTANCES_MS = (0, 20, 100)
CONCURRENCIES = (1, 4, 16)
DEFAULT = 8
FACTOR, EXTRA_S, MOST_S = 4.0, 10.0, 20.0
ROOMY = ("--rate-limit", "1000000000")
BLOCK = 65_536


class Row(NamedTuple):
    """One run: ms of delay, requests in flight at most, seconds, requests, exit status."""

    delay_ms: int
    concurrency: int
    seconds: float
    requests: int
    status: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    options = argparse.ArgumentParser(prog="python -m conformance.benchmark")
    options.add_argument("--seed", default="1", help="the same data in every run")
    seed = options.parse_args(arguments).seed
    _say("delay  in flight  seconds  requests  exit")
    rows = [_measured(delay, DEFAULT, seed) for delay in DISTANCES_MS]
    for concurrency in CONCURRENCIES:
        _measured(DISTANCES_MS[-1], concurrency, seed)
    near, far = rows[0].seconds, rows[-1].seconds
    bound = min(FACTOR * near + EXTRA_S, MOST_S)
    _say(f"{DISTANCES_MS[-1]} ms away the gate takes {far / near:.1f} times as long; ", end="")
    _say(f"{far:.1f} s of {bound:.1f} s allowed")
    return 0 if far <= bound and not any(row.status for row in rows) else 1


def _measured(delay_ms: int, concurrency: int, seed: str) -> Row:
    with reference_server(*ROOMY) as target, delayed(target.base_url, delay_ms / 1000) as url:
        row = _run(target, url, Row(delay_ms, concurrency, 0.0, 0, 0), seed)
    shown = f"{row.delay_ms:3} ms  {row.concurrency:9}  {row.seconds:7.1f}  {row.requests:8}"
    _say(f"{shown}  {row.status:4}")
    return row


def _run(target: Target, url: str, row: Row, seed: str) -> Row:
    """Run the gate in a process of its own and return the row with what it took."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pytest", "conformance", "-q", "--base-url", url]
        command += ["--seed", seed, "--concurrency", str(row.concurrency)]
        done = subprocess.run(  # noqa: S603 - the gate itself
            [*command, "--report-dir", directory],
            cwd=ROOT,
            env={**os.environ, "CONTACTS_TOKEN": target.token},
            capture_output=True,
            check=False,
            timeout=600,
        )
        document = json.loads(Path(directory, "conformance.json").read_text("utf-8"))
    seconds, requests = float(document["duration_s"]), int(document["requests"]["total"])
    return row._replace(seconds=seconds, requests=requests, status=done.returncode)


@contextmanager
def delayed(base_url: str, delay_s: float) -> Iterator[str]:
    """Serve a URL on another port of loopback, each piece of an answer held back by `delay_s`."""
    parts, started = urlsplit(base_url), threading.Event()
    loop, ports = asyncio.new_event_loop(), list[int]()

    async def serve() -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection(parts.hostname, parts.port)
            await asyncio.gather(_pass(reader, far_writer, 0.0), _pass(far_reader, writer, delay_s))

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        started.set()
        await server.serve_forever()

    def work() -> None:
        with suppress(RuntimeError, asyncio.CancelledError):
            loop.run_until_complete(serve())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    started.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}{parts.path}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Hand pieces on, each `delay_s` after it came: those that come together leave together."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        while data := await reader.read(BLOCK):
            loop.call_later(delay_s, writer.write, data)
    loop.call_later(delay_s, writer.close)


def _say(line: str, end: str = "\n") -> None:
    sys.stdout.write(line + end)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
