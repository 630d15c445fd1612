"""GET: the contact asked for, or 404."""

from __future__ import annotations

import pytest

import schemas
from conformance.kit.compare import differing, told
from conformance.kit.expect import Judge, premise
from conformance.kit.outcome import Outcome


@pytest.mark.clause("GET-01")
def test_a_get_returns_the_contact_asked_for(
    identifiers: Outcome, creation: Outcome, judge: Judge
) -> None:
    reads = [(identifiers.real.id, identifiers.real.sent, identifiers.got)]
    reads += [(x.contact["id"], sent, get) for sent, x, get in creation.read]

    for contact_id, sent, x in reads:
        if judge.status(x, 200, because="for the id of a contact"):
            actual = x.contact.get("id")
            judge.that(actual == contact_id, f"the contact {contact_id}", actual, x)
            name = x.contact.get("first_name")
            judge.that(name == sent["first_name"], "the contact's own name", name, x)


@pytest.mark.clause("GET-02")
def test_an_unknown_id_answers_404(identifiers: Outcome, judge: Judge) -> None:
    x = identifiers.unknown

    if judge.status(x, 404, because="for a random UUID"):
        enveloped = x.at("success") is False and isinstance(x.at("error"), dict)
        judge.that(enveloped, "the error envelope with the 404", repr(x.json), x)


@pytest.mark.clause("GET-03")
def test_a_malformed_id_answers_404_or_400(identifiers: Outcome, judge: Judge) -> None:
    for contact_id, x in identifiers.malformed:
        judge.status(x, 404, 400, because=f"for the id {contact_id!r}")


@pytest.mark.clause("GET-04")
def test_an_archived_contact_can_be_read(archiving: Outcome, judge: Judge) -> None:
    premise(archiving.archive.ok, "the archive was refused", archiving.archive)
    x = archiving.archived_twice

    if judge.status(x, 200, because="for an archived contact"):
        state = x.contact.get("is_archived")
        judge.that(state is True, "is_archived true", state, x)


@pytest.mark.clause("GET-05")
def test_two_gets_are_equal(identifiers: Outcome, judge: Judge) -> None:
    one, two = identifiers.got, identifiers.got_again
    premise(one.ok and two.ok, "the contact cannot be read", two)

    changed = differing(one.contact, two.contact, schemas.CONTACT_FIELDS)
    judge.that(not changed, "the record of the other get", told(changed), two)
