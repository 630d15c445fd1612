"""No load and no trial of a limiter reaches the vendor's production under another name."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack

import pytest
from load_runs import ROOT

from conformance.kit import hosts
from conformance.kit.hosts import PRODUCTION_HOST, Found
from load import launch
from load.launch import Problem, parser, prepare
from load.loopback import ALLOW_PRODUCTION, refusal

ALIAS = "http://edge.example.com/v1"
TRIAL = """
import sys
from conformance.kit import hosts
hosts.look_up = lambda _host: hosts.Found(addresses=frozenset({"203.0.113.7"}))
from load.ratelimit import main
sys.exit(main(sys.argv[1:]))
"""
"""The trial's command, all names at one address: it patches its process, which is its own here."""


@pytest.fixture
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver calls every host by the name of production."""
    found = Found(names=frozenset({PRODUCTION_HOST}))
    monkeypatch.setattr(hosts, "look_up", lambda _host: found)


@pytest.mark.usefixtures("_known")
@pytest.mark.parametrize("variable", [False, True])
def test_load_is_not_sent_to_an_alias(variable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTS_TOKEN", "a-made-up-token")
    if variable:
        monkeypatch.setenv("CONTACTS_BASE_URL", ALIAS)
    options = ["--i-own-this-target", *([] if variable else ["--host", ALIAS])]
    given, rest = parser().parse_known_args(options)

    with ExitStack() as resources, pytest.raises(Problem) as caught:
        prepare(given, rest, resources)

    assert str(caught.value).startswith(f"--host {ALIAS}: edge.example.com is another name of")
    assert "add --allow-production" in str(caught.value)


@pytest.mark.usefixtures("_known")
def test_load_is_sent_to_an_alias_with_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTS_TOKEN", "a-made-up-token")
    monkeypatch.setenv(ALLOW_PRODUCTION, "0")
    monkeypatch.setattr(launch, "greet", lambda *_, **__: None)
    options = ["--host", ALIAS, "--i-own-this-target", "--allow-production"]
    given, rest = parser().parse_known_args(options)

    with ExitStack() as resources:
        made = prepare(given, rest, resources)

    # Its processes ask again, and find the leave in their environment.
    assert made.environment[ALLOW_PRODUCTION] == "1"
    assert made.arguments[-2:] == ["--host", ALIAS]


@pytest.mark.usefixtures("_known")
def test_a_host_typed_into_the_page_is_looked_up_too() -> None:
    assert "--allow-production" in str(refusal("https://typed.example.com", owned=True))


def test_a_limiter_at_the_address_of_production_is_not_tried() -> None:
    options = ("--base-url", "http://203.0.113.7/v1", "--i-own-this-target", "--token", "t")
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", TRIAL, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("ratelimit: --base-url http://203.0.113.7/v1: 203.0.113.7 is at")
    assert "add --allow-production" in done.stderr
