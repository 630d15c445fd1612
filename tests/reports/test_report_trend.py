"""Many runs stand in the order of their start, in every format, whatever their documents hold."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import report_documents as documents
from report_pages import assert_self_contained, live_markdown

from reports import __main__ as command
from reports import trend, trend_page
from reports.results import STATUSES
from reports.trend import Trend

Render = Callable[[Trend], str]
RENDERERS: list[Render] = [trend.text, trend.markdown, trend_page.page]
MINIMAL: dict[str, Any] = {"verdict": "error", "exit_status": 3, "clauses": []}
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\ufffe\ud800]")


def _trend(*runs: dict[str, Any]) -> Trend:
    return trend.trend(trend.run_of(run, f"run-{n}") for n, run in enumerate(runs))


def _started(moment: str, **parts: Any) -> dict[str, Any]:
    return documents.document(started_at=moment, **parts)


def _with(status: str, clause_id: str = "LIST-04", **parts: Any) -> dict[str, Any]:
    return documents.document({clause_id: documents.clause(clause_id, status, **parts)})


def _written(directory: Path, document: Any) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    text = document if isinstance(document, str) else json.dumps(document)
    path = directory / "conformance.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_runs_stand_in_the_order_of_their_start() -> None:
    found = _trend(
        _started("2026-11-24T10:00:00+00:00"),
        _started("2026-11-24T11:00:00+02:00"),
        _started("2026-11-24T09:30:00Z"),
        _started("2026-11-24T08:00:00"),
    )

    assert [run.name for run in found.runs] == ["run-3", "run-1", "run-2", "run-0"]
    assert [run.start for run in found.runs][1] == "2026-11-24 09:00"


@pytest.mark.parametrize("moment", ["", "yesterday", "0001-01-01T00:00:00+23:59"])
def test_run_without_a_start_comes_first(moment: str) -> None:
    found = _trend(documents.document(), _started(moment))

    assert [run.start for run in found.runs] == ["unknown", "2026-11-23 20:15"]


def test_row_of_a_run_shows_verdict_status_and_counts() -> None:
    shown = trend.text(_trend(documents.document(), documents.one_failure()))

    assert (
        "\n  2 2026-11-23 20:15 failed         1    6.1 s      431      1     ·    ·     6\n"
        in (shown)
    )


def test_clause_that_was_ever_in_breach_has_a_row() -> None:
    found = _trend(*(_with(status) for status in ("failed", "passed", "warned", "error")))

    assert [(row.id, row.statuses) for row in found.rows] == [
        ("LIST-04", ("failed", "passed", "warned", "error"))
    ]


def test_clause_in_breach_throughout_has_a_row() -> None:
    found = _trend(_with("failed"), _with("failed"))

    assert [row.id for row in found.rows] == ["LIST-04"]


def test_clause_that_was_evaluated_only_once_has_a_row() -> None:
    found = _trend(
        _with("not_evaluated", reason="no budget", reason_kind="budget"), _with("passed")
    )

    assert [row.id for row in found.rows] == ["LIST-04"]


def test_clause_that_held_whenever_it_was_selected_has_no_row() -> None:
    unselected = _with("not_evaluated", reason_kind="not_selected")

    assert _trend(unselected, documents.document()).rows == ()


def test_clause_that_a_catalogue_lacks_is_absent_there() -> None:
    older = documents.document()
    older["clauses"] = [clause for clause in older["clauses"] if clause["id"] != "LIST-04"]

    found = _trend(older, _with("failed"))

    assert found.rows[0].statuses == ("absent", "failed")


@pytest.mark.parametrize("marks", [trend.MARKS, trend._EMOJI], ids=["characters", "emoji"])
def test_each_status_has_a_sign_of_its_own(marks: dict[str, str]) -> None:
    assert set(marks) == {*STATUSES, "absent"}
    assert len(set(marks.values())) == len(marks)


def test_page_shows_a_character_in_a_colour_for_each_status() -> None:
    page = trend_page.page(_trend(*(_with(status) for status in STATUSES)))

    for status in STATUSES:
        assert f'<span class="mark s-{status}">{trend.MARKS[status]}</span>' in page


def test_row_is_read_out_run_by_run() -> None:
    page = trend_page.page(_trend(_with("failed"), _with("not_evaluated")))

    assert 'aria-label="run 1 failed, run 2 not evaluated"' in page


@pytest.mark.parametrize("render", RENDERERS)
def test_identical_runs_have_no_row_and_say_so(render: Render) -> None:
    calm = documents.document()

    assert trend.NOTHING_TO_SHOW in render(_trend(calm, calm))


@pytest.mark.parametrize("render", RENDERERS)
def test_one_run_is_a_trend(render: Render) -> None:
    assert "1 run: 1 passed; the latest passed." in render(_trend(documents.passing()))


@pytest.mark.parametrize("render", RENDERERS)
def test_minimal_documents_are_shown(render: Render) -> None:
    shown = render(_trend(MINIMAL, MINIMAL | {"verdict": "odd"}))

    assert "2 runs: 1 error, 1 odd" in shown
    assert "no run says when it started" in shown


@pytest.mark.parametrize("render", RENDERERS)
def test_empty_behaviour_profile_is_no_obstacle(render: Render) -> None:
    assert render(_trend(documents.document(behaviour={})))


@pytest.mark.parametrize("render", RENDERERS)
def test_runs_under_other_conditions_say_so(render: Render) -> None:
    shown = render(_trend(documents.document(), documents.document(gate="strict")))

    assert "the runs differ in gate: required (1 run), strict (1 run)" in shown


def _hostile() -> Trend:
    odd = documents.HOSTILE
    clauses = [
        documents.clause("LIST-04", odd, title=odd, tier=odd),
        documents.clause("LIST-05", "failed", id=odd),
    ]
    foreign = documents.hostile() | {
        "verdict": odd,
        "gate": odd,
        "started_at": odd,
        "clauses": clauses,
    }
    runs = [documents.hostile(), foreign, documents.document()]
    return trend.trend(trend.run_of(run, trend.name_of(Path(f"a{odd}"))) for run in runs)


@pytest.mark.parametrize("render", RENDERERS)
def test_hostile_text_is_inert(render: Render) -> None:
    assert not RAW.search(render(_hostile()))


def test_hostile_text_holds_no_command_of_a_ci_server_and_fits_the_width() -> None:
    lines = trend.text(_hostile()).splitlines()

    assert not [line for line in lines if re.match(r"\s*::|.*##vso\[", line)]
    assert max(map(trend.display_width, lines)) <= trend.WIDTH


def test_hostile_markdown_holds_no_html_and_no_link() -> None:
    assert live_markdown(trend.markdown(_hostile())) == set()


def test_page_is_self_contained() -> None:
    assert_self_contained(trend_page.page(_hostile()))
    assert_self_contained(trend_page.page(_trend(documents.passing())))


def test_text_and_markdown_show_the_latest_of_many_runs() -> None:
    days = [_started(f"2026-{1 + n // 28:02}-{1 + n % 28:02}T10:00:00Z") for n in range(70)]
    found = _trend(*days)

    assert "the latest 60 runs; 10 earlier ones in the HTML format" in trend.text(found)
    assert "2026-01-10" not in trend.markdown(found)
    assert "2026-01-01" in trend_page.page(found)
    assert len(trend.markdown(found)) < 65_536


def test_plots_place_each_run_between_nothing_and_the_highest() -> None:
    runs = [documents.document(duration_s=value) for value in (0.0, 5.0, 10.0)]

    page = trend_page.page(_trend(*runs))

    assert page.count("<title>run ") == 6
    assert "<title>run 2, 2026-11-23 20:15: 5.0 s, passed</title>" in page
    durations = page.index("run 1, 2026-11-23 20:15: 0.0 s")
    places = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', page[durations:])[:3]
    (left, bottom), (middle, half), (right, top) = [(float(x), float(y)) for x, y in places]
    assert right - middle == pytest.approx(middle - left, abs=0.2)
    assert bottom - half == pytest.approx(half - top, abs=0.2)
    assert top < half < bottom


@pytest.mark.parametrize(
    ("form", "opening"),
    [("text", "2 runs: "), ("markdown", "## 2 runs: "), ("html", "<!doctype html>")],
)
def test_trend_prints_what_format_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, opening: str
) -> None:
    _written(tmp_path / "a", documents.passing())
    _written(tmp_path / "b", documents.one_failure())

    status = command.main(["trend", str(tmp_path), "--format", form])

    captured = capsys.readouterr()
    assert status == 0
    assert captured.out.lstrip().startswith(opening)
    assert captured.err == ""


def test_trend_reads_a_directory_and_those_in_it_but_none_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _written(tmp_path, documents.passing())
    _written(tmp_path / "a", documents.passing())
    _written(tmp_path / "a" / "too-deep", documents.passing())
    file = _written(tmp_path / "b", documents.passing())
    (tmp_path / "empty").mkdir()

    status = command.main(["trend", str(tmp_path), str(tmp_path / "b"), str(file)])

    assert status == 0
    assert capsys.readouterr().out.startswith("3 runs: ")


def test_unreadable_and_foreign_files_are_named_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _written(tmp_path / "runs" / "a", documents.passing())
    _written(tmp_path / "runs" / "b", "{")
    _written(tmp_path / "runs" / "c\x1b", {"schema_version": 1})
    (tmp_path / "empty").mkdir()
    places = [str(tmp_path / name) for name in ("runs", "empty", "none")]

    status = command.main(["trend", *places])

    captured = capsys.readouterr()
    said = captured.err.splitlines()
    assert status == 0
    assert captured.out.startswith("1 run: ")
    assert [line.startswith("skipped: ") for line in said] == [True] * 4
    for line, complaint in zip(
        said,
        (
            "/b/conformance.json is no JSON",
            "/c\\x1b/conformance.json is no results document",
            "empty holds no conformance.json, nor does a directory in it",
            "none cannot be read: No such file or directory",
        ),
        strict=True,
    ):
        assert complaint in line


def test_no_readable_run_is_exit_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = command.main(["trend", str(tmp_path)])

    captured = capsys.readouterr()
    assert status == 4
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("no results document to show: give ")


def test_trend_writes_the_format_of_the_suffix(tmp_path: Path) -> None:
    _written(tmp_path / "a", documents.passing())
    out = tmp_path / "trend.html"

    status = command.main(["trend", str(tmp_path), "--out", str(out)])

    assert status == 0
    assert_self_contained(out.read_text(encoding="utf-8"))


def test_broken_renderer_is_one_line_and_exit_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> str:
        raise RuntimeError("out of ink")

    _written(tmp_path, documents.passing())
    monkeypatch.setattr(command, "_TRENDS", {"text": broken})

    status = command.main(["trend", str(tmp_path)])

    assert status == 3
    assert capsys.readouterr().err == "the report could not be made: RuntimeError: out of ink\n"


def test_trend_exits_4_without_a_directory() -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["trend"])

    assert caught.value.code == 4
