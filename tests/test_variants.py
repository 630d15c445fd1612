"""The registry of correct servers that differ, and some of them put before the suite."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance.kit.catalogue import Catalogue
from fixtures.mutants import rendering
from fixtures.mutants.matrix import (
    CONDEMNED,
    PEACE,
    UNDECIDED,
    ClauseResult,
    Trial,
    judge_variant,
)
from fixtures.reference.contacts import Contacts
from fixtures.reference.store import Store
from fixtures.variants import Clamping, Coercing, OldestFirst, Variant, all_variants

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = Catalogue.load()
VARIANTS = all_variants()
SHOWN = ("clamping", "trigram-search", "foreign", "lenient", "strict", "tidy")
REFERENCE = Trial("reference", {})


def ran(clause: str, status: str, kind: str | None = None) -> Trial:
    return Trial("made-up", {clause: ClauseResult(status, "required", kind)})


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_variant_says_its_choice_in_one_sentence_and_warns_of_known_clauses(
    variant: Variant,
) -> None:
    assert len(re.findall(r"[.!?](?=\s|$)", variant.latitude)) == 1
    assert all(clause in CATALOGUE for clause in variant.warns)


def test_a_variant_stacks_its_overrides_layer_by_layer() -> None:
    made = Variant("made-up", "It differs.", (Clamping, OldestFirst, Coercing))

    assert made.layer(Contacts).__mro__[1:3] == (Clamping, Coercing)
    assert made.layer(Store).__mro__[1] is OldestFirst


def test_a_variant_is_in_peace_where_nothing_fails() -> None:
    row = judge_variant("made-up", "", (), REFERENCE, ran("PAGE-06", "passed"))

    assert (row.verdict, row.good) == (PEACE, True)


def test_a_variant_with_a_failed_clause_is_condemned() -> None:
    row = judge_variant("made-up", "", (), REFERENCE, ran("PAGE-06", "failed"))

    assert (row.verdict, row.good) == (CONDEMNED, False)


@pytest.mark.parametrize(("warns", "verdict"), [((), CONDEMNED), (("PAGE-06",), PEACE)])
def test_a_variant_may_earn_only_the_warnings_it_declares(
    warns: tuple[str, ...], verdict: str
) -> None:
    row = judge_variant("made-up", "", warns, REFERENCE, ran("PAGE-06", "warned"))

    assert row.verdict == verdict


def test_a_required_clause_left_open_by_a_variant_alone_is_told() -> None:
    open_ = ran("PAGE-06", "not_evaluated", "premise")

    assert judge_variant("made-up", "", (), REFERENCE, open_).verdict == UNDECIDED
    assert judge_variant("made-up", "", (), open_, open_).verdict == PEACE


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The rows of some variants, from one run of the matrix as its user starts it."""
    directory = tmp_path_factory.mktemp("matrix")
    command = [sys.executable, "-m", "fixtures.mutants", "--variants"]
    options = ["--report-dir", str(directory), *(f"--only={name}" for name in SHOWN)]
    subprocess.run(  # noqa: S603 - our own module
        [*command, *options], cwd=ROOT, capture_output=True, timeout=300, check=False
    )
    matrix = json.loads((directory / rendering.JSON_NAME).read_text("utf-8"))
    return {row["name"]: row for row in matrix["variants"]}


@pytest.mark.parametrize("name", SHOWN)
def test_the_suite_leaves_a_variant_in_peace(name: str, rows: dict[str, dict[str, Any]]) -> None:
    assert rows[name]["verdict"] == PEACE, rows[name]["note"]
