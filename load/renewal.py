"""Fresh tokens while a run lasts: one call of the token command for all users who wait for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import gevent
from gevent.lock import BoundedSemaphore

from load.credentials import NoToken, Tokens

LOG = logging.getLogger("load")
RENEW_EVERY_S = 5.0
"""The command is asked no more often, however short its tokens live."""
REFUSED = 401


class Renewal:
    """Renews the token of one process, ahead of its end or where the target refuses it."""

    def __init__(self, tokens: Tokens) -> None:
        """Bind to the tokens; nothing is asked yet."""
        self.tokens = tokens
        self._asking = BoundedSemaphore(1)
        self._not_before = 0.0

    def ahead(self) -> None:
        """Renew the token where it is about to run out."""
        if self.tokens.renew_in() == 0:
            self.after(self.tokens.token)

    def after(self, token: str) -> bool:
        """Return whether there is a fresher token than this one, by now or once it was asked for."""
        if self.tokens.command is None:
            return False
        with self._asking:
            now = time.monotonic()
            if self.tokens.token == token and now >= self._not_before:
                self._ask()
                self._not_before = time.monotonic() + RENEW_EVERY_S
            return self.tokens.token != token

    def _ask(self) -> None:
        try:
            # No thread: gevent's subprocess, which lets the other users go on, works in none.
            self.tokens.renew()
        except NoToken as problem:
            LOG.warning("no fresh token: %s", problem)

    def keep(self, over: Callable[[], bool]) -> None:
        """Renew ahead of each end until the run is over; return where the token has no end."""
        while not over():
            self.ahead()
            wait = self.tokens.renew_in()
            if wait is None:
                return
            gevent.sleep(max(wait, RENEW_EVERY_S))
