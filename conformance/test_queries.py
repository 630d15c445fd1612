"""LIST, PAGE and SEARCH: what every list and every search of the run shows, however it was asked.

The tests of the groups ask what decides a clause; the passive checks of `kit/queries.py` hold every
other query to it, too. They add no scene: what the selected tests play is what is looked at.
"""

from __future__ import annotations

import pytest

from conformance.kit.evidence import Evidence
from conformance.kit.expect import Judge


@pytest.mark.clause("LIST-01")
def test_every_list_has_stats(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("LIST-01"))


@pytest.mark.clause("LIST-02")
def test_every_list_has_the_default_page_and_limit(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("LIST-02"))


@pytest.mark.clause("LIST-03")
def test_every_list_honours_its_page_and_limit(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("LIST-03"))


@pytest.mark.clause("LIST-04")
def test_no_list_exceeds_100_records(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("LIST-04"))


@pytest.mark.clause("LIST-08")
def test_every_list_shows_one_state(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("LIST-08"))


@pytest.mark.clause("LIST-09")
def test_every_list_of_a_type_shows_that_type(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("LIST-09"))


@pytest.mark.clause("LIST-13")
def test_every_list_of_a_type_and_a_state_shows_both(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("LIST-13"))


@pytest.mark.clause("PAGE-01")
def test_every_list_counts_its_pages(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("PAGE-01"))


@pytest.mark.clause("PAGE-02")
def test_every_list_says_whether_there_is_more(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("PAGE-02"))


@pytest.mark.clause("SEARCH-02")
def test_every_search_counts_its_records(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("SEARCH-02"))


@pytest.mark.clause("SEARCH-05")
def test_every_search_shows_what_contains_its_text(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("SEARCH-05"))


@pytest.mark.clause("SEARCH-07")
def test_every_search_keeps_to_its_limit(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("SEARCH-07"))


@pytest.mark.clause("SEARCH-08")
def test_no_search_exceeds_100_records(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge("SEARCH-08"))
