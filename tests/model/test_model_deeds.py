"""Pairs of operations on one contact, counted over a whole run."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from kit.kit_doubles import contact, exchange

from conformance.kit.deeds import Deeds
from conformance.kit.exchange import Exchange

ANN = "0b5f0f0e-6f0a-4f3e-9c53-2d6f0e1f7a10"
moments = count(1)


def answered(operation: str, status: int = 200, body: Any = None) -> Exchange:
    """An exchange that began after the one before it had ended."""
    started = float(next(moments))
    data = {"success": True, "data": contact(id=ANN) if body is None else body}
    made = exchange(operation, status=status, body=data)
    return replace(made, started=started, ended=started + 0.5)


def of(*steps: tuple[str, int]) -> set[tuple[str, str]]:
    deeds = Deeds()
    for operation, status in steps:
        deeds.note(answered(operation, status), None if operation == "create" else ANN)
    return deeds.pairs


def test_operations_on_one_contact_are_paired_in_order() -> None:
    pairs = of(("create", 201), ("get", 200), ("archive", 200), ("archive", 200))

    assert pairs == {("create", "get"), ("get", "archive"), ("archive", "archive")}


def test_a_refused_operation_is_none() -> None:
    assert of(("create", 201), ("update", 400), ("get", 200)) == {("create", "get")}


def test_what_follows_a_delete_answers_404() -> None:
    pairs = of(("create", 201), ("delete", 200), ("get", 404), ("restore", 404))

    assert pairs == {("create", "delete"), ("delete", "get"), ("delete", "restore")}


def test_operations_that_overlap_are_in_no_order() -> None:
    deeds = Deeds()
    deeds.note(answered("create", 201), None)
    first = answered("update")
    deeds.note(first, ANN)
    deeds.note(replace(answered("get"), started=first.started), ANN)

    assert deeds.pairs == {("create", "update")}


def test_a_list_is_of_the_known_contacts_that_it_shows() -> None:
    deeds = Deeds()
    deeds.note(answered("create", 201), None)
    shown = {"contacts": [contact(id=ANN), contact(id="another")], "meta": {}, "stats": {}}
    deeds.note(answered("list", body=shown), None)
    deeds.note(answered("get"), ANN)

    assert deeds.pairs == {("create", "list"), ("list", "get")}


def test_a_list_that_does_not_show_a_deleted_contact_comes_after_its_delete() -> None:
    deeds = Deeds()
    deeds.note(answered("create", 201), None)
    deeds.note(answered("delete"), ANN)
    deeds.note(answered("list", body={"contacts": []}), None)

    assert ("delete", "list") in deeds.pairs


def test_changes_that_overlap_leave_the_state_unknown_and_reads_do_not() -> None:
    deeds = Deeds()
    deeds.note(answered("create", 201), None)
    first = answered("update")
    deeds.note(first, ANN)
    deeds.note(replace(answered("list", body={"contacts": []}), started=first.started), None)
    deeds.note(answered("archive"), ANN)
    known = set(deeds.track.successions)
    last = answered("restore")
    deeds.note(last, ANN)
    deeds.note(replace(answered("archive"), started=last.started), ANN)
    deeds.note(answered("update"), ANN)

    archived = ((False, "update"), (False, "archive"))
    assert known == {((False, "create"), (False, "update")), archived}
    assert deeds.track.successions - known == {((False, "archive"), (True, "restore"))}
