"""Load shapes as tables of stages, relative to the load that was asked for.

A level is a factor on `--arrival-rate` in the open model, on `--users` in the closed one. The
module imports no locust; `load.control` adapts a shape to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

STEADY, RAMP, STEP, SPIKE, SOAK = "steady", "ramp", "step", "spike", "soak"
STEP_FACTOR = 1.5
SETTLE_S = 1.0
"""What a step takes to settle; its first second is not judged."""
STEPS_MOST = 20


@dataclass(frozen=True)
class Stage:
    """A part of a shape: its share of the whole time, and the levels it begins and ends with."""

    share: float
    start: float
    end: float


@dataclass(frozen=True)
class Shape:
    """A shape: its stages, how long it lasts unless told otherwise, and what it is for."""

    name: str
    stages: tuple[Stage, ...]
    seconds: float
    purpose: str

    def level(self, at: float, seconds: float) -> float | None:
        """Return the level at a moment of a run of that length; None once it is over."""
        if not 0 <= at < seconds:
            return None
        ends = list(accumulate(stage.share for stage in self.stages))
        place = at / seconds * ends[-1]
        index = next(i for i, end in enumerate(ends) if place < end + 1e-12)
        stage = self.stages[index]
        inside = (place - (ends[index] - stage.share)) / stage.share
        return stage.start + (stage.end - stage.start) * inside


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(STEADY, (Stage(1, 1, 1),), 60, "one level all the time"),
        Shape(RAMP, (Stage(6, 0, 1), Stage(3, 1, 1), Stage(1, 1, 0)), 120, "up, held, down"),
        Shape(STEP, (Stage(1, 1, 1),), 10, "a higher rate every time until an objective breaks"),
        Shape(SPIKE, (Stage(4, 1, 1), Stage(1, 5, 5), Stage(5, 1, 1)), 60, "five times as much"),
        Shape(SOAK, (Stage(1, 0, 1), Stage(58, 1, 1), Stage(1, 1, 0)), 3600, "an hour, held"),
    )
}
"""The shapes by name. The time of `step` is the time of one step."""


@dataclass
class Capacity:
    """The capacity search: steps of a rising rate, each judged on its own, until one breaks.

    `judge` returns what the step now ending measured for each objective, and the expression of
    the first objective that it missed (None where all are met). `actuals` are those of the last
    step that held.
    """

    rate: float
    step_s: float
    judge: Callable[[], tuple[dict[str, float | None], str | None]]
    held: float | None = None
    broke_at: float | None = None
    broken_by: str | None = None
    steps: int = 0
    actuals: dict[str, float | None] = field(default_factory=dict)
    _began: float = 0.0

    @property
    def over(self) -> bool:
        """Whether an objective broke, or the most steps were taken."""
        return self.broke_at is not None or self.steps >= STEPS_MOST

    @property
    def settles_in_s(self) -> float:
        """How long a step's answers do not count yet."""
        return min(SETTLE_S, self.step_s / 4)

    def settled(self, at: float) -> bool:
        """Whether the step's answers count by now."""
        return at - self._began >= self.settles_in_s

    def advance(self, at: float) -> bool:
        """Judge the step where it has ended; return whether another one begins now."""
        if self.over or at - self._began < self.step_s:
            return False
        self.steps += 1
        actuals, self.broken_by = self.judge()
        if self.broken_by is not None:
            self.broke_at = self.rate
            return False
        self.held, self.actuals = self.rate, actuals
        if not self.over:
            self.rate *= STEP_FACTOR
        self._began = at
        return not self.over

    def as_data(self) -> dict[str, object]:
        """Return what the search found, for the results."""
        return {
            "last_rate_held": self.held,
            "broke_at": self.broke_at,
            "broken_by": self.broken_by,
            "steps": self.steps,
        }
