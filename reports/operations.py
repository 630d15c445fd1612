"""Requests and latency by operation: two plots with a row for each operation, and their figures.

Latencies spread over orders of magnitude, so their scale is logarithmic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pygal

from reports.plots import Canvas, Key, Plot, axis, drawn, log_axis, log_place
from reports.results import Latency, Results
from reports.safety import cut, one_line

SAMPLES_DRAWN = 100
"""Single requests drawn of one operation: more would only thicken its row."""
_ROW, _FRAME = 26, 34
_NAME_MOST = 16
_Points = list[tuple[float | None, float | None]]


@dataclass(frozen=True)
class Operation:
    """One operation: its name, the requests that it got, and its latency in milliseconds."""

    name: str
    requests: int
    latency: Latency | None


def operations(results: Results) -> list[Operation]:
    """Return the operations that got a request; latency is None where nothing was measured."""
    counts = results["requests"]["by_operation"]
    measured = {
        name: figures
        for name, figures in results["requests"]["latency_ms"].items()
        if figures["count"] and figures["max"] > 0
    }
    sent = {name: figures["count"] for name, figures in measured.items()} | counts
    return [Operation(name, count, measured.get(name)) for name, count in sent.items() if count]


def plots(found: list[Operation]) -> list[Plot]:
    """Return what there is to draw: requests, and latency where it was measured."""
    drawings = [_requests(found)] if found else []
    timed = {o.name: o.latency for o in found if o.latency is not None}
    return [*drawings, _latency(timed)] if timed else drawings


def _requests(found: list[Operation]) -> Plot:
    chart = pygal.HorizontalBar(Canvas(height=_height(len(found)), show_y_guides=True))
    # A bar chart on its side is drawn from below.
    upward = found[::-1]
    most = max(o.requests for o in upward)
    chart.x_labels = [_name(o.name) for o in upward]
    chart.y_labels = axis(most)
    chart.range = (0, most)
    chart.add("requests", [o.requests for o in upward])
    busiest = max(found, key=lambda o: o.requests)
    lead = f"How many each operation got: {_name(busiest.name)} most, {busiest.requests:,}."
    return Plot("Requests", lead, drawn(chart, ["count"]))


def _latency(timed: dict[str, Latency]) -> Plot:
    rows = {name: float(len(timed) - n) for n, name in enumerate(timed)}
    scale = log_axis(value for figures in timed.values() for value in _values(figures))
    chart = pygal.XY(Canvas(height=_height(len(timed)), show_x_guides=True, dots_size=2))
    chart.x_labels, chart.xrange = scale, (scale[0]["value"], scale[-1]["value"])
    chart.y_labels = [{"label": _name(name), "value": row} for name, row in rows.items()]
    chart.range = (0.5, len(timed) + 0.5)
    single: _Points = []
    spans: _Points = []
    for name, figures in timed.items():
        single += [(log_place(value), rows[name]) for value in _thinned(figures["samples"])]
        spans += [(log_place(figures[p]), rows[name]) for p in ("p50", "p90")]
        spans.append((None, None))
    chart.add("p50 to p90", spans)
    chart.add("one request", single, stroke=False, show_dots=True)
    for p in ("p50", "p99"):
        ends = [(log_place(figures[p]), rows[name]) for name, figures in timed.items()]
        chart.add(p, ends, stroke=False, show_dots=True, dots_size=4)
    keys = (
        Key("one request", "one"),
        Key("median", "median"),
        Key("median to p90", "span"),
        Key("p99", "tail"),
    )
    slowest = max(timed, key=lambda name: timed[name]["p99"])
    lead = (
        "On a logarithmic scale. The slowest one request in a hundred: "
        f"{_name(slowest)}, {timed[slowest]['p99']:,.1f} ms."
    )
    return Plot("Latency", lead, drawn(chart, ["span", "one", "median", "tail"]), keys)


def _height(rows: int) -> int:
    return _ROW * rows + _FRAME


def _name(operation: str) -> str:
    return one_line(cut(operation, _NAME_MOST) if len(operation) > 2 * _NAME_MOST else operation)


def _values(figures: Latency) -> list[float]:
    return [figures["p50"], figures["max"], *(s for s in figures["samples"] if s > 0)]


def _thinned(samples: list[float]) -> list[float]:
    step = math.ceil(len(samples) / SAMPLES_DRAWN) or 1
    # Marks closer than a pixel are one mark.
    return list({log_place(value) // 0.004: value for value in sorted(samples)[::step]}.values())
