"""AUTH: every operation asks for a valid bearer token, and a refused request changes nothing."""

from __future__ import annotations

import pytest

from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge, premise
from conformance.kit.outcome import Outcome
from conformance.scenes.access import ELSEWHERE


def _refuses(judge: Judge, exchanges: list[Exchange], what: str) -> None:
    for x in exchanges:
        judge.status(x, 401, because=f"for {x.operation} with {what}")


@pytest.mark.clause("AUTH-01")
def test_no_credentials_answer_401(access: Outcome, judge: Judge) -> None:
    for x in access.anonymous:
        if judge.status(x, 401, because=f"for {x.operation} without credentials"):
            enveloped = x.at("success") is False and isinstance(x.at("error"), dict)
            judge.that(enveloped, "the error envelope with the 401", repr(x.json), x)


@pytest.mark.clause("AUTH-02")
def test_a_token_that_is_no_jwt_answers_401(access: Outcome, judge: Judge) -> None:
    _refuses(judge, access.no_jwt, "a token that is no JWT")


@pytest.mark.clause("AUTH-02")
def test_an_altered_signature_answers_401(access: Outcome, judge: Judge) -> None:
    _refuses(judge, access.altered, "a JWT whose signature was altered")


@pytest.mark.clause("AUTH-02")
def test_another_scheme_answers_401(access: Outcome, judge: Judge) -> None:
    _refuses(judge, access.scheme, "the token under a scheme that is not Bearer")


@pytest.mark.clause("AUTH-03")
def test_an_unsigned_jwt_answers_401(access: Outcome, judge: Judge) -> None:
    _refuses(judge, access.unsigned, "a JWT with alg none")


@pytest.mark.clause("AUTH-03")
def test_a_jwt_signed_with_a_guessed_key_answers_401(access: Outcome, judge: Judge) -> None:
    _refuses(judge, access.guessed, "a JWT signed with a guessed key")


@pytest.mark.clause("AUTH-04")
def test_an_expired_jwt_answers_401(access: Outcome, judge: Judge) -> None:
    premise(access.expired, "give --expired-token to have it evaluated", kind="token")

    _refuses(judge, access.expired, "an expired JWT")


@pytest.mark.clause("AUTH-05")
def test_an_api_key_alone_answers_401(access: Outcome, judge: Judge) -> None:
    for x in access.api_key:
        judge.status(x, 401, because=f"for the {x.operation} with an X-API-Key alone")


@pytest.mark.clause("AUTH-07")
def test_the_scheme_is_case_insensitive(access: Outcome, judge: Judge) -> None:
    judge.status(access.lower, 200, because="for the scheme written bearer")


@pytest.mark.clause("AUTH-08")
def test_credentials_are_judged_before_the_body(access: Outcome, judge: Judge) -> None:
    for x in access.invalid:
        judge.status(x, 401, because=f"for an invalid {x.operation} without credentials")


@pytest.mark.clause("AUTH-06")
def test_a_refused_create_leaves_no_contact(access: Outcome, judge: Judge) -> None:
    _all_refused(access, "create")
    first = access.body["first_name"]

    for x in access.found:
        names = [record.get("first_name") for record in x.records]
        judge.that(first not in names, f"no contact {first!r} after creates refused 401", names, x)


@pytest.mark.clause("AUTH-06")
def test_a_refused_update_changes_nothing(access: Outcome, judge: Judge) -> None:
    _all_refused(access, "update")
    premise(access.after.ok, "the contact could not be read", access.after)

    city = access.after.contact.get("city")
    judge.that(city != ELSEWHERE, "the city as it was", city, access.after)


@pytest.mark.clause("AUTH-06")
def test_a_refused_archive_or_restore_changes_nothing(access: Outcome, judge: Judge) -> None:
    _all_refused(access, "archive")
    _all_refused(access, "restore")
    x, hidden = access.after, access.after_hidden
    premise(x.ok and hidden.ok, "contacts could not be read", x)
    premise(access.before_hidden.ok, "it was not archived", access.before_hidden)

    state = x.contact.get("is_archived")
    judge.that(state is False, "is_archived false as before", state, x)
    judge.that(access.hidden.id in hidden.ids, "still in the archived list", hidden.ids, hidden)


@pytest.mark.clause("AUTH-06")
def test_a_refused_delete_leaves_the_contact(access: Outcome, judge: Judge) -> None:
    _all_refused(access, "delete")

    judge.status(access.after, 200, because="for the contact whose delete was refused")


def _all_refused(access: Outcome, operation: str) -> None:
    tried = [*access.anonymous, *access.altered, *access.no_jwt, *access.unsigned]
    tried += [*access.guessed, *access.scheme, *access.expired, *access.api_key]
    passed = [x for x in tried if x.operation == operation and x.status != 401]
    premise(not passed, f"a {operation} with wrong credentials was not refused", *passed[:1])
