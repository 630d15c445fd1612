"""LIFE: the target agrees with the oracle, and what was acknowledged is never lost."""

from __future__ import annotations

import pytest

from conformance.kit.evidence import Evidence
from conformance.kit.exchange import path_id
from conformance.kit.expect import Judge, premise
from conformance.kit.outcome import Outcome


@pytest.mark.clause("LIFE-02")
def test_what_was_acknowledged_is_there_at_the_end(closing: Outcome, judge: Judge) -> None:
    premise(closing.expected, "the run made no contact that lives to its end")
    for contact_id, (record, x) in closing.seen.items():
        # A list that shows other values is asked again by a get: lists have their own clauses.
        if contact_id not in closing.gets and contact_id not in closing.doubtful:
            judge.that(record, "the contact, still there", record, x)

    for contact_id, get in closing.gets.items():
        if judge.status(get, 200, because="for a contact created and not deleted"):
            known = closing.known.get(contact_id)
            wrong = known.contradicted_by(get.contact) if known is not None else []
            actual = {name: get.contact.get(name) for name in wrong}
            judge.that(not wrong, "the last acknowledged values", actual, get)


@pytest.mark.clause("LIFE-02")
def test_no_contact_is_gone_before_it_is_cleaned_up(witnessed: Evidence, judge: Judge) -> None:
    gone = [path_id(x) for x in witnessed.missing]

    evidence = witnessed.missing[0] if gone else None
    expected = "every contact there to be deleted that no delete was sent for"
    judge.that(not gone, expected, f"{len(gone)} gone: {gone[:2]}", evidence)


@pytest.mark.clause("LIFE-01")
def test_the_target_agrees_with_the_oracle_at_every_step(life: Outcome, judge: Judge) -> None:
    # What was explored was shrunk: the shortest story comes first.
    for x, faults in [*life.explored, *life.steps]:
        judge.that(x.status < 500, "no server error", x.status, x)
        for fault in faults:
            say = judge.that if fault.fails else judge.warn
            say(False, fault.expected, fault.actual, x)
