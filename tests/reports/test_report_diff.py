"""Two runs are told apart in text, Markdown and a page, whatever their documents hold."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import report_documents as documents
from report_pages import assert_self_contained, live_markdown

from conformance.kit.catalogue import Catalogue, Tier
from reports import __main__ as command
from reports import diff
from reports.behaviour import CLAUSES, clause_of

FORMATS = ["text", "markdown", "html"]
BEHAVIOUR_TESTS = Path(__file__).parents[2] / "conformance" / "test_behaviour.py"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\ufffe\ud800]")


def _written(directory: Path, name: str, document: Any) -> str:
    path = directory / name
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text, encoding="utf-8")
    return str(path)


def _breach(**parts: Any) -> dict[str, Any]:
    return documents.clause("LIST-04", "failed", violations=[documents.violation(**parts)])


def _later() -> dict[str, Any]:
    breach = documents.violation(expected="status 404", actual="200")
    changed = {
        "DELETE-02": documents.clause("DELETE-02", "failed", violations=[breach]),
        "ISO-01": documents.clause("ISO-01", "passed"),
        "LIST-04": documents.clause("LIST-04", "not_evaluated", reason="no budget was left"),
        "NEW-01": documents.clause("NEW-01", "passed"),
    }
    document = documents.document(
        changed, verdict="failed", exit_status=1, behaviour={"order": "oldest first"}
    )
    document["clauses"] = [c for c in document["clauses"] if c["id"] != "LIMIT-13"]
    return document


def _text(now: dict[str, Any], before: dict[str, Any]) -> str:
    return diff.text(diff.diff(now, before))


def test_kinds_of_change_come_in_their_order() -> None:
    shown = _text(_later(), documents.passing())

    headings = [
        "Newly broken (1)",
        "Repaired (1)",
        "Other changes of status (2)",
        "Added (1)",
        "Dropped (1)",
        "Behaviour (3)",
    ]
    assert [line for line in shown.splitlines() if re.fullmatch(r"[A-Z].*\(\d+\)", line)] == (
        headings
    )


def test_text_says_what_was_expected_and_what_came() -> None:
    shown = _text(_later(), documents.passing())

    assert "\n  DELETE-02  passed → failed, platform\n" in shown
    assert "\n             expected status 404\n             actual 200\n" in shown
    assert "passed → not evaluated, expected\n             no budget was left\n" in shown
    assert "\n  PAGE-01    warning → passed, required\n" in shown


def test_behaviour_names_its_clause_and_both_values() -> None:
    found = diff.diff(_later(), documents.passing())

    assert "  order (LIST-18): newest first → oldest first\n" in diff.text(found)
    assert "- order (LIST-18): `newest first` → `oldest first`\n" in diff.markdown(found)
    assert "<td>newest first</td><td>oldest first</td>" in diff.page(found)


def test_behaviour_of_no_known_clause_stands_without_one() -> None:
    now = documents.document(behaviour={"mood": "merry"})

    assert "  mood: not seen → merry\n" in _text(now, documents.document(behaviour={}))


def test_a_warning_that_became_a_failure_is_newly_broken() -> None:
    now = documents.document({"PAGE-01": documents.clause("PAGE-01", "failed")})

    found = diff.diff(now, documents.passing())

    assert [entry.change.subject for entry in found.groups["broken"]] == ["PAGE-01"]


def test_a_failure_that_became_a_warning_is_neither_broken_nor_repaired() -> None:
    before = documents.document({"PAGE-01": documents.clause("PAGE-01", "failed")})

    found = diff.diff(documents.passing(), before)

    assert list(found.groups) == ["other"]


def test_identical_runs_are_one_line_of_text() -> None:
    shown = _text(documents.passing(), documents.passing())

    assert shown.startswith("Nothing changed: ")
    assert shown.count("\n") == 1


@pytest.mark.parametrize("form", FORMATS)
def test_identical_runs_say_so_in_every_format(form: str) -> None:
    found = diff.diff(documents.passing(), documents.passing())

    assert "Nothing changed" in diff.RENDERERS[form](found)


def test_runs_under_other_conditions_say_so() -> None:
    before = documents.document(gate="required")
    now = documents.document(gate="strict", target={"base_url": "", "embedded": True})

    shown = _text(now, before)

    assert "the runs differ in gate: required → strict\n" in shown
    assert f"the runs differ in target: {documents.BASE} → the embedded server\n" in shown


def test_ports_of_the_embedded_server_are_no_difference() -> None:
    before, now = (
        documents.document(target={"base_url": f"http://127.0.0.1:{port}/v1", "embedded": True})
        for port in (1, 2)
    )

    assert diff.diff(now, before).conditions == ()


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_text_is_inert(form: str) -> None:
    name = f"a{documents.HOSTILE}"
    found = diff.diff(documents.hostile(), documents.document(behaviour={}), (name, name))

    shown = diff.RENDERERS[form](found)

    assert not RAW.search(shown)


def test_text_holds_no_command_of_a_ci_server() -> None:
    shown = _text(documents.hostile(), documents.document(behaviour={}))

    assert not re.search(r"(?m)^\s*::|##vso\[", shown)


def test_hostile_markdown_holds_no_html_and_no_link() -> None:
    name = f"a{documents.HOSTILE}"
    found = diff.diff(documents.hostile(), documents.document(behaviour={}), (name, name))

    assert live_markdown(diff.markdown(found)) == set()


def test_hostile_text_fits_the_width() -> None:
    before = documents.document(
        {"LIST-04": documents.clause("LIST-04", documents.HOSTILE)}, gate=documents.HOSTILE
    )

    shown = _text(documents.hostile(), before)

    assert max(len(line) for line in shown.splitlines()) <= diff.WIDTH


@pytest.mark.parametrize("make", [documents.passing, documents.sixty_failures, documents.hostile])
def test_page_is_self_contained(make: Any) -> None:
    assert_self_contained(diff.page(diff.diff(make(), documents.document())))


def test_page_tells_statuses_apart_by_shape() -> None:
    page = diff.page(diff.diff(_later(), documents.passing()))

    assert '<use href="#i-failed"/></svg> failed' in page
    assert '<span class="status">absent</span>' in page


@pytest.mark.parametrize("form", FORMATS)
def test_minimal_documents_are_compared(form: str) -> None:
    now = {
        "verdict": "failed",
        "exit_status": 1,
        "clauses": [{"id": "LIST-04", "status": "failed"}, {"id": "odd", "status": "new"}],
    }
    before = {"verdict": "error", "exit_status": 3, "clauses": []}

    assert "LIST-04" in diff.RENDERERS[form](diff.diff(now, before)).replace("\\", "")


def test_markdown_stays_below_the_limit_of_a_comment() -> None:
    shown = diff.markdown(diff.diff(documents.sixty_failures(), documents.passing()))

    assert len(shown) <= diff.COMMENT_LIMIT


@pytest.mark.parametrize(
    ("form", "opening"),
    [("text", "1 clause newly"), ("markdown", "## 1 clause newly"), ("html", "<!doctype html>")],
)
def test_diff_prints_what_format_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, opening: str
) -> None:
    before = _written(tmp_path, "a.json", documents.passing())
    now = _written(tmp_path, "b.json", documents.one_failure())

    status = command.main(["diff", before, now, "--format", form])

    assert status == 0
    assert capsys.readouterr().out.lstrip().startswith(opening)


@pytest.mark.parametrize(
    ("name", "opening"),
    [("d.txt", "1 clause"), ("d.md", "## 1 clause"), ("d.html", "<!doctype html>")],
)
def test_suffix_of_out_chooses_the_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, opening: str
) -> None:
    before = _written(tmp_path, "a.json", documents.passing())
    now = _written(tmp_path, "b.json", documents.one_failure())

    status = command.main(["diff", before, now, "--out", str(tmp_path / name)])

    assert status == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / name).read_text(encoding="utf-8").lstrip().startswith(opening)


@pytest.mark.parametrize(
    ("options", "expected"), [([], 0), (["--fail-on-broken"], 1)], ids=["informs", "gates"]
)
def test_newly_broken_clause_fails_where_asked_for_only(
    tmp_path: Path, options: list[str], expected: int
) -> None:
    before = _written(tmp_path, "a.json", documents.document())
    now = _written(tmp_path, "b.json", documents.one_failure())

    assert command.main(["diff", before, now, *options]) == expected
    assert command.main(["diff", now, before, *options]) == 0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "expected an object with clauses, exit_status, verdict"),
        ({"schema_version": 1, "verdict": "passed", "exit_status": 0}, "expected an object"),
        (documents.document(schema_version=2), "expected schema_version 1, got 2"),
        (documents.document(clauses=[1]), "with id and status as clause 1"),
        (documents.document(clauses=[{"id": "X-1"}]), "with id and status as clause 1"),
        (documents.document(clauses=[{"id": "X-1", "status": []}]), "expected texts as"),
        (
            documents.document(clauses=[{"id": "X-1", "status": "failed", "violations": [1]}]),
            "as violations of clause 1",
        ),
        (
            documents.document(clauses=[{"id": "X-1", "status": "failed", "reason": []}]),
            "as reason, reason_kind of clause 1",
        ),
        (
            documents.document({"LIST-04": _breach(exchange={"request": {"headers": "none"}})}),
            "as exchanges of LIST-04",
        ),
        (
            documents.document({"LIST-04": _breach(exchange=["GET"])}),
            "expected objects as latencies and exchanges",
        ),
        (
            documents.document(requests={"latency_ms": {"list": 1}}),
            "expected objects as latencies and exchanges",
        ),
        (documents.document(behaviour=[]), "expected an object as behaviour"),
        (documents.document(started_at=5), "expected a text as started_at"),
        (documents.document(duration_s=float("nan")), "expected a number as duration_s"),
        (documents.document(requests={"total": "9"}), "expected a number as requests.total"),
    ],
)
def test_unusable_file_is_one_line_and_exit_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, complaint: str
) -> None:
    good = _written(tmp_path, "good.json", documents.passing())
    bad = str(tmp_path / "b\x1bad.json")
    if content is not None:
        _written(tmp_path, "b\x1bad.json", content)

    status = command.main(["diff", good, bad])

    said = capsys.readouterr().err
    assert status == 4
    assert said.count("\n") == 1
    assert "b\\x1bad.json" in said
    assert complaint in said
    assert said.endswith("give a conformance.json that this suite wrote\n")


def test_unwritable_out_is_one_line_and_exit_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _written(tmp_path, "a.json", documents.passing())

    status = command.main(["diff", path, path, "--out", str(tmp_path / "none" / "d.md")])

    said = capsys.readouterr().err
    assert status == 4
    assert said.count("\n") == 1
    assert "d.md cannot be written: No such file or directory; give --out a file in a" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_full_standard_output_is_one_line_and_exit_4(tmp_path: Path) -> None:
    path = _written(tmp_path, "a.json", documents.passing())
    root = Path(diff.__file__).parents[1]

    with Path("/dev/full").open("w") as full:
        run = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "reports", "diff", path, path],
            cwd=root,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert run.returncode == 4
    assert run.stderr.startswith("standard output cannot be written: No space left on device; ")
    assert run.stderr.count("\n") == 1


def test_broken_renderer_is_one_line_and_exit_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> str:
        raise RuntimeError("out of\nink")

    path = _written(tmp_path, "a.json", documents.passing())
    monkeypatch.setattr(diff, "RENDERERS", {"text": broken})

    status = command.main(["diff", path, path])

    assert status == 3
    assert capsys.readouterr().err == ("the report could not be made: RuntimeError: out of\\nink\n")


@pytest.mark.parametrize("arguments", [["a.json"], ["a", "b", "--format", "pdf"], []])
def test_diff_exits_4_on_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["diff", *arguments])

    assert caught.value.code == 4


def _noted() -> Iterator[tuple[str, str]]:
    """Each behaviour that the suite's tests note, with the clause that the test cites."""
    functions = (
        node
        for node in ast.parse(BEHAVIOUR_TESTS.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )
    for function in functions:
        (cited,) = re.findall(r"clause\('([^']+)'\)", ast.unparse(function.decorator_list[0]))
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "profile.note":
                name = call.args[0]
                names = [name.value] if isinstance(name, ast.Constant) else _looped(function)
                yield from ((each.replace(" ", "_"), cited) for each in names)


def _looped(function: ast.FunctionDef) -> list[str]:
    (loop,) = (node for node in ast.walk(function) if isinstance(node, ast.For))
    names: list[str] = ast.literal_eval(loop.iter)
    return names


def test_every_behaviour_that_the_suite_notes_has_its_clause() -> None:
    assert dict(_noted()) == CLAUSES


def test_clauses_of_behaviour_are_observed_ones() -> None:
    known = {*CLAUSES.values(), clause_of("limiter_window")}

    tiers = {Catalogue.load()[clause].tier for clause in known if clause}

    assert tiers == {Tier.OBSERVED}
