"""Options, credentials and targets: what may be loaded, and how a usage problem is said."""

from __future__ import annotations

import argparse
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conformance.kit.hosts import is_loopback
from fixtures.reference.tokens import mint
from load import credentials, launch, preflight
from load.credentials import NoToken, Tokens, ask, from_environment
from load.launch import KIT_FAILED, USAGE, Launch, Problem, mapped, parser, prepare
from load.loopback import ALLOW_PRODUCTION, normal, on_loopback, refusal
from load.options import OPTIONS, Options, add_to, from_namespace, problem_with
from load.preflight import Unusable, greet

SECRET = "a-secret-token-of-this-test"
OWN = ("--host", "http://127.0.0.1:9/v1")
PRODUCTION = "https://api.actuallycare.com/v1"
GREETING = b'{"success": true, "data": {}}'


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


@pytest.fixture
def greeted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lets every target answer the greeting; returns the URLs that were greeted."""
    greeted: list[str] = []
    monkeypatch.setattr(launch, "greet", lambda url, *_args, **_options: greeted.append(url))
    return greeted


def prepared(*arguments: str) -> Launch:
    given, rest = parser().parse_known_args(arguments)
    with ExitStack() as resources:
        return prepare(given, rest, resources)


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


# --- the launcher ------------------------------------------------------------------------------


@pytest.mark.usefixtures("greeted")
@pytest.mark.parametrize("form", ["separate", "joined", "variable"])
@pytest.mark.parametrize("option", ["--token", "--second-token", "--token-command", "--header"])
def test_no_credential_is_in_the_arguments(
    option: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"--header": f"X-Key: {SECRET}", "--token-command": f"echo {SECRET}"}
    value = values.get(option, SECRET)
    monkeypatch.setenv(credentials.TOKEN, "another")
    arguments = {"separate": [option, value], "joined": [f"{option}={value}"], "variable": []}
    if form == "variable":
        monkeypatch.setenv(f"CONTACTS_{option[2:].replace('-', '_').upper()}", value)

    made = prepared(*OWN, *arguments[form])

    assert not any(SECRET in argument for argument in made.arguments)
    assert any(SECRET in text for text in made.environment.values())


@pytest.mark.usefixtures("greeted")
def test_everything_else_is_passed_on() -> None:
    made = prepared(*OWN, "--token", SECRET, "--headless", "-t", "5s", "Searcher", "--tags", "read")

    assert made.arguments[-2:] == ["--host", OWN[1]]
    assert {"--headless", "-t", "5s", "Searcher", "--tags", "read"} <= set(made.arguments)


def test_a_target_is_greeted_before_it_is_loaded(greeted: list[str]) -> None:
    prepared("--host", "http://127.0.0.1:9", "--token", SECRET)

    assert greeted == ["http://127.0.0.1:9/v1"]


def test_a_worker_greets_nobody_and_keeps_its_credentials(greeted: list[str]) -> None:
    made = prepared("--worker", "--token", SECRET)

    assert greeted == []
    assert made.environment[credentials.TOKEN] == SECRET
    assert "--web-host" not in made.arguments


@pytest.mark.usefixtures("greeted")
def test_pages_and_masters_listen_on_loopback_unless_told() -> None:
    made = prepared(*OWN, "--token", SECRET, "--master")
    told = prepared(*OWN, "--token", SECRET, "--web-host", "10.0.0.5")

    for flag in ("--web-host", "--master-bind-host"):
        assert made.arguments[made.arguments.index(flag) + 1] == "127.0.0.1"
    assert told.arguments[told.arguments.index("--web-host") + 1] == "10.0.0.5"


@pytest.mark.usefixtures("greeted")
def test_processes_of_a_run_by_itself_meet_on_a_port_of_their_own() -> None:
    alone = prepared(*OWN, "--token", SECRET, "--processes", "2").arguments
    master = prepared(*OWN, "--token", SECRET, "--processes", "2", "--master").arguments
    told = prepared(*OWN, "--token", SECRET, "--processes", "2", "--master-port", "6000").arguments

    bound = alone[alone.index("--master-bind-port") + 1]
    assert alone[alone.index("--master-port") + 1] == bound
    assert bound != "5557"
    assert "--master-bind-port" not in master
    assert told[told.index("--master-port") + 1] == "6000"


@pytest.mark.usefixtures("greeted")
@pytest.mark.parametrize(("rate", "users"), [("1", 20), ("100", 400), ("100000", 2_000)])
def test_the_open_model_has_users_enough(rate: str, users: int) -> None:
    made = prepared(*OWN, "--token", SECRET, "--arrival-rate", rate)

    assert made.arguments[made.arguments.index("--users") + 1] == str(users)


@pytest.mark.usefixtures("greeted")
def test_an_arrival_rate_from_the_environment_has_users_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTACTS_ARRIVAL_RATE", "100")

    assert "--users" in prepared(*OWN, "--token", SECRET).arguments


@pytest.mark.usefixtures("greeted")
def test_a_target_owned_by_the_environments_word_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTS_I_OWN_THIS_TARGET", "1")

    assert prepared("--host", "http://10.0.0.1/v1", "--token", SECRET).arguments


@pytest.mark.usefixtures("greeted")
@pytest.mark.parametrize(
    ("arguments", "option", "remedy"),
    [
        (["--host", "nope"], "--host nope", "such as"),
        (["--host", "http://10.0.0.1/v1"], "--host http://10.0.0.1/v1", "--i-own-this-target"),
        (["--host", PRODUCTION, "--i-own-this-target"], "--host", "--allow-production"),
        ([*OWN], "--token", "--token-command"),
        ([*OWN, "--token-command", "false"], "--token-command", "status 1"),
        ([*OWN, "--objective", "p95"], "--objective", "write it as"),
        ([*OWN, "--objective-file", "no-such-file"], "no-such-file", "cannot be read"),
        ([*OWN, "--shape", "step"], "--shape step", "--arrival-rate"),
        ([*OWN, "--header", "nocolon"], "--header", "Name: value"),
        ([*OWN, "--header", "X: a\r\nY: b"], "--header", "Name: value"),
        ([*OWN, "--token", "t", "--arrival-rate", "nan"], "--arrival-rate", "nan"),
        ([*OWN, "--token", "t", "--arrival-rate", "inf"], "--arrival-rate", "inf"),
        ([*OWN, "--token", "t", "--arrival-rate", "-5"], "--arrival-rate", "-5"),
        ([*OWN, "--token", "t", "--shape", "bogus"], "--shape", "steady"),
    ],
)
def test_a_usage_problem_is_one_line_with_option_and_remedy(
    arguments: list[str], option: str, remedy: str
) -> None:
    with pytest.raises(Problem) as problem:
        prepared(*arguments)

    assert problem.value.status == USAGE
    assert len(str(problem.value).splitlines()) == 1
    assert option in str(problem.value)
    assert remedy in str(problem.value)


def _status_of(arguments: list[str]) -> object:
    try:
        return launch.main(arguments)
    except SystemExit as ended:
        return ended.code


@pytest.mark.parametrize("arguments", [["--users", "many"], ["--arrival-rate", "fast"], ["--host"]])
def test_a_value_that_cannot_be_read_is_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = _status_of(arguments)

    said = capsys.readouterr().err
    assert status == USAGE
    assert len(said.splitlines()) == 1
    assert arguments[0] in said


@pytest.mark.parametrize("token", [f"{SECRET}\nmore", f"{SECRET}\r\nX: y", f"{SECRET}€"])
def test_a_token_that_fits_no_header_is_a_usage_problem_and_not_shown(token: str) -> None:
    with pytest.raises(Problem) as problem:
        prepared(*OWN, "--token", token)

    assert problem.value.status == USAGE
    assert "--token" in str(problem.value)
    assert SECRET not in str(problem.value)


def test_informing_needs_no_target(greeted: list[str]) -> None:
    made = prepared("--help")

    assert made.arguments[-1] == "--help"
    assert greeted == []


# --- the greeting ------------------------------------------------------------------------------


class Connection:
    """A connection whose answer is known beforehand."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self._body = status, body

    def request(self, *_: object, **__: object) -> None:
        """Send nothing."""

    def getresponse(self) -> Connection:
        return self

    def read(self, most: int) -> bytes:
        return self._body[:most]


def greeting(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> None:
    monkeypatch.setattr(preflight, "_connection", lambda *_: Connection(status, body))
    greet("http://127.0.0.1:9/v1", Tokens(SECRET), insecure=False, ca_bundle=None)


@pytest.mark.parametrize("status", [200, 403, 429, 500])
def test_a_contacts_api_is_greeted_whatever_it_feels_like(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    greeting(monkeypatch, status, GREETING)


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (401, GREETING, "--token"),
        (404, GREETING, "--host"),
        (405, GREETING, "--host"),
        (200, b"<html>", "--host"),
        (200, b"[]", "--host"),
        (200, b"\xff\xfe", "--host"),
        (302, b"", "--host"),
        (200, b"[" * 200_000, "--host"),
    ],
)
def test_what_is_no_contacts_api_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, word: str
) -> None:
    with pytest.raises(Unusable) as problem:
        greeting(monkeypatch, status, body)

    assert word in str(problem.value)
    assert len(str(problem.value).splitlines()) == 1
    assert SECRET not in str(problem.value)


@pytest.mark.parametrize(
    ("name", "why"), [("no-such-file.pem", "no such file"), (__file__, "give a file in PEM form")]
)
def test_a_ca_bundle_that_cannot_be_read_is_named(name: str, why: str) -> None:
    with pytest.raises(Unusable, match=f"--ca-bundle .*: .*{why}"):
        greet("https://127.0.0.1:9/v1", Tokens("t"), insecure=False, ca_bundle=name)


# --- the exit status ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 1, 2, 4, 6])
def test_the_status_that_the_run_handed_over_counts(tmp_path: Path, status: int) -> None:
    file = tmp_path / "status"
    file.write_text(json.dumps({"status": status, "lines": ["verdict"]}), encoding="utf-8")

    assert mapped(0, file) == (status, ["verdict"])


@pytest.mark.parametrize(
    ("ended", "status"), [(0, 0), (1, KIT_FAILED), (2, USAGE), (-9, KIT_FAILED), (77, KIT_FAILED)]
)
@pytest.mark.parametrize("content", [None, b"", b"no", b"\xff", b"{}", b"[]", b"null"])
def test_without_it_locusts_own_status_is_mapped(
    tmp_path: Path, content: bytes | None, ended: int, status: int
) -> None:
    file = tmp_path / "status"
    if content is not None:
        file.write_bytes(content)

    assert mapped(ended, file) == (status, [])
