"""How far the run is: the line itself, on a terminal, and where there is none."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from kit.gate_runs import ROOT

from conformance.kit.progress import Progress
from conformance.kit.screen import PLAIN_S, LiveScreen, Screen, is_live

BEGUN = Progress(sent=12, bound=480, decided=3, clauses=153, running=("races",))
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def shown(write: Callable[[int], None]) -> str:
    """What is written on a pipe."""
    reader, writer = os.pipe()
    try:
        write(writer)
    finally:
        os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as stream:
        return stream.read()


def on_a_terminal(*command: str, **variables: str) -> tuple[int, str]:
    """The exit status of a command and what it draws on a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **variables}
    child = subprocess.Popen(  # noqa: S603 - our own modules
        command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    drawn = b""
    with suppress(OSError):  # The end of a terminal is an error on Linux.
        while part := os.read(ours, 4096):
            drawn += part
    os.close(ours)
    return child.wait(timeout=60), drawn.decode()


def gate(directory: Path, *options: str, **variables: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "conformance", "--report-dir", str(directory)]
    return on_a_terminal(*command, "--clause", "GET-0*", *options, **variables)


def test_the_line_names_requests_clauses_and_scenes() -> None:
    assert BEGUN.line == "12/480 requests · 3/153 clauses decided · races"


def test_the_line_names_two_scenes_and_counts_the_others() -> None:
    busy = replace(BEGUN, bound=None, running=("old_lists", "races", "lives", "access"))

    assert busy.line == "12 requests · 3/153 clauses decided · old lists, races and 2 more"


@pytest.mark.parametrize(
    ("waited_s", "waits_s", "told"),
    [(0.0, 0.0, ""), (7.4, 0.0, " · waited 7 s"), (9.0, 4.2, " · 4 s to wait for the rate limit")],
)
def test_the_line_tells_of_waits(waited_s: float, waits_s: float, told: str) -> None:
    waiting = replace(BEGUN, running=(), waited_s=waited_s, waits_s=waits_s)

    assert waiting.line == f"12/480 requests · 3/153 clauses decided{told}"


def test_without_a_terminal_a_line_comes_now_and_then_and_only_where_it_says_something_new() -> (
    None
):
    moments = iter([0.0, 1.0, PLAIN_S, PLAIN_S, 2 * PLAIN_S, 2 * PLAIN_S, 3 * PLAIN_S, 3 * PLAIN_S])
    states = iter([BEGUN, BEGUN, replace(BEGUN, sent=99)])

    def write(descriptor: int) -> None:
        screen = Screen(descriptor, str, lambda: next(states), lambda: next(moments))
        for _ in range(4):
            screen.tick()

    lines = [line for line in shown(write).splitlines() if line]
    assert lines == [BEGUN.line, replace(BEGUN, sent=99).line]


def test_before_the_first_request_there_is_nothing_to_tell() -> None:
    moments = iter([0.0, PLAIN_S, PLAIN_S])

    assert shown(lambda fd: Screen(fd, str, lambda: None, lambda: next(moments)).tick()) == ""


@pytest.mark.parametrize("kind", [Screen, LiveScreen])
def test_no_screen_shows_a_secret(kind: type[Screen]) -> None:
    def write(descriptor: int) -> None:
        screen = kind(descriptor, lambda text: text.replace("hush", "…"), lambda: BEGUN)
        screen.say("token hush")
        screen.close()
        screen.close()

    text = shown(write)
    assert "token …" in text
    assert "hush" not in text


@pytest.mark.parametrize("terminal", ["", "dumb", "unknown"])
def test_a_terminal_that_cannot_move_the_cursor_gets_plain_lines(terminal: str) -> None:
    ours, theirs = pty.openpty()
    try:
        assert is_live(theirs, {"TERM": "xterm"})
        assert not is_live(theirs, {"TERM": terminal})
    finally:
        os.close(ours)
        os.close(theirs)


def test_on_a_terminal_the_progress_takes_the_place_of_pytests_marks(tmp_path: Path) -> None:
    status, drawn = gate(tmp_path)

    assert status == 0
    assert re.search(r"\d+/\d+ requests · \d+/\d+ clauses decided", CONTROL.sub("", drawn))
    assert "test_get.py" not in drawn
    assert "forecast" in drawn
    # The line is erased and the cursor shown again before the verdict.
    assert drawn.index("\x1b[?25h") < drawn.index("Passed")
    assert "decided" not in drawn[drawn.index("\x1b[?25h") :]


def test_no_color_leaves_the_live_line_without_colours(tmp_path: Path) -> None:
    _, coloured = gate(tmp_path)
    _, plain = gate(tmp_path, NO_COLOR="1")

    assert COLOUR.search(coloured)
    live = [line for line in re.split(r"[\r\n]", plain) if "clauses decided" in line]
    assert live
    assert {m for line in live for m in COLOUR.findall(line)} <= {"\x1b[0m", "\x1b[1m", "\x1b[2m"}


def test_who_asks_pytest_for_more_gets_pytests_output(tmp_path: Path) -> None:
    _, drawn = gate(tmp_path, "-v")

    assert "clauses decided" not in drawn
    assert "test_get.py::" in drawn
