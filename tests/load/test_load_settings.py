"""Options, targets and credentials: what may be loaded, and with what."""

from __future__ import annotations

import argparse
import time
from typing import Any

import pytest
from load_runs import PRODUCTION, SECRET

from conformance.kit.hosts import is_loopback
from fixtures.reference.tokens import mint
from load import credentials
from load.credentials import NoToken, Tokens, ask, from_environment
from load.loopback import ALLOW_PRODUCTION, normal, on_loopback, refusal
from load.options import OPTIONS, Options, add_to, from_namespace, problem_with


class LocustParser(argparse.ArgumentParser):
    """Takes what locust's parser takes beside argparse's own keywords."""

    def add_argument(self, *flags: str, **keywords: Any) -> argparse.Action:
        for name in ("env_var", "include_in_web_ui"):
            keywords.pop(name, None)
        return super().add_argument(*flags, **keywords)


def parsed(*arguments: str) -> Options:
    locusts = LocustParser()
    add_to(locusts)
    return from_namespace(locusts.parse_args(arguments))


# --- options -----------------------------------------------------------------------------------


def test_options_have_the_defaults_of_the_table() -> None:
    options = parsed()

    for option in OPTIONS:
        if option.name != "seed":
            assert getattr(options, option.name) == option.default, option.flag


def test_a_seed_that_is_not_given_is_left_to_the_run() -> None:
    assert parsed("--seed", "7").seed == 7
    assert parsed().seed == 0


def test_objectives_can_be_repeated() -> None:
    options = parsed("--objective", "p95 < 1s", "--objective", "errors < 1%")

    assert [o.what for o in options.objectives()] == ["p95", "errors"]


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--arrival-rate", "nan"),
        ("--arrival-rate", "inf"),
        ("--arrival-rate", "-1"),
        ("--validate-every", "-1"),
        ("--validate-every", "1.5"),
        ("--shape", "bogus"),
        ("--arrivals", "bursty"),
        ("--request-timeout", "soon"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(flag: str, value: str) -> None:
    with pytest.raises(SystemExit):
        parsed(f"{flag}={value}")


def test_credentials_are_no_options_of_locust() -> None:
    assert not any("token" in option.name or "header" in option.name for option in OPTIONS)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (Options(objective=("p95",)), "--objective"),
        (Options(shape="step"), "--arrival-rate"),
        (Options(shape="step", arrival_rate=5.0), "--objective"),
    ],
)
def test_options_that_do_not_fit_together_are_named(options: Options, named: str) -> None:
    problem = problem_with(options)

    assert problem is not None
    assert named in problem
    assert len(problem.splitlines()) == 1


def test_options_that_fit_together_are_no_problem() -> None:
    step = Options(shape="step", arrival_rate=5.0, objective=("p95 < 1s",))

    assert problem_with(Options()) is None
    assert problem_with(step) is None


# --- targets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "[::1]", "LOCALHOST", "a.localhost."])
def test_loopback_is_recognized(host: str) -> None:
    assert is_loopback(host)
    assert on_loopback(f"http://{host}:8000/v1")
    assert refusal(f"http://{host}:8000/v1", owned=False) is None


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "192.168.1.1",
        "0.0.0.0",  # noqa: S104 - an address that is refused
        "128.0.0.1",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "notlocalhost",
        "[2001:db8::1]",
        "2130706433",
        "127.1",
    ],
)
def test_anything_else_is_refused_unless_owned(host: str) -> None:
    refused = refusal(f"http://{host}/v1", owned=False)

    assert refused is not None
    assert host in refused
    assert "--i-own-this-target" in refused
    assert refusal(f"http://{host}/v1", owned=True) is None


@pytest.mark.parametrize(
    "url",
    [PRODUCTION, "http://API.ActuallyCare.com/v1", "https://api.actuallycare.com.:443/v1"],
)
def test_production_is_refused_even_where_owned(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = refusal(url, owned=True)
    monkeypatch.setenv(ALLOW_PRODUCTION, "1")

    assert "production" in str(refused)
    assert refusal(url, owned=True) is None
    assert refusal(url, owned=False) is not None


@pytest.mark.parametrize(
    "url",
    ["", "nope", "ftp://127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:99999", "//host"],
)
def test_what_is_no_url_is_refused_with_an_example(url: str) -> None:
    refused = refusal(url, owned=True)

    assert "such as http://" in str(refused)


@pytest.mark.parametrize(
    "url",
    [
        f"http://ann:{SECRET}@127.0.0.1/v1",
        f"http://{SECRET}@127.0.0.1/v1",
        f"http://127.0.0.1/v1?token={SECRET}",
        f"http://127.0.0.1/v1#{SECRET}",
        f"ftp://ann:{SECRET}@127.0.0.1/",
        f"http://ann:{SECRET}@127.0.0.1:99999/",
    ],
)
def test_a_credential_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    refused = refusal(url, owned=True)

    assert refused is not None
    assert SECRET not in refused


@pytest.mark.parametrize("url", ["http://127.0.0.1@example.com/", "http://example.com\\@127.0.0.1"])
def test_a_url_that_looks_like_loopback_is_not(url: str) -> None:
    assert refusal(url, owned=False) is not None


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1/api/v2/", "http://127.0.0.1/api/v2"),
        ("https://[::1]/v1", "https://[::1]/v1"),
    ],
)
def test_a_base_url_without_a_path_gets_v1(url: str, base: str) -> None:
    assert normal(url) == base


# --- credentials -------------------------------------------------------------------------------


def test_headers_carry_the_token_and_what_was_added() -> None:
    environment = {credentials.TOKEN: SECRET, credentials.HEADERS: "X-One: a: b\nX-Two:c"}

    tokens = from_environment(environment)

    assert tokens.headers["Authorization"] == f"Bearer {SECRET}"
    assert (tokens.headers["X-One"], tokens.headers["X-Two"]) == ("a: b", "c")
    assert tokens.bodied["Content-Type"] == "application/json"


def test_a_token_is_not_in_the_repr() -> None:
    assert SECRET not in repr(Tokens(SECRET))


@pytest.mark.parametrize(
    ("ttl", "command", "wait"),
    [(600, "true", 570.0), (10, "true", 0.0), (-5, "true", 0.0), (600, None, None)],
)
def test_a_token_is_renewed_before_it_runs_out(
    ttl: int, command: str | None, wait: float | None
) -> None:
    tokens = Tokens(mint("k" * 32, subject="ann", account="acme", ttl_s=ttl), command)

    found = tokens.renew_in(time.time())

    assert found == (None if wait is None else pytest.approx(wait, abs=2.0))


def test_a_token_that_is_no_jwt_is_never_renewed() -> None:
    assert Tokens(SECRET, "true").renew_in() is None


def test_a_renewed_token_is_used_at_once() -> None:
    tokens = Tokens(SECRET, "echo fresh")

    tokens.renew()

    assert tokens.headers["Authorization"] == "Bearer fresh"
    assert tokens.bodied["Authorization"] == "Bearer fresh"


@pytest.mark.parametrize(
    "command",
    ["true", f"echo {SECRET}; exit 3", "no-such-command-at-all", "printf '\\377'", "\x00"],
)
def test_a_token_command_that_gives_none_is_said_without_its_output(command: str) -> None:
    with pytest.raises(NoToken) as problem:
        ask(command)

    assert "--token-command" in str(problem.value)
    assert len(str(problem.value).splitlines()) == 1
    assert SECRET not in str(problem.value)


def test_a_token_command_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "COMMAND_TIMEOUT_S", 0.1)

    with pytest.raises(NoToken, match="did not end"):
        ask("exec sleep 5")
