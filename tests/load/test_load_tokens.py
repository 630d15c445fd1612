"""Tokens of the load side: renewed for all users at once, from every source, and never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import psutil
import pytest
from kit.gate_runs import Served, in_a_thread
from kit.token_targets import Quoting, Revoking, in_every_text
from load_runs import Run, Runs

from conformance.kit.limiter_steps import Shot
from fixtures.reference.tokens import mint
from load import cleaning, credentials, probing, session
from load import node as node_module
from load.cleaning import Cleaning
from load.credentials import BadHeader, NoToken, Tokens, header_lines
from load.data import Bodies
from load.node import MAIN, Node
from load.options import Options
from load.probing import Driver
from load.recorder import FAILED, OK
from load.renewal import Renewal
from load.session import Session
from load.transport import Answered, Connection

HEADLESS = ("--headless", "AddressBook", "--think-time", "0.1", "--stock", "5")
OLD, FRESH = "the-token-that-was", "the-token-that-is"
PASSWORD = "dXNlcjpvcGVuLXNlc2FtZS1hbmQtbW9yZQ=="
KIND = {"content-type": "application/json"}
GOOD = Answered(200, KIND, b'{"success": true, "data": {"id": "x"}}')
REFUSED = Answered(401, KIND, b'{"success": false, "error": {"code": "X", "message": "no"}}')


class Command:
    """Stands for the token command: prints what it is told to, and counts how often."""

    def __init__(self, prints: str | None = FRESH) -> None:
        self.prints = prints
        self.asked = 0

    def __call__(self, _command: str) -> str:
        self.asked += 1
        gevent.sleep(0.01)
        if self.prints is None:
            raise NoToken("--token-command ended with status 1, printing no token")
        return self.prints


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    made = Command()
    monkeypatch.setattr(credentials, "ask", made)
    return made


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setattr(node_module, "Bodies", lambda seed: Bodies(seed, 1))
    options = Options(report_dir=str(tmp_path), seed=1)
    made = Node(options, Tokens(OLD, "print-a-token"), "http://127.0.0.1:9/v1")
    yield made
    made.ledger.close()


def taking(token: str, sent: list[str]) -> Callable[..., Answered]:
    """A target that takes one token; `sent` is what it was given."""

    def answer(
        _client: object, _method: str, _target: str, headers: Any, *_: Any, **__: Any
    ) -> Any:
        sent.append(headers["Authorization"])
        return GOOD if headers["Authorization"] == f"Bearer {token}" else REFUSED

    return answer


# --- renewing ----------------------------------------------------------------------------------


def test_users_who_are_refused_at_once_ask_the_command_once(command: Command) -> None:
    renewing = Renewal(Tokens(OLD, "print-a-token"))

    users = [gevent.spawn(renewing.after, OLD) for _ in range(50)]
    gevent.joinall(users)

    assert [user.value for user in users] == [True] * 50
    assert command.asked == 1
    assert renewing.tokens.headers["Authorization"] == f"Bearer {FRESH}"


def test_a_command_that_fails_is_asked_again_after_a_while(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewing = Renewal(Tokens(OLD, "print-a-token"))
    command.prints = None

    first = [renewing.after(OLD) for _ in range(3)]
    monkeypatch.setattr(renewing, "_not_before", 0.0)
    command.prints = FRESH
    later = renewing.after(OLD)

    assert (first, later) == ([False] * 3, True)
    assert command.asked == 2


def test_without_a_command_nothing_is_renewed(command: Command) -> None:
    renewing = Renewal(Tokens(mint("k" * 32, subject="a", account="b", ttl_s=-5)))

    renewing.ahead()
    renewing.keep(lambda: False)

    assert not renewing.after(renewing.tokens.token)
    assert command.asked == 0


@pytest.mark.parametrize(("ttl_s", "asked"), [(-5, 1), (20, 1), (600, 0)])
def test_a_token_about_to_run_out_is_renewed_ahead(
    command: Command, ttl_s: int, asked: int
) -> None:
    token = mint("k" * 32, subject="ann", account="acme", ttl_s=ttl_s)

    Renewal(Tokens(token, "print-a-token")).ahead()

    assert command.asked == asked


def test_a_node_without_a_token_asks_for_its_first(command: Command) -> None:
    renewing = Renewal(Tokens("", "print-a-token"))

    renewing.keep(lambda: False)

    assert (renewing.tokens.token, command.asked) == (FRESH, 1)


def test_every_token_of_a_run_is_hidden(command: Command) -> None:
    tokens = Tokens(OLD, "print-a-token", {"X-Gateway": f"Basic {PASSWORD}"})

    tokens.renew()

    shown = tokens.redact(f"{OLD} {FRESH} {PASSWORD}")
    assert not [secret for secret in (OLD, FRESH, PASSWORD) if secret in shown + repr(tokens)]
    assert tokens.used == (OLD, FRESH)
    assert command.asked == 1


@pytest.mark.usefixtures("command")
def test_a_request_that_was_refused_is_sent_again_with_the_fresh_token(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(session, "exchange", taking(FRESH, sent))
    user = Session(node, object(), "/v1", lambda **_: None)

    outcomes = [user.send("get", "/x").outcome for _ in range(2)]

    assert outcomes == [OK, OK]
    assert sent == [f"Bearer {OLD}", f"Bearer {FRESH}", f"Bearer {FRESH}"]
    assert node.recorder.requests == 2


def test_a_fresh_token_that_is_refused_too_is_a_failure(
    node: Node, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(session, "exchange", taking("another", sent))
    user = Session(node, object(), "/v1", lambda **_: None)

    outcomes = [user.send("get", "/x").outcome for _ in range(3)]

    assert outcomes == [FAILED] * 3
    assert len(sent) == 4
    assert command.asked == 1
    assert node.recorder.errors == {("get", "status 401 instead of 200"): 3}


@pytest.mark.usefixtures("command")
def test_cleaning_up_renews_the_token(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    take = taking(FRESH, sent)

    class Wire:
        def send(self, method: str, path: str, headers: Any, **_: Any) -> Answered:
            return take(None, method, path, headers)

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(cleaning, "Transport", lambda *_, **__: Wire())
    node.created(node.intend(node.bodies.next()), "id-1")

    assert Cleaning(node, 5.0).run() == []
    assert sent == [f"Bearer {OLD}", f"Bearer {FRESH}"]
    assert node.ledger.live(MAIN) == []


@pytest.mark.usefixtures("command")
def test_a_trial_goes_on_with_a_fresh_token(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    take = taking(FRESH, sent)

    class Wire:
        def send(self, method: str, path: str, headers: Any, *_: Any) -> Answered:
            return take(None, method, path, headers)

    monkeypatch.setattr(probing, "Transport", lambda *_, **__: Wire())
    tokens = Tokens(OLD, "print-a-token")
    connection = Connection()
    driver = Driver("http://h/v1", connection, {"first": OLD}, renewal=Renewal(tokens))

    statuses = [driver._one(Shot("list")).answer.status for _ in range(2)]

    # Each answer counts for the limiter, so none is asked for twice.
    assert statuses == [401, 200]
    assert sent == [f"Bearer {OLD}", f"Bearer {FRESH}"]


# --- headers from the environment --------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "lines"),
    [
        ("X-A: 1", "X-A: 1"),
        ("X-A: 1, X-B: b", "X-A: 1\nX-B: b"),
        ("X-A: 1, 2\nX-B: b\n", "X-A: 1, 2\nX-B: b"),
        ("", ""),
    ],
)
def test_headers_of_the_environment_are_read_as_those_of_the_gate(listed: str, lines: str) -> None:
    assert header_lines([], {"CONTACTS_HEADER": listed}) == lines
    assert header_lines(["X-C: c"], {"CONTACTS_HEADER": listed}) == "X-C: c"


def test_a_header_that_is_none_is_not_shown() -> None:
    with pytest.raises(BadHeader) as caught:
        header_lines([PASSWORD], {})

    assert PASSWORD not in str(caught.value)


# --- whole runs --------------------------------------------------------------------------------


def printing(token: str, directory: Path) -> str:
    """A command that prints a token, and writes down that it was asked."""
    (directory / "token").write_text(token)
    return f"echo x >> {directory / 'asked'}; cat {directory / 'token'}"


def asked(directory: Path) -> int:
    return len((directory / "asked").read_text().split())


def short_lived(served: Served, seconds: int) -> str:
    secret = served.app.state.application.config.secret
    return mint(secret, subject="ann", account="acme", ttl_s=seconds)


def loaded(
    runs: Runs, served: Served, *options: str, kind: str = "AddressBook", **variables: str
) -> Run:
    return runs.run(
        *("--headless", "--host", served.target.base_url, kind, "--users", "6"),
        *("--spawn-rate", "6", "--run-time", "4s", "--think-time", "0.05", "--stock", "10"),
        *options,
        **variables,
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_outlives_its_token(
    runs: Runs, served: Served, tmp_path: Path, processes: int
) -> None:
    token = short_lived(served, 3)
    command = printing(served.target.token, tmp_path)
    options = () if processes == 1 else ("--processes", str(processes))

    run = loaded(runs, served, *options, CONTACTS_TOKEN=token, CONTACTS_TOKEN_COMMAND=command)

    assert run.status == 0, run.screen
    assert run.document["total"]["failures"] == 0
    assert 1 <= asked(tmp_path) <= processes
    assert run.document["leftovers"] == []
    assert served.remaining() == 0
    assert "eyJ" not in run.everything()


def test_users_whose_token_is_refused_go_on_with_a_fresh_one(runs: Runs, tmp_path: Path) -> None:
    with in_a_thread(Revoking(100)) as served:
        assert isinstance(served, Revoking)
        command = printing(served.fresh, tmp_path)

        run = loaded(
            runs,
            served,
            "--token-command",
            command,
            CONTACTS_TOKEN=served.target.token,
        )

        assert run.status == 0, run.screen
        assert run.document["total"]["failures"] == 0
        assert asked(tmp_path) == 1
        assert 1 <= served.refused <= 20
        assert served.remaining() == 0
        assert "eyJ" not in run.everything()


@pytest.mark.parametrize("form", ["CONTACTS_TOKEN", "CONTACTS_TOKEN_COMMAND", "--token-command"])
@pytest.mark.parametrize("module", ["load", "load.ratelimit"])
def test_a_token_comes_from_each_source(
    runs: Runs, served: Served, tmp_path: Path, module: str, form: str
) -> None:
    """What the run says of the target is no matter here: it takes the token."""
    token = served.target.token
    value = token if form == "CONTACTS_TOKEN" else printing(token, tmp_path)
    options = (form, value) if form.startswith("--") else ()
    where = "--host" if module == "load" else "--base-url"
    bounds = (*HEADLESS, "-u", "2", "-t", "2s") if module == "load" else ("--max-requests", "1")

    run = runs.run(
        *(where, served.target.base_url, *bounds, *options),
        module=module,
        **({} if options else {form: value}),
    )

    assert run.status in (0, 6), run.screen
    assert run.document["total"]["requests"] > 0
    assert "eyJ" not in run.everything()
    assert form == "CONTACTS_TOKEN" or asked(tmp_path) == 1


def test_what_a_target_sends_back_is_hidden_on_the_screen_and_in_reports(runs: Runs) -> None:
    with in_a_thread(Quoting()) as served:
        served.twist = in_every_text
        run = loaded(
            runs,
            served,
            *("--validate-every", "1", "--header", f"X-Gateway: Basic {PASSWORD}"),
            *("--csv", str(runs.directory / "run" / "locust")),
            kind="Lifecycle",
            CONTACTS_TOKEN=served.target.token,
        )

    assert run.status == 1, run.screen
    assert "[redacted]" in run.screen
    assert "[redacted]" in run.page
    everything = run.everything()
    # Messages are cut to a length, so the beginning of a part must not show either.
    for part in (*served.target.token.split(".")[1:], PASSWORD):
        assert part[:20] not in everything


def test_no_process_shows_a_token_while_a_limiter_is_tried(runs: Runs, served: Served) -> None:
    lines: list[str] = []
    process: Any = None

    def look(_method: str, _path: str) -> None:
        if not lines and process is not None:
            family = psutil.Process(process.pid)
            lines.extend(
                " ".join(each.cmdline()) for each in (family, *family.children(recursive=True))
            )

    served.on_request = look
    process = runs.start(
        *("--base-url", served.target.base_url, "--max-requests", "1"),
        module="load.ratelimit",
        CONTACTS_TOKEN=served.target.token,
    )
    runs.finish(process)

    assert any("load.ratelimit" in line for line in lines)
    assert not [line for line in lines if served.target.token in line]
