"""`python -m load.benchmark`: what the checks of `AddressBook` cost, as ratios of one session.

Three generators take turns on one target that is faster than all of them: `AddressBook` with all
its checks, a bare FastHttpUser that checks nothing, and an HttpUser with the same checks. What is
compared are medians of requests per second. Exit status 1 where a ratio is below its bound.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OWN, BARE, REQUESTS = "AddressBook", "Bare", "Requests"
FILES = {OWN: "locustfile.py", BARE: "bench_users.py", REQUESTS: "bench_users.py"}
BOUNDS = {BARE: 0.85, REQUESTS: 2.0}
"""How fast `AddressBook` is at least, as a multiple of the others."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    options = argparse.ArgumentParser(prog="python -m load.benchmark")
    options.add_argument("--rounds", type=int, default=5, help="turns of each generator")
    options.add_argument("--seconds", type=int, default=5, help="length of a turn")
    options.add_argument("--users", type=int, default=20)
    given = options.parse_args(arguments)
    rates: dict[str, list[float]] = {name: [] for name in FILES}
    for number in range(given.rounds):
        # The order turns round too, so that a slow minute does not hit the same one each time.
        names = list(FILES)[number % 3 :] + list(FILES)[: number % 3]
        for name in names:
            with target() as url:
                rates[name].append(rate(name, url, given.seconds, given.users))
        shown = ", ".join(f"{name} {rates[name][-1]:,.0f}/s" for name in FILES)
        say(f"round {number + 1} of {given.rounds}: {shown}")
    return conclude(rates)


def conclude(rates: dict[str, list[float]]) -> int:
    """Print medians and ratios; return 1 where a bound is not kept."""
    medians = {name: statistics.median(values) for name, values in rates.items()}
    kept = True
    for name, bound in BOUNDS.items():
        ratio = medians[OWN] / medians[name]
        kept = kept and ratio >= bound
        say(f"{OWN} sends {ratio:.2f} times as many requests a second as {name} (bound {bound})")
    return 0 if kept else 1


@contextmanager
def target() -> Iterator[str]:
    """Start a target for one turn and yield its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "load.bench_target"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.terminate()


def rate(name: str, url: str, seconds: int, users: int) -> float:
    """Return the requests per second of one turn, as locust counted them."""
    with tempfile.TemporaryDirectory() as directory:
        prefix = Path(directory, "stats")
        command = [sys.executable, "-m", "locust", "-f", f"load/{FILES[name]}", name]
        command += ["--headless", "--host", url, "--users", str(users), "--spawn-rate", str(users)]
        command += ["--run-time", f"{seconds}s", "--only-summary", "--json-file", str(prefix)]
        own = ["--think-time", "0", "--stock", "20", "--report-dir", directory]
        # A generator at its limit calls its run invalid, with a status of its own.
        done = subprocess.run(  # noqa: S603 - locust, on our own files
            [*command, *(own if name == OWN else ())],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "CONTACTS_TOKEN": "a.b.c"},
            capture_output=True,
            check=False,
            timeout=seconds + 120,
        )
        written = next(Path(directory).glob("stats*"), None)
        if written is None:
            raise SystemExit(f"{name}: locust ended with {done.returncode}, measuring nothing")
        rows: list[dict[str, Any]] = json.loads(written.read_text("utf-8"))
    asked = [row for row in rows if row["name"] != "create"]
    failures = sum(row["num_failures"] for row in asked)
    if failures:
        raise SystemExit(f"{name}: {failures} answers were wrong: nothing to compare")
    began = min(row["start_time"] for row in asked)
    ended = max(row["last_request_timestamp"] for row in asked)
    return sum(int(row["num_requests"]) for row in asked) / float(ended - began)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
