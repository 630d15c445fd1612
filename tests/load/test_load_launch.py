"""The launcher: what reaches locust, how a usage problem is said, and which status a run ends with."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from load_runs import PRODUCTION, SECRET

from load import credentials, launch, preflight
from load.credentials import Tokens
from load.launch import KIT_FAILED, USAGE, Launch, Problem, mapped, parser, prepare
from load.preflight import Unusable, greet

OWN = ("--host", "http://127.0.0.1:9/v1")
GREETING = b'{"success": true, "data": {}}'


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
