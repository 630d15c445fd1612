"""A shape as locust drives it: how many users there are at each moment, and when the run is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from locust import LoadTestShape

from load.shapes import SHAPES

if TYPE_CHECKING:
    from load.control import Control

SPAWN_RATE = 100.0


class StagedShape(LoadTestShape):
    """Follows the shape that was asked for; in the open model the users stay and the rate moves."""

    use_common_options = True

    def __init__(self, control: Control) -> None:
        """Bind to the control of this process."""
        super().__init__()  # type: ignore[no-untyped-call] # locust leaves it so
        self._control = control

    def tick(self) -> tuple[int, float] | None:
        """Return (users, users to start per second), or None once the shape is over."""
        control = self._control
        users = int(control.environment.parsed_options.num_users or 1)
        if control.options.arrival_rate:
            return None if self._schedule_over() else (users, SPAWN_RATE)
        shape = SHAPES[control.options.shape or "steady"]
        level = shape.level(self.elapsed(), control.shape_seconds())
        if level is None:
            return None
        return max(1, round(users * level)), SPAWN_RATE

    def elapsed(self) -> float:
        """Return the seconds since the first user."""
        return float(self.get_run_time())  # type: ignore[no-untyped-call] # locust leaves it so

    def _schedule_over(self) -> bool:
        schedule = self._control.schedule
        return schedule is not None and schedule.over
