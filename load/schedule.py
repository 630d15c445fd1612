"""The open model on the node that controls the run: deals arrivals out, and searches the capacity."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import gevent

from load.arrivals import ArrivalClock, Dealer
from load.collection import Collection, View
from load.node import clock
from load.shapes import SHAPES, STEADY, STEP, Capacity

if TYPE_CHECKING:
    from load.control import Control

LOG = logging.getLogger("load")
DEALING_S = 0.1
BEGIN_IN_S = 0.2
NO_ANSWER = "no answer came"
"""Stands for the objective that a step misses in which nothing was answered."""


class Schedule:
    """The arrivals of one run; `since` is its moment 0, in seconds since the epoch."""

    def __init__(self, control: Control, collection: Collection) -> None:
        """Begin in a moment, so that the first arrivals are dealt out in time."""
        self._control, self._collection = control, collection
        chosen = control.options
        self.options = chosen
        self.dealer = Dealer(ArrivalClock(chosen.arrivals, chosen.seed), self.rate_at)
        self.since = clock() + BEGIN_IN_S
        self.capacity: Capacity | None = None
        if chosen.shape == STEP:
            step_s = chosen.shape_time or SHAPES[STEP].seconds
            self.capacity = Capacity(chosen.arrival_rate, step_s, self._judge_step)
        self._begun: set[str] = set()
        collection.started = self.since

    def run(self) -> None:
        """Deal until the run is over."""
        control = self._control
        while control.running:
            now = clock()
            for node, moments in self.dealer.tick(now - self.since, control.receivers(now)).items():
                self._deal_to(node, moments, now)
            if self.capacity is not None:
                self._step(self.capacity, now - self.since)
            gevent.sleep(DEALING_S)

    def rate_at(self, at: float) -> float:
        """Return the arrivals per second that are wanted at a moment of the schedule."""
        if self.capacity is not None:
            return self.capacity.rate
        if self.options.shape is None and not self._control.run_time:
            return self.options.arrival_rate
        shape = SHAPES[self.options.shape or STEADY]
        return self.options.arrival_rate * (shape.level(at, self._control.shape_seconds()) or 0.0)

    @property
    def over(self) -> bool:
        """Whether the schedule has run its course."""
        if self.capacity is not None:
            return self.capacity.over
        return clock() - self.since >= self._control.shape_seconds()

    def scheduled(self, until: float) -> int:
        """Return how many arrivals were due by a moment, in seconds since the epoch."""
        return self.dealer.scheduled(until - self.since)

    def _deal_to(self, node: str, moments: list[float], now: float) -> None:
        if node not in self._begun:
            self._begun.add(node)
            self._control.begin(node, self.since, now)
        self._control.deal(node, moments)

    def _step(self, capacity: Capacity, at: float) -> None:
        if not capacity.settled(at):
            self._collection.step.clear()
        elif capacity.advance(at):
            LOG.info("%.1f/s held; now %.1f/s", capacity.held, capacity.rate)
            self._collection.step.clear()

    def _judge_step(self) -> tuple[dict[str, float | None], str | None]:
        """Return what the step measured, and the first objective that it missed.

        A rate is what the search varies: it is measured and not judged.
        """
        capacity = self.capacity
        counted_s = capacity.step_s - capacity.settles_in_s if capacity is not None else 0.0
        view = View(self._collection.step, counted_s)
        actuals: dict[str, float | None] = {}
        missed = None if view.measured(None) else NO_ANSWER
        for objective in self._control.objectives:
            actual = actuals[objective.expression] = objective.actual(view)
            judged = missed is None and objective.what != "rate"
            if judged and objective.verdict(actual) == "missed":
                missed = objective.expression
        return actuals, missed
