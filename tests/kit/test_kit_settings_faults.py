"""A setting that cannot be used ends in one line: the option, the value, the remedy."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st
from kit_doubles import NOW, TOKEN, jwt_of, part

from conformance.kit.settings import OPTIONS, Settings, UsageProblem, resolve

URL = "https://staging.example.com/v1"
ABSOLUTE = "give an absolute http(s) URL"
EXPIRED = jwt_of(sub="ann", exp=NOW - 90)

URLS = {
    "": ABSOLUTE,
    "   ": ABSOLUTE,
    "/v1": ABSOLUTE,
    "staging.example.com/v1": ABSOLUTE,
    "localhost:3000/v1": ABSOLUTE,
    "ftp://host.example/v1": ABSOLUTE,
    "http://": ABSOLUTE,
    "http:/host.example/v1": ABSOLUTE,
    "http://host.example:port/v1": ABSOLUTE,
    "http://host.example:99999/v1": ABSOLUTE,
    "http://[::1/v1": ABSOLUTE,
    "http://xn--/v1": ABSOLUTE,
    "http://host.example\n/v1": ABSOLUTE,
    "http://host.example/v1?key=1": "leave the query and fragment out",
    "http://host.example/v1#top": "leave the query and fragment out",
    "http://user:opensesame@host.example/v1": "leave user and password out",
    "http://user:opensesame@": ABSOLUTE,
}
FAULTS: dict[str, tuple[str, Any, str]] = {
    "gate": ("--gate", "lenient", "choose one of required, platform, strict"),
    "gate in capitals": ("--gate", "STRICT", "choose one of required, platform, strict"),
    "profile": ("--profile", "quick", "choose one of window, deep"),
    "seed that is text": ("--seed", "abc", "give a whole number"),
    "seed below zero": ("--seed", "-1", "give a whole number, 0 or more"),
    "fractional bound": ("--max-requests", "1.5", "give a whole number"),
    "examples": ("--examples", "many", "give a whole number"),
    "concurrency zero": ("--concurrency", "0", "give a whole number, 1 or more"),
    "time-out zero": ("--request-timeout", "0", "give a number of seconds above 0"),
    "time-out nan": ("--request-timeout", "nan", "give a number of seconds"),
    "wait infinite": ("--max-wait", "inf", "give a number of seconds"),
    "wait negative": ("--max-wait", "-5", "give a number of seconds, 0 or more"),
    "header without colon": ("--header", ["X-Gateway"], "write it as 'Name: value'"),
    "header without name": ("--header", [": value"], "write it as 'Name: value'"),
    "header with a line end": ("--header", ["X: a\r\nY: b"], "write it as 'Name: value'"),
    "header with a space in its name": ("--header", ["X Y: a"], "write it as 'Name: value'"),
    "header that is not ASCII": ("--header", ["X: é"], "write it as 'Name: value', in ASCII"),
    "CA bundle": ("--ca-bundle", "no-such.pem", "no such file"),
    "CA bundle of another form": ("--ca-bundle", __file__, "give a file in PEM form"),
    "comparison": ("--compare-to", "no-such.json", "no such file"),
    "endless path": ("--compare-to", "x" * 5_000, "no such file"),
    "known failures": ("--known-failures", "no-such.txt", "cannot be read"),
}
TOKENS = {
    "no dots": "opaque-session-token",
    "two parts": ".".join(TOKEN.split(".")[:2]),
    "four parts": TOKEN + ".more",
    "no base64": "!!!.???.***",
    "no JSON": "bm90.anNvbg.c2ln",
    "claims that are no object": f"{part({'alg': 'HS256'})}.{part([1])}.c2ln",
    "not ASCII": f"{part({'alg': 'HS256'})}.é.c2ln",
    "with a line end": f"{TOKEN[:-9]}\n{TOKEN[-9:]}",
    "with the scheme": f"Bearer {TOKEN.partition('.')[0]}",
}
KNOWN_FAILURES = {
    "an unknown id": (b"LIST-99 reason", "line 1: 'LIST-99' is no clause id"),
    "a pattern": (b"LIST-* reason", "'LIST-*' is no clause id"),
    "no reason": (b"# why\nLIST-04\n", "line 2: LIST-04 needs a reason"),
    "a blank reason": (b"LIST-04   \n", "LIST-04 needs a reason"),
    "an id twice": (b"LIST-04 a\nLIST-04 b\n", "line 2: LIST-04 is listed twice"),
    "no UTF-8": (b"LIST-04 \xff\xfe", "not UTF-8"),
    "an unknown table": (b'[LIST-99]\nreason = "x"\n', "[LIST-99]: 'LIST-99' is no clause id"),
    "a table without a reason": (b"[LIST-04]\n", "[LIST-04]: LIST-04 needs a reason"),
    "a table without an id": (b'[[known]]\nreason = "x"\n', "[[known]] number 1: it needs the"),
    "a clause in two tables": (
        b'[LIST-04]\nreason = "x"\n[[known]]\nid = "LIST-04"\nreason = "y"\n',
        "LIST-04 is listed twice",
    ),
    "an end that is no date": (
        b'[LIST-04]\nreason = "x"\nuntil = "soon"\n',
        "[LIST-04]: until must be a date such as 2026-12-31, not 'soon'",
    ),
    "a misspelt key": (b'[LIST-04]\nreason = "x"\nunitl = 2026-01-01\n', "'unitl' is none of"),
    "a reason that is no text": (b"[LIST-04]\nreason = 7\n", "reason must be text, not 7"),
    "a number for a table": (b"LIST-04 = 7\n", "expected a table with a reason, not 7"),
}


def problem_of(
    given: Mapping[str, Any], directory: Path, environment: Mapping[str, str] | None = None
) -> str:
    """The line that the user reads."""
    usual = {"base_url": URL, "token": TOKEN, "report_dir": str(directory)}
    with pytest.raises(UsageProblem) as caught:
        resolve({**usual, **given}, environment or {}, now=NOW)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("url", URLS)
def test_a_base_url_that_cannot_be_used_is_refused(url: str, tmp_path: Path) -> None:
    line = problem_of({"base_url": url}, tmp_path)

    assert line.startswith("--base-url")
    assert URLS[url] in line
    assert "opensesame" not in line


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_value_names_option_value_and_remedy(name: str, tmp_path: Path) -> None:
    flag, value, remedy = FAULTS[name]

    line = problem_of({flag.removeprefix("--").replace("-", "_"): value}, tmp_path)

    assert line.startswith(flag)
    assert remedy in line
    if isinstance(value, str):
        assert value[:100] in line


@pytest.mark.parametrize("flag", ["--complete", "--insecure", "--allow-production"])
@pytest.mark.parametrize("text", ["true", "yes", "on", "2"])
def test_a_switch_in_the_environment_is_1_or_0(flag: str, text: str, tmp_path: Path) -> None:
    variable = "CONTACTS_" + flag.removeprefix("--").replace("-", "_").upper()

    line = problem_of({}, tmp_path, {variable: text})

    assert line == f"{variable} {text}: a switch in the environment is 1 or 0"


@pytest.mark.parametrize("host", ["staging.example.com", "10.0.0.1", "localhost.example.com"])
def test_a_probe_off_loopback_needs_an_owner(host: str, tmp_path: Path) -> None:
    line = problem_of({"base_url": f"https://{host}/v1", "probe_rate_limit": True}, tmp_path)

    assert line.startswith("--probe-rate-limit")
    assert host in line
    assert "--i-own-this-target" in line


def test_a_bad_value_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    line = problem_of({}, tmp_path, {"CONTACTS_SEED": "abc"})

    assert line.startswith("CONTACTS_SEED abc:")


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("flag", ["--token", "--second-token", "--restricted-token"])
def test_a_token_that_is_no_jwt_is_refused_unseen(flag: str, name: str, tmp_path: Path) -> None:
    token = TOKENS[name]

    line = problem_of({flag.removeprefix("--").replace("-", "_"): token}, tmp_path)

    assert line.startswith(f"{flag}: this is no JWT")
    assert "give three base64url parts joined by dots" in line
    assert token not in line


def test_an_expired_token_says_since_when(tmp_path: Path) -> None:
    line = problem_of({"token": EXPIRED}, tmp_path)

    assert line.startswith("--token: the token ran out 90 s ago")
    assert "log in again or use --token-command" in line
    assert EXPIRED not in line


@pytest.mark.parametrize("exp", [NOW + 1, None, "soon", True])
def test_an_expired_token_that_still_holds_is_refused(exp: object, tmp_path: Path) -> None:
    line = problem_of({"expired_token": jwt_of(sub="ann", exp=exp)}, tmp_path)

    assert line.startswith("--expired-token: its exp is missing or still to come")


def test_a_target_of_the_users_own_needs_a_token(tmp_path: Path) -> None:
    line = problem_of({"token": None}, tmp_path)

    assert line.startswith("--token: missing")
    assert "--token-command" in line


@pytest.mark.parametrize(
    ("pattern", "near"),
    [("LIST-99", "LIST-09"), ("CREAT-*", "CREATE-*"), ("DELET-01", "DELETE-01")],
)
def test_an_unknown_clause_names_near_misses(pattern: str, near: str, tmp_path: Path) -> None:
    line = problem_of({"clause": [pattern]}, tmp_path)

    assert line.startswith(f"--clause: no clause matches '{pattern}'; did you mean")
    assert near in line


def test_an_unknown_clause_without_near_misses_says_what_ids_look_like(tmp_path: Path) -> None:
    assert "ids look like LIST-04" in problem_of({"clause": ["zzz"]}, tmp_path)


@pytest.mark.parametrize("name", KNOWN_FAILURES)
def test_a_faulty_known_failures_file_names_the_line(name: str, tmp_path: Path) -> None:
    content, expected = KNOWN_FAILURES[name]
    path = tmp_path / "known.txt"
    path.write_bytes(content)

    line = problem_of({"known_failures": str(path)}, tmp_path)

    assert line.startswith(f"--known-failures {path}")
    assert expected in line


def test_a_toml_file_that_is_none_says_where_it_breaks(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text("[LIST-04\nreason = 1\n", encoding="utf-8")

    assert "no TOML: " in (line := problem_of({"known_failures": str(path)}, tmp_path))
    assert "line 1" in line


def test_a_directory_is_no_known_failures_file(tmp_path: Path) -> None:
    assert "cannot be read" in problem_of({"known_failures": str(tmp_path)}, tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"clauses": {}}', b"\xff"])
def test_a_comparison_with_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "earlier.json"
    path.write_bytes(content)

    line = problem_of({"compare_to": str(path)}, tmp_path)

    assert line == f"--compare-to {path}: this is no conformance.json of an earlier run"


def test_a_report_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a-file"
    path.write_text("")

    assert "this is a file; name a directory" in problem_of({"report_dir": str(path)}, tmp_path)
    below = problem_of({"report_dir": str(path / "below")}, tmp_path)
    assert below.startswith("--report-dir")
    assert "cannot be made" in below


def test_a_report_directory_whose_name_is_too_long_is_refused(tmp_path: Path) -> None:
    assert "cannot be made" in problem_of({"report_dir": "x" * 5_000}, tmp_path)


@generated(st.sampled_from([o.name for o in OPTIONS if o.name != "report_dir"]), st.text())
def test_any_text_is_taken_or_refused_in_one_line(name: str, text: str) -> None:
    """No value of any option ends in another exception."""
    kind = next(o.kind for o in OPTIONS if o.name == name)
    value: Any = {"switch": True, "many": [text]}.get(kind, text)
    with tempfile.TemporaryDirectory() as directory:
        given = {"base_url": URL, "token": TOKEN, "report_dir": directory, name: value}
        try:
            result: object = resolve(given, {}, now=NOW)
        except UsageProblem as problem:
            result = problem

    assert isinstance(result, Settings) or "\n" not in str(result)
