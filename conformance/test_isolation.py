"""ISO: one user's contacts are not another's."""

from __future__ import annotations

import pytest

from conformance.kit.compare import CLIENT_FIELDS, differing_from_each, told
from conformance.kit.evidence import Evidence
from conformance.kit.expect import Judge, premise
from conformance.kit.outcome import Outcome


@pytest.mark.clause("ISO-01")
def test_another_users_contact_is_in_no_list_or_search(isolation: Outcome, judge: Judge) -> None:
    for x in [*isolation.lists, *isolation.searches]:
        premise(x.ok, "the list is not answered", x)
        judge.that(isolation.theirs.id not in x.ids, "no contact of another user", x.ids, x)


@pytest.mark.clause("ISO-01")
@pytest.mark.usefixtures("quiet")
def test_no_list_or_search_of_the_run_shows_another_users_contact(
    isolation: Outcome, witnessed: Evidence, judge: Judge
) -> None:
    premise(isolation.theirs.id, "the second user has no contact")
    judge.absorb(witnessed.judge("ISO-01"))


@pytest.mark.clause("ISO-02")
def test_another_users_contact_answers_404(isolation: Outcome, judge: Judge) -> None:
    for x in isolation.tries:
        if judge.status(x, 404, 403, because=f"for the {x.operation} of another user's contact"):
            fine = x.status == 404 or x.operation == "delete"
            judge.warn(fine, "404 (403 is a warning)", x.status, x)


@pytest.mark.clause("ISO-03")
def test_another_users_contact_is_unchanged(isolation: Outcome, judge: Judge) -> None:
    x = isolation.after

    if judge.status(x, 200, because="for its owner, after another user's attempts"):
        listed = [r for r in isolation.own.records if r.get("id") == isolation.theirs.id]
        names = [*CLIENT_FIELDS, "is_archived"]
        changed = differing_from_each([isolation.theirs.record, *listed], x.contact, names)
        judge.that(not changed, "the contact as it was", told(changed), x)


@pytest.mark.clause("ISO-03")
def test_another_users_archived_contact_stays_archived(
    isolation: Outcome, archiving: Outcome, judge: Judge
) -> None:
    own = archiving.archived_twice.contact.get("is_archived")
    premise(own is True, "an archived contact is not shown as such", archiving.archived_twice)
    premise(isolation.after.ok, "the contact was not there before", isolation.after)
    x = isolation.after_archived

    if judge.status(x, 200, because="for its owner, after another user's attempts"):
        state = x.contact.get("is_archived")
        judge.that(state is True, "still archived, as its owner left it", state, x)


@pytest.mark.clause("ISO-04")
def test_totals_do_not_count_another_users_contact(
    isolation: Outcome, closing: Outcome, judge: Judge
) -> None:
    for x in isolation.lists:
        premise(x.ok, "the list is not answered", x)
        total = x.at("data", "meta", "total")
        premise(isinstance(total, int), "the list does not tell its meta.total", x)
        judge.that(total == 0, "meta.total 0: the only match is another user's", total, x)
    for whole in closing.wholes if closing.cut_short() is None else []:
        x = whole.last
        actual = f"{whole.total}, for both users alike"
        judge.that(not whole.is_for_all, f"meta.total {len(x.records)}", actual, x)
