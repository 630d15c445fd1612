"""The vendor's production is refused by whatever name it is called; a dead resolver is no obstacle."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from kit_doubles import NOW, TOKEN, jwt_of

from conformance import sweep
from conformance.kit import hosts
from conformance.kit.hosts import PRODUCTION_HOST, Found, production_behind
from conformance.kit.launching import launch_of
from conformance.kit.settings import Settings, UsageProblem, resolve

LOOK_UP = hosts.look_up
"""The function itself: within a test another stands in its place."""
ALIAS, STAGING, BLOCKED = "edge.example.com", "staging.example.com", "blocked.example.com"
LASTING = jwt_of(sub="ann")
OTHERS = (STAGING, BLOCKED)
NAMES: Mapping[str, Found] = {
    PRODUCTION_HOST: Found(
        frozenset({"lb-7.example.net"}),
        frozenset({"203.0.113.7", "2001:db8::7", "127.0.0.1", "0.0.0.0"}),  # noqa: S104
    ),
    ALIAS: Found(frozenset({PRODUCTION_HOST})),
    "balanced.example.com": Found(frozenset({"lb-7.example.net"}), frozenset({"203.0.113.99"})),
    "same-address.example.com": Found(addresses=frozenset({"198.51.100.1", "203.0.113.7"})),
    "same-in-six.example.com": Found(addresses=frozenset({"2001:DB8:0::7"})),
    "mapped.example.com": Found(addresses=frozenset({"::ffff:203.0.113.7"})),
    "203.0.113.7": Found(frozenset({"203.0.113.7"}), frozenset({"203.0.113.7"})),
    "2001:db8::7": Found(frozenset({"2001:db8::7"}), frozenset({"2001:db8::7"})),
    "3405803783": Found(addresses=frozenset({"203.0.113.7"})),
    STAGING: Found(frozenset({STAGING}), frozenset({"198.51.100.2"})),
    BLOCKED: Found(addresses=frozenset({"0.0.0.0", "127.0.0.1"})),  # noqa: S104
}


def found(host: str) -> Found:
    """Answer as a resolver does that knows the names above."""
    if host not in NAMES:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return NAMES[host]


def unasked(host: str) -> Found:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize(
    "host",
    [
        PRODUCTION_HOST,
        "API.ActuallyCare.COM",
        "api.actuallycare.com.",
        "api%2Eactuallycare%2ecom",
        "%61pi.actuallycare.com",
        "api。actuallycare。com",
        "\N{FULLWIDTH LATIN SMALL LETTER A}pi.actuallycare.com",
        "api.actually\u00adcare.com",
        "api.actuallycare.com。",
    ],
)
def test_production_is_known_by_every_spelling_of_its_name(host: str) -> None:
    assert production_behind(host, unasked) == "this is the vendor's production"


@pytest.mark.parametrize("host", sorted({*NAMES} - {PRODUCTION_HOST, *OTHERS}))
def test_production_is_known_by_its_other_names_and_addresses(host: str) -> None:
    why = production_behind(host, found)

    assert why is not None
    assert host in why
    assert PRODUCTION_HOST in why


@pytest.mark.parametrize(
    "host",
    [*OTHERS, "unknown.example.com", "api.actuallycare.com.example.com", "a..b", "x" * 300],
)
def test_another_host_is_not_production(host: str) -> None:
    assert production_behind(host, found) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "a.localhost."])
def test_loopback_is_not_looked_up(host: str) -> None:
    assert production_behind(host, unasked) is None


def test_where_production_itself_is_not_found_its_name_still_counts() -> None:
    def but_production(host: str) -> Found:
        if host == PRODUCTION_HOST:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return found(host)

    assert production_behind(ALIAS, but_production) is not None
    assert production_behind("same-address.example.com", but_production) is None


def test_a_look_up_without_an_end_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, ended = threading.Semaphore(0), threading.Event()
    monkeypatch.setattr(hosts, "LOOKUP_S", 0.05)

    def endless(_host: str) -> Found:
        asked.release()
        ended.wait(60)
        return NAMES[PRODUCTION_HOST]

    why = production_behind(STAGING, endless)
    ended.set()

    assert why is None
    assert all(asked.acquire(timeout=10) for _ in range(2))


def test_the_resolver_of_the_system_is_asked_for_names_and_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = (socket.AF_INET, socket.SOCK_STREAM, 6, "API.ActuallyCare.com.", ("203.0.113.7", 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [row, (*row[:3], "", row[4])])

    assert LOOK_UP(ALIAS) == Found(frozenset({PRODUCTION_HOST}), frozenset({"203.0.113.7"}))


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver knows the names above."""
    monkeypatch.setattr(hosts, "look_up", found)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("variable", [False, True])
def test_the_gate_refuses_an_alias_of_production(variable: bool, tmp_path: Path) -> None:
    url, common = f"https://{ALIAS}/v1", {"token": TOKEN, "report_dir": str(tmp_path)}
    given = common if variable else {**common, "base_url": url}
    environment = {"CONTACTS_BASE_URL": url} if variable else {}

    with pytest.raises(UsageProblem) as caught:
        resolve(given, environment, now=NOW)
    allowed = resolve({**given, "allow_production": True}, environment, now=NOW)

    line = str(caught.value)
    assert line.startswith(f"--base-url {url}: {ALIAS} is another name of {PRODUCTION_HOST}")
    assert line.endswith("add --allow-production if you mean it")
    assert allowed.base_url == url


@pytest.mark.usefixtures("known")
def test_the_sweep_refuses_an_alias_of_production(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--base-url", f"http://{ALIAS}/v1", "--token", LASTING, "--report-dir"]

    assert sweep.main([*options, str(tmp_path)]) == 4
    assert "add --allow-production" in capsys.readouterr().err


@pytest.mark.usefixtures("known")
def test_an_alias_of_production_is_not_waited_for(settings_with: Callable[..., Settings]) -> None:
    settings = settings_with(start_command="x", ready_url=f"http://{ALIAS}/health")

    with pytest.raises(UsageProblem, match=f"--ready-url http://{ALIAS}/health: .*add --allow"):
        launch_of(settings)
