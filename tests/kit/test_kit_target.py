"""Targets: the accounts made of the tokens given, fresh tokens from a command, the own server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from kit_doubles import NOW, TOKEN, jwt_of

from conformance.kit import embedded
from conformance.kit import target as target_module
from conformance.kit.credentials import NotAJwt, claims, expires_at
from conformance.kit.embedded import ServerDidNotStart, reference_server
from conformance.kit.settings import Settings, UsageProblem
from conformance.kit.target import given_target, target_with

SECOND = jwt_of(sub="bob")
MakeSettings = Callable[..., Settings]


def test_each_token_given_is_an_account() -> None:
    target = target_with("http://target.example/v1", TOKEN, SECOND, None, None)

    assert set(target.accounts) == {"first", "second"}
    assert target.accounts["second"].headers == (("Authorization", f"Bearer {SECOND}"),)
    assert target.accounts["second"].shown == (("Authorization", "Bearer $CONTACTS_SECOND_TOKEN"),)
    assert not target.embedded


def test_a_command_prints_the_token(settings_with: MakeSettings) -> None:
    settings = settings_with(token=None, token_command=f"echo; echo ' {TOKEN} '")

    assert given_target(settings).token == TOKEN


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"echo {TOKEN}; exit 3", "the command ended with status 3; run it by hand to see why"),
        ("true", "the command printed no JWT"),
        (f"echo token: {TOKEN}", "the command printed no JWT"),
        (f"echo {TOKEN}; echo {TOKEN}", "the command printed no JWT"),
        ("no-such-command-anywhere", "ended with status 127"),
    ],
)
def test_a_command_that_fails_ends_in_one_line_without_its_output(
    settings_with: MakeSettings, command: str, words: str
) -> None:
    with pytest.raises(UsageProblem, match=r"^--token-command: ") as caught:
        given_target(settings_with(token=None, token_command=command))

    line = str(caught.value)
    assert words in line
    assert TOKEN.split(".")[1] not in line


def test_a_command_that_hangs_is_given_up(
    settings_with: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_module, "COMMAND_TIMEOUT_S", 0.2)

    with pytest.raises(UsageProblem, match="did not end within"):
        given_target(settings_with(token=None, token_command="exec sleep 60"))


@pytest.mark.parametrize(
    ("exp", "expiry"),
    [(NOW, NOW), (NOW + 0.5, NOW + 0.5), (None, None), ("soon", None), (True, None)],
)
def test_the_expiry_is_the_exp_claim(exp: Any, expiry: float | None) -> None:
    assert expires_at(jwt_of(sub="ann", exp=exp)) == expiry


def test_claims_are_read_without_verifying() -> None:
    assert claims(TOKEN)["sub"] == "ann"
    with pytest.raises(NotAJwt, match="1 dot-separated parts instead of 3"):
        claims("opaque")


def test_the_own_server_serves_every_account_and_stops() -> None:
    with reference_server() as target:
        for credential in target.accounts.values():
            answer = httpx.get(f"{target.base_url}/contacts", headers=dict(credential.headers))
            assert answer.status_code == 200
        assert target.embedded
        assert set(target.accounts) == {"first", "second", "restricted"}
        assert target.expired_token is not None
        assert (expires_at(target.expired_token) or 0) < (expires_at(target.token) or 0)

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{target.base_url}/contacts")


def test_a_server_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(ServerDidNotStart, match="ended with status"), reference_server():
        raise AssertionError("never reached")


def test_a_server_that_keeps_silent_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    monkeypatch.setattr(embedded, "START_TIMEOUT_S", 0.2)

    with pytest.raises(ServerDidNotStart, match="kept silent"), reference_server():
        raise AssertionError("never reached")
