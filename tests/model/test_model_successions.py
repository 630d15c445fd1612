"""Two changes in a row: which there are, and which contacts went through."""

from __future__ import annotations

from conformance.kit.successions import SUCCESSIONS, Track, leaves_archived

CREATED = (False, "create")
EDITED = (False, "update")
ARCHIVED = (False, "archive")


def track(*steps: tuple[str, str]) -> Track:
    made = Track()
    for who, operation in steps:
        made.note(who, operation)
    return made


def test_each_change_leaves_the_contact_in_the_state_in_which_the_next_one_meets_it() -> None:
    # Seven changes with the birth, each followed by three others or the death.
    assert len(SUCCESSIONS) == 7 * 4
    assert all(after[0] is leaves_archived(before) for before, after in SUCCESSIONS)


def test_what_is_read_between_two_changes_does_not_part_them() -> None:
    made = track(("Ann", "create"), ("Ann", "get"), ("Ben", "create"), ("Ann", "archive"))

    assert made.successions == {(CREATED, ARCHIVED)}


def test_a_contact_is_followed_to_its_death() -> None:
    made = track(*(("Ann", o) for o in ("create", "update", "archive", "delete", "restore")))

    assert made.successions == {
        (CREATED, EDITED),
        (EDITED, ARCHIVED),
        (ARCHIVED, (True, "delete")),
    }


def test_nothing_is_said_of_a_contact_whose_state_is_not_known() -> None:
    made = track(("Ann", "create"), ("Ann", "update"))
    made.lose("Ann")
    made.note("Ann", "archive")

    assert made.after("Ann", "restore") is None
    assert made.successions == {(CREATED, EDITED)}
