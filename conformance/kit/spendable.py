"""An embedded server whose rate limit may be spent: the ground of the active LIMIT clauses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.kit.embedded import reference_server
from conformance.kit.probe import Ground

LIMIT = 30
WINDOW_S = 6.0
"""Long enough for a `Retry-After` of 4 s past a pause in the middle of the budget (LIMIT-13)."""


@contextmanager
def spendable_server() -> Iterator[Ground]:
    """Start a reference server whose rate limit is soon reached (LIMIT-05).

    Raises:
        ServerDidNotStart: it did not announce its address in time.

    """
    with reference_server("--rate-limit", str(LIMIT), "--rate-window", str(WINDOW_S)) as target:
        yield Ground(target, own=True, window_s=WINDOW_S)
