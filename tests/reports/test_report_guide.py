"""The guide to the reports is true of the statuses, the exit statuses and the commands there are."""

import re
import shlex
from pathlib import Path

import pytest

from reports import __main__ as command
from reports import summary, trend
from reports.results import STATUSES

GUIDE = (Path(__file__).parents[2] / "docs" / "reading-a-report.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"(?m)^python -m reports (.+)$", GUIDE)


def test_every_status_is_explained() -> None:
    section = GUIDE.partition("## What a status means")[2].partition("\n## ")[0]

    assert tuple(re.findall(r"(?m)^\| `(\w+)` \|", section)) == STATUSES


def test_every_exit_status_is_explained() -> None:
    section = GUIDE.partition("## Exit statuses")[2].partition("\n## ")[0]

    assert re.findall(r"(?m)^\| (\d) \|", section) == list("0123456")


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one_that_there_is(line: str) -> None:
    assert command._parser().parse_args(shlex.split(line)).command


def test_every_command_is_shown() -> None:
    assert {line.partition(" ")[0] for line in COMMANDS} == {"render", "diff", "trend"}


def test_limits_are_those_of_the_code() -> None:
    assert f"at most {summary.COMMENT_LIMIT:,} characters" in GUIDE
    assert f"the latest {trend.RUNS_SHOWN} runs" in GUIDE
