"""The screen: lines shown at once, from any thread, whatever pytest keeps back meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable

ERASE_LINE = "\r\x1b[2K"


class Screen:
    """Writes on a file descriptor; every text passes through `redact`."""

    def __init__(self, descriptor: int, redact: Callable[[str], str]) -> None:
        """Take the descriptor, which stays the caller's to close."""
        self._descriptor = descriptor
        self._redact = redact
        self._live = os.isatty(descriptor)

    def say(self, line: str) -> None:
        """Show a line of its own."""
        self._write(f"\n{self._redact(line)}\n")

    def rewrite(self, line: str) -> None:
        """Show a line in the place of the last rewritten one; only a terminal can, others do not."""
        if self._live:
            self._write(ERASE_LINE + self._redact(line))

    def _write(self, text: str) -> None:
        os.write(self._descriptor, text.encode())
