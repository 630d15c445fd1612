"""The registry of deliberate defects, what the matrix makes of a run, and a part of the matrix."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from conformance.kit.catalogue import Catalogue, Tier
from fixtures.mutants import GROUPS, Mutant, all_mutants, rendering
from fixtures.mutants.__main__ import main
from fixtures.mutants.matrix import (
    CAUGHT,
    EVERYWHERE,
    MISNAMED,
    NOT_BUILT,
    PEACE,
    SURVIVED,
    UNSTEADY,
    ClauseResult,
    Row,
    Trial,
    judge_each,
    judge_mutant,
    judge_variant,
    trial_of,
)
from fixtures.reference.contacts import Contacts

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = Catalogue.load()
MUTANTS = all_mutants()
SENTENCE_END = re.compile(r"[.!?](?=\s|$)")

REPRESENTATIVES = (
    "envelope.success-is-one",
    "envelope.refused-bodies-are-bare",
    "envelope.created-calls-itself-text-json",
    "envelope.archives-answer202",
    "auth.unknown-id-is-judged-first",
    "auth.signature-is-compared-by-its-start",
    "auth.algorithm-none-is-accepted",
    "auth.refused-restore-is-executed",
    "record.search-forgets-the-status",
    "record.searched-archived-is-a-number",
    "record.a-second-archive-clears-the-time",
    "list_bounds.cap-is-only-echoed",
    "list_bounds.limit-of-zero-is-everything",
    "list.type-is-that-of-the-creation",
    "list_search.search-index-is-not-updated",
    "list_search.type-makes-archived-forgotten",
    "list_search.search-is-injectable",
    "paging.has-more-while-the-page-is-full",
    "paging.pages-overlap-by-one",
    "paging.past-the-end-is-the-last-page",
    "create.license-is-not-stored",
    "create_text.emoji-become-question-marks",
    "create_text.long-notes-are-stored-short",
    "create_refused.upper-case-types-are-stored",
    "create_refused.refused-email-leaves-the-contact",
    "create_refused.plus-tags-are-dropped",
    "search.name-needs-a-last-name",
    "search.email-is-that-of-the-creation",
    "search.name-escapes-percent-only",
    "search_limits.limit-of-zero-finds-nothing",
    "get.cut-id-is-completed",
    "get.nul-ends-the-id",
    "update.state-is-only-echoed",
    "update_refused.refused-update-is-half-done",
    "update_refused.refused-unknown-is-created",
    "update.no-tags-are-no-change",
    "delete.deleted-stay-under-their-type",
    "delete.restore-revives-archived",
    "delete.forbidden-is-deleted",
    "archive.totals-count-both",
    "archive.later-restores-are-only-echoed",
    "life.every-twentieth-create-is-lost",
    "isolation.totals-count-everyones",
    "isolation.foreign-update-is-executed",
)


def one(*clauses: str, may_touch: tuple[str, ...] = ()) -> Mutant:
    return Mutant("list.made-up", clauses, may_touch, "It lies.", Contacts)


def ran(**statuses: str) -> Trial:
    """A trial in which the clauses named (with _ for the hyphen) have these statuses."""
    found = {
        clause.id: ClauseResult(statuses.get(clause.id.replace("-", "_"), "passed"), clause.tier)
        for clause in CATALOGUE
    }
    return Trial("list.made-up", found)


# --- the registry -------------------------------------------------------------------------------


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_breaks_known_clauses_and_says_so_in_one_sentence(mutant: Mutant) -> None:
    unknown = [clause for clause in mutant.clauses if clause not in CATALOGUE]
    empty = [p for p in mutant.may_touch if not any(fnmatchcase(i, p) for i in CATALOGUE.ids())]

    assert mutant.clauses
    assert not unknown
    assert not empty
    assert CATALOGUE[mutant.clauses[0]].tier is not Tier.OBSERVED
    assert len(SENTENCE_END.findall(mutant.lie)) == 1
    assert mutant.lie.endswith(".")
    assert mutant.group in GROUPS


def test_a_mutant_overrides_one_layer_and_nothing_of_its_kind_is_shared() -> None:
    overrides = [mutant.override for mutant in MUTANTS.values()]

    assert len(set(overrides)) == len(overrides)


def test_clauses_allowed_everywhere_are_known() -> None:
    assert all(clause in CATALOGUE for clause in EVERYWHERE)


# --- the matrix ---------------------------------------------------------------------------------


def test_a_mutant_is_caught_where_its_first_clause_fails() -> None:
    row = judge_mutant(one("LIST-04"), ran(LIST_04="failed"))

    assert (row.verdict, row.collateral, row.good) == (CAUGHT, (), True)


def test_a_mutant_survives_where_nothing_fails() -> None:
    row = judge_mutant(one("LIST-04"), ran())

    assert (row.verdict, row.good) == (SURVIVED, False)


def test_a_mutant_is_misnamed_where_another_clause_fails_in_place_of_its_first() -> None:
    row = judge_mutant(one("LIST-04", "LIST-05"), ran(LIST_05="failed"))

    assert (row.verdict, row.spared, row.good) == (MISNAMED, ("LIST-04",), False)


def test_a_declared_clause_that_does_not_fail_is_spared() -> None:
    row = judge_mutant(one("LIST-04", "LIST-05"), ran(LIST_04="failed"))

    assert (row.verdict, row.spared, row.good) == (CAUGHT, ("LIST-05",), False)
    assert rendering.row_text(row).splitlines()[0].endswith("list.made-up, spared: LIST-05")


def test_a_required_clause_that_fails_undeclared_is_collateral() -> None:
    row = judge_mutant(one("LIST-04"), ran(LIST_04="failed", GET_01="failed", OBJ_07="failed"))

    assert (row.collateral, row.beyond, row.good) == (("GET-01",), ("OBJ-07",), False)


def test_declared_patterns_and_clauses_about_everything_are_no_collateral() -> None:
    statuses = dict.fromkeys(("LIST_04", "GET_01", "LIFE_01"), "failed")
    row = judge_mutant(one("LIST-04", may_touch=("GET-*",)), ran(**statuses))

    assert (row.collateral, row.good) == ((), True)


def test_a_clause_without_a_test_is_told_from_a_survivor() -> None:
    trial = ran()
    unbuilt = ClauseResult("not_evaluated", "required", "not_built")
    row = judge_mutant(one("LIST-04"), Trial(trial.name, {**trial.clauses, "LIST-04": unbuilt}))

    assert (row.verdict, row.good) == (NOT_BUILT, False)


def test_a_run_in_which_the_kit_failed_proves_nothing() -> None:
    entry = {"id": "LIST-04", "tier": "required", "status": "error", "reason_kind": "error"}
    document = {
        "clauses": [{**entry, "violations": [], "reason": "KeyError"}],
        "requests": {"total": 1},
        "message": "the kit failed",
    }

    assert not judge_mutant(one("LIST-04"), trial_of("list.made-up", document, 0.0)).good


def test_of_several_trials_the_worst_counts() -> None:
    judge = partial(judge_mutant, one("LIST-04"))

    assert judge_each(judge, [ran(LIST_04="failed")] * 2).verdict == CAUGHT
    assert judge_each(judge, [ran(LIST_04="failed"), ran()]).verdict == SURVIVED


def test_a_variant_is_unsteady_where_a_clause_does_not_say_the_same_in_all_trials() -> None:
    judge = partial(judge_variant, "made-up", "", (), ran())

    row = judge_each(judge, [ran(), ran(LIST_18="observed")])

    assert (row.verdict, row.note, row.good) == (UNSTEADY, "LIST-18: passed, observed", False)
    assert judge_each(judge, [ran(), ran()]).verdict == PEACE


def test_the_table_shows_every_row_and_marks_what_is_wrong() -> None:
    rows = [
        Row("list.good", "It | lies.", ("LIST-04",), CAUGHT),
        Row("list.bad", "It lies.", ("LIST-05",), SURVIVED),
    ]

    table = rendering.markdown(rows, [])

    assert "| list.good | It \\| lies. | LIST-04 | caught |" in table
    assert "**survived**" in table
    assert rendering.tally(rows) == {CAUGHT: 1, SURVIVED: 1, "collateral": 0}


def test_a_row_on_the_screen_explains_itself_where_it_proves_nothing() -> None:
    good = Row("list.good", "It lies.", ("LIST-04",), CAUGHT)
    bad = Row("list.bad", "It lies.", ("LIST-05",), SURVIVED, note="LIST-05 passed")

    assert rendering.row_text(good) == "caught       LIST-04     list.good"
    assert rendering.row_text(bad).splitlines()[1:] == ["    It lies.", "    LIST-05 passed"]


def test_a_pattern_that_names_nothing_ends_with_the_status_for_it() -> None:
    assert main(["--only", "nothing-of-the-kind"]) == 5


def test_a_bad_option_ends_with_the_status_for_usage() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--jobs", "many"])

    assert ended.value.code == 4


# --- runs in children --------------------------------------------------------------------------

ODD_SERVERS = """
import os
from fixtures.mutants.suite import Subject, many_runs

def dies(config): os._exit(9)
def fails(config): raise RuntimeError("no server")

subjects, told = [Subject(b.__name__, b, None) for b in (dies, fails)], {}
many_runs(subjects, 2, lambda subject, trial: told.update({subject.name: trial.problem}))
print(told["dies"], told["fails"], sep="\\n")
"""


def test_a_run_that_dies_or_never_begins_is_told_as_broken() -> None:
    command = [sys.executable, "-c", ODD_SERVERS]

    ended = subprocess.run(  # noqa: S603 - our own code
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    died, never_began = ended.stdout.splitlines()
    assert died == "the run ended with status 9"
    assert never_began.startswith("the kit failed on the run")


# --- a part of it, run --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def caught(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The rows of the representatives, from one run of the matrix as its user starts it."""
    directory = tmp_path_factory.mktemp("matrix")
    command = [sys.executable, "-m", "fixtures.mutants", "--mutants"]
    options = ["--report-dir", str(directory), *(f"--only={name}" for name in REPRESENTATIVES)]
    subprocess.run(  # noqa: S603 - our own module
        [*command, *options], cwd=ROOT, capture_output=True, timeout=300, check=False
    )
    matrix = json.loads((directory / rendering.JSON_NAME).read_text("utf-8"))
    return {row["name"]: row for row in matrix["mutants"]}


@pytest.mark.parametrize("name", REPRESENTATIVES)
def test_a_mutant_is_caught_by_its_clause(name: str, caught: dict[str, dict[str, Any]]) -> None:
    row = caught[name]

    assert row["verdict"] == CAUGHT, row["note"]
    assert row["collateral"] == [], row["note"]
