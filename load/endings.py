"""How a locust process is told to end: Ctrl-C, SIGTERM, a second Ctrl-C, the death of its parent.

locust heeds SIGTERM only once a run with a shape is over, and its way with Ctrl-C is Python's own:
an exception in whatever happens to run, the deleting of contacts included, and none at all where
the shell that started it had SIGINT ignored. Here the first signal ends the run in order, and a
later Ctrl-C cuts the deleting short.
"""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import gevent

from load.settings import HEEDING_FILE, LAUNCHER

LOG = logging.getLogger("load")
ORPHANED_AFTER_S = 1.0
INTERRUPTED = 2


def heed(environment: Any) -> None:
    """Handle SIGINT and SIGTERM in order, and end with the parent that started this process."""
    told: list[int] = []

    def end(number: int) -> None:
        told.append(number)
        control = getattr(environment, "contacts_control", None)
        if len(told) == 1:
            _end_in_order(control)
        elif number == signal.SIGINT and len(told) == 2:
            LOG.warning("cleaning up; interrupt again to leave contacts behind")
        elif number == signal.SIGINT and control is not None and control.node is not None:
            control.node.abandoned = True

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, end, number)
    if LAUNCHER in os.environ:
        gevent.spawn(_end_with_parent, _parent(environment.parsed_options))
    if HEEDING_FILE in os.environ:
        Path(os.environ[HEEDING_FILE]).touch()


def _parent(options: Any) -> int:
    """Return the process to end with: the launcher, or the locust that forked this one."""
    forked = options.worker and options.processes
    return os.getppid() if forked else int(os.environ[LAUNCHER])


def _end_in_order(control: Any) -> None:
    waiting = control is not None and control.awaits_workers()
    if control is not None:
        control.interrupt()
    # locust's main greenlet waits for a KeyboardInterrupt, but not while it waits for workers.
    problem = SystemExit(INTERRUPTED) if waiting else KeyboardInterrupt()
    gevent.get_hub().handle_system_error(type(problem), problem)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        gevent.sleep(ORPHANED_AFTER_S)
    LOG.error("the process that started this one is gone: ending the run")
    os.kill(os.getpid(), signal.SIGINT)
