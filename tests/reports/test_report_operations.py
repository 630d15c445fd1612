"""Requests and latency are drawn and listed by operation, whatever was measured."""

from __future__ import annotations

import re
from typing import Any

import pytest
import report_documents as documents

from reports import operations, results

FIGURES = {"p50": 2.0, "p90": 5.0, "p99": 10.0, "max": 20.0, "count": 3, "samples": [2.0, 20.0]}


def _found(counts: dict[str, int], **latency: Any) -> list[operations.Operation]:
    requests = documents.document()["requests"]
    requests |= {"by_operation": counts, "latency_ms": latency}
    return operations.operations(results.complete(documents.document(requests=requests)))


def test_every_operation_has_a_bar_and_a_row() -> None:
    found = operations.operations(results.complete(documents.passing()))

    requests, latency = operations.plots(found)

    assert [each.name for each in found] == ["list", "create", "get", "delete"]
    assert requests.svg.count("<rect") == 4
    assert all(f">{each.name}<" in requests.svg for each in found)
    assert all(f">{each.name}<" in latency.svg for each in found)
    assert "list most, 160" in requests.lead
    assert "delete, 21.0 ms" in latency.lead


def test_bars_have_the_order_of_the_rows() -> None:
    found = operations.operations(results.complete(documents.passing()))

    for plot in operations.plots(found):
        names = re.findall(r'<text[^>]*y="([\d.]+)"[^>]*>([a-z]+)<', plot.svg)
        assert [name for _, name in sorted(names, key=lambda each: float(each[0]))] == [
            each.name for each in found
        ]


def test_what_was_not_measured_has_no_latency() -> None:
    found = _found({"list": 2, "get": 1}, list=FIGURES, get=FIGURES | {"count": 0})

    assert [each.latency is None for each in found] == [False, True]
    assert len(operations.plots(found)) == 2


def test_without_a_latency_only_requests_are_drawn() -> None:
    assert [plot.title for plot in operations.plots(_found({"list": 2}))] == ["Requests"]


def test_without_a_request_nothing_is_drawn() -> None:
    assert operations.plots(_found({"list": 0})) == []


def test_a_measured_operation_without_a_count_counts_its_measurements() -> None:
    (found,) = _found({}, list=FIGURES)

    assert found.requests == 3


def test_many_samples_are_thinned() -> None:
    many = FIGURES | {"samples": [1 + n / 100 for n in range(5_000)]}

    _, latency = operations.plots(_found({"list": 5_000}, list=many))

    assert latency.svg.count("<circle") <= operations.SAMPLES_DRAWN + 3


@pytest.mark.parametrize("samples", [[], [0.0, -1.0], [5.0], [0.001, 600_000.0]])
def test_any_samples_can_be_drawn(samples: list[float]) -> None:
    low = FIGURES | {"p50": 5.0, "p90": 5.0, "p99": 5.0, "max": 5.0, "samples": samples}

    _, latency = operations.plots(_found({"list": 1}, list=low))

    assert "nan" not in latency.svg


def test_a_hostile_name_is_text() -> None:
    requests, latency = operations.plots(
        _found({documents.HOSTILE: 3}, **{documents.HOSTILE: FIGURES})
    )

    for plot in (requests, latency):
        assert "<script" not in plot.svg
        assert not re.search(
            "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\ufffe\ud800]", plot.svg
        )
