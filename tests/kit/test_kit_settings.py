"""Settings: an option wins over its variable, a variable over the documented default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from kit_doubles import NOW, TOKEN, jwt_of

from conformance.kit.catalogue import Catalogue, Gate
from conformance.kit.known import KnownFailure
from conformance.kit.settings import OPTIONS, Settings, UsageProblem, resolve

BY_FLAG = {option.flag: option for option in OPTIONS}
URL = "https://staging.example.com/v1"
DEFAULTS: dict[str, object] = {
    "--base-url": None,
    "--token": None,
    "--second-token": None,
    "--restricted-token": None,
    "--expired-token": None,
    "--token-command": None,
    "--gate": "required",
    "--profile": "window",
    "--max-requests": None,
    "--max-wait": 1000,
    "--complete": False,
    "--clause": (),
    "--known-failures": None,
    "--report-dir": "reports/out",
    "--seed": None,
    "--concurrency": 8,
    "--request-timeout": 30,
    "--header": (),
    "--ca-bundle": None,
    "--insecure": False,
    "--allow-production": False,
    "--i-own-this-target": False,
    "--start-command": None,
    "--ready-url": None,
    "--compare-to": None,
}
"""The interface's table of the gate's options."""
ADDED = {"--examples", "--probe-rate-limit", "--http2"}
"""Options beside those of the table."""

SECOND = jwt_of(sub="bob", exp=NOW + 60)
EXPIRED = jwt_of(sub="ann", exp=NOW - 60)
GIVEN: dict[str, tuple[object, str, object]] = {
    "--base-url": (URL, URL, URL),
    "--token": (TOKEN, TOKEN, TOKEN),
    "--second-token": (SECOND, SECOND, SECOND),
    "--restricted-token": (SECOND, SECOND, SECOND),
    "--expired-token": (EXPIRED, EXPIRED, EXPIRED),
    "--token-command": ("print-a-token", "print-a-token", "print-a-token"),
    "--gate": ("platform", "platform", Gate.PLATFORM),
    "--profile": ("deep", "deep", "deep"),
    "--examples": ("7", "7", 7),
    "--max-requests": ("30", "30", 30),
    "--max-wait": ("0.5", "0.5", 0.5),
    "--complete": (True, "1", True),
    "--probe-rate-limit": (True, "1", True),
    "--clause": (["LIST-04", "CREATE-*"], "LIST-04, CREATE-*", ("LIST-04", "CREATE-*")),
    "--seed": ("42", "42", 42),
    "--concurrency": ("2", "2", 2),
    "--request-timeout": ("1.5", "1.5", 1.5),
    "--header": (
        ["X-A: 1", "X-B: b: c"],
        "X-A: 1, X-B: b: c",
        (("X-A", "1"), ("X-B", "b: c")),
    ),
    "--insecure": (True, "1", True),
    "--http2": (True, "1", True),
    "--allow-production": (True, "1", True),
    "--i-own-this-target": (True, "1", True),
    "--start-command": ("./run-server", "./run-server", "./run-server"),
    "--ready-url": ("http://127.0.0.1:9/ok", "http://127.0.0.1:9/ok", "http://127.0.0.1:9/ok"),
}
"""By flag: the parsed option, the variable's text, and the value that comes of either."""


def resolved(given: Mapping[str, Any], environment: Mapping[str, str], directory: Path) -> Settings:
    # Options that make sense only beside others get them; what is given wins.
    usual = {"base_url": URL, "token": TOKEN, "report_dir": str(directory)}
    if "probe_rate_limit" in given:
        usual["i_own_this_target"] = "1"
    return resolve({**usual, **given}, environment, now=NOW)


def test_every_option_of_the_interface_exists_and_no_other() -> None:
    assert set(BY_FLAG) == set(DEFAULTS) | ADDED


@pytest.mark.parametrize("flag", DEFAULTS)
def test_a_default_is_the_documented_one(flag: str) -> None:
    assert BY_FLAG[flag].default == DEFAULTS[flag]


@pytest.mark.parametrize("flag", BY_FLAG)
def test_a_variable_is_the_prefix_and_the_name_in_capitals(flag: str) -> None:
    name = flag.removeprefix("--").replace("-", "_")

    assert BY_FLAG[flag].variable == f"CONTACTS_{name.upper()}"


@pytest.mark.parametrize("flag", GIVEN)
def test_an_option_is_read(flag: str, tmp_path: Path) -> None:
    name, (given, _, expected) = BY_FLAG[flag].name, GIVEN[flag]

    assert getattr(resolved({name: given}, {}, tmp_path), name) == expected


@pytest.mark.parametrize("flag", GIVEN)
def test_a_variable_stands_in_for_the_option(flag: str, tmp_path: Path) -> None:
    option, (_, text, expected) = BY_FLAG[flag], GIVEN[flag]
    given = {option.name: None}

    settings = resolved(given, {option.variable: text, "CONTACTS_TOKEN": TOKEN}, tmp_path)

    assert getattr(settings, option.name) == expected


@pytest.mark.parametrize(
    ("flag", "option", "variable", "expected"),
    [
        ("--gate", "strict", "platform", Gate.STRICT),
        ("--seed", "1", "2", 1),
        ("--clause", ["LIST-04"], "CREATE-01", ("LIST-04",)),
        ("--complete", True, "0", True),
        ("--max-wait", "0", "5", 0.0),
        ("--concurrency", "3", "no number", 3),
    ],
)
def test_an_option_wins_over_its_variable(
    flag: str, option: object, variable: str, expected: object, tmp_path: Path
) -> None:
    named = BY_FLAG[flag]

    settings = resolved({named.name: option}, {named.variable: variable}, tmp_path)

    assert getattr(settings, named.name) == expected


def test_an_empty_variable_counts_as_not_given(tmp_path: Path) -> None:
    settings = resolved({}, {"CONTACTS_GATE": "", "CONTACTS_COMPLETE": " "}, tmp_path)

    assert (settings.gate, settings.complete) == (Gate.REQUIRED, False)


def test_a_header_whose_value_holds_a_comma_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    settings = resolved({}, {"CONTACTS_HEADER": "X-A: 1, 2\nX-B: 3\n"}, tmp_path)

    assert settings.header == (("X-A", "1, 2"), ("X-B", "3"))


def test_without_any_option_the_embedded_server_is_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    settings = resolve({}, {}, now=NOW)

    assert settings.embedded
    assert settings.base_url is None
    assert settings.probe_rate_limit
    assert settings.selected == set(Catalogue.load().ids())
    assert (tmp_path / "reports" / "out").is_dir()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "127.9.9.9", "localhost", "[::1]:80", "a.localhost"]
)
def test_the_rate_limit_of_a_loopback_target_may_be_probed(host: str, tmp_path: Path) -> None:
    given = {"base_url": f"http://{host}/v1", "probe_rate_limit": True, "i_own_this_target": False}

    assert resolved(given, {}, tmp_path).probe_rate_limit


def test_a_seed_is_drawn_anew_where_none_is_given(tmp_path: Path) -> None:
    seeds = {resolved({}, {}, tmp_path).seed for _ in range(5)}

    assert len(seeds) > 1


@pytest.mark.parametrize(
    ("profile", "most", "bound"),
    [
        ("window", None, 480),
        ("window", "100", 100),
        ("window", "9999", 480),
        ("deep", None, None),
        ("deep", "100", 100),
    ],
)
def test_the_bound_is_the_harder_of_profile_and_option(
    profile: str, most: str | None, bound: int | None, tmp_path: Path
) -> None:
    settings = resolved({"profile": profile, "max_requests": most}, {}, tmp_path)

    assert settings.request_bound == bound


@pytest.mark.parametrize(
    ("given", "url", "noted"),
    [
        (URL, URL, False),
        (f"{URL}/", URL, False),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/v1", True),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000/v1", True),
        ("http://[::1]:3000", "http://[::1]:3000/v1", True),
        ("HTTP://Host.example/api/v1", "http://host.example/api/v1", False),
    ],
)
def test_a_url_without_a_path_gets_v1_and_the_run_says_so(
    given: str, url: str, noted: bool, tmp_path: Path
) -> None:
    settings = resolved({"base_url": given}, {}, tmp_path)

    assert settings.base_url == url
    assert any("/v1 was appended" in notice for notice in settings.notices) is noted


def test_clause_patterns_select_by_id_and_glob_in_any_case(tmp_path: Path) -> None:
    settings = resolved({"clause": ["list-04", "ISO-*"]}, {}, tmp_path)

    assert settings.selected == {"LIST-04", "ISO-01", "ISO-02", "ISO-03", "ISO-04"}


def test_production_is_touched_with_leave_only(tmp_path: Path) -> None:
    url = "https://api.actuallycare.com/v1"

    allowed = resolved({"base_url": url, "allow_production": True}, {}, tmp_path)

    assert allowed.base_url == url
    for spelling in (url, "https://API.ActuallyCare.com./v1", "http://api.actuallycare.com:80"):
        with pytest.raises(UsageProblem, match="add --allow-production"):
            resolved({"base_url": spelling}, {}, tmp_path)


def test_known_failures_are_read_with_their_reasons(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_text("# tracked\n\nLIST-04  answers 200 with 101 records\n", encoding="utf-8")

    settings = resolved({"known_failures": str(path)}, {}, tmp_path)

    assert settings.known_failures == {"LIST-04": KnownFailure("answers 200 with 101 records")}


TABLES = """
LIST-06 = "found in June"

[LIST-04]
reason = "answers 200 with 101 records"
until = {last_day}

[[known]]
id = "GET-01"
reason = "slow proxy"
"""


def test_known_failures_in_toml_may_have_a_last_day(tmp_path: Path) -> None:
    path, last_day = tmp_path / "known.toml", datetime.fromtimestamp(NOW, UTC).date()
    path.write_text(TABLES.format(last_day=last_day), encoding="utf-8")

    settings = resolved({"known_failures": str(path)}, {}, tmp_path)

    assert settings.lapsed_failures == {}
    assert settings.known_failures == {
        "LIST-06": KnownFailure("found in June"),
        "LIST-04": KnownFailure("answers 200 with 101 records", last_day),
        "GET-01": KnownFailure("slow proxy"),
    }


def test_a_known_failure_lapses_when_its_last_day_has_gone_by(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    last_day = datetime.fromtimestamp(NOW, UTC).date() - timedelta(days=1)
    path.write_text(TABLES.format(last_day=last_day), encoding="utf-8")

    settings = resolved({"known_failures": str(path)}, {}, tmp_path)

    assert set(settings.known_failures) == {"LIST-06", "GET-01"}
    assert settings.lapsed_failures["LIST-04"].until == last_day


def test_files_and_directories_are_taken_as_paths(tmp_path: Path) -> None:
    bundle, earlier = tmp_path / "ca.pem", tmp_path / "conformance.json"
    trustme.CA().cert_pem.write_to_path(bundle)
    earlier.write_text('{"clauses": []}')
    given = {
        "ca_bundle": str(bundle),
        "compare_to": str(earlier),
        "report_dir": str(tmp_path / "new" / "reports"),
    }

    settings = resolved(given, {}, tmp_path)

    assert settings.ca_bundle == str(bundle)
    assert settings.compare_to == {"clauses": []}
    assert settings.report_dir.is_dir()


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = resolved({}, {}, tmp_path)

    with pytest.raises(AttributeError):
        settings.seed = 2  # type: ignore[misc]
