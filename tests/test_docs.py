from pathlib import Path

from kit.source_tree import ROOT, cited

from conformance import docs
from fixtures.mutants import all_mutants, proof
from fixtures.mutants.__main__ import main


def test_the_generated_parts_of_the_readme_are_up_to_date() -> None:
    text = docs.README.read_text("utf-8")

    assert docs.generated(text) == text, "run python -m conformance.docs"


def test_the_readme_names_every_exit_status() -> None:
    text = docs.README.read_text("utf-8")

    for status in range(7):
        assert f"\n| {status} | " in text


def test_the_table_of_the_proof_is_up_to_date() -> None:
    text = (ROOT / "docs" / "proof.md").read_text("utf-8")

    assert text == proof.table(), "run python -m fixtures.mutants --table docs/proof.md"


def test_the_table_of_the_proof_names_every_test_and_every_mutant() -> None:
    table = proof.table()

    assert [test.test for test in cited() if f"`{test.test}`" not in table] == []
    assert [name for name in all_mutants() if f"`{name}`: " not in table] == []


def test_the_table_of_the_proof_is_written_without_a_run(tmp_path: Path) -> None:
    path = tmp_path / "new" / "proof.md"

    status = main(["--table", str(path)])

    assert (status, path.read_text("utf-8")) == (0, proof.table())
