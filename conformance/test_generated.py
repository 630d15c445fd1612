"""Generated requests: valid, unusual, hostile and malformed ones; in a window a few of them.

A violation shows the example, in the deep profile the smallest one that hypothesis found, and the
seed that repeats it.
"""

from __future__ import annotations

import pytest

from conformance.kit.expect import Judge
from conformance.kit.outcome import Outcome


def _holds(generated: Outcome, judge: Judge, *names: str) -> None:
    for name in names:
        tried = getattr(generated, name.replace(" ", "_"))
        breach = tried.breach
        expected = breach.expected if breach else f"a legal outcome for each of the {name}"
        actual = breach.actual if breach else f"{tried.examples} examples"
        judge.that(breach is None, expected, actual, breach.exchange if breach else None)


@pytest.mark.deep
@pytest.mark.clause("CREATE-02")
def test_generated_creates_are_stored_as_sent(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "valid creates")


@pytest.mark.clause("CREATE-08")
def test_generated_malformed_emails_are_refused(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "creates with malformed emails")


@pytest.mark.deep
@pytest.mark.clause("CREATE-09")
def test_generated_wrong_types_are_refused_or_coerced(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "creates of wrong types")


@pytest.mark.deep
@pytest.mark.clause("CREATE-10")
def test_generated_bodies_that_are_no_objects_are_refused(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "creates that are no objects")


@pytest.mark.deep
@pytest.mark.clause("CREATE-15")
def test_generated_unicode_comes_back_unchanged(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "creates in other scripts")


@pytest.mark.deep
@pytest.mark.clause("CREATE-18")
def test_generated_long_texts_are_whole_or_refused(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "long creates")


@pytest.mark.deep
@pytest.mark.clause("CREATE-20")
def test_generated_dangerous_texts_are_data(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "dangerous creates")


@pytest.mark.deep
@pytest.mark.clause("CREATE-21")
def test_generated_odd_texts_cause_no_server_error(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "odd creates")


@pytest.mark.deep
@pytest.mark.clause("CREATE-23")
def test_generated_unusual_emails_are_accepted(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "creates with unusual emails")


@pytest.mark.deep
@pytest.mark.clause("UPDATE-02")
def test_generated_updates_are_stored_as_sent(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "valid updates")


@pytest.mark.deep
@pytest.mark.clause("UPDATE-06")
def test_generated_malformed_updates_are_refused_or_coerced(
    generated: Outcome, judge: Judge
) -> None:
    kinds = ("of wrong types", "with malformed emails", "that are no objects")
    _holds(generated, judge, *(f"updates {kind}" for kind in kinds))


@pytest.mark.clause("LIST-15")
def test_generated_list_searches_are_data(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "odd list searches")


@pytest.mark.clause("SEARCH-06")
def test_generated_searches_are_data(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "odd searches")


@pytest.mark.deep
@pytest.mark.clause("SEARCH-06")
def test_generated_marks_stand_for_themselves(generated: Outcome, judge: Judge) -> None:
    _holds(generated, judge, "searches for marks")
