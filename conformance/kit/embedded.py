"""The embedded reference server: the one place of the kit that knows of it.

It runs as a child process on a free loopback port, with a signing key made for this run and
handed over in the environment. It ends when this process does.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.kit.target import Target, target_with

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
EXPIRED_S = 300
"""Long enough for no clock skew to save the token, short enough for a careless leeway to."""
SECRET_VARIABLE = "CONTACTS_REFERENCE_SECRET"  # noqa: S105 - the name of a variable
ROOT = Path(__file__).resolve().parents[2]


class ServerDidNotStart(Exception):
    """The embedded server ended or kept silent instead of announcing its address."""


@contextmanager
def reference_server(*options: str) -> Iterator[Target]:
    """Start the reference server, yield it as a target with all its tokens, and stop it.

    Raises:
        ServerDidNotStart: it did not announce its address in time.

    """
    key = secrets.token_urlsafe(32)
    command = [sys.executable, "-m", "fixtures.reference", "--port", "0", "--announce"]
    process = subprocess.Popen(  # noqa: S603 - our own module
        [*command, "--exit-with-parent", *options],
        env={**os.environ, SECRET_VARIABLE: key},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is ours to handle: the server must outlive the cleaning up.
    )
    try:
        yield minted_target(_announced(process), key)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def minted_target(base_url: str, key: str) -> Target:
    """Return the target at a URL whose reference server signs with this key."""
    from fixtures.reference.tokens import mint  # noqa: PLC0415 - only where it is embedded

    return target_with(
        base_url,
        mint(key, subject="ann", account="acme"),
        mint(key, subject="bob", account="bolt"),
        mint(key, subject="vic", account="acme", role="viewer"),
        mint(key, subject="ann", account="acme", ttl_s=-EXPIRED_S),
        embedded=True,
    )


def _announced(process: subprocess.Popen[bytes]) -> str:
    if process.stdout is None:
        raise ServerDidNotStart("no pipe to the embedded server")
    deadline = time.monotonic() + START_TIMEOUT_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            raise ServerDidNotStart(f"the embedded server kept silent for {START_TIMEOUT_S:.0f} s")
    line = process.stdout.readline()
    try:
        return str(json.loads(line)["base_url"])
    except (ValueError, KeyError):
        status = process.poll()
        raise ServerDidNotStart(f"the embedded server ended with status {status}") from None
