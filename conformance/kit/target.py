"""The target: where it is, and the credentials it is spoken to with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from conformance.kit.credentials import SECOND_VARIABLE, Credential, NotAJwt, bearer, claims
from conformance.kit.settings import Settings, UsageProblem

COMMAND_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Target:
    """One implementation under test; accounts by label: first, second, restricted."""

    base_url: str
    token: str = field(repr=False)
    accounts: Mapping[str, Credential]
    expired_token: str | None = field(default=None, repr=False)
    embedded: bool = False

    def secrets(self) -> list[str]:
        """Return every credential that no report may show."""
        values = [value for c in self.accounts.values() for _, value in c.headers]
        bare = [value.rpartition(" ")[2] for value in values]
        return [*bare, *([self.expired_token] if self.expired_token else [])]

    def with_token(self, token: str) -> Target:
        """Return the same target, its first account speaking with another token."""
        return replace(self, token=token, accounts={**self.accounts, "first": bearer(token)})


def given_target(settings: Settings) -> Target:
    """Return the target that the user named.

    Raises:
        UsageProblem: the token command fails, or prints no JWT.

    """
    token = settings.token or ask(settings.token_command or "")
    return target_with(
        settings.base_url or "",
        token,
        settings.second_token,
        settings.restricted_token,
        settings.expired_token,
    )


def target_with(
    base_url: str,
    token: str,
    second: str | None,
    restricted: str | None,
    expired: str | None,
    *,
    embedded: bool = False,
) -> Target:
    """Return a target whose accounts are the tokens given."""
    accounts = {"first": bearer(token)}
    if second:
        accounts["second"] = bearer(second, SECOND_VARIABLE, "the second token")
    if restricted:
        variable = "$CONTACTS_RESTRICTED_TOKEN"
        accounts["restricted"] = bearer(restricted, variable, "the restricted token")
    return Target(base_url, token, accounts, expired, embedded)


def source_of(settings: Settings, target: Target) -> Callable[[], str] | None:
    """Return what asks the user's command for a fresh token; None where there is none to ask."""
    if settings.token_command is None or target.embedded:
        return None
    return partial(ask, settings.token_command)


def ask(command: str) -> str:
    """Return the JWT that the user's token command prints.

    Raises:
        UsageProblem: it fails, takes too long, or prints no JWT; the text shows none of its output.

    """
    try:
        # The command is the user's own configuration, run as a shell runs it.
        done = subprocess.run(  # noqa: S602
            command,
            shell=True,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        remedy = f"the command did not end within {COMMAND_TIMEOUT_S:.0f} s"
        raise UsageProblem("--token-command", None, remedy) from None
    except (OSError, ValueError) as problem:
        remedy = f"the command cannot be run: {type(problem).__name__}"
        raise UsageProblem("--token-command", None, remedy) from None
    if done.returncode != 0:
        remedy = f"the command ended with status {done.returncode}; run it by hand to see why"
        raise UsageProblem("--token-command", None, remedy)
    token = done.stdout.strip()
    try:
        claims(token)
    except NotAJwt as problem:
        remedy = f"the command printed no JWT ({problem}); print the bare token only"
        raise UsageProblem("--token-command", None, remedy) from None
    return token
