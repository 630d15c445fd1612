"""The plots of `load.html` as geometry: paths in a box, and ticks for its two axes.

Everything is computed here, so that the page needs no script; drawing is the template's work. A
box is `WIDTH` by `HEIGHT` units, its origin at the upper left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 1000.0, 240.0
POINTS_MOST = 500
_STEPS = (1.0, 2.0, 5.0, 10.0)
Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis, as a share of its length from the origin."""

    label: str
    at: float


@dataclass(frozen=True)
class Shape:
    """One thing drawn: an SVG path, its class in the style sheet, and its name in the legend."""

    name: str
    path: str
    style: str


@dataclass(frozen=True)
class Plot:
    """A plot: what is drawn, the ticks of both axes, and one sentence that says the same."""

    title: str
    lead: str
    shapes: tuple[Shape, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


class Linear:
    """Maps values to shares of an axis from `low` to `high`."""

    def __init__(self, low: float, high: float) -> None:
        """Widen an empty span to one unit."""
        self.low, self.high = low, high if high > low else low + 1.0

    def __call__(self, value: float) -> float:
        """Return the share, kept between 0 and 1."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def ticks(self, unit: str = "", wanted: int = 5) -> tuple[Tick, ...]:
        """Return round places, at most twice as many as wanted."""
        step = _round_up((self.high - self.low) / wanted)
        first = math.ceil(self.low / step - 1e-9)
        places = [step * n for n in range(first, int(self.high / step + 1e-9) + 1)]
        return tuple(Tick(f"{_short(place)}{unit}", self(place)) for place in places)


class Logarithmic:
    """Maps positive values to shares of an axis on a logarithmic scale."""

    def __init__(self, values: Iterable[float]) -> None:
        """Span the values, from a power of ten to one."""
        positive = [value for value in values if value > 0] or [1.0, 10.0]
        self.low = 10.0 ** math.floor(math.log10(min(positive)))
        self.high = 10.0 ** math.ceil(math.log10(max(positive)) + 1e-9)
        if self.high <= self.low:
            self.high = self.low * 10

    def __call__(self, value: float) -> float:
        """Return the share, kept between 0 and 1."""
        if value <= self.low:
            return 0.0
        return min(1.0, math.log(value / self.low) / math.log(self.high / self.low))

    def ticks(self) -> tuple[Tick, ...]:
        """Return the powers of ten, in milliseconds or seconds."""
        count = round(math.log10(self.high / self.low))
        places = [self.low * 10**n for n in range(count + 1)]
        return tuple(Tick(_duration(place), self(place)) for place in places)


def _round_up(value: float) -> float:
    base = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * base for step in _STEPS if step * base >= value * 0.999)


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}"
    return f"{value:g}"


def _duration(milliseconds: float) -> str:
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:g} s"
    return f"{milliseconds:g} ms" if milliseconds >= 1 else f"{milliseconds * 1000:g} µs"


def line(points: Sequence[Point | None]) -> str:
    """Return the path through points given as shares; None interrupts it."""
    pieces, drawing = [], False
    for point in points:
        if point is None:
            drawing = False
            continue
        x, y = point[0] * WIDTH, (1 - point[1]) * HEIGHT
        pieces.append(f"{'L' if drawing else 'M'}{x:.1f} {y:.1f}")
        drawing = True
    return "".join(pieces)


def stairs(points: Sequence[Point]) -> list[Point]:
    """Return points between which a value holds until the next one is known."""
    steps: list[Point] = []
    for x, y in points:
        if steps:
            steps.append((x, steps[-1][1]))
        steps.append((x, y))
    return steps


def area(upper: Sequence[Point], lower: Sequence[Point]) -> str:
    """Return the closed path between two lines."""
    if not upper:
        return ""
    back = line(list(reversed(lower))).replace("M", "L", 1)
    return f"{line(upper)}{back}Z"


def complete(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of all seconds from the first to the last; ones without an answer are empty."""
    known = {row["at"]: row for row in rows}
    if not known:
        return []
    nothing = {"ok": 0, "failed": 0, "throttled": 0, "corrected": {}, "service": {}}
    span = range(min(known), max(known) + 1)
    return [known.get(at, {"at": at, **nothing}) for at in span]


def thinned(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return at most `POINTS_MOST` rows; where several become one, the worst percentile stays."""
    every = math.ceil(len(rows) / POINTS_MOST) or 1
    return [_merged(rows[i : i + every]) for i in range(0, len(rows), every)]


def _merged(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {"at": rows[0]["at"]}
    for outcome in ("ok", "failed", "throttled"):
        merged[outcome] = sum(row.get(outcome, 0) for row in rows) / len(rows)
    for name in ("corrected", "service"):
        parts = [row.get(name) or {} for row in rows]
        keys = dict.fromkeys(key for part in parts for key in part)
        merged[name] = {key: max(p.get(key, 0.0) for p in parts) for key in keys}
    return merged


def outcomes(rows: Sequence[dict[str, Any]]) -> Plot | None:
    """Return answers per second, stacked by outcome."""
    if not rows:
        return None
    across, seconds = _time_axis(rows)
    totals = [sum(row[name] for name in ("ok", "failed", "throttled")) for row in rows]
    up = Linear(0.0, max(totals) or 1.0)
    lower = [(x, 0.0) for x in seconds]
    shapes, below = [], [0.0] * len(rows)
    named = (("ok", "passed"), ("throttled", "warned"), ("failed", "failed"))
    for name, style in named:
        below = [base + row[name] for base, row in zip(below, rows, strict=True)]
        upper = [(x, up(value)) for x, value in zip(seconds, below, strict=True)]
        if any(row[name] for row in rows):
            shapes.append(Shape(name, area(upper, lower), f"fill-{style}"))
        lower = upper
    lead = f"Answers per second by outcome, at most {max(totals):,.0f}."
    ticks = up.ticks("/s")
    return Plot("Throughput and outcomes", lead, tuple(shapes), across.ticks(" s"), ticks)


def latency(rows: Sequence[dict[str, Any]]) -> Plot | None:
    """Return percentiles of each second: corrected ones drawn through, plain ones dashed."""
    named = [(kind, p) for kind in ("corrected", "service") for p in ("p50", "p95", "p99")]
    values = [row[kind][p] for row in rows for kind, p in named if p in row[kind]]
    if not values:
        return None
    across, seconds = _time_axis(rows)
    up, shapes = Logarithmic(values), []
    for kind, p in named:
        points = [
            (x, up(row[kind][p])) if p in row[kind] else None
            for x, row in zip(seconds, rows, strict=True)
        ]
        shapes.append(Shape(f"{p} {_kind(kind)}", line(points), f"{p} {kind}"))
    lead = (
        "Percentiles of each second on a logarithmic scale. Corrected latency counts from the "
        "moment a request was meant to be sent, plain latency from its sending."
    )
    return Plot("Latency over time", lead, tuple(shapes), across.ticks(" s"), up.ticks())


def _kind(name: str) -> str:
    return "plain" if name == "service" else name


def histogram(rows: dict[str, Sequence[Sequence[float]]]) -> Plot | None:
    """Return how often each latency came, corrected and plain, on a logarithmic scale."""
    bounds = [edge for part in rows.values() for low, high, _ in part for edge in (low, high)]
    if not bounds:
        return None
    across = Logarithmic(bounds)
    tallest = max(count for part in rows.values() for _, _, count in part)
    up = Linear(0.0, tallest)
    shapes = [
        Shape(_kind(name), _bars(part, across, up), f"hist-{name}") for name, part in rows.items()
    ]
    lead = "How many answers took how long."
    return Plot("Latency histogram", lead, tuple(shapes), across.ticks(), up.ticks())


def _bars(
    part: Sequence[Sequence[float]], across: Callable[[float], float], up: Callable[[float], float]
) -> str:
    outline: list[Point | None] = []
    for low, high, count in part:
        outline += [(across(low), up(count)), (across(high), up(count))]
    if not outline:
        return ""
    first, last = part[0][0], part[-1][1]
    return line([(across(first), 0.0), *outline, (across(last), 0.0)]) + "Z"


def limiter(shots: Sequence[dict[str, Any]], limit: int | None) -> Plot | None:
    """Return the trial: accepted and refused requests over time, `Remaining` beside them."""
    if not shots:
        return None
    across = Linear(0.0, max(shot["at"] for shot in shots))
    known = [s["remaining"] for s in shots if s["plain"] and s["remaining"] is not None]
    up = Linear(0.0, max([*known, limit or 1]))
    points = [
        (across(s["at"]), up(s["remaining"]))
        for s in shots
        if s["plain"] and s["remaining"] is not None
    ]
    shapes = [Shape("Remaining", line(stairs(points)), "remaining")]
    for name, style, low, high in (
        ("accepted", "tick-passed", 0.02, 0.09),
        ("refused", "tick-failed", 0.11, 0.18),
    ):
        chosen = [s for s in shots if (s["status"] == 429) == (name == "refused")]
        marks = dict.fromkeys(round(across(s["at"]), 4) for s in chosen)
        path = "".join(line([(x, low), (x, high)]) for x in marks)
        shapes.append(Shape(f"{name} ({len(chosen)})", path, style))
    lead = "Every request of the trial as a mark, and what RateLimit-Remaining said at the time."
    return Plot("The limiter on trial", lead, tuple(shapes), across.ticks(" s"), up.ticks())


def budget(rows: Sequence[dict[str, Any]]) -> Plot | None:
    """Return what the limiter's headers said while the load ran; None where they said nothing."""
    seen = [row for row in rows if (row.get("budget") or {}).get("remaining") is not None]
    if not seen:
        return None
    first = rows[0]["at"]
    across = Linear(0.0, rows[-1]["at"] - first)
    up = Linear(0.0, max(row["budget"].get("limit") or 1 for row in seen))
    points = [(across(row["at"] - first), up(row["budget"]["remaining"])) for row in seen]
    shape = Shape("Remaining", line(stairs(points)), "remaining")
    lead = "RateLimit-Remaining as the answers of the load showed it."
    return Plot("The limiter's headers", lead, (shape,), across.ticks(" s"), up.ticks())


def _time_axis(rows: Sequence[dict[str, Any]]) -> tuple[Linear, list[float]]:
    first = rows[0]["at"]
    axis = Linear(0.0, float(rows[-1]["at"] - first))
    return axis, [axis(row["at"] - first) for row in rows]
