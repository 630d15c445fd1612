"""How far the run is: one line that a terminal shows live, and other outputs now and then."""

from __future__ import annotations

from dataclasses import dataclass

SCENES_NAMED = 2


@dataclass(frozen=True)
class Progress:
    """The state of a run at one moment; times in seconds, `bound` is None where there is none."""

    sent: int
    bound: int | None
    decided: int
    clauses: int
    running: tuple[str, ...]
    waited_s: float = 0.0
    waits_s: float = 0.0
    """How long no request will be sent, for the sake of the target's rate limit."""

    @property
    def line(self) -> str:
        """Return the state in the order of what matters while one waits."""
        return " · ".join([self.counts, *self.waits, *self.scenes])

    @property
    def counts(self) -> str:
        """Return what was sent of the budget, and how many clauses are decided."""
        bound = "" if self.bound is None else f"/{self.bound}"
        return f"{self.sent}{bound} requests · {self.decided}/{self.clauses} clauses decided"

    @property
    def waits(self) -> list[str]:
        """Return what is known of waiting."""
        if self.waits_s:
            return [f"{self.waits_s:.0f} s to wait for the rate limit"]
        return [f"waited {self.waited_s:.0f} s"] if self.waited_s else []

    @property
    def scenes(self) -> list[str]:
        """Return some of the scenes that run, in words."""
        if not self.running:
            return []
        named = ", ".join(name.replace("_", " ") for name in self.running[:SCENES_NAMED])
        more = len(self.running) - SCENES_NAMED
        return [f"{named} and {more} more" if more > 0 else named]
