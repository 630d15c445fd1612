"""The trend as one self-contained page: plots of duration and requests, runs, rows of clauses."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports import html, trend
from reports.load_plots import HEIGHT, WIDTH, Linear, Plot, Shape, Tick, line
from reports.trend import Run, Trend

_TICKS_MOST = 12
_HEADROOM = 1.08
VERDICTS = {
    "passed": "passed",
    "failed": "failed",
    "incomplete": "warned",
    "interrupted": "warned",
    "error": "error",
}
"""The status whose colour a verdict has."""
VERDICT_MARKS = {"passed": "●", "failed": "✗", "warned": "!", "error": "E"}
"""The character of a run in a plot, by the status whose colour it has."""


@dataclass(frozen=True)
class Point:
    """One run in a plot: its place as shares of the box, its verdict's style, and what it says."""

    across: float
    up: float
    style: str
    says: str


@dataclass(frozen=True)
class Series:
    """One figure of all runs: the plot of its line, and a point for each run."""

    plot: Plot
    points: tuple[Point, ...]


def page(found: Trend) -> str:
    """Return the page."""
    context = {
        "trend": found,
        "differences": list(trend.differences(found)),
        "series": [_durations(found.runs), _requests(found.runs)],
        "band": found.runs[-1].verdict if found.runs[-1].verdict in VERDICTS else "",
        "MARKS": trend.MARKS,
        "COUNTED": trend.COUNTED,
        "VERDICTS": VERDICTS,
        "VERDICT_MARKS": VERDICT_MARKS,
        "NOTHING": trend.NOTHING_TO_SHOW,
        "name": trend.label,
        "seen": {status for row in found.rows for status in row.statuses},
        "verdicts": {VERDICTS[run.verdict] for run in found.runs if run.verdict in VERDICTS},
        "WIDTH": WIDTH,
        "HEIGHT": HEIGHT,
    }
    return html.environment().get_template("trend.html.j2").render(context)


def _durations(runs: Sequence[Run]) -> Series:
    lead = "Seconds from the start to the end of each run, waiting for rate limits included."
    values = [run.duration_s for run in runs]
    spoken = [f"{value:,.1f} s" for value in values]
    return _series("Duration", lead, runs, values, spoken=spoken, unit=" s")


def _requests(runs: Sequence[Run]) -> Series:
    lead = "Requests that each run sent to the target."
    values = [float(run.requests) for run in runs]
    spoken = [f"{run.requests:,}" for run in runs]
    return _series("Requests", lead, runs, values, spoken=spoken, unit="")


def _series(
    title: str,
    lead: str,
    runs: Sequence[Run],
    values: Sequence[float],
    *,
    spoken: Sequence[str],
    unit: str,
) -> Series:
    # Runs are an equal step apart: those of one afternoon would hide each other on a time axis.
    places = [(number + 0.5) / len(runs) for number in range(len(runs))]
    up = Linear(0.0, max(values) * _HEADROOM)
    heights = [up(value) for value in values]
    shape = Shape(title.lower(), line(list(zip(places, heights, strict=True))), "remaining")
    points = tuple(
        Point(x, y, VERDICTS.get(run.verdict, ""), f"run {n}, {run.start}: {said}, {run.verdict}")
        for n, (run, x, y, said) in enumerate(
            zip(runs, places, heights, spoken, strict=True), start=1
        )
    )
    every = -(-len(runs) // _TICKS_MOST)
    across = tuple(Tick(str(n + 1), places[n]) for n in range(0, len(runs), every))
    return Series(Plot(title, lead, (shape,), across, up.ticks(unit)), points)
