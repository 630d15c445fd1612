"""What can still become of a run: whether `--fail-fast` ends it before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load.node import clock

if TYPE_CHECKING:
    from load.control import Control


def hopeless(control: Control) -> str | None:
    """Return the first objective that can no longer be met; None while all can."""
    if control.collection is None or (control.schedule and control.schedule.capacity):
        return None
    left = _seconds_left(control)
    view, to_come = control.view(), _most_to_come(control, left)
    for objective in control.objectives:
        if objective.hopeless(view, to_come, left):
            return objective.expression
    return None


def _seconds_left(control: Control) -> float:
    asked = control.environment.parsed_options.run_time
    by_shape = control.options.shape or control.run_time
    total = control.shape_seconds() if by_shape else float(asked or 0.0)
    if not total or control.collection is None:
        return float("inf")
    return max(0.0, total - control.collection.duration(clock()))


def _most_to_come(control: Control, seconds: float) -> float:
    if control.collection is None:
        return float("inf")
    if control.options.arrival_rate:
        return control.options.arrival_rate * seconds * 2
    best = control.collection.best_second or control.collection.total().requests
    return best * 2 * seconds
