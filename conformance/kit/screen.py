"""The screen: lines shown at once, whatever pytest keeps back, and how far the run is.

A terminal shows the progress live in one line, with rich; any other output, such as the log of a CI
job, gets a plain line now and then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

import pytest
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from conformance.kit.progress import Progress

PLAIN_S = 10.0
"""Seconds between two plain lines of progress."""
BAR_WIDTH = 16
REFRESHES_PER_S = 8

Look = Callable[[], Progress | None]


class Screen:
    """Plain lines on a file descriptor; every text passes through `redact`."""

    live = False
    """Whether the progress is drawn in place, so that nobody else writes meanwhile."""

    def __init__(
        self,
        descriptor: int,
        redact: Callable[[str], str],
        look: Look,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the descriptor, which stays the caller's, and what tells how far the run is."""
        self._descriptor = descriptor
        self._redact = redact
        self._look = look
        self._clock = clock
        self._due = clock() + PLAIN_S
        self._last = ""

    def say(self, line: str) -> None:
        """Show a line of its own."""
        os.write(self._descriptor, f"\n{self._redact(line)}\n".encode())

    def tick(self) -> None:
        """Show the progress where that is due and it has changed; to be called often."""
        if self._clock() < self._due:
            return
        self._due = self._clock() + PLAIN_S
        progress = self._look()
        if progress is not None and progress.line != self._last:
            self._last = progress.line
            self.say(progress.line)

    def close(self) -> None:
        """Show nothing any more."""


class LiveScreen(Screen):
    """A terminal: the last line is the progress, drawn anew several times a second."""

    live = True

    def __init__(self, descriptor: int, redact: Callable[[str], str], look: Look) -> None:
        """Take what a plain screen takes, and begin to draw."""
        super().__init__(descriptor, redact, look)
        stream = os.fdopen(os.dup(descriptor), "w", errors="replace")
        self._stream = stream
        self._console = Console(file=stream, force_terminal=True, highlight=False)
        self._spinner = Spinner("dots")
        self._live = Live(
            get_renderable=self._line,
            console=self._console,
            refresh_per_second=REFRESHES_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def say(self, line: str) -> None:
        """Show a line of its own above the progress."""
        self._console.print(Text(self._redact(line)))

    def tick(self) -> None:
        """Do nothing: the line is drawn by a thread of its own."""

    def close(self) -> None:
        """Erase the progress and give the line back; a second time nothing happens."""
        if not self._stream.closed:
            self.live = False
            self._live.stop()
            self._stream.close()

    def _line(self) -> Table | Text:
        progress = self._look()
        if progress is None:
            return Text("")
        parts: list[Spinner | ProgressBar | Text] = [self._spinner]
        if progress.bound:
            done = min(progress.sent, progress.bound)
            parts.append(ProgressBar(progress.bound, done, width=BAR_WIDTH))
        parts.append(Text(progress.line, no_wrap=True, overflow="ellipsis"))
        grid = Table.grid(padding=(0, 1))
        grid.add_row(*parts)
        return grid


def screen_of(
    config: pytest.Config, descriptor: int, redact: Callable[[str], str], look: Look
) -> Screen:
    """Return the screen that fits where pytest writes to.

    Beside the live line pytest's own marks, one for each test, would have no place. Who asks for
    other output than the default (`-v`, `-q`, `-s`, `--pdb`) gets pytest's.
    """
    option = config.option
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    usual = not (config.get_verbosity() or option.usepdb) and option.capture != "no"
    if reporter is None or not usual or not is_live(descriptor, os.environ):
        return Screen(descriptor, redact, look)
    reporter.showfspath = False
    reporter._show_progress_info = False  # noqa: SLF001 - pytest has an ini option, too early here
    return LiveScreen(descriptor, redact, look)


def is_live(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Whether a descriptor is a terminal that can draw a line anew."""
    return os.isatty(descriptor) and environ.get("TERM", "") not in ("", "dumb", "unknown")
