"""DELETE: a deleted contact is gone from everywhere, for good, and nothing else is."""

from __future__ import annotations

import pytest

import schemas
from conformance.kit.compare import CLIENT_FIELDS, differing, told
from conformance.kit.evidence import Evidence
from conformance.kit.expect import Judge, premise
from conformance.kit.outcome import Outcome


def _premise_deleted(deletion: Outcome) -> None:
    for x in (deletion.delete, deletion.delete_archived):
        premise(x.ok, "the delete was refused", x)


@pytest.mark.clause("DELETE-01")
def test_a_delete_answers_with_the_record(deletion: Outcome, judge: Judge) -> None:
    x = deletion.delete

    if judge.status(x, 200):
        same = x.contact.get("id") == deletion.active.id
        judge.that(same, "the deleted contact's record", x.contact.get("id"), x)
        missing = [name for name in CLIENT_FIELDS if name not in x.contact]
        judge.that(not missing, "the deleted contact's record", f"without {missing}", x)


@pytest.mark.clause("DELETE-01")
def test_no_delete_of_the_run_shows_other_values_than_the_last(
    witnessed: Evidence, judge: Judge
) -> None:
    judge.absorb(witnessed.judge_keeping("DELETE-01"))


@pytest.mark.clause("DELETE-01")
def test_no_owner_is_forbidden_to_clean_up(witnessed: Evidence, judge: Judge) -> None:
    # Someone else may have been forbidden to delete it before (DELETE-08).
    for x in witnessed.forbidden:
        judge.status(x, 200, because="for the owner's delete of a contact")


@pytest.mark.clause("DELETE-02")
def test_a_deleted_contact_is_in_no_list(deletion: Outcome, judge: Judge) -> None:
    premise(deletion.delete.ok, "the delete was refused", deletion.delete)
    gone = deletion.active.id

    for x in [*deletion.lists, *deletion.filtered]:
        premise(x.ok, "the list is not answered", x)
        judge.that(gone not in x.ids, "no deleted contact", gone, x)


@pytest.mark.clause("DELETE-02")
def test_totals_count_a_deleted_contact_no_more(
    deletion: Outcome, filters: Outcome, judge: Judge
) -> None:
    _premise_deleted(deletion)
    # Where a type filter spoilt the total before, that is no matter of the delete.
    before = filters.asked["email and type"]
    counted = before.ok and before.at("data", "meta", "total") == len(before.records)

    for x in [*deletion.lists, *(deletion.filtered[:1] if counted else [])]:
        premise(x.ok, "the list is not answered", x)
        total, there = x.at("data", "meta", "total"), len(x.records)
        judge.that(total == there, f"meta.total {there}: those still there", total, x)


@pytest.mark.clause("DELETE-02")
def test_a_list_read_before_the_delete_is_not_shown_again(quiet: Outcome, judge: Judge) -> None:
    premise(quiet.delete.ok and quiet.list.ok, "the delete was refused", quiet.delete)
    x, gone = quiet.list, quiet.gone.id

    judge.that(gone not in x.ids, "no deleted contact", gone, x)
    total, there = x.at("data", "meta", "total"), len(x.records)
    judge.that(total == there, f"meta.total {there}: those still there", total, x)


@pytest.mark.clause("DELETE-02")
def test_no_list_of_the_run_shows_a_deleted_contact(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge_absence("DELETE-02"))


@pytest.mark.clause("DELETE-03")
def test_a_search_made_before_the_delete_is_not_answered_again(
    quiet: Outcome, judge: Judge
) -> None:
    premise(quiet.delete.ok and quiet.search.ok, "the delete was refused", quiet.delete)
    x = quiet.search

    judge.that(quiet.gone.id not in x.ids, "no deleted contact by its email", x.ids, x)


@pytest.mark.clause("DELETE-03")
def test_a_deleted_contact_is_not_found(deletion: Outcome, judge: Judge) -> None:
    premise(deletion.delete.ok, "the delete was refused", deletion.delete)
    gone = {deletion.active.id, deletion.archived.id}

    for x in deletion.searches:
        premise(x.ok, "the search is not answered", x)
        found = gone & set(x.ids)
        judge.that(not found, "no deleted contact by name or email", sorted(found), x)


@pytest.mark.clause("DELETE-03")
def test_no_search_of_the_run_shows_a_deleted_contact(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge_absence("DELETE-03"))


@pytest.mark.clause("DELETE-04")
def test_a_deleted_contact_cannot_be_restored(deletion: Outcome, judge: Judge) -> None:
    _premise_deleted(deletion)

    for x in deletion.restores:
        judge.status(x, 404, because="for the restore of a deleted contact")


@pytest.mark.clause("DELETE-04")
def test_a_deleted_contact_stays_gone(
    deletion: Outcome, quiet: Outcome, closing: Outcome, judge: Judge
) -> None:
    _premise_deleted(deletion)
    gone = {deletion.active.id, deletion.archived.id}
    shown = {i for x in deletion.lists for i in x.ids}
    premise(not gone & shown, "it was not gone before", deletion.lists[0])
    wholes = closing.wholes if closing.cut_short() is None else []

    for x in [quiet.before[0], *(whole.last for whole in wholes)]:
        back = gone & set(x.ids)
        judge.that(not back, "no deleted contact after attempts to revive it", sorted(back), x)


@pytest.mark.clause("DELETE-05")
def test_nothing_can_be_done_to_a_deleted_contact(deletion: Outcome, judge: Judge) -> None:
    _premise_deleted(deletion)

    for x in deletion.others:
        judge.status(x, 404, because=f"for the {x.operation} of a deleted contact")


@pytest.mark.clause("DELETE-05")
@pytest.mark.further
def test_a_contact_read_before_its_delete_is_gone(bad_updates: Outcome, judge: Judge) -> None:
    premise(bad_updates.delete.ok, "the delete was refused", bad_updates.delete)

    judge.status(bad_updates.gone, 404, because="for the get of a deleted contact")


@pytest.mark.clause("DELETE-06")
def test_an_unknown_id_answers_404(unknown_targets: Outcome, judge: Judge) -> None:
    judge.status(unknown_targets.unknown["delete"], 404, because="for a delete of an unknown id")
    for x in unknown_targets.malformed["delete"]:
        judge.status(x, 404, 400, because="for a delete of a malformed id")


@pytest.mark.clause("DELETE-07")
def test_an_archived_contact_can_be_deleted(deletion: Outcome, judge: Judge) -> None:
    x = deletion.delete_archived

    if judge.status(x, 200, because="for an archived contact"):
        for listed in (deletion.lists[1], deletion.lists[0]):
            premise(listed.ok, "the list is not answered", listed)
            there = deletion.archived.id in listed.ids
            judge.that(not there, "it left the archived list", deletion.archived.id, listed)


@pytest.mark.clause("DELETE-08")
def test_a_caller_without_permission_gets_403(forbidden: Outcome, judge: Judge) -> None:
    judge.status(forbidden.delete, 403, because="for a caller who may not delete")
    judge.status(forbidden.after, 200, because="as the contact stays")
    if forbidden.archived is not None:
        judge.status(forbidden.archived, 403, 404, because="for an archived contact as well")


@pytest.mark.clause("DELETE-09")
def test_a_delete_touches_no_other_contact(deletion: Outcome, judge: Judge) -> None:
    # One delete that was acknowledged is enough: it may be what took the other contact along.
    premise(deletion.delete.ok, "the delete was refused", deletion.delete)
    pairs = [(made, deletion.lists[0]) for made in deletion.stays]
    pairs += [(made, deletion.lists[1]) for made in deletion.hidden]

    for made, x in pairs:
        premise(x.ok, "the list is not answered", x)
        there = [record for record in x.records if record.get("id") == made.id]
        if judge.that(there, "the contact beside the deleted one", x.ids, x):
            changed = differing(made.record, there[0], schemas.CREATE_FIELDS)
            judge.that(not changed, "the contact as it was", told(changed), x)
