"""Latency strips share one logarithmic scale."""

from typing import Any

import pytest
import report_documents as documents

from reports import latency, results


def _chart(**figures: Any) -> latency.Chart:
    base = {"p50": 2.0, "p90": 5.0, "p99": 10.0, "max": 20.0, "count": 3, "samples": [2.0, 20.0]}
    requests = documents.document()["requests"] | {"latency_ms": {"list": base | figures}}
    return latency.chart(results.complete(documents.document(requests=requests)))


def test_scale_runs_from_a_round_number_to_a_round_number() -> None:
    chart = _chart()

    assert [(tick.label, tick.at) for tick in chart.ticks] == [
        ("2 ms", 0.0),
        ("5 ms", 0.3979),
        ("10 ms", 0.699),
        ("20 ms", 1.0),
    ]


def test_figures_stand_in_order_on_the_scale() -> None:
    for strip in latency.chart(results.complete(documents.passing())).strips:
        assert 0 <= strip.p50 < strip.p90 < strip.p99 < strip.max <= 1
        assert all(0 <= sample <= 1 for sample in strip.samples)


def test_seconds_are_called_seconds() -> None:
    labels = [tick.label for tick in _chart(max=30_000.0).ticks]

    assert "2 ms" in labels
    assert any(label.endswith(" s") for label in labels)
    assert len(labels) <= 7


def test_many_samples_are_thinned() -> None:
    chart = _chart(samples=[1 + n / 100 for n in range(5_000)])

    assert len(chart.strips[0].samples) <= latency.SAMPLES_DRAWN


@pytest.mark.parametrize("figures", [{"count": 0}, {"max": 0.0}])
def test_nothing_measured_draws_nothing(figures: dict[str, Any]) -> None:
    assert _chart(**figures) == latency.Chart((), ())


def test_a_single_latency_still_has_a_scale() -> None:
    chart = _chart(p50=5.0, p90=5.0, p99=5.0, max=5.0, samples=[5.0])

    assert len(chart.ticks) >= 2
    assert chart.strips[0].p50 == 0.0
