"""ARCHIVE and RESTORE: out of the default list and back, again and again, with nothing lost."""

from __future__ import annotations

import pytest

import schemas
from conformance.kit.compare import LIFE_FIELDS, differing, told
from conformance.kit.evidence import Evidence
from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge, premise
from conformance.kit.moments import SKEW_S, server_now, to_epoch
from conformance.kit.outcome import Outcome
from conformance.scenes.archiving import BETWEEN

KEPT = [name for name in schemas.CONTACT_FIELDS if name not in LIFE_FIELDS]


@pytest.mark.clause("ARCHIVE-01")
def test_an_archive_answers_with_the_archived_contact(archiving: Outcome, judge: Judge) -> None:
    x = archiving.archive

    if judge.status(x, 200):
        _is_the_contact(judge, archiving, x)
        state, since = x.contact.get("is_archived"), x.contact.get("archived_at")
        judge.that(state is True, "is_archived true", state, x)
        judge.that(since is not None, "archived_at set", since, x)


def _is_the_contact(judge: Judge, archiving: Outcome, x: Exchange) -> None:
    actual = x.contact.get("id")
    judge.that(actual == archiving.moved.id, f"the contact {archiving.moved.id}", actual, x)


@pytest.mark.clause("ARCHIVE-02")
def test_an_archived_contact_moves_to_the_archived_list(archiving: Outcome, judge: Judge) -> None:
    premise(archiving.archive.ok, "the archive was refused", archiving.archive)

    _lists(judge, archiving, archiving.archived_lists, archived=True)


@pytest.mark.clause("ARCHIVE-02")
def test_a_contact_archived_again_moves_again(archiving: Outcome, judge: Judge) -> None:
    archive, _ = archiving.rounds[0]
    premise(archive.ok, "the archive was refused", archive)

    _lists(judge, archiving, archiving.last_hidden, archived=True)


def _lists(judge: Judge, archiving: Outcome, lists: list[Exchange], *, archived: bool) -> None:
    moved, still = archiving.moved.id, archiving.still.id
    for x, wanted in zip(
        lists, ({still}, {moved}) if archived else ({moved, still}, set()), strict=True
    ):
        premise(x.ok, "the list is not answered", x)
        ours = {moved, still} & set(x.ids)
        judge.that(ours == wanted, f"exactly {sorted(wanted)}", sorted(ours), x)
        total = x.at("data", "meta", "total")
        judge.that(total == len(wanted), f"meta.total {len(wanted)}", total, x)


@pytest.mark.clause("ARCHIVE-02")
def test_a_list_read_before_the_archive_is_not_shown_again(quiet: Outcome, judge: Judge) -> None:
    x, gone = quiet.archived[0], quiet.gone.id
    premise(quiet.archive.ok and x.ok, "the archive was refused", quiet.archive)

    judge.that(gone not in x.ids, "no archived contact in the default list", x.ids, x)
    _counts_what_it_shows(judge, x)


def _counts_what_it_shows(judge: Judge, x: Exchange) -> None:
    """Judge the total of a list whose set fits one page."""
    total, there = x.at("data", "meta", "total"), len(x.records)
    judge.that(total == there, f"meta.total {there}: those in the list", total, x)


@pytest.mark.clause("RESTORE-02")
def test_a_list_read_before_the_restore_is_not_shown_again(quiet: Outcome, judge: Judge) -> None:
    x, back = quiet.restored[0], quiet.gone.id
    premise(quiet.restore.ok and x.ok, "the restore was refused", quiet.restore)

    judge.that(back in x.ids, "the restored contact in the default list", x.ids, x)
    _counts_what_it_shows(judge, x)


@pytest.mark.clause("GET-04")
def test_a_contact_read_before_the_archive_is_read_as_archived(
    quiet: Outcome, judge: Judge
) -> None:
    before, x = quiet.before[2], quiet.archived[2]
    premise(quiet.archive.ok and before.ok, "it was not archived, or not read", quiet.archive)

    if judge.status(x, 200, because="for an archived contact"):
        state = x.contact.get("is_archived")
        judge.that(state is True, "is_archived true after the archive", state, x)


@pytest.mark.clause("ARCHIVE-03")
def test_an_archive_changes_nothing_else(archiving: Outcome, judge: Judge) -> None:
    premise(archiving.before.ok and archiving.archive.ok, "it was not archived", archiving.archive)

    _kept(judge, archiving, archiving.archive, archiving.archived_lists[1])


def _kept(judge: Judge, archiving: Outcome, answer: Exchange, listed: Exchange) -> None:
    """Require every other field as before, in the answer and in the list that shows it next."""
    shown = [r for r in listed.records if r.get("id") == archiving.moved.id]
    for record, x in [(answer.contact, answer), *((r, listed) for r in shown)]:
        if x.ok:
            changed = differing(archiving.before.contact, record, KEPT)
            judge.that(not changed, "every other field as before", told(changed), x)


@pytest.mark.clause("ARCHIVE-03")
def test_no_archive_of_the_run_changes_anything_else(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge_keeping("ARCHIVE-03"))


@pytest.mark.clause("ARCHIVE-04")
def test_an_unknown_id_cannot_be_archived(unknown_targets: Outcome, judge: Judge) -> None:
    judge.status(unknown_targets.unknown["archive"], 404, because="for an unknown id")
    for x in unknown_targets.malformed["archive"]:
        judge.status(x, 404, 400, because="for a malformed id")


@pytest.mark.clause("ARCHIVE-05")
def test_archiving_twice_leaves_it_archived(archiving: Outcome, judge: Judge) -> None:
    premise(archiving.archive.ok, "the archive was refused", archiving.archive)
    x, get = archiving.archive_again, archiving.archived_twice

    if judge.status(x, 200, 400, 404, 409, because="for a second archive"):
        judge.warn(x.status == 200, "200 (a refusal is a warning)", x.status, x)
    state = get.contact.get("is_archived")
    judge.that(state is True, "is_archived true after a second archive", state, get)


@pytest.mark.clause("ARCHIVE-06")
def test_archived_at_is_the_time_of_the_request(archiving: Outcome, judge: Judge) -> None:
    x = archiving.archive
    moment = to_epoch(x.contact.get("archived_at"))
    premise(moment is not None, "archived_at is no date-time", x)

    near = moment is not None and abs(moment - server_now(x)) <= SKEW_S
    actual = x.contact.get("archived_at")
    judge.that(near, f"archived_at within {SKEW_S:.0f} s of the request", actual, x)


@pytest.mark.clause("RESTORE-01")
def test_a_restore_answers_with_the_active_contact(archiving: Outcome, judge: Judge) -> None:
    premise(archiving.archive.ok, "the archive was refused", archiving.archive)
    x = archiving.restore

    if judge.status(x, 200):
        _is_the_contact(judge, archiving, x)
        state = x.contact.get("is_archived")
        judge.that(state is False, "is_archived false", state, x)


@pytest.mark.clause("RESTORE-02")
def test_a_restored_contact_is_back_in_the_default_list(archiving: Outcome, judge: Judge) -> None:
    premise(archiving.restore.ok, "the restore was refused", archiving.restore)

    _lists(judge, archiving, archiving.restored_lists, archived=False)


@pytest.mark.clause("RESTORE-02")
def test_a_restored_contact_is_listed_under_its_type(archiving: Outcome, judge: Judge) -> None:
    whole, x = archiving.last_list, archiving.last_typed
    premise(archiving.moved.id in whole.ids and x.ok, "it is not in the default list", whole)

    judge.that(archiving.moved.id in x.ids, "in the list of its type again", x.ids, x)


@pytest.mark.clause("RESTORE-03")
def test_a_restore_changes_nothing_else(archiving: Outcome, judge: Judge) -> None:
    premise(archiving.before.ok and archiving.restore.ok, "it was not restored", archiving.restore)

    _kept(judge, archiving, archiving.restore, archiving.restored_lists[0])


@pytest.mark.clause("RESTORE-03")
def test_a_later_restore_keeps_what_was_changed_between(archiving: Outcome, judge: Judge) -> None:
    _, x = archiving.rounds[-1]
    changed = archiving.between.contact.get("notes") == BETWEEN
    premise(changed and x.ok, "it was not changed, or not restored", archiving.between)

    notes = x.contact.get("notes")
    judge.that(notes == BETWEEN, f"notes {BETWEEN!r}, as changed before the archive", notes, x)


@pytest.mark.clause("RESTORE-03")
def test_no_restore_of_the_run_changes_anything_else(witnessed: Evidence, judge: Judge) -> None:
    judge.absorb(witnessed.judge_keeping("RESTORE-03"))


@pytest.mark.clause("RESTORE-04")
def test_an_unknown_id_cannot_be_restored(unknown_targets: Outcome, judge: Judge) -> None:
    judge.status(unknown_targets.unknown["restore"], 404, because="for an unknown id")
    for x in unknown_targets.malformed["restore"]:
        judge.status(x, 404, 400, because="for a malformed id")


@pytest.mark.clause("RESTORE-05")
def test_restoring_an_active_contact_leaves_it_active(archiving: Outcome, judge: Judge) -> None:
    premise(archiving.restore.ok, "the restore was refused", archiving.restore)
    x, get = archiving.restore_again, archiving.restored_twice

    if judge.status(x, 200, 400, 404, 409, because="for the restore of an active contact"):
        judge.warn(x.status == 200, "200 (a refusal is a warning)", x.status, x)
    state = get.contact.get("is_archived")
    judge.that(state is False, "is_archived false as before", state, get)


@pytest.mark.clause("RESTORE-06")
def test_a_contact_goes_back_and_forth(archiving: Outcome, judge: Judge) -> None:
    premise(archiving.restore.ok, "the first restore was refused", archiving.restore)

    for archive, restore in archiving.rounds:
        for x, wanted in ((archive, True), (restore, False)):
            if judge.status(x, 200, because="at any time"):
                state = x.contact.get("is_archived")
                judge.that(state is wanted, f"is_archived {wanted}", state, x)
    x = archiving.last_list
    judge.that(archiving.moved.id in x.ids, "in the default list at the end", x.ids, x)
