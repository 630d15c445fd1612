"""The trend as one self-contained page: plots of duration and requests, runs, rows of clauses."""

from collections.abc import Callable, Sequence

import pygal

from reports import html, trend
from reports.plots import LABELS_MOST, Canvas, Key, Plot, axis, drawn
from reports.trend import Run, Trend

_HEADROOM = 1.08
_DENSE = 60
"""Runs from which the characters in a plot are small."""
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
VERDICT_NAMES = {"passed": "passed", "failed": "failed", "error": "error"} | {
    "warned": "incomplete or interrupted"
}


def page(found: Trend) -> str:
    """Return the page."""
    context = {
        "trend": found,
        "differences": list(trend.differences(found)),
        "plots": [_durations(found.runs), _requests(found.runs)],
        "band": found.runs[-1].verdict if found.runs[-1].verdict in VERDICTS else "",
        "MARKS": trend.MARKS,
        "COUNTED": trend.COUNTED,
        "VERDICTS": VERDICTS,
        "VERDICT_MARKS": VERDICT_MARKS,
        "NOTHING": trend.NOTHING_TO_SHOW,
        "name": trend.label,
        "seen": {status for row in found.rows for status in row.statuses},
    }
    return html.environment().get_template("trend.html.j2").render(context)


def _durations(runs: Sequence[Run]) -> Plot:
    lead = "Seconds from the start to the end of each run, waiting for rate limits included."
    values = [run.duration_s for run in runs]
    spoken = [f"{value:,.1f} s" for value in values]
    return _plot("Duration", lead, runs, values, spoken=spoken, unit=" s")


def _requests(runs: Sequence[Run]) -> Plot:
    lead = "Requests that each run sent to the target."
    values = [float(run.requests) for run in runs]
    spoken = [f"{run.requests:,}" for run in runs]
    return _plot("Requests", lead, runs, values, spoken=spoken, unit="")


def _plot(
    title: str,
    lead: str,
    runs: Sequence[Run],
    values: Sequence[float],
    *,
    spoken: Sequence[str],
    unit: str,
) -> Plot:
    # Runs are an equal step apart: those of one afternoon would hide each other on a time axis.
    chart = pygal.XY(Canvas(dots_size=8, print_values=True))
    top = max(values) * _HEADROOM or 1.0
    chart.y_labels, chart.range = axis(top, unit), (0, top)
    every = -(-len(runs) // LABELS_MOST)
    numbers = range(1, len(runs) + 1)
    chart.x_labels = [{"label": str(n), "value": n} for n in numbers[::every]]
    chart.xrange = (0.5, len(runs) + 0.5)
    chart.add(title, list(zip(numbers, values, strict=True)))
    styles = dict.fromkeys(VERDICTS.get(run.verdict, "") for run in runs)
    for style in styles:
        points = [
            {"value": (n, value), "tooltip": f"run {n}, {run.start}: {said}, {run.verdict}"}
            for n, run, value, said in zip(numbers, runs, values, spoken, strict=True)
            if VERDICTS.get(run.verdict, "") == style
        ]
        mark = VERDICT_MARKS.get(style, "?")
        chart.add(style, points, stroke=False, show_dots=True, formatter=_always(mark))
    dense = " dense" if len(runs) > _DENSE else ""
    classes = ["line", *(f"points s-{style}{dense}" for style in styles)]
    keys = tuple(Key(f"{VERDICT_MARKS[s]} {VERDICT_NAMES[s]}", f"s-{s}") for s in styles if s)
    return Plot(title, lead, drawn(chart, classes), keys)


def _always(mark: str) -> Callable[[object], str]:
    return lambda _: mark
