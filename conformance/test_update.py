"""UPDATE: only the fields sent are changed, and a refused update changes none."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import schemas
from conformance.kit.compare import CLIENT_FIELDS, coerced, differing, differing_from_each, told
from conformance.kit.evidence import Evidence
from conformance.kit.exchange import Exchange, sent_object
from conformance.kit.expect import Judge, premise
from conformance.kit.moments import to_epoch
from conformance.kit.outcome import Outcome
from conformance.scenes.archiving import TYPES
from conformance.scenes.common import forged
from conformance.scenes.updating import BEYOND_ASCII


@pytest.mark.clause("UPDATE-01")
def test_each_field_is_changed_and_echoed(
    single_updates: Outcome, beyond_ascii: Outcome, late_update: Outcome, judge: Judge
) -> None:
    for name, value, x in ((s.name, s.value, s.exchange) for s in single_updates.steps):
        if judge.status(x, 200, because=f"for an update of {name} alone"):
            actual = x.contact.get(name)
            judge.that(actual == value, f"{name} {value!r} echoed", repr(actual), x)
    if late_update.cut_short() is None and _keeps_unicode(beyond_ascii):
        _, x = late_update.steps[-1]
        notes = str(x.contact.get("notes"))
        echoed = not x.ok or BEYOND_ASCII in notes
        judge.that(echoed, f"notes with {BEYOND_ASCII!r} echoed", notes, x)


def _keeps_unicode(beyond_ascii: Outcome) -> bool:
    """Whether a create keeps such text: where it does not, that is CREATE-15's to judge."""
    if beyond_ascii.cut_short() is not None:
        return False
    return all(not differing(sent, get.contact, ["notes"]) for sent, _, get in beyond_ascii.read)


@pytest.mark.clause("UPDATE-01")
def test_the_other_fields_keep_their_values(single_updates: Outcome, judge: Judge) -> None:
    for step in [each for each in single_updates.steps if each.exchange.ok]:
        name, x = step.name, step.exchange
        others = [n for n in CLIENT_FIELDS if n != name]
        listed = single_updates.before.get(step.made.id)
        before = [step.made.record, *([] if listed is None else [listed])]
        changed = differing_from_each(before, x.contact, others)
        judge.that(not changed, f"only {name} changed", told(changed), x)


@pytest.mark.clause("UPDATE-01")
def test_each_change_is_stored(single_updates: Outcome, judge: Judge) -> None:
    stored = single_updates.stored
    for step in [each for each in single_updates.steps if each.exchange.ok]:
        with judge.case():
            premise(step.name in stored, "the updated contact cannot be read", step.exchange)
            record, x = stored[step.name]
            wrong = differing({step.name: step.value}, record, [step.name])
            judge.that(not wrong, f"the new {step.name} stored", told(wrong), x)


@pytest.mark.clause("UPDATE-01")
def test_no_update_of_the_run_changes_what_it_is_not_sent(
    witnessed: Evidence, judge: Judge
) -> None:
    judge.absorb(witnessed.judge_keeping("UPDATE-01"))


@pytest.mark.clause("UPDATE-02")
def test_all_fields_together_are_changed(whole_updates: Outcome, judge: Judge) -> None:
    sent, x, get = whole_updates.body, whole_updates.update, whole_updates.get

    if judge.status(x, 200, because="for an update of all 13 fields"):
        wrong = differing(sent, x.contact, sent)
        judge.that(not wrong, "all 13 fields echoed", told(wrong), x)
        names = [n for n in schemas.CONTACT_FIELDS if n != "updated_at"]
        differs = differing(x.contact, get.contact, names)
        judge.that(get.ok and not differs, "a get that agrees with the answer", told(differs), get)
        created = whole_updates.made.record
        lost = differing(created, x.contact, created.keys() & {"license_number"})
        judge.that(not lost, "the license as it was: no update sends it", told(lost), x)


@pytest.mark.clause("UPDATE-02")
def test_a_value_can_be_set_back(whole_updates: Outcome, judge: Judge) -> None:
    _, x, get = whole_updates.tags[-1]
    first = whole_updates.made.sent["last_name"]
    premise(x.ok and get.ok, "the update was refused, or the contact cannot be read", x)

    for answer in (x, get):
        actual = answer.contact.get("last_name")
        judge.that(actual == first, f"the last name {first!r}, as at the creation", actual, answer)


@pytest.mark.clause("UPDATE-03")
def test_id_and_created_at_never_change(
    single_updates: Outcome, whole_updates: Outcome, judge: Judge
) -> None:
    alone = single_updates.steps
    first = {made.id: made.record for made in (*(s.made for s in alone), whole_updates.made)}
    answers = [step.exchange for step in alone]
    answers += [whole_updates.update, whole_updates.get]
    answers += [x for _, x, _ in whole_updates.tags]

    for x in [x for x in answers if x.ok]:
        path_id = x.request.url.rpartition("/")[2]
        judge.that(x.contact.get("id") == path_id, f"id {path_id}", x.contact.get("id"), x)
        wanted, actual = first[path_id].get("created_at"), x.contact.get("created_at")
        judge.that(actual == wanted, f"created_at {wanted} as at creation", actual, x)


@pytest.mark.clause("UPDATE-04")
def test_contact_status_is_free_form(whole_updates: Outcome, judge: Judge) -> None:
    for text, x in whole_updates.statuses:
        if judge.status(x, 200, because=f"for contact_status {text!r}"):
            actual = x.contact.get("contact_status")
            judge.that(actual == text, f"contact_status {text!r} echoed", actual, x)
    text, x = whole_updates.statuses[-1]
    if x.ok and x.contact.get("contact_status") == text:
        get = whole_updates.tags[-1][2]
        actual = get.contact.get("contact_status")
        judge.that(actual == text, f"contact_status {text!r} stored", actual, get)


@pytest.mark.clause("UPDATE-05")
def test_an_empty_update_changes_nothing(whole_updates: Outcome, judge: Judge) -> None:
    x = whole_updates.empty
    if judge.status(x, 200, 400, because="for an empty object"):
        judge.warn(x.ok, "200 with the contact as it was (400 is a warning)", x.status, x)
    judge.status(whole_updates.no_body, 200, 400, 415, because="for no body at all")
    premise(whole_updates.get.ok, "the contact cannot be read", whole_updates.get)
    before = whole_updates.before_empty.contact

    # The next change shows what the empty ones left behind.
    _, following = whole_updates.statuses[0]
    kept = [n for n in CLIENT_FIELDS if n not in sent_object(following)]
    for answer, names in (
        (x, CLIENT_FIELDS),
        (whole_updates.no_body, CLIENT_FIELDS),
        (following, kept),
    ):
        if answer.ok:
            changed = differing(before, answer.contact, names)
            judge.that(not changed, "the contact as it was", told(changed), answer)


@pytest.mark.clause("UPDATE-06")
def test_a_bad_field_is_refused(bad_updates: Outcome, judge: Judge) -> None:
    for sent, x in bad_updates.refused:
        bad = {n: v for n, v in sent.items() if n != "city"}
        judge.status(x, 400, because=f"for {bad!r}")


@pytest.mark.clause("UPDATE-06")
def test_a_number_for_a_text_is_refused_or_kept_as_text(bad_updates: Outcome, judge: Judge) -> None:
    for sent, x in bad_updates.scalars:
        ((name, value),) = sent.items()
        kept = x.ok and coerced(value, x.contact.get(name))
        expected = f"400 for {name} {value!r}, or a common coercion of it stored"
        judge.that(x.status == 400 or kept, expected, _told(x, name), x)


def _told(x: Exchange, name: str) -> str:
    return f"{x.status}" + (f" with {name} {x.contact.get(name)!r}" if x.ok else "")


@pytest.mark.clause("UPDATE-06")
def test_a_body_that_is_no_json_object_is_refused(bad_updates: Outcome, judge: Judge) -> None:
    for body, x in bad_updates.raw:
        judge.status(x, 400, because=f"for the body {body!r}")


@pytest.mark.clause("UPDATE-07")
def test_a_refused_update_changes_nothing(bad_updates: Outcome, judge: Judge) -> None:
    before, good, after = bad_updates.before, bad_updates.good, bad_updates.after
    premise(after.ok, "the contact cannot be read", after)
    touched = _touched_by_accepted(bad_updates)

    names = [n for n in CLIENT_FIELDS if n not in touched]
    # What a refused update leaves behind may be written along with the next good one.
    for x in (good, after):
        sent = sent_object(good) if good.ok else {}
        changed = differing_from_each(before, x.contact, [n for n in names if n not in sent])
        expected = "the contact as before the refused updates"
        judge.that(not x.ok or not changed, expected, told(changed), x)


def _touched_by_accepted(bad_updates: Outcome) -> set[str]:
    """Return the fields that updates which were not refused may have changed."""
    tried: list[tuple[Any, Exchange]] = [*bad_updates.refused, *bad_updates.scalars]
    fields = {n for sent, x in tried if x.ok for n in sent}
    return fields | (set(CLIENT_FIELDS) if any(x.ok for _, x in bad_updates.raw) else set())


@pytest.mark.clause("UPDATE-08")
def test_an_unknown_id_answers_404(unknown_targets: Outcome, judge: Judge) -> None:
    judge.status(unknown_targets.unknown["update"], 404, because="for an update of an unknown id")
    for x in unknown_targets.malformed["update"]:
        judge.status(x, 404, 400, because="for an update of a malformed id")


@pytest.mark.clause("UPDATE-08")
def test_an_update_of_an_unknown_id_creates_nothing(unknown_targets: Outcome, judge: Judge) -> None:
    first = unknown_targets.body["first_name"]
    for x in unknown_targets.found:
        premise(x.ok, "the search is not answered", x)
        names = [record.get("first_name") for record in x.records]
        judge.that(first not in names, f"no contact {first!r}", names, x)


@pytest.mark.clause("UPDATE-09")
def test_server_owned_fields_cannot_be_set(whole_updates: Outcome, judge: Judge) -> None:
    before, x, after = (
        whole_updates.before_owned,
        whole_updates.owned,
        whole_updates.after_owned,
    )
    premise(before.ok, "the contact cannot be read", before)

    judge.status(x, 200, 400, because="for an update with server-owned fields")
    judge.status(after, 200, because="for the contact under the id that it had")
    for answer in (x, after):
        if answer.ok:
            taken = forged(answer.contact)
            judge.that(not taken, "server-owned fields as before", taken, answer)


@pytest.mark.clause("UPDATE-10")
def test_updated_at_never_goes_back(
    single_updates: Outcome, whole_updates: Outcome, judge: Judge
) -> None:
    for step in single_updates.steps:
        _never_back(judge, [step.made.exchange, step.exchange])
    answers = [whole_updates.made.exchange, whole_updates.update, whole_updates.empty]
    _never_back(judge, [*answers, *(x for _, x, _ in whole_updates.tags)])


def _never_back(judge: Judge, answers: list[Exchange]) -> None:
    known = [(to_epoch(x.contact.get("updated_at")), x) for x in answers if x.ok]
    for (before, _), (after, x) in pairwise(known):
        if before is not None and after is not None:
            judge.that(after >= before, "updated_at not before the last", after - before, x)


@pytest.mark.clause("UPDATE-10")
def test_updated_at_moves_with_a_change(
    late_update: Outcome, single_updates: Outcome, judge: Judge
) -> None:
    alone = [(step.made.exchange, step.exchange) for step in single_updates.steps]
    for before, x in [*late_update.steps, *(pair for pair in alone if pair[1].ok)]:
        was, now = (to_epoch(y.contact.get("updated_at")) for y in (before, x))
        premise(x.ok and was is not None and now is not None, "it was not updated", x)
        later = was is not None and now is not None and now > was
        actual = f"{before.contact.get('updated_at')}, then {x.contact.get('updated_at')}"
        judge.that(later, "updated_at later after a change more than 1 s on", actual, x)


@pytest.mark.clause("UPDATE-11")
def test_the_same_update_twice_leaves_the_same_contact(
    whole_updates: Outcome, judge: Judge
) -> None:
    one, two, get = whole_updates.update, whole_updates.same_again, whole_updates.get
    premise(one.ok, "the update was refused", one)
    names = [n for n in schemas.CONTACT_FIELDS if n != "updated_at"]

    if judge.status(two, 200, because="for the same update again"):
        for answer in (two, get):
            changed = differing(one.contact, answer.contact, names)
            judge.that(not changed, "the same contact", told(changed), answer)


@pytest.mark.clause("UPDATE-12")
def test_an_update_does_not_restore(edited_archive: Outcome, judge: Judge) -> None:
    premise(edited_archive.before.ok, "the archive was refused", edited_archive.before)
    update, contact_id = edited_archive.update, edited_archive.made.id
    listed, archived = edited_archive.listed, edited_archive.archived_list
    premise(listed.ok and archived.ok, "the lists are not answered", archived)

    judge.that(update.status < 500, "200 or a refusal", update.status, update)
    judge.that(contact_id not in listed.ids, "not in the active list", listed.ids, listed)
    judge.that(contact_id in archived.ids, "still in the archived list", archived.ids, archived)
    state = update.contact.get("is_archived")
    if update.ok:
        judge.that(state is True, "is_archived true in the answer", state, update)


@pytest.mark.clause("UPDATE-13")
def test_tags_are_replaced_as_a_whole(whole_updates: Outcome, judge: Judge) -> None:
    for sent, x, get in whole_updates.tags:
        if not judge.status(x, 200, because=f"for tags {sent}"):
            continue
        for answer in (x, get):
            stored = answer.contact.get("tags")
            kept = [] if stored is None else stored
            same = isinstance(kept, list) and sorted(map(str, kept)) == sorted(sent)
            judge.that(same, f"tags {sent}, replaced as a whole", stored, answer)


@pytest.mark.clause("UPDATE-15")
def test_each_contact_type_is_accepted(
    single_updates: Outcome,
    whole_updates: Outcome,
    late_update: Outcome,
    archiving: Outcome,
    judge: Judge,
) -> None:
    premise(len(archiving.types) == len(TYPES), "not every type was tried")
    steps = [(s.value, s.exchange) for s in single_updates.steps if s.name == "contact_type"]
    whole = (whole_updates.body["contact_type"], whole_updates.update)
    later = late_update.types if late_update.cut_short() is None else []
    for kind, x in [*archiving.types, *whole_updates.types, *later, *steps, whole]:
        if judge.status(x, 200, because=f"for contact_type {kind}"):
            actual = x.contact.get("contact_type")
            judge.that(actual == kind, f"contact_type {kind} echoed", actual, x)
