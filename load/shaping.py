"""A shape as locust drives it: how many users there are at each moment, and when the run is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from locust import LoadTestShape

from load.node import clock
from load.shapes import SHAPES

if TYPE_CHECKING:
    from load.control import Control

SPAWN_RATE = 100.0


class StagedShape(LoadTestShape):  # type: ignore[misc] # locust carries no types for it
    """Follows the shape that was asked for; in the open model the users stay and the rate moves."""

    use_common_options = True

    def __init__(self, control: Control) -> None:
        """Bind to the control of this process."""
        super().__init__()
        self._control = control

    def tick(self) -> tuple[int, float] | None:
        """Return (users, users to start per second), or None once the shape is over."""
        control = self._control
        users = int(control.environment.parsed_options.num_users or 1)
        if control.options.arrival_rate:
            return None if self._schedule_over() else (users, SPAWN_RATE)
        shape = SHAPES[control.options.shape or "steady"]
        level = shape.level(self.get_run_time(), control.shape_seconds())
        if level is None:
            return None
        return max(1, round(users * level)), SPAWN_RATE

    def _schedule_over(self) -> bool:
        control = self._control
        if control.dealing_since is None:
            return False
        if control.capacity is not None:
            return control.capacity.over
        return clock() - control.dealing_since >= control.shape_seconds()
