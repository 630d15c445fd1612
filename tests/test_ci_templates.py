"""The templates for CI servers: they parse, use what they declare, and keep tokens to themselves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kit.documents import Piece, blocks
from kit.gate_runs import FILES
from kit.source_tree import ROOT

from conformance.kit.settings import OPTIONS

ACTION = ROOT / "action.yml"
GITLAB = ROOT / "ci" / "gitlab.yml"
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "gating-your-ci.md"
TEMPLATES = [ACTION, GITLAB]
REPORT = re.compile(r"\b[\w-]+\.(?:json|jsonl|xml|html|md)\b")
VARIABLES = {option.variable: option for option in OPTIONS}


def parsed(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def steps() -> list[dict[str, Any]]:
    """The steps of the action."""
    found: list[dict[str, Any]] = parsed(ACTION)["runs"]["steps"]
    return found


def step(name: str) -> dict[str, Any]:
    (found,) = [one for one in steps() if one.get("name") == name]
    return found


def job() -> dict[str, Any]:
    found: dict[str, Any] = parsed(GITLAB)[".contacts-conformance"]
    return found


def commands(path: Path) -> list[str]:
    """Every script of a template."""
    scripts: list[str] = (
        [one["run"] for one in steps() if "run" in one] if path == ACTION else job()["script"]
    )
    return scripts


def test_the_action_is_composite_and_describes_every_input() -> None:
    action = parsed(ACTION)

    assert action["runs"]["using"] == "composite"
    assert all(one["description"] for one in action["inputs"].values())
    assert all(one.get("required") or "default" in one for one in action["inputs"].values())
    assert all("shell" in one for one in steps() if "run" in one)


def test_every_input_of_the_action_is_used_and_every_used_one_is_declared() -> None:
    action = parsed(ACTION)

    used = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", ACTION.read_text("utf-8")))

    assert used == set(action["inputs"])
    assert used == {"base-url", "token", "second-token", "gate", "args", "python-version"}


def test_no_script_of_the_action_holds_an_expression() -> None:
    """An expression is put in as text: a token would be on a command line, an input would run."""
    assert [text for text in commands(ACTION) if "${{" in text] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_credential_is_on_a_command_line(path: Path) -> None:
    secret = [option for option in OPTIONS if option.kind == "secret"]

    for text in commands(path):
        # The credential helper of git is single-quoted: it is expanded in a shell of its own.
        bare = re.sub(r"credential\.helper='[^']*'", "", text)
        assert "_TOKEN" not in bare
        for option in secret:
            assert option.flag not in bare
            assert option.variable not in bare


def test_the_action_hands_credentials_over_in_the_environment_of_the_gate_alone() -> None:
    inputs = {"CONTACTS_TOKEN": "token", "CONTACTS_SECOND_TOKEN": "second-token"}

    holding = [one["name"] for one in steps() if "token" in str(one.get("env", "")).lower()]

    environment = step("Run the gate")["env"]
    assert holding == ["Run the gate"]
    assert {n: environment[n] for n in inputs} == {
        n: f"${{{{ inputs.{i} }}}}" for n, i in inputs.items()
    }


def test_every_variable_of_the_suite_in_a_template_is_an_option() -> None:
    texts = "".join(path.read_text("utf-8") for path in TEMPLATES)

    assert set(re.findall(r"\bCONTACTS_[A-Z_]+\b", texts)) <= set(VARIABLES)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_report_that_a_template_names_is_written_by_each_run(path: Path) -> None:
    named = set(REPORT.findall(str(parsed(path))))

    assert named
    assert named <= FILES


def test_the_reports_are_kept_whatever_comes_of_the_gate() -> None:
    directory = step("Run the gate")["env"]["CONTACTS_REPORT_DIR"]
    shown, kept = step("Show the summary"), step("Keep the reports")
    artifacts = job()["artifacts"]

    assert shown["if"] == kept["if"] == "always()"
    assert shown["env"]["CONTACTS_REPORT_DIR"] == kept["with"]["path"] == directory
    assert artifacts["when"] == "always"
    assert artifacts["paths"] == ["contacts-conformance/"]
    assert artifacts["reports"]["junit"] == "contacts-conformance/junit.xml"
    assert job()["variables"]["CONTACTS_REPORT_DIR"] == "$CI_PROJECT_DIR/contacts-conformance"


# --- the scripts, run as a CI server runs them -------------------------------------------------


@pytest.fixture
def nox(tmp_path: Path) -> Path:
    """A directory with a `nox` that prints its arguments and ends with 6."""
    directory = tmp_path / "bin"
    directory.mkdir()
    stand_in = directory / "nox"
    stand_in.write_text('#!/bin/sh\nprintf "<%s>" "$@"\nexit 6\n')
    stand_in.chmod(0o755)
    return directory


def run(program: list[str], script: str, directory: Path, **variables: str) -> tuple[int, str]:
    """The exit status and the screen of a script, with a directory first in the path."""
    path = f"{directory}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 - our own script
        [*program, script],
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_action_passes_options_and_the_exit_status_on(nox: Path) -> None:
    options = "--start-command 'cd ../api && npm start' --clause $(id)"

    status, screen = run(
        [sys.executable, "-c"],
        step("Run the gate")["run"],
        nox,
        CONTACTS_BASE_URL="http://127.0.0.1:9/v1",
        CONFORMANCE_ARGS=options,
    )

    assert status == 6
    words = "<-s><conformance><--><--start-command><cd ../api && npm start><--clause><$(id)>"
    assert screen == words


def test_no_template_checks_the_embedded_server_for_want_of_a_url(nox: Path) -> None:
    empty = {"CONTACTS_BASE_URL": "", "CONFORMANCE_ARGS": ""}

    action = run([sys.executable, "-c"], step("Run the gate")["run"], nox, **empty)
    gitlab = run(["/bin/bash", "-c"], job()["script"][0], nox, **empty)

    assert action == (4, "::error::base-url is empty: name the API under test\n")
    assert gitlab == (4, "CONTACTS_BASE_URL is empty: name the API under test\n")


def test_the_summary_is_appended_where_there_is_one(tmp_path: Path) -> None:
    script, page = step("Show the summary")["run"], tmp_path / "page.md"
    page.write_text("before\n")
    where = {"CONTACTS_REPORT_DIR": str(tmp_path), "GITHUB_STEP_SUMMARY": str(page)}

    without = run(["/bin/bash", "-e", "-c"], script, tmp_path, **where)
    (tmp_path / "summary.md").write_text("passed\n")
    with_one = run(["/bin/bash", "-e", "-c"], script, tmp_path, **where)

    assert without == with_one == (0, "")
    assert page.read_text() == "before\npassed\n"


def test_the_readme_and_the_guide_use_the_action_as_it_is() -> None:
    blocks = [yaml.safe_load(block.text) for page in (README, GUIDE) for block in yamls(page)]

    used = [each for block in blocks for each in steps_in(block) if "with" in each]

    inputs = parsed(ACTION)["inputs"]
    required = {name for name, one in inputs.items() if one.get("required")}
    assert len(used) == 3
    assert {each["uses"] for each in used} == {"your-org/contacts-conformance@v1"}
    assert all(required <= set(each["with"]) <= set(inputs) for each in used)


def steps_in(block: Any) -> list[dict[str, Any]]:
    """The steps of a GitHub job that a block shows: a list of them, the steps, or the job."""
    if isinstance(block, list):
        return block
    jobs = block.get("jobs", {"shown": block}).values()
    return [each for shown in jobs for each in shown.get("steps", [])]


def yamls(page: Path) -> list[Piece]:
    return blocks(page, "yaml")


def test_the_guide_uses_the_gitlab_template_as_it_is() -> None:
    (gitlab,) = [yaml.safe_load(b.text) for b in yamls(GUIDE) if "include:" in b.text]

    (included,) = gitlab["include"]
    assert (ROOT / included["file"].lstrip("/")) == GITLAB
    assert included["project"] == job()["variables"]["CONFORMANCE_PROJECT"]
    assert included["ref"] == job()["variables"]["CONFORMANCE_REF"]
    assert gitlab["contacts-conformance"]["extends"] in parsed(GITLAB)
    assert set(gitlab["contacts-conformance"]["variables"]) <= set(VARIABLES)
