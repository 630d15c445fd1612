"""The catalogue is whole, well-formed, and says clearly what is wrong where it is not."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest

from conformance.kit.catalogue import (
    CATALOGUE_FILE,
    Catalogue,
    CatalogueError,
    Gate,
    Tier,
    UnknownClause,
)

CLAUSES_PER_GROUP = {
    "ENV": 9,
    "AUTH": 8,
    "OBJ": 9,
    "LIST": 18,
    "PAGE": 8,
    "CREATE": 23,
    "SEARCH": 13,
    "GET": 6,
    "UPDATE": 15,
    "DELETE": 9,
    "ARCHIVE": 6,
    "RESTORE": 6,
    "LIFE": 2,
    "ISO": 4,
    "RACE": 4,
    "LIMIT": 13,
}
ONE_CLAUSE = """
[[clause]]
id = "LIST-04"
tier = "required"
title = "the limit never exceeds 100"
text = '''
A limit of 101
is refused.'''
source = "a page, a section"
"""


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue.load()


def written(directory: Path, content: str) -> Path:
    path = directory / "clauses.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_every_group_has_all_its_clauses_in_contract_order(catalogue: Catalogue) -> None:
    counted = {
        group: sum(clause.group == group for clause in catalogue) for group in catalogue.groups()
    }

    assert counted == CLAUSES_PER_GROUP
    assert list(counted) == list(CLAUSES_PER_GROUP)
    assert len(catalogue) == sum(CLAUSES_PER_GROUP.values())


def test_ids_of_a_group_are_numbered_without_gaps(catalogue: Catalogue) -> None:
    for group, count in CLAUSES_PER_GROUP.items():
        numbers = {int(clause.id[-2:]) for clause in catalogue if clause.group == group}

        assert numbers == set(range(1, count + 1)), group


def test_a_group_stands_together(catalogue: Catalogue) -> None:
    changes = sum(left.group != right.group for left, right in pairwise(catalogue))

    assert changes == len(catalogue.groups()) - 1


def test_tiers_are_the_contract_s(catalogue: Catalogue) -> None:
    by_tier = {
        tier: {clause.id for clause in catalogue if clause.tier is tier}
        for tier in (Tier.PLATFORM, Tier.OBSERVED)
    }

    assert by_tier[Tier.PLATFORM] == {
        *("ENV-03", "ENV-05", "ENV-06", "ENV-07", "AUTH-05"),
        *("LIMIT-01", "LIMIT-02", "LIMIT-03", "LIMIT-06", "LIMIT-09"),
    }
    assert by_tier[Tier.OBSERVED] == {
        *("LIST-18", "CREATE-22", "SEARCH-13", "GET-06", "UPDATE-14", "LIMIT-12"),
    }


def test_titles_are_distinct_short_and_one_line(catalogue: Catalogue) -> None:
    titles = [clause.title for clause in catalogue]

    assert len(set(titles)) == len(titles)
    assert all(len(title) <= 80 and "\n" not in title for title in titles)


def test_texts_and_rulings_are_one_line(catalogue: Catalogue) -> None:
    prose = [text for clause in catalogue for text in (clause.text, clause.ruling or ".")]

    assert all(text == " ".join(text.split()) for text in prose)


def test_sources_name_a_page_or_an_rfc_or_what_they_follow_from(catalogue: Catalogue) -> None:
    pages = ("contacts-api.md, ", "platform-facts.md, ", "RFC ", "follows from ")

    assert [clause.id for clause in catalogue if not clause.source.startswith(pages)] == []


def test_only_expected_clauses_rest_on_what_merely_follows(catalogue: Catalogue) -> None:
    following = {clause.tier for clause in catalogue if clause.source.startswith("follows from")}

    assert following == {Tier.EXPECTED}


def test_needs_name_what_the_user_supplies(catalogue: Catalogue) -> None:
    second = [clause.id for clause in catalogue if "second_token" in clause.needs]
    probing = [clause.id for clause in catalogue if "rate_limit_probe" in clause.needs]

    assert second == ["ISO-01", "ISO-02", "ISO-03", "ISO-04"]
    assert probing == [clause.id for clause in catalogue.select(["LIMIT-*"])][4:]
    assert catalogue["AUTH-04"].needs == ("expired_token",)
    assert catalogue["DELETE-08"].needs == ("restricted_token",)


def test_the_catalogue_is_read_once() -> None:
    assert Catalogue.load() is Catalogue.load()


def test_the_digest_is_that_of_the_file(catalogue: Catalogue) -> None:
    assert catalogue.sha256 == hashlib.sha256(CATALOGUE_FILE.read_bytes()).hexdigest()


def test_a_clause_is_found_by_its_id(catalogue: Catalogue) -> None:
    clause = catalogue["DELETE-02"]

    assert (clause.id, clause.group, clause.tier) == ("DELETE-02", "DELETE", Tier.REQUIRED)
    assert "DELETE-02" in catalogue
    assert "DELETE-99" not in catalogue


def test_an_unknown_id_is_answered_with_near_misses(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownClause, match=r"'DELETE-90'; did you mean .*DELETE-09"):
        catalogue["DELETE-90"]


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["LIST-04"], ["LIST-04"]),
        (["race-*"], ["RACE-01", "RACE-02", "RACE-03", "RACE-04"]),
        (["LIFE-02", "ENV-01", "ENV-0[12]"], ["ENV-01", "ENV-02", "LIFE-02"]),
        ([], []),
    ],
)
def test_select_yields_each_match_once_in_contract_order(
    catalogue: Catalogue, patterns: list[str], chosen: list[str]
) -> None:
    assert [clause.id for clause in catalogue.select(patterns)] == chosen


def test_a_pattern_that_matches_nothing_is_named_with_near_misses(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownClause) as caught:
        catalogue.select(["ENV-01", "crate-*"])

    assert caught.value.pattern == "crate-*"
    assert caught.value.near_misses[0] == "CREATE-*"
    assert "no clause matches 'crate-*'; did you mean CREATE-*" in str(caught.value)


def test_a_pattern_like_nothing_is_answered_with_the_form_of_ids(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownClause, match="ids look like LIST-04"):
        catalogue.select(["?"])


@pytest.mark.parametrize(
    ("gate", "gating"),
    [
        (Gate.REQUIRED, {Tier.REQUIRED}),
        (Gate.PLATFORM, {Tier.REQUIRED, Tier.PLATFORM}),
        (Gate.STRICT, {Tier.REQUIRED, Tier.PLATFORM, Tier.EXPECTED}),
    ],
)
def test_a_gate_gates_its_tiers_and_never_the_observed_one(gate: Gate, gating: set[Tier]) -> None:
    assert {tier for tier in Tier if gate.gates(tier)} == gating


def test_a_minimal_clause_has_no_ruling_and_needs_nothing(tmp_path: Path) -> None:
    (clause,) = Catalogue.read(written(tmp_path, ONE_CLAUSE))

    assert clause.ruling is None
    assert clause.needs == ()
    assert clause.text == "A limit of 101 is refused."


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[[clause", "is no TOML"),
        ("", r"has no \[\[clause\]\] tables"),
        (ONE_CLAUSE + ONE_CLAUSE, "LIST-04 stands twice"),
        (ONE_CLAUSE.replace("required", "mandatory"), "LIST-04: 'mandatory' is no tier; use req"),
        (ONE_CLAUSE.replace("source =", "origin ="), "LIST-04: source missing"),
        (ONE_CLAUSE + 'severity = "high"', "LIST-04: no clause has a field severity"),
        (ONE_CLAUSE + 'ruling = " "', "LIST-04: ruling is a non-empty text"),
        (ONE_CLAUSE.replace("LIST-04", "LIST-4"), "LIST-4: an id is a group and two digits"),
        (ONE_CLAUSE.replace("the limit", "the limit" * 10), "LIST-04: the title passes 80"),
        (ONE_CLAUSE + 'needs = ["luck"]', "LIST-04: needs is a list among second_token"),
        (ONE_CLAUSE + "needs = [[]]", "LIST-04: needs is a list among second_token"),
        (ONE_CLAUSE.replace("id =", "name ="), "'the limit never exceeds 100': id missing"),
    ],
)
def test_a_malformed_catalogue_is_refused_with_the_fault_named(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = written(tmp_path, content)

    with pytest.raises(CatalogueError, match=complaint):
        Catalogue.read(path)
