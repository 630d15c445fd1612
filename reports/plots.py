"""Plots as inline SVG: pygal computes and draws them, the style sheet of the page colours them.

pygal brings a style, a script and a text for its own tooltips; all three are taken out, so that a
plot follows the page into dark mode and onto paper, and the page's policy holds. This layer knows
nothing of runs.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from pygal import Config
from pygal.style import Style

from reports.safety import one_line

# pygal finds maps through an import hook of a kind that Python 3.11 warns of at every later import.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

LABELS_MOST = 6
_LABEL_PX = 13
_STEPS = (1.0, 2.0, 5.0, 10.0)
_FRACTION = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_GEOMETRY = ("d", "x", "y", "cx", "cy", "width", "height")
_DROPPED = {"defs", "desc"}
_UNUSED = {"background", "tooltip-overlay", "titles"}


@dataclass(frozen=True)
class Key:
    """One entry of a legend: a series' name, and its class in the style sheet."""

    name: str
    style: str


@dataclass(frozen=True)
class Plot:
    """A plot: its SVG, its legend, and one sentence that says the same."""

    title: str
    lead: str
    svg: Markup
    keys: tuple[Key, ...] = ()


class Canvas(Config):  # type: ignore[misc] # pygal carries no types
    """What all plots have in common: a box that a phone can show, and nothing but the drawing."""

    width, height = 480, 260
    css, js = (), ()
    show_legend = show_dots = False
    no_prefix = disable_xml_declaration = allow_interruptions = True
    margin, margin_right, margin_top = 2, 14, 8
    truncate_label = -1
    style = Style(label_font_size=_LABEL_PX, major_label_font_size=_LABEL_PX, value_font_size=0)


def drawn(chart: Any, styles: Sequence[str]) -> Markup:
    """Return a chart of pygal as SVG in which each series has its class among `styles`."""

    def bared(root: Any) -> Any:
        _bare(root, styles)
        return root

    chart.add_xml_filter(bared)
    return Markup(chart.render(is_unicode=True))  # noqa: S704 - an XML library has escaped it


def log_label(milliseconds: float) -> str:
    """Return a duration in the unit that suits it."""
    if milliseconds >= 1_000:
        return f"{milliseconds / 1_000:g} s"
    return f"{milliseconds:g} ms" if milliseconds >= 1 else f"{milliseconds * 1_000:g} µs"


def log_place(milliseconds: float) -> float:
    """Return the place of a duration on a logarithmic axis; what is not positive stands at 1 µs.

    pygal's own logarithmic scale bends both axes, and leaves values out.
    """
    return round(math.log10(max(milliseconds, 0.001)), 4)


def log_axis(values: Iterable[float]) -> list[dict[str, Any]]:
    """Return the labels of a logarithmic axis from below the smallest value to above the largest.

    They stand at 1, 2, 5 and so on where the values are close together, else at powers of ten.
    """
    places = [log_place(value) for value in values] or [0.0, 1.0]
    powers = range(math.floor(min(places)), math.ceil(max(places)) + 1)
    fine = [step * 10.0**power for power in powers for step in _STEPS[:3]]
    first = max((n for n, v in enumerate(fine) if log_place(v) <= min(places)), default=0)
    last = next((n for n, v in enumerate(fine) if log_place(v) >= max(places)), len(fine) - 1)
    wanted = fine[first : max(last, first + 1) + 1]
    if len(wanted) > LABELS_MOST:
        wanted = [10.0**power for power in powers]
    return [{"label": log_label(value), "value": log_place(value)} for value in wanted]


def axis(high: float, unit: str = "", low: float = 0.0) -> list[dict[str, Any]]:
    """Return the labels of a linear axis: round places from `low` to `high`."""
    span = (high - low) or 1.0
    base = 10.0 ** math.floor(math.log10(span / 5))
    step = next(step * base for step in _STEPS if step * base >= span / 5 * 0.999)
    count = math.floor(span / step + 1e-9)
    places = [low + step * n for n in range(count + 1)]
    return [{"label": f"{short(place)}{unit}", "value": place} for place in places]


def short(value: float) -> str:
    """Return a number with few characters: 1200 stays, 12000 is 12k."""
    for size, divisor, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= size:
            return f"{value / divisor:g}{letter}"
    return f"{value:g}"


def stairs(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return points between which a value holds until the next one is known."""
    steps: list[tuple[float, float]] = []
    for x, y in points:
        if steps:
            steps.append((x, steps[-1][1]))
        steps.append((x, y))
    return steps


def _bare(element: Any, styles: Sequence[str]) -> None:
    """Leave of an element what is drawn; name its series, and keep the titles that points have."""
    for child in list(element):
        if not isinstance(child.tag, str) or _is_unused(element, child):
            element.remove(child)
            continue
        words = child.get("class", "").split()
        if words[:1] == ["series"]:
            child.set("class", f"series {styles[int(words[1].removeprefix('serie-'))]}")
        _bare(child, styles)
        if child.tag == "title":
            child.text = one_line(child.text or "")
        if child.tag == "g" and not len(child):
            element.remove(child)
    element.attrib.pop("id", None)
    for name in _GEOMETRY:
        if name in element.attrib:
            # A tenth of a unit is less than a pixel; pygal writes fourteen digits.
            element.set(name, _FRACTION.sub(_rounded, element.get(name)))


def _is_unused(parent: Any, child: Any) -> bool:
    if child.tag == "title":
        return "dots" not in parent.get("class", "") and "bar" not in parent.get("class", "")
    return child.tag in _DROPPED or bool(_UNUSED & set(child.get("class", "").split()))


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".removesuffix(".0")
