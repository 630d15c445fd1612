"""A plot is SVG that a style sheet colours: no style, script, comment or foreign text is in it."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree as ET

import pygal
import pytest

from reports.plots import LABELS_MOST, Canvas, axis, drawn, log_axis, log_label, log_place, stairs


def _drawn(**options: object) -> str:
    chart = pygal.XY(Canvas(show_dots=True, **options))
    chart.add("a", [{"value": (1, 2.123456789), "tooltip": "<one>\x1b"}, (2, 3)])
    chart.add("b", [(1, 3), (None, None), (2, 2)])
    return drawn(chart, ["first", "second third"])


def test_series_have_their_classes_and_nothing_else_of_the_library() -> None:
    root = ET.fromstring(_drawn())  # noqa: S314 - our own text
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    classes = {element.get("class", "") for element in root.iter()}

    assert tags <= {"svg", "g", "path", "circle", "rect", "text", "title"}
    assert {"series first", "series second third"} <= classes
    assert not [element for element in root.iter() if element.get("id") or element.get("style")]


def test_a_point_keeps_its_title_made_visible() -> None:
    assert re.findall("<title>(.*?)</title>", _drawn()) == ["&lt;one&gt;\\x1b"]


def test_equal_plots_are_equal_texts() -> None:
    assert _drawn() == _drawn()


def test_coordinates_have_no_more_digits_than_can_be_seen() -> None:
    assert not re.search(r'[" ,](?:\d+)\.\d{2,}', _drawn())


def test_the_library_leaves_imports_alone() -> None:
    assert "pygal" not in {type(finder).__module__ for finder in sys.meta_path}


@pytest.mark.parametrize("high", [1e-9, 1.0, 7.0, 60.0, 3599.0, 1e15])
def test_a_linear_axis_has_a_few_round_labels_within_itself(high: float) -> None:
    places = [label["value"] for label in axis(high)]

    assert 2 <= len(places) <= 12
    assert places[0] == 0
    assert places[-1] <= high * 1.001


@pytest.mark.parametrize(
    "values", [[], [0.0], [-1.0], [5.0], [0.001], [2.0, 20.0], [600_000.0], [0.001, 600_000.0]]
)
def test_a_logarithmic_axis_takes_any_latency(values: list[float]) -> None:
    labels = log_axis(values)

    assert 2 <= len(labels) <= max(LABELS_MOST, 12)
    assert all(labels[0]["value"] <= log_place(value) <= labels[-1]["value"] for value in values)


def test_close_latencies_have_labels_between_the_powers_of_ten() -> None:
    assert [label["label"] for label in log_axis([2.5, 18.0])] == ["2 ms", "5 ms", "10 ms", "20 ms"]


@pytest.mark.parametrize(("value", "label"), [(0.05, "50 µs"), (2.0, "2 ms"), (2_000.0, "2 s")])
def test_durations_have_the_unit_that_suits_them(value: float, label: str) -> None:
    assert log_label(value) == label


def test_a_value_holds_until_the_next() -> None:
    assert stairs([(0, 5), (2, 3)]) == [(0, 5), (2, 5), (2, 3)]
