"""The README and the guides are true: generated pages, links, quotations, and whole examples."""

from __future__ import annotations

import ast
import json
import re
import shlex
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kit.documents import PAGES, Piece, anchors, blocks, links
from kit.source_tree import ROOT, cited
from test_structure import LAYERS

from conformance import docs
from conformance.kit.catalogue import Catalogue
from conformance.kit.known import read_known_failures
from conformance.kit.settings import OPTIONS
from fixtures.mutants import all_mutants, proof
from fixtures.mutants.__main__ import main

README = ROOT / "README.md"
LONGEST_README = 150
LANGUAGES = {"", "sh", "yaml", "toml", "python", "json"}
"""What a block may be; one without a language is a screen."""
SOURCES = "\n".join(
    path.read_text("utf-8")
    for package in ("conformance", "fixtures")
    for path in sorted((ROOT / package).rglob("*.py"))
)


def _place(piece: Piece) -> str:
    return piece.place


def _all(*languages: str) -> list[Piece]:
    return [block for page in PAGES for block in blocks(page, *languages)]


# --- what is generated ------------------------------------------------------------------------


def test_the_generated_pages_are_up_to_date() -> None:
    assert docs.stale() == [], "run python -m conformance.docs"


def test_a_stale_page_is_named_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    docs.main([])
    (tmp_path / "clauses.md").write_text("of last year")

    checked, told = docs.main(["--check"]), capsys.readouterr().out
    written = docs.main([])

    assert (checked, told) == (1, "clauses.md is stale: run python -m conformance.docs\n")
    assert (written, docs.main(["--check"]), docs.stale()) == (0, 0, [])


def test_an_unknown_argument_of_the_generator_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert docs.main(["--chek"]) == 4
    assert "--chek" in capsys.readouterr().err


def test_every_clause_is_told_whole_under_an_anchor_of_its_own() -> None:
    page = ROOT / "docs" / "clauses.md"
    text = page.read_text("utf-8")

    for clause in Catalogue.load():
        section = text.partition(f"\n### {clause.id}\n")[2].partition("\n### ")[0]
        assert clause.id.lower() in anchors(page)
        for part in (clause.title, clause.tier.value, clause.text, clause.source):
            assert part in section, clause.id
        assert (clause.ruling or "") in section, clause.id


def test_every_option_is_told_with_its_variable() -> None:
    text = (ROOT / "docs" / "options.md").read_text("utf-8")

    assert [o.flag for o in OPTIONS if f"| `{o.flag}` | `{o.variable}` |" not in text] == []


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


# --- the README, and what leads away from it ----------------------------------------------------


def test_the_readme_is_short_and_names_every_exit_status() -> None:
    text = README.read_text("utf-8")

    assert len(text.splitlines()) <= LONGEST_README
    assert re.findall(r"(?m)^\| (\d) \|", text) == list("0123456")


def test_the_readme_leads_to_every_guide() -> None:
    led_to = {link.text for link in links(README)}

    assert {f"docs/{page.name}" for page in PAGES if page != README} <= led_to


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        path, _, anchor = link.text.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(f"{link.place}: {link.text}")

    assert dead == []


# --- what the blocks hold -----------------------------------------------------------------------


def test_every_block_is_in_a_language_that_is_looked_at() -> None:
    fences = [line for page in PAGES for line in re.findall(r"(?m)^```(.+)$", page.read_text())]

    assert set(fences) <= LANGUAGES


@pytest.mark.parametrize(
    "block", _all("json", "yaml", "toml", "python"), ids=lambda block: block.place
)
def test_every_example_can_be_read(block: Piece) -> None:
    read: dict[str, Callable[[str], Any]] = {
        "json": json.loads,
        "yaml": yaml.safe_load,
        "toml": tomllib.loads,
        "python": lambda text: ast.parse(_as_module(text)),
    }

    assert read[block.kind](block.text)


def _as_module(text: str) -> str:
    """Code as it can be parsed: lines of a coroutine stand in one."""
    inner = textwrap.dedent(text)
    return f"async def scene():\n{textwrap.indent(inner, '    ')}" if inner != text else text


@pytest.mark.parametrize("block", _all("python"), ids=_place)
def test_code_in_a_guide_is_quoted_from_the_tree(block: Piece) -> None:
    assert block.text in SOURCES


def test_entries_in_a_guide_are_quoted_from_the_catalogue_or_are_known_failures(
    tmp_path: Path,
) -> None:
    catalogue = (ROOT / "conformance" / "clauses.toml").read_text("utf-8")
    known = tmp_path / "known-failures.toml"

    for block in _all("toml"):
        known.write_text(block.text)
        if block.text.startswith("[[clause]]"):
            assert block.text in catalogue, block.place
        else:
            assert read_known_failures(known, Catalogue.load().ids()), block.place


def test_the_options_of_an_action_in_a_guide_are_options_of_the_gate() -> None:
    given = [a for block in _all("yaml") for a in re.findall(r"(?m)^\s*args: (.+)$", block.text)]
    flags = {word for text in given for word in shlex.split(text) if word.startswith("--")}

    assert given
    assert flags <= {option.flag for option in OPTIONS}


# --- the design ---------------------------------------------------------------------------------


def test_the_design_has_a_row_for_every_layer() -> None:
    text = (ROOT / "docs" / "design.md").read_text("utf-8")
    table = text.partition("## Who may import whom")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| `([\w.]+)` \|", table)
    # What stands for a whole folder, or is a part of a layer that has a row.
    small = {"fixtures", "conformance", *(n for n in LAYERS if n.startswith("fixtures.mutants."))}

    assert sorted(rows) == sorted(set(LAYERS) - small)


def test_every_place_that_the_design_names_is_there() -> None:
    text = (ROOT / "docs" / "design.md").read_text("utf-8")
    house = text.partition("## The house")[2].partition("\n## ")[0]
    rows = [row.partition(" | ")[0] for row in re.findall(r"(?m)^\| (`.+)$", house)]
    places = [place for row in rows for place in re.findall(r"`([^`]+)`", row)]

    assert [place for place in places if not list(ROOT.glob(place.rstrip("/")))] == []
    assert {place.partition("/")[0] for place in places} >= {"conformance", "fixtures", "tests"}
