"""Credentials of the load side: read from the environment, renewed while a run lasts, never shown."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from conformance.kit.credentials import NotAJwt, expires_at
from conformance.kit.exchange import Redactor

TOKEN, SECOND_TOKEN = "CONTACTS_TOKEN", "CONTACTS_SECOND_TOKEN"
TOKEN_COMMAND = "CONTACTS_TOKEN_COMMAND"  # noqa: S105 - likewise
HEADERS = "CONTACTS_LOAD_HEADERS"
"""Extra headers, one a line, as the launcher hands them on."""
GIVEN_HEADERS = "CONTACTS_HEADER"
HEADER = re.compile(r"[\x21-\x39\x3b-\x7e]+:[\t\x20-\x7e]*")
RENEW_BEFORE_S = 30.0
COMMAND_TIMEOUT_S = 60.0


class NoToken(Exception):
    """The token command failed or printed nothing; the text says which, without its output."""


class BadHeader(Exception):
    """An extra header that is none; the text does not show it."""


@dataclass
class Tokens:
    """The Authorization header of the account under test, and how it is renewed."""

    token: str = field(repr=False)
    command: str | None = field(default=None, repr=False)
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    bodied: dict[str, str] = field(default_factory=dict, repr=False)
    used: tuple[str, ...] = field(default=(), repr=False)
    """Every token of the run, the one in use last."""
    redact: Redactor = field(default_factory=Redactor, repr=False)
    """Hides those tokens, and the values of the extra headers."""

    def __post_init__(self) -> None:
        """Compose the headers."""
        for value in self.extra.values():
            self.redact.add(value)
            self.redact.add(value.rpartition(" ")[2])
        self._use(self.token)

    def _use(self, token: str) -> None:
        self.token = token
        self.used = (*self.used, token)
        self.redact.add(token)
        common = {"Authorization": f"Bearer {token}", "Accept": "application/json", **self.extra}
        self.headers = common
        self.bodied = {**common, "Content-Type": "application/json"}

    def renew_in(self, now: float | None = None) -> float | None:
        """Return the seconds until the token has to be renewed; None where it never is."""
        if self.command is not None and not self.token:
            return 0.0
        expiry = _expires_at(self.token)
        if self.command is None or expiry is None:
            return None
        return max(0.0, expiry - RENEW_BEFORE_S - (time.time() if now is None else now))

    def renew(self) -> None:
        """Ask the token command for a fresh token.

        Raises:
            NoToken: it gave none.
        """
        if self.command is not None:
            self._use(ask(self.command))


def from_environment(environment: Mapping[str, str] | None = None) -> Tokens:
    """Return the tokens that the launcher handed over; an empty one where there is none."""
    source = os.environ if environment is None else environment
    extra = dict(_header(text) for text in source.get(HEADERS, "").split("\n") if ":" in text)
    return Tokens(source.get(TOKEN, ""), source.get(TOKEN_COMMAND) or None, extra)


def header_lines(given: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the extra headers, one a line: those given, else those of the variable.

    The variable holds one a line, or several between commas; a session of nox hands options on
    in it, a line each.

    Raises:
        BadHeader: one is no header.
    """
    listed = environment.get(GIVEN_HEADERS, "")
    parts = given or listed.split("\n" if "\n" in listed else ",")
    lines = [line for part in parts if (line := part.strip())]
    if not all(HEADER.fullmatch(line) for line in lines):
        raise BadHeader("--header: write it as 'Name: value'")
    return "\n".join(lines)


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


def ask(command: str) -> str:
    """Return what the token command prints; the shell reads the command line, as its user wrote it.

    Raises:
        NoToken: it failed, took too long, or printed nothing.
    """
    try:
        done = subprocess.run(  # noqa: S602 - the user's own command line, as the option says
            command,
            shell=True,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        limit = f"{COMMAND_TIMEOUT_S:.0f} s"
        raise NoToken(f"--token-command did not end within {limit}") from None
    except (OSError, ValueError) as problem:
        raise NoToken(f"--token-command cannot be run: {problem}") from None
    token = done.stdout.strip()
    if done.returncode != 0 or not token:
        raise NoToken(f"--token-command ended with status {done.returncode}, printing no token")
    return usable(token, "--token-command")


def usable(token: str, option: str) -> str:
    """Return a token that a header can carry.

    Raises:
        NoToken: it cannot; the text names the option and not the token.
    """
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise NoToken(f"{option}: holds a character that no header takes; give the bare JWT")
    return token


def _expires_at(token: str) -> float | None:
    try:
        return expires_at(token)
    except NotAJwt:
        return None
