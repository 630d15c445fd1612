"""Objectives are read from words, judged on merged numbers, and given up only when hopeless."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from load.histogram import Latencies
from load.objectives import BadObjective, Measured, parse, read

SEEDS = range(10)
FOREVER = float("inf")


def latencies(milliseconds: Iterable[float]) -> Latencies:
    found = Latencies()
    for value in milliseconds:
        found.record(value / 1000)
    return found


def measured(
    corrected: Iterable[float] = (10.0,) * 100, service: Iterable[float] = (), **parts: float
) -> Measured:
    """Return a hundred good answers of 10 ms in ten seconds; every part can be given a value."""
    numbers = {"ok": 100, "failed": 0, "throttled": 0, "scheduled": 100, "dropped": 0}
    numbers |= {name: int(value) for name, value in parts.items() if name in numbers}
    seconds = parts.get("seconds", 10.0)
    return Measured(
        **numbers, seconds=seconds, corrected=latencies(corrected), service=latencies(service)
    )


@dataclass
class Run:
    """A source of numbers: those of all operations under None."""

    by_operation: dict[str | None, Measured]

    def measured(self, operation: str | None) -> Measured | None:
        return self.by_operation.get(operation)


def run(whole: Measured | None = None, **operations: Measured) -> Run:
    return Run({None: whole or measured(), **operations})


def judged(expression: str, source: Run) -> str:
    objective = parse(expression)
    return objective.verdict(objective.actual(source))


# --- reading -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "what", "operation", "relation", "threshold"),
    [
        ("p95(list) < 300ms", "p95", "list", "<", 300.0),
        ("errors < 0.1%", "errors", None, "<", 0.1),
        ("rate > 50/s", "rate", None, ">", 50.0),
        ("rate >= 50", "rate", None, ">=", 50.0),
        ("p99.9 <= 2s", "p99.9", None, "<=", 2000.0),
        ("service.p50( create )<500us", "service.p50", "create", "<", 0.5),
        ("mean<50ms", "mean", None, "<", 50.0),
        ("  max(search) < 1.5s  ", "max", "search", "<", 1500.0),
        ("dropped < 1%", "dropped", None, "<", 1.0),
        ("throttled <= 0%", "throttled", None, "<=", 0.0),
    ],
)
def test_an_objective_is_read(
    expression: str, what: str, operation: str | None, relation: str, threshold: float
) -> None:
    objective = parse(expression)

    assert (objective.what, objective.operation) == (what, operation)
    assert (objective.relation, objective.threshold) == (relation, pytest.approx(threshold))
    assert objective.expression == expression.strip()


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "p95",
        "p95 < 300",
        "p95 < 300%",
        "p95 = 300ms",
        "p95 == 300ms",
        "p100 < 1s",
        "p95(list < 300ms",
        "p95(list) < -1ms",
        "p95(list) < 1e3ms",
        "errors < 0.1",
        "errors < 10ms",
        "rate > 50ms",
        "rate > 50%",
        "latency < 300ms",
        "p95 < 300ms and rate > 50/s",
        "p95 < 300ms\nrate > 50/s; DROP",
        "300ms > p95",
        "\x00",
        "p95(list) < ٣00ms\u202e",
        "p" * 10_000,
    ],
)
def test_what_is_no_objective_is_refused_in_one_line_with_an_example(expression: str) -> None:
    with pytest.raises(BadObjective) as refused:
        parse(expression)

    assert len(str(refused.value).splitlines()) == 1
    assert any(sign in str(refused.value) for sign in ("such as", "write it as", "there are"))


@pytest.mark.parametrize("operation", ["lists", "delet", "probe", "all"])
def test_an_operation_that_does_not_exist_is_refused(operation: str) -> None:
    with pytest.raises(BadObjective, match=operation):
        parse(f"p95({operation}) < 300ms")


def test_arrivals_dropped_are_of_no_single_operation() -> None:
    with pytest.raises(BadObjective):
        parse("dropped(list) < 1%")


def test_objectives_are_read_from_a_file_with_comments(tmp_path: Path) -> None:
    file = tmp_path / "objectives"
    file.write_text("# ours\n\np95(list) < 300ms  # agreed\nrate > 50/s\n", encoding="utf-8")

    found = read(["errors < 1%"], str(file))

    assert [o.expression for o in found] == ["errors < 1%", "p95(list) < 300ms", "rate > 50/s"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"p95"])
def test_a_file_that_cannot_be_read_is_a_bad_objective(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "objectives"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(BadObjective):
        read([], str(file))


# --- verdicts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("p95 < 20ms", "met"),
        ("p95 < 5ms", "missed"),
        ("mean < 11ms", "met"),
        ("max > 1s", "missed"),
        ("rate > 9/s", "met"),
        ("rate > 10/s", "missed"),
        ("rate >= 10/s", "met"),
        ("rate < 11/s", "met"),
        ("errors <= 0%", "met"),
        ("errors < 0%", "missed"),
        ("dropped < 1%", "met"),
    ],
)
def test_an_objective_is_met_or_missed(expression: str, verdict: str) -> None:
    assert judged(expression, run()) == verdict


def test_an_operation_is_judged_by_its_own_numbers() -> None:
    source = run(measured([10.0] * 100), list=measured([500.0] * 100))

    assert judged("p95 < 300ms", source) == "met"
    assert judged("p95(list) < 300ms", source) == "missed"


def test_an_operation_that_was_not_used_is_not_evaluated() -> None:
    assert judged("p95(delete) < 300ms", run()) == "not_evaluated"


def test_corrected_and_service_latency_are_judged_apart() -> None:
    source = run(measured([900.0] * 100, service=[1.0] * 100))

    assert judged("p50 < 100ms", source) == "missed"
    assert judged("service.p50 < 100ms", source) == "met"


def test_a_latency_nobody_measured_is_not_evaluated() -> None:
    source = run(measured([], ok=0, throttled=100))

    assert {judged(f"{stat} < 1s", source) for stat in ("p95", "mean", "max")} == {"not_evaluated"}
    assert judged("errors < 1%", source) == "not_evaluated"


def test_throttled_answers_are_neither_errors_nor_throughput() -> None:
    source = run(measured(ok=80, failed=20, throttled=900))

    assert parse("errors < 1%").actual(source) == pytest.approx(20.0)
    assert parse("rate > 1/s").actual(source) == pytest.approx(10.0)
    assert parse("throttled < 1%").actual(source) == pytest.approx(90.0)


def test_dropped_is_a_share_of_what_was_scheduled() -> None:
    source = run(measured(scheduled=400, dropped=10))

    assert parse("dropped < 1%").actual(source) == pytest.approx(2.5)
    assert judged("dropped < 1%", source) == "missed"


def test_a_closed_model_drops_nothing_that_could_be_judged() -> None:
    assert judged("dropped < 1%", run(measured(scheduled=0))) == "not_evaluated"


def test_a_run_of_no_time_has_no_rate() -> None:
    assert judged("rate > 1/s", run(measured(seconds=0.0))) == "not_evaluated"


# --- hopeless ----------------------------------------------------------------------------------

ALL = ("p50 < 10ms", "p95 < 10ms", "max < 10ms", "mean < 10ms", "errors < 5%", "throttled < 5%")


def hopeless(expression: str, whole: Measured, to_come: float, left: float) -> bool:
    return parse(expression).hopeless(run(whole), to_come, left)


def test_an_objective_that_further_answers_can_mend_is_not_hopeless() -> None:
    assert not hopeless("p95 < 5ms", measured([10.0] * 100), 10_000, 10.0)


def test_an_objective_that_nothing_can_mend_is_hopeless() -> None:
    assert hopeless("p95 < 5ms", measured([10.0] * 100), 100, 10.0)
    assert hopeless("max < 5ms", measured([10.0]), FOREVER, FOREVER)
    assert hopeless("errors < 1%", measured(failed=50), 1_000, 10.0)
    assert hopeless("rate > 100/s", measured(seconds=10.0), 100, 10.0)


def test_a_rate_that_can_still_be_reached_is_not_hopeless() -> None:
    assert not hopeless("rate > 10/s", measured(seconds=20.0), 1_000, 10.0)


@pytest.mark.parametrize(
    "expression",
    ["rate > 50/s", "rate >= 50/s", "p95 < 5ms", "mean < 5ms", "errors < 1%", "throttled < 1%"],
)
def test_in_a_run_without_an_end_only_a_maximum_can_be_hopeless(expression: str) -> None:
    whole = measured([10.0] * 100, ok=50, failed=50, throttled=50)

    assert not hopeless(expression, whole, FOREVER, FOREVER)


@pytest.mark.parametrize("expression", ["p95 > 5ms", "mean >= 5ms", "errors > 1%", "rate < 5/s"])
def test_an_objective_in_the_unusual_direction_is_never_given_up(expression: str) -> None:
    assert not hopeless(expression, measured(), 0, 0.0)


def test_an_operation_that_was_not_used_yet_is_not_hopeless() -> None:
    assert not parse("max(delete) < 1us").hopeless(run(), 100, 10.0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("expression", ALL)
def test_what_was_hopeless_is_missed_in_the_end(expression: str, seed: int) -> None:
    chance = random.Random(f"{seed} {expression}")  # noqa: S311 - repeatable, not secret
    slow = chance.uniform(0, 0.3)
    values = [chance.choice([1.0, 9.0]) if chance.random() > slow else 50.0 for _ in range(200)]
    outcomes = [chance.choices(("ok", "failed", "throttled"), (20, 1, 1))[0] for _ in values]
    objective = parse(expression)

    verdicts = []
    for answers in itertools.chain(range(10, 200, 10), [200]):
        counts = {name: outcomes[:answers].count(name) for name in ("ok", "failed", "throttled")}
        times = zip(values[:answers], outcomes, strict=False)
        timed = latencies(value for value, outcome in times if outcome != "throttled")
        now = replace(measured(), **counts, corrected=timed)
        source = run(now)
        given_up = objective.hopeless(source, 200 - answers, 1.0)
        verdicts.append((given_up, objective.verdict(objective.actual(source))))

    assert not any(given_up for given_up, _ in verdicts) or verdicts[-1][1] == "missed"
