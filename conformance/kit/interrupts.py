"""Signals: the first one stops the run, one more is held while it cleans up, the next one aborts.

A terminal, a CI runner and a wrapper often send several in a row; only the last may cost the
cleaning up. While a second thread runs, the first signal is not raised wherever the main thread
happens to be: there it may hold a lock of the interpreter, of an import for instance, which the
other thread would then await for ever. It is raised where the main thread asks, in `check`.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
HELD = b"\ncleaning up; interrupt again to leave contacts behind\n"


class Interrupts:
    """Handles SIGINT and SIGTERM alike, from `install` to `restore`; for the main thread only."""

    def __init__(self) -> None:
        """Start with the handlers as they are."""
        self._previous: dict[signal.Signals, Any] = {}
        self.pending = False
        """Whether a signal has come that nobody has been told of."""
        self._deferred = False
        self._cleaning = False
        self._held = False

    def install(self) -> None:
        """Take the signals over; where this is not the main thread, the caller handles them."""
        try:
            for number in SIGNALS if not self._previous else ():
                self._previous[number] = signal.signal(number, self._handle)
        except ValueError:
            return

    def defer(self) -> None:
        """From now on keep the first signal for `check`."""
        self._deferred = True

    def check(self) -> None:
        """Raise what was kept.

        Raises:
            KeyboardInterrupt: a signal has come.

        """
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt

    def begin_cleaning(self) -> None:
        """Hold one more signal from now on."""
        self._cleaning = True
        self.install()

    def restore(self) -> None:
        """Give the signals back."""
        while self._previous:
            signal.signal(*self._previous.popitem())

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._cleaning and not self._held:
            self._held = True
            os.write(2, HELD)
            return
        first, self._cleaning = not self._cleaning, True
        if first and self._deferred:
            self.pending = True
            return
        raise KeyboardInterrupt
