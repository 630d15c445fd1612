"""The plots of `load.html`: what a load run, or a limiter's trial, is drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pygal

from reports.plots import Canvas, Key, Plot, axis, drawn, log_axis, log_place, stairs

POINTS_MOST = 500
_OUTCOMES = {"ok": "fill-passed", "throttled": "fill-warned", "failed": "fill-failed"}
_KINDS = {"corrected": "corrected", "service": "plain"}
_DOTTED_MOST = 60
_UNLIMITED = 1_000_000
"""A limit from which on no run comes near it."""
_BELOW = 0.16
"""The share of the height, under the axis, that the marks of single requests take."""


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
    for outcome in _OUTCOMES:
        merged[outcome] = sum(row.get(outcome, 0) for row in rows) / len(rows)
    for name in _KINDS:
        parts = [row.get(name) or {} for row in rows]
        keys = dict.fromkeys(key for part in parts for key in part)
        merged[name] = {key: max(p.get(key, 0.0) for p in parts) for key in keys}
    return merged


def outcomes(rows: Sequence[dict[str, Any]]) -> Plot | None:
    """Return answers per second, stacked by outcome."""
    if not rows:
        return None
    happened = [name for name in _OUTCOMES if any(row[name] for row in rows)]
    most = max(sum(row[name] for name in happened) for row in rows)
    chart = pygal.StackedLine(Canvas(fill=True))
    chart.y_labels, chart.range = axis(most or 1.0, "/s"), (0, most or 1.0)
    seconds = _seconds(rows)
    chart.x_labels = [f"{second:g} s" for second in seconds]
    chart.x_labels_major = [f"{place['value']:g} s" for place in axis(seconds[-1])]
    chart.show_minor_x_labels = False
    for name in happened:
        chart.add(name, [row[name] for row in rows])
    styles = [_OUTCOMES[name] for name in happened]
    lead = f"Answers per second by outcome, at most {most:,.0f}."
    keys = tuple(Key(name, _OUTCOMES[name]) for name in happened)
    return Plot("Throughput and outcomes", lead, drawn(chart, styles), keys)


def latency(rows: Sequence[dict[str, Any]]) -> Plot | None:
    """Return percentiles of each second: corrected ones drawn through, plain ones dashed."""
    named = [(kind, p) for kind in _KINDS for p in ("p50", "p95", "p99")]
    values = [row[kind][p] for row in rows for kind, p in named if p in row[kind]]
    if not values:
        return None
    # A second between two without an answer has no line to either.
    chart = pygal.XY(Canvas(show_dots=len(rows) <= _DOTTED_MOST, dots_size=1.5))
    _across(chart, _seconds(rows)[-1])
    chart.y_labels = log_axis(values)
    chart.range = (chart.y_labels[0]["value"], chart.y_labels[-1]["value"])
    for kind, p in named:
        heights = [log_place(row[kind][p]) if p in row[kind] else None for row in rows]
        chart.add(p, list(zip(_seconds(rows), heights, strict=True)))
    lead = (
        "Percentiles of each second on a logarithmic scale. Corrected latency counts from the "
        "moment a request was meant to be sent, plain latency from its sending."
    )
    styles = [f"{p} {kind}" for kind, p in named]
    keys = tuple(Key(f"{p} {_KINDS[kind]}", f"{p} {kind}") for kind, p in named)
    return Plot("Latency over time", lead, drawn(chart, styles), keys)


def histogram(rows: dict[str, Sequence[Sequence[float]]]) -> Plot | None:
    """Return how often each latency came, corrected and plain, on a logarithmic scale."""
    bounds = [edge for part in rows.values() for low, high, _ in part for edge in (low, high)]
    if not bounds:
        return None
    chart = pygal.XY(Canvas())
    chart.x_labels = log_axis(bounds)
    chart.xrange = (chart.x_labels[0]["value"], chart.x_labels[-1]["value"])
    most = max(count for part in rows.values() for _, _, count in part)
    chart.y_labels, chart.range = axis(most), (0, most)
    for name, part in rows.items():
        chart.add(name, _outline(part), fill=name == "corrected")
    keys = tuple(Key(_KINDS.get(name, name), f"hist-{name}") for name in rows)
    styles = [key.style for key in keys]
    return Plot("Latency histogram", "How many answers took how long.", drawn(chart, styles), keys)


def _outline(part: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Return the outline of the bars: a step for each, from the axis and back to it."""
    corners: list[tuple[float, float]] = []
    for low, high, count in part:
        corners += [(log_place(low), count), (log_place(high), count)]
    return [(corners[0][0], 0.0), *corners, (corners[-1][0], 0.0)] if corners else []


def limiter(shots: Sequence[dict[str, Any]], limit: int | None) -> Plot | None:
    """Return the trial: accepted and refused requests over time, `Remaining` beside them."""
    if not shots:
        return None
    known = [(s["at"], s["remaining"]) for s in shots if s["plain"] and s["remaining"] is not None]
    most = float(max([limit or 1, *(remaining for _, remaining in known)]))
    chart = pygal.XY(Canvas())
    _across(chart, max(shot["at"] for shot in shots))
    chart.y_labels, chart.range = axis(most), (-_BELOW * most, most)
    chart.add("Remaining", stairs(known))
    refused = [shot["at"] for shot in shots if shot["status"] == 429]
    accepted = [shot["at"] for shot in shots if shot["status"] != 429]
    chart.add("accepted", _ticks(accepted, -0.03 * most, -0.08 * most))
    chart.add("refused", _ticks(refused, -0.1 * most, -0.15 * most))
    keys = (
        Key("Remaining", "remaining"),
        Key(f"accepted ({len(accepted)})", "tick-passed"),
        Key(f"refused ({len(refused)})", "tick-failed"),
    )
    lead = "Every request of the trial as a mark, and what RateLimit-Remaining said at the time."
    return Plot("The limiter on trial", lead, drawn(chart, [key.style for key in keys]), keys)


def _ticks(places: Sequence[float], top: float, foot: float) -> list[tuple[float | None, ...]]:
    ticks: list[tuple[float | None, ...]] = []
    for place in dict.fromkeys(round(place, 2) for place in places):
        ticks += [(place, top), (place, foot), (None, None)]
    return ticks


def budget(rows: Sequence[dict[str, Any]]) -> Plot | None:
    """Return what the limiter's headers said while the load ran; None where that tells nothing."""
    seen = [row for row in rows if (row.get("budget") or {}).get("remaining") is not None]
    most = float(max((row["budget"].get("limit") or 1 for row in seen), default=0))
    if not 0 < most < _UNLIMITED:
        return None
    first = rows[0]["at"]
    chart = pygal.XY(Canvas())
    _across(chart, rows[-1]["at"] - first)
    chart.y_labels, chart.range = axis(most), (0, most)
    chart.add("Remaining", stairs([(r["at"] - first, r["budget"]["remaining"]) for r in seen]))
    key = Key("Remaining", "remaining")
    lead = "RateLimit-Remaining as the answers of the load showed it."
    return Plot("The limiter's headers", lead, drawn(chart, [key.style]), (key,))


def _seconds(rows: Sequence[dict[str, Any]]) -> list[float]:
    return [float(row["at"] - rows[0]["at"]) for row in rows]


def _across(chart: Any, last: float) -> None:
    """Give a chart an axis of time: seconds from the start."""
    chart.x_labels, chart.xrange = axis(last or 1.0, " s"), (0.0, last or 1.0)
