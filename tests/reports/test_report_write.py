"""All reports are written atomically, and one that fails costs no other."""

import json
from pathlib import Path

import pytest
import report_documents as documents

from reports import __main__ as command
from reports import files, summary, write

NAMES = ["conformance.json", "junit.xml", "summary.md", "ctrf.json", "report.html"]


@pytest.mark.parametrize("make", [documents.passing, documents.sixty_failures, documents.hostile])
def test_write_all_writes_every_report(tmp_path: Path, make: type) -> None:
    document = make()

    paths = write.write_all(document, tmp_path / "new" / "out")

    assert [path.name for path in paths] == NAMES
    assert all(path.stat().st_size > 100 for path in paths)
    assert json.loads(paths[0].read_text(encoding="utf-8")) == document


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    write.write_all(documents.passing(), tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)


def test_failing_writer_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("out of ink")

    monkeypatch.setattr(summary, "render", broken)

    with pytest.raises(write.ReportError, match=r"summary\.md: RuntimeError: out of ink") as caught:
        write.write_all(documents.passing(), tmp_path)

    assert [path.name for path in caught.value.written] == [n for n in NAMES if n != "summary.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(NAMES) - {"summary.md"})


def test_broken_catalogue_costs_the_texts_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError("no TOML")

    monkeypatch.setattr(write, "clause_texts", broken)

    with pytest.raises(write.ReportError, match="clause texts: ValueError: no TOML") as caught:
        write.write_all(documents.passing(), tmp_path)

    assert [path.name for path in caught.value.written] == NAMES


def test_unusable_directory_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(write.ReportError, match="the directory"):
        write.write_all(documents.passing(), tmp_path / "file")


def test_number_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write.to_json(documents.document(duration_s=float("nan")))


def test_former_file_survives_a_failed_write(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("former", encoding="utf-8")

    with pytest.raises(UnicodeEncodeError):
        files.write_atomically(path, "lone \ud800")

    assert path.read_text(encoding="utf-8") == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_render_makes_the_same_reports_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write.write_all(documents.one_failure(), tmp_path / "first")

    status = command.main(["render", str(first[0]), "--out", str(tmp_path / "second")])

    assert status == 0
    assert len(capsys.readouterr().out.splitlines()) == len(NAMES)
    for path in first:
        assert (tmp_path / "second" / path.name).read_bytes() == path.read_bytes()


def test_render_compares_to_an_earlier_run(tmp_path: Path) -> None:
    before = write.write_all(documents.passing(), tmp_path / "before")[0]
    now = write.write_all(documents.one_failure(), tmp_path / "now")[0]

    status = command.main(["render", str(now), "--compare-to", str(before)])

    assert status == 0
    assert "Broken: `DELETE-02`" in (tmp_path / "now" / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("{", "is no JSON"), ("[]", "is no results document"), (None, "cannot be read")],
)
def test_render_refuses_what_is_no_results_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, complaint: str
) -> None:
    path = tmp_path / "conformance.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    status = command.main(["render", str(path)])

    assert status == 4
    assert complaint in capsys.readouterr().err


def test_render_exits_4_on_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["render"])

    assert caught.value.code == 4
    assert "usage:" in capsys.readouterr().err
