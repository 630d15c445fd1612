"""What a write does not speak of stays as the write before it showed it; what is deleted stays away."""

from __future__ import annotations

import pytest
from kit_doubles import AN_ID, at, contact, error_body, evidence_of, exchange, one, wrote

from conformance.kit.exchange import Exchange
from conformance.kit.sameness import KEEPERS

MADE = at(wrote("create", {"first_name": "Jordan", "city": "Reno"}, city="Reno"), 0, 1)
MOVED = at(wrote("update", {"city": "Ely"}, city="Ely"), 2, 3)


def findings(clause: str, *exchanges: Exchange) -> list[str]:
    evidence = evidence_of(*exchanges, owned=(AN_ID,))
    return [str(finding.actual) for finding in evidence.judge_keeping(clause).findings]


@pytest.mark.parametrize(("clause", "operation"), KEEPERS.items())
def test_what_the_write_before_showed_is_gone_with_the_next(clause: str, operation: str) -> None:
    sent = {"phone": "1"} if operation == "update" else {}
    following = at(wrote(operation, sent, phone="1", city="Reno"), 4, 5)

    told = findings(clause, MADE, MOVED, following)

    assert len(told) == 1
    assert "city: 'Ely' became 'Reno'" in told[0]
    others = KEEPERS.keys() - {clause}
    assert [findings(other, MADE, MOVED, following) for other in sorted(others)] == [[]] * 3


LOST = at(wrote("update", {"phone": "1"}, phone="1", city="Reno"), 4, 5)


@pytest.mark.parametrize(
    ("about", "exchanges"),
    [
        ("nothing lost", [at(wrote("update", {"phone": "1"}, phone="1", city="Ely"), 4, 5)]),
        ("the field itself is sent", [at(wrote("update", {"city": "Reno"}, city="Reno"), 4, 5)]),
        ("an empty update, which UPDATE-05 judges", [at(wrote("update", {}, city="Reno"), 4, 5)]),
        ("it was read otherwise before", [at(one(city="Reno"), 3.2, 3.8), LOST]),
        (
            "a write that was refused came between",
            [at(exchange("update", 400, {}), 3.2, 3.5), LOST],
        ),
        ("a write overlaps this one", [LOST, at(wrote("update", {"city": "Reno"}), 4.5, 6)]),
        (
            "a write overlaps the one before",
            [at(wrote("update", {"city": "Reno"}), 2.5, 3.5), LOST],
        ),
        ("this one is refused", [at(exchange("update", 409, error_body()), 4, 5)]),
    ],
)
def test_a_write_is_not_held_to_what_it_need_not_keep(
    about: str, exchanges: list[Exchange]
) -> None:
    assert findings("UPDATE-01", MADE, MOVED, *exchanges) == [], about


def test_a_value_that_was_sent_and_not_shown_at_once_is_not_lost() -> None:
    masked = at(wrote("update", {"city": "Ely"}, city=None), 2, 3)

    assert findings("ARCHIVE-03", MADE, masked, at(wrote("archive", {}, city="Ely"), 4, 5)) == []


def test_contacts_of_others_may_change_between_two_writes() -> None:
    evidence = evidence_of(MADE, MOVED, LOST)

    assert evidence.judge_keeping("UPDATE-01").checks == 0


DELETED = at(wrote("delete", {}), 4, 5)
SHOWN = {
    "DELETE-02": exchange("list", 200, {"success": True, "data": {"contacts": [contact()]}}),
    "DELETE-03": exchange("search", 200, {"success": True, "data": [contact()], "count": 1}),
}


@pytest.mark.parametrize(("clause", "shown"), SHOWN.items())
@pytest.mark.parametrize(
    ("span", "between", "found"),
    [
        pytest.param((6, 7), [], 1, id="after the delete"),
        pytest.param((4.5, 7), [], 0, id="while the delete is under way"),
        pytest.param((2, 3), [], 0, id="before the delete"),
        pytest.param((6, 7), [at(wrote("update", {}), 4.5, 6)], 0, id="a write raced with it"),
    ],
)
def test_a_deleted_contact_is_shown(
    clause: str,
    shown: Exchange,
    span: tuple[float, float],
    between: list[Exchange],
    found: int,
) -> None:
    evidence = evidence_of(MADE, DELETED, *between, at(shown, *span), owned=(AN_ID,))

    assert len(evidence.judge_absence(clause).findings) == found
    others = SHOWN.keys() - {clause}
    assert [evidence.judge_absence(other).findings for other in others] == [[]]


def test_a_contact_that_was_not_deleted_may_be_shown() -> None:
    refused = at(exchange("delete", 403, error_body()), 4, 5)
    evidence = evidence_of(MADE, refused, at(SHOWN["DELETE-02"], 6, 7), owned=(AN_ID,))

    assert evidence.judge_absence("DELETE-02").checks == 0
