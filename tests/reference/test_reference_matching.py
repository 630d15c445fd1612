"""The measures by which the reference server compares texts."""

from __future__ import annotations

import pytest

from fixtures.reference.matching import fold, within_one_edit


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("quince", "quince"),
        ("quince", "quinc"),
        ("quince", "uince"),
        ("quince", "quiince"),
        ("quince", "quinxe"),
        ("quince", "qunice"),
        ("aaaa", "aaa"),
        ("a", ""),
    ],
)
def test_one_edit_or_none_is_a_likeness_both_ways(left: str, right: str) -> None:
    assert within_one_edit(left, right)
    assert within_one_edit(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("quince", "quin"),
        ("quince", "xuincx"),
        ("quince", "qnuiec"),
        ("abcd", "acdb"),
        ("", "ab"),
        ("quince", "bernice"),
    ],
)
def test_two_edits_are_none(left: str, right: str) -> None:
    assert not within_one_edit(left, right)
    assert not within_one_edit(right, left)


def test_folding_ignores_case_beyond_ascii_and_takes_null_for_empty() -> None:
    assert fold("ÉÖß") == fold("éöSS")
    assert fold(None) == ""
