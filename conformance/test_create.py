"""CREATE: what is stored, what is refused, and that a refusal leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

import schemas
from conformance.kit.compare import CLIENT_FIELDS, coerced, differing, differing_from_each, told
from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge, premise
from conformance.kit.moments import SKEW_S, server_now, to_epoch
from conformance.kit.outcome import Outcome
from conformance.scenes.common import forged, has_id
from conformance.scenes.shelf import UNUSUAL_EMAILS

UNUSUAL = len(UNUSUAL_EMAILS)
COMPOSABLE = ("last_name", "street_address")
"""The fields of the dangerous contact that hold combining marks."""


@pytest.mark.clause("CREATE-01")
def test_two_fields_make_a_contact(creation: Outcome, judge: Judge) -> None:
    sent, x = creation.minimal

    if judge.status(x, 201, because="for first_name and contact_type alone"):
        judge.that(has_id(x), "data, the new contact with its id", repr(x.at("data")), x)
        wrong = differing(sent, x.contact, sent)
        judge.that(not wrong, "both values echoed", told(wrong), x)


@pytest.mark.clause("CREATE-01")
def test_every_create_answers_201(shelf: Outcome, creation: Outcome, judge: Judge) -> None:
    for _, x in [*creation.pairs, *shelf.creates]:
        if x.ok:
            judge.status(x, 201)


@pytest.mark.clause("CREATE-02")
def test_each_field_is_echoed(
    shelf: Outcome, creation: Outcome, people: Outcome, judge: Judge
) -> None:
    plain = [(sent, x) for sent, x in shelf.creates if has_id(x)]
    named = [(made.sent, made.exchange) for made in (people.found, people.lone)]
    for sent, x in [creation.bounds, *creation.twins, *named, *plain]:
        if judge.that(has_id(x), "201 for a body inside the unambiguous middle", x.status, x):
            wrong = differing(sent, x.contact, sent)
            judge.that(not wrong, "every field echoed as sent", told(wrong), x)


@pytest.mark.clause("CREATE-02")
def test_each_field_is_stored(creation: Outcome, judge: Judge) -> None:
    for sent, _, get in creation.read:
        # That it cannot be read is CREATE-03's to judge.
        if get.ok:
            wrong = differing(sent, get.contact, sent)
            judge.that(not wrong, "every field stored as sent", told(wrong), get)


@pytest.mark.clause("CREATE-02")
@pytest.mark.further
def test_each_field_of_the_second_users_contact_is_kept(isolation: Outcome, judge: Judge) -> None:
    if has_id(isolation.create):
        wrong = differing(isolation.sent, isolation.create.contact, isolation.sent)
        judge.that(not wrong, "every field echoed as sent", told(wrong), isolation.create)
        listed = [r for r in isolation.own.records if r.get("id") == isolation.theirs.id]
        if listed and isolation.after.ok:
            # A value that one read shows is stored; a read that shows another fails its own clause.
            reads = [*listed, isolation.after.contact]
            wrong = differing_from_each(reads, isolation.sent, isolation.sent)
            judge.that(not wrong, "every field stored as sent", told(wrong), isolation.own)


@pytest.mark.clause("CREATE-03")
def test_a_get_returns_what_the_create_returned(creation: Outcome, judge: Judge) -> None:
    (_, one), (_, two) = creation.twins
    for _, create, get in creation.read:
        # A twin that took the other's place is CREATE-13's to judge.
        if create is one and one.contact.get("id") == two.contact.get("id"):
            continue
        if judge.status(get, 200, because="for the id of a new contact"):
            wrong = differing(create.contact, get.contact, schemas.CONTACT_FIELDS)
            judge.that(not wrong, "the record that the create returned", told(wrong), get)


@pytest.mark.clause("CREATE-04")
def test_each_contact_type_is_accepted(shelf: Outcome, judge: Judge) -> None:
    for kind in schemas.CONTACT_TYPES:
        answers = [x for sent, x in shelf.creates if sent["contact_type"] == kind]
        stored = [x.contact.get("contact_type") for x in answers]
        x = next((x for x in answers if x.contact.get("contact_type") != kind), answers[0])
        judge.that(kind in stored, f"201 with contact_type {kind}", f"{x.status}, {stored}", x)
        # The odd addresses of the last are CREATE-23's to judge.
        plain = [(sent, x) for sent, x in shelf.creates[:-UNUSUAL] if sent["contact_type"] == kind]
        for sent, y in plain if kind in stored else []:
            least = "license_number" not in sent
            judge.that(has_id(y) or not least, f"201 for {kind} without a license", y.status, y)
        taken = [x for x in answers if has_id(x)]
        for x in taken:
            value = x.contact.get("contact_type")
            judge.that(value == kind, f"contact_type {kind} echoed", value, x)


@pytest.mark.clause("CREATE-05")
def test_another_contact_type_is_refused(bad_creates: Outcome, judge: Judge) -> None:
    for sent, x in bad_creates.types:
        value = sent["contact_type"]
        spelled = x.contact.get("contact_type") if x.ok else None
        folded = isinstance(value, str) and spelled == value.lower() in schemas.CONTACT_TYPES
        expected = f"400 for contact_type {value!r}"
        if folded or (isinstance(value, str) and value.lower() in schemas.CONTACT_TYPES):
            expected += ", or its documented spelling stored"
        judge.that(x.status == 400 or folded, expected, _outcome(x, "contact_type"), x)


def _outcome(x: Exchange, name: str) -> str:
    return f"{x.status}" + (f" with {name} {x.contact.get(name)!r}" if x.ok else "")


@pytest.mark.clause("CREATE-06")
def test_first_name_is_required(bad_creates: Outcome, judge: Judge) -> None:
    for sent, x in bad_creates.first_names:
        how = "null" if "first_name" in sent else "absent"
        judge.status(x, 400, because=f"with first_name {how}")


@pytest.mark.clause("CREATE-07")
def test_contact_type_is_required(bad_creates: Outcome, judge: Judge) -> None:
    for _, x in bad_creates.untyped:
        judge.status(x, 400, because="without contact_type")


@pytest.mark.clause("CREATE-08")
def test_a_malformed_email_is_refused(bad_creates: Outcome, judge: Judge) -> None:
    for sent, x in bad_creates.emails:
        judge.status(x, 400, because=f"for the email {sent['email']!r}")


@pytest.mark.clause("CREATE-09")
def test_an_object_or_array_for_a_text_is_refused(bad_creates: Outcome, judge: Judge) -> None:
    for sent, x in bad_creates.shapes:
        name = _odd_field(sent)
        judge.status(x, 400, because=f"for {name} {sent[name]!r}")


@pytest.mark.clause("CREATE-09")
def test_a_number_or_boolean_for_a_text_is_refused_or_kept_as_text(
    bad_creates: Outcome, judge: Judge
) -> None:
    for sent, x in bad_creates.scalars:
        name = _odd_field(sent)
        _refused_or_coerced(judge, x, name, sent[name])


@pytest.mark.clause("CREATE-09")
def test_tags_other_than_texts_are_refused(bad_creates: Outcome, judge: Judge) -> None:
    for sent, x in bad_creates.tags:
        _refused_or_coerced(judge, x, "tags", sent["tags"])


def _odd_field(sent: dict[str, Any]) -> str:
    return next(n for n, v in sent.items() if not isinstance(v, str))


def _refused_or_coerced(judge: Judge, x: Exchange, name: str, value: Any) -> None:
    kept = x.ok and coerced(value, x.contact.get(name))
    expected = f"400 for {name} {value!r}"
    if not isinstance(value, dict | list):
        expected += ", or its JSON text stored"
    judge.that(x.status == 400 or kept, expected, _outcome(x, name), x)


@pytest.mark.clause("CREATE-10")
def test_a_body_that_is_no_json_object_is_refused(bad_creates: Outcome, judge: Judge) -> None:
    for body, x in bad_creates.raw:
        allowed = (400, 415) if body is None else (400,)
        judge.status(x, *allowed, because=f"for the body {body!r}")


@pytest.mark.clause("CREATE-11")
def test_a_refused_create_leaves_no_contact(bad_creates: Outcome, judge: Judge) -> None:
    groups = [bad_creates.first_names, bad_creates.untyped, bad_creates.types, bad_creates.emails]
    groups += [bad_creates.shapes, bad_creates.scalars, bad_creates.tags, bad_creates.blanks]
    taken = {x.contact.get("id") for group in groups for _, x in group if x.ok}
    premise(bad_creates.found[0].ok, "the list is not answered", bad_creates.found[0])

    for x in bad_creates.found:
        ours = [
            r
            for r in x.records
            if r.get("first_name") == bad_creates.name and r.get("id") not in taken
        ]
        actual = f"{len(ours)} found, such as {ours[0] if ours else None!r}"
        judge.that(not ours, f"no contact {bad_creates.name!r}: all were refused", actual, x)


@pytest.mark.clause("CREATE-12")
def test_a_new_contact_is_active(creation: Outcome, shelf: Outcome, judge: Judge) -> None:
    for _, x in [*creation.pairs, *shelf.creates]:
        if has_id(x):
            state = x.contact.get("is_archived")
            judge.that(state is False, "is_archived false", state, x)
    for _, _, get in creation.read:
        if get.ok:
            state = get.contact.get("is_archived")
            judge.that(state is False, "is_archived false when read", state, get)


@pytest.mark.clause("CREATE-13")
def test_equal_creates_make_two_contacts(creation: Outcome, judge: Judge) -> None:
    for _, x in creation.twins:
        judge.that(has_id(x), "201 for each of two equal creates", x.status, x)
    (_, one), (_, two) = creation.twins
    premise(has_id(one) and has_id(two), "an equal create was refused", two)

    judge.that(one.contact["id"] != two.contact["id"], "two ids", one.contact["id"], two)


@pytest.mark.clause("CREATE-13")
@pytest.mark.further
def test_equal_creates_in_a_row_make_two_contacts(
    full_house: Outcome, filters: Outcome, judge: Judge
) -> None:
    one, two = full_house.twins
    premise(has_id(one), "the contact was not created", one)
    before = {made.id for made in filters.made}
    for x in full_house.twins:
        new = x.contact.get("id")
        judge.that(new not in before, "a new contact, though an archived one is alike", new, x)

    if judge.that(has_id(two), "201 for an equal create right after the first", two.status, two):
        judge.that(one.contact["id"] != two.contact["id"], "two ids", one.contact["id"], two)


@pytest.mark.clause("CREATE-13")
@pytest.mark.further
def test_an_email_of_another_user_can_be_taken(isolation: Outcome, judge: Judge) -> None:
    x = isolation.create

    judge.that(has_id(x), "201, though another user's contact has the email", x.status, x)


@pytest.mark.clause("CREATE-13")
def test_ids_are_distinct(shelf: Outcome, judge: Judge) -> None:
    ids = [x.contact["id"] for _, x in shelf.creates if has_id(x)]

    repeated = sorted({i for i in ids if ids.count(i) > 1})
    judge.that(not repeated, "an id of its own for each", repeated[:2], shelf.creates[-1][1])


@pytest.mark.clause("CREATE-14")
def test_server_owned_fields_are_not_taken_over(forged_create: Outcome, judge: Judge) -> None:
    for _, x, get in forged_create.tried:
        judge.status(x, 201, 400, because="for a create with server-owned fields")
        for answer in (x, get):
            if answer is not None and answer.ok:
                taken = forged(answer.contact)
                judge.that(not taken, "server-owned fields ignored", taken, answer)


@pytest.mark.clause("CREATE-16")
def test_tags_keep_their_order(shelf: Outcome, creation: Outcome, judge: Judge) -> None:
    reads = {str(r.get("id")): (r, shelf.hundred) for r in shelf.hundred.records}
    for sent, x in [*shelf.creates, *creation.pairs]:
        if not has_id(x) or "tags" not in sent:
            continue
        stored = reads.get(x.contact["id"], (x.contact, x))
        for record, answer in ((x.contact, x), stored):
            tags = record.get("tags")
            # Lost or altered tags are CREATE-02's to judge.
            if isinstance(tags, list) and sorted(map(str, tags)) == sorted(sent["tags"]):
                judge.that(tags == sent["tags"], f"tags in order {sent['tags']}", tags, answer)


@pytest.mark.clause("CREATE-16")
@pytest.mark.further
def test_tags_keep_the_order_of_an_update(whole_updates: Outcome, judge: Judge) -> None:
    for sent, x, _ in whole_updates.tags:
        tags = x.contact.get("tags")
        if isinstance(tags, list) and sorted(map(str, tags)) == sorted(sent):
            judge.that(tags == sent, f"tags in the order of the update, {sent}", tags, x)


@pytest.mark.clause("CREATE-17")
def test_a_blank_first_name_is_refused(bad_creates: Outcome, judge: Judge) -> None:
    for sent, x in bad_creates.blanks:
        judge.status(x, 400, because=f"for first_name {sent['first_name']!r}")


@pytest.mark.clause("CREATE-19")
def test_created_at_is_the_time_of_the_request(
    creation: Outcome, shelf: Outcome, judge: Judge
) -> None:
    for _, x in [*creation.pairs, *shelf.creates]:
        moment = to_epoch(x.contact.get("created_at")) if x.ok else None
        if moment is not None:
            away = moment - server_now(x)
            expected = f"created_at within {SKEW_S:.0f} s of the request"
            judge.that(abs(away) <= SKEW_S, expected, f"{away:+.0f} s away", x)


@pytest.mark.clause("CREATE-15")
def test_unicode_comes_back_unchanged(beyond_ascii: Outcome, judge: Judge) -> None:
    for sent, x in beyond_ascii.creates:
        if judge.that(has_id(x), "201 for Unicode text", x.status, x):
            wrong = differing(sent, x.contact, sent)
            judge.that(not wrong, "Unicode text echoed unchanged", told(wrong), x)
    for sent, _, get in beyond_ascii.read:
        premise(get.ok, "the contact cannot be read", get)
        wrong = differing(sent, get.contact, sent)
        judge.that(not wrong, "Unicode text stored unchanged", told(wrong), get)


@pytest.mark.clause("CREATE-15")
def test_combining_marks_are_not_composed(dangerous_texts: Outcome, judge: Judge) -> None:
    # Outside NFC a text may be refused (rule 4), but where it is taken it is not altered (rule 2).
    for sent, *answers in dangerous_texts.tried:
        for x in (answer for answer in answers if answer is not None):
            wrong = differing(sent, x.contact, COMPOSABLE) if x.ok else {}
            judge.that(not wrong, "combining marks as sent, or 400", told(wrong), x)


@pytest.mark.clause("CREATE-18")
def test_long_text_is_whole_or_refused(long_texts: Outcome, judge: Judge) -> None:
    for sent, x, get in long_texts.tried:
        _whole_or_refused(judge, sent, x, get, (400, 413))


@pytest.mark.clause("CREATE-20")
def test_dangerous_text_is_data(dangerous_texts: Outcome, judge: Judge) -> None:
    for sent, x, get in dangerous_texts.tried:
        # Combining marks are CREATE-15's to judge.
        dangerous = {name: sent[name] for name in sent if name not in COMPOSABLE}
        _whole_or_refused(judge, dangerous, x, get, (400,))


def _whole_or_refused(
    judge: Judge, sent: dict[str, Any], x: Exchange, get: Exchange | None, refusals: tuple[int, ...]
) -> None:
    expected = f"stored as sent, or refused with {' or '.join(map(str, refusals))}"
    if not judge.that(has_id(x) or x.status in refusals, expected, x.status, x):
        return
    for answer in (x, get):
        if answer is not None and answer.ok:
            wrong = differing(sent, answer.contact, [n for n in sent if n in CLIENT_FIELDS])
            judge.that(not wrong, expected, told(wrong), answer)


@pytest.mark.clause("CREATE-21")
def test_odd_texts_are_stored_or_refused(odd_texts: Outcome, judge: Judge) -> None:
    for sent, x, get in odd_texts.tried:
        _whole_or_refused(judge, sent, x, get, (400,))
    x = odd_texts.deep
    judge.that(x.status < 500, "400 for JSON nested very deep, never 5xx", x.status, x)


@pytest.mark.clause("CREATE-23")
def test_unusual_emails_are_accepted(shelf: Outcome, judge: Judge) -> None:
    for sent, x in shelf.creates[-UNUSUAL:]:
        stored = x.contact.get("email")
        accepted = has_id(x) and stored == sent["email"]
        judge.that(accepted, f"201 with the email {sent['email']}", _outcome(x, "email"), x)
