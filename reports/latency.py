"""Latency by operation as the geometry of small strip charts on one shared scale.

Latencies spread over orders of magnitude, so the scale is logarithmic. Positions are shares of
the width, 0 to 1; drawing them is the template's work.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from reports.results import Latency, Results

SAMPLES_DRAWN = 200
"""Marks in one strip: more would only thicken it."""
_STEPS = (1, 2, 5)
_TICKS_WANTED = 6


@dataclass(frozen=True)
class Tick:
    """A labelled place on the scale."""

    label: str
    at: float


@dataclass(frozen=True)
class Strip:
    """One operation: its figures in milliseconds, and where they stand on the scale."""

    operation: str
    figures: Latency
    p50: float
    p90: float
    p99: float
    max: float
    samples: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """The strips of all operations measured, and the ticks of the scale they share."""

    strips: tuple[Strip, ...]
    ticks: tuple[Tick, ...]


def chart(results: Results) -> Chart:
    """Return the chart; without strips where nothing was measured."""
    measured = {
        operation: figures
        for operation, figures in results["requests"]["latency_ms"].items()
        if figures["count"] and figures["max"] > 0
    }
    values = [value for figures in measured.values() for value in _values(figures)]
    if not values:
        return Chart((), ())
    scale = _Scale(values)
    strips = (_strip(operation, figures, scale) for operation, figures in measured.items())
    return Chart(tuple(strips), scale.ticks())


class _Scale:
    """Maps milliseconds to shares of the width, from the smallest to the largest value."""

    def __init__(self, values: Iterable[float]) -> None:
        positive = [value for value in values if value > 0]
        self.low = _rounded_down(min(positive))
        self.high = max(_rounded_up(max(positive)), self.low * 2)

    def __call__(self, value: float) -> float:
        span = math.log(self.high / self.low)
        share = math.log(max(value, self.low) / self.low) / span
        return round(min(share, 1.0), 4)

    def ticks(self) -> tuple[Tick, ...]:
        marks = [mark for mark in _marks(self.low) if mark <= self.high * 1.001]
        every = math.ceil(len(marks) / _TICKS_WANTED)
        return tuple(Tick(_label(mark), self(mark)) for mark in marks[::every])


def _strip(operation: str, figures: Latency, scale: _Scale) -> Strip:
    samples = sorted(figures["samples"])
    step = math.ceil(len(samples) / SAMPLES_DRAWN) or 1
    return Strip(
        operation=operation,
        figures=figures,
        p50=scale(figures["p50"]),
        p90=scale(figures["p90"]),
        p99=scale(figures["p99"]),
        max=scale(figures["max"]),
        samples=tuple(dict.fromkeys(scale(sample) for sample in samples[::step])),
    )


def _values(figures: Latency) -> list[float]:
    return [figures["p50"], figures["max"], *figures["samples"]]


def _marks(low: float) -> Iterable[float]:
    exponent = math.floor(math.log10(low) + 1e-9)
    return (
        step * 10.0**power
        for power in range(exponent, exponent + 8)
        for step in _STEPS
        if step * 10.0**power >= low * 0.999
    )


def _rounded_down(value: float) -> float:
    base = 10.0 ** math.floor(math.log10(value))
    return max(step * base for step in _STEPS if step * base <= value * 1.001)


def _rounded_up(value: float) -> float:
    base = 10.0 ** math.floor(math.log10(value))
    return min(step * base for step in (*_STEPS, 10) if step * base >= value * 0.999)


def _label(milliseconds: float) -> str:
    if milliseconds >= 1_000:
        return f"{milliseconds / 1_000:g} s"
    return f"{milliseconds:g} ms"
