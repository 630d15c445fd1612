"""Ctrl-C and SIGTERM of the launcher, from its first line to the end of locust.

Before locust heeds signals there is nothing to end in order: nothing was sent, so its processes are
killed and the launcher says so. From then on each signal is handed on, to the one process that
ends the run. locust would end its hub, and not the run, on a SIGTERM: it is handed a SIGINT.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

INTERRUPTED = 2
EARLY = "interrupted before the run began; it left nothing on the target"


class InterruptedEarly(Exception):
    """A signal came before the run could begin; no request of it was sent."""


class Interrupts:
    """What the launcher does on a signal, by how far the start has come."""

    def __init__(self) -> None:
        """Handle SIGINT and SIGTERM from now on."""
        self._process: subprocess.Popen[bytes] | None = None
        self._heeding: Path | None = None
        self._starting = False
        self._told = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    @property
    def told(self) -> bool:
        """Whether a signal came."""
        return self._told

    def run(self, command: Sequence[str], environment: Mapping[str, str], heeding: Path) -> int:
        """Run a command whose process makes the file `heeding` once it heeds SIGINT.

        Returns its exit status.

        Raises:
            InterruptedEarly: a signal came before that; the process and its children are gone.
        """
        self._starting = True  # a signal between here and the assignment waits for the process
        self._heeding = heeding
        self._process = subprocess.Popen(  # noqa: S603 - locust, on our own locustfile
            command,
            env=environment,
            # Ctrl-C is the launcher's to hand on: once, and to the one process that heeds it.
            start_new_session=True,
        )
        self._starting = False
        if self._told:
            self._hand_on(self._process)
        status = self._process.wait()
        if self._told and not heeding.exists():
            raise InterruptedEarly
        return status

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        first, self._told = not self._told, True
        if self._process is not None:
            self._hand_on(self._process)
        elif first and not self._starting:
            raise InterruptedEarly

    def _hand_on(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            return
        if self._heeding is not None and self._heeding.exists():
            process.send_signal(signal.SIGINT)
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
