"""RACE: clients that act at the same time, on contacts of their own and on the same one."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kit.compare import differing, told
from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge, premise
from conformance.kit.history import shortest_offence, timeline
from conformance.kit.outcome import Outcome
from conformance.scenes.common import has_id


@pytest.mark.clause("RACE-01")
def test_parallel_creates_have_ids_of_their_own(races: Outcome, judge: Judge) -> None:
    for seen in races.rounds:
        ids = [x.contact["id"] for _, x in seen.creates if has_id(x)]
        premise(len(ids) > 1, "no two parallel creates were answered with a contact")

        repeated = sorted({i for i in ids if ids.count(i) > 1})
        twin = next((x for _, x in seen.creates if x.contact.get("id") in repeated), None)
        judge.that(not repeated, "an id of its own for each", repeated[:2], twin)


@pytest.mark.clause("RACE-01")
def test_every_contact_of_parallel_creates_can_be_read(races: Outcome, judge: Judge) -> None:
    for seen in races.rounds:
        for sent, x in seen.creates:
            if not has_id(x):
                continue
            answer = seen.read.get(x.contact["id"])
            premise(answer is not None, "the contacts of parallel creates could not be read")
            record = _record(answer, x.contact["id"])
            expected = f"the contact {sent['first_name']} as created beside {len(seen.creates) - 1}"
            if judge.that(record, expected, f"status {answer.status}", answer):
                wrong = differing(sent, record, sent)
                judge.that(not wrong, expected, told(wrong), answer)


def _record(x: Exchange, contact_id: str) -> dict[str, Any]:
    return next((record for record in x.records if record.get("id") == contact_id), {})


@pytest.mark.clause("RACE-02")
def test_parallel_updates_of_different_fields_all_stick(races: Outcome, judge: Judge) -> None:
    for seen in races.rounds:
        premise(seen.after is not None, "no contact could be updated in parallel")
        premise(seen.after.ok, "the updated contact cannot be read", seen.after)
        sent: dict[str, Any] = {}
        for body, x in seen.updates:
            sent |= body
            judge.status(x, 200, because=f"for {_named(body)} beside updates of other fields")
        lost = differing(sent, seen.after.contact, sent)
        expected = f"each of {len(sent)} fields as the client that sent it alone left it"
        judge.that(not lost, expected, told(lost), seen.after)


def _named(body: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in body.items())


@pytest.mark.clause("RACE-03")
def test_no_read_or_list_shows_a_contact_whose_delete_was_raced(
    raced_deletes: Outcome, judge: Judge
) -> None:
    for seen in raced_deletes.rounds:
        for x in seen.lists:
            premise(x.ok, "the list is not answered", x)
            plain = [each for each in seen.alone if each.made.id in x.ids]
            premise(not plain, "the list shows deleted contacts that nothing raced with", x)
            for victim in _deleted(seen):
                there = victim.made.id in x.ids
                judge.that(not there, _nothing(victim, "list"), "the contact", x)
        # Where a get shows deleted contacts that nothing raced with, DELETE-05 says so.
        anyway = any(each.get is not None and each.get.ok for each in seen.alone)
        for victim in _deleted(seen):
            x = victim.get
            if x is not None:
                judge.that(anyway or not x.ok, _nothing(victim, "get"), x.status, x)


@pytest.mark.clause("RACE-03")
def test_no_restore_revives_a_contact_whose_delete_was_raced(
    raced_deletes: Outcome, judge: Judge
) -> None:
    for seen in raced_deletes.rounds:
        alone = seen.alone[1].restore if seen.alone else None
        premise(alone is not None and alone.status == 404, "a restore revives any contact", alone)
        for victim in _deleted(seen):
            if victim.restore is not None:
                x = victim.restore
                judge.that(x.status == 404, f"404: {_nothing(victim, 'restore')}", x.status, x)


def _deleted(seen: Any) -> list[Any]:
    gone = [victim for victim in seen.victims if victim.gone]
    premise(gone, "no delete was acknowledged in a race")
    return gone


def _nothing(victim: Any, how: str) -> str:
    rivals = ", ".join(f"{x.operation} ({x.status})" for x in victim.raced_by)
    return f"nothing for a {how} after the acknowledged delete that raced with {rivals}"


@pytest.mark.clause("RACE-04")
def test_the_history_of_a_contact_is_linearizable(races: Outcome, judge: Judge) -> None:
    for seen in races.rounds:
        premise(seen.undisturbed, "the history of parallel reads and writes was disturbed")

        offence = shortest_offence(seen.initial, seen.history)
        expected = "an order in which each of these takes effect between its request and its answer"
        picture = timeline(offence, seen.begun)
        actual = "no order explains them"
        judge.that(not offence, f"{expected}\n{picture}", actual, seen.after)
