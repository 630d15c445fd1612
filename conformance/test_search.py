"""SEARCH: substrings of name and email, and nothing else."""

from __future__ import annotations

import pytest

import schemas
from conformance.kit.compare import holds_in_bounds
from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge, premise
from conformance.kit.outcome import Outcome
from conformance.scenes.common import has_id
from conformance.scenes.shelf import UNEVEN

DEFAULT, MOST = schemas.SEARCH_LIMIT_DEFAULT, schemas.SEARCH_LIMIT_MAX


@pytest.mark.clause("SEARCH-01")
def test_a_search_is_a_flat_array_with_a_count(
    searches: Outcome, full_house: Outcome, judge: Judge
) -> None:
    groups = (searches.name, searches.email, searches.misses)
    answers = [full_house.search, *(x for group in groups for _, x in group)]

    for x in answers:
        if judge.status(x, 200, because="with the search path not taken for an id"):
            data, count = x.at("data"), x.at("count")
            flat = isinstance(data, list) and all(isinstance(r, dict) for r in data)
            judge.that(flat, "data, a flat array of contacts", type(data).__name__, x)
            judge.that(holds_in_bounds(count, 0), "count, an integer at top level", repr(count), x)


@pytest.mark.clause("SEARCH-02")
def test_count_is_the_number_of_records(
    searches: Outcome, shelf: Outcome, full_house: Outcome, judge: Judge
) -> None:
    answers = [x for _, x in [*searches.name, *searches.email, *searches.misses]]
    below = [*answers, shelf.searched]
    for x in [x for x in below if x.ok]:
        count = x.at("count")
        judge.that(count == len(x.records), f"count {len(x.records)}, as many as came", count, x)
    x = full_house.limited
    count = x.at("count")
    judge.that(holds_in_bounds(count, len(x.records)), "count not below the records", count, x)


@pytest.mark.clause("SEARCH-03")
def test_name_matches_any_part_of_the_full_name(
    people: Outcome, searches: Outcome, judge: Judge
) -> None:
    for what, x in searches.name:
        if judge.status(x, 200):
            judge.that(_came(people, x), f"the contact searched by {what}", x.ids, x)
    for what, x in searches.lone:
        judge.that(people.lone.id in x.ids, f"the contact searched by {what}", x.ids, x)


@pytest.mark.clause("SEARCH-03")
def test_name_matches_beyond_ascii(beyond_ascii: Outcome, judge: Judge) -> None:
    x, target = beyond_ascii.searched, beyond_ascii.target
    premise(target.record.get("first_name") == target.sent["first_name"], "the name was altered")

    judge.that(target.id in x.ids, "the contact by a part of its name", x.ids, x)


@pytest.mark.clause("SEARCH-03")
def test_name_follows_an_update(whole_updates: Outcome, judge: Judge) -> None:
    _premise_updated(whole_updates, "first_name")
    x, get = whole_updates.renamed, whole_updates.before_owned
    stored = get.contact.get("first_name") == whole_updates.name
    premise(stored, "the second update was not stored", get)

    judge.that(whole_updates.made.id in x.ids, "the contact by its new name", x.ids, x)


@pytest.mark.clause("SEARCH-04")
def test_email_matches_any_part_of_the_email(
    people: Outcome, searches: Outcome, judge: Judge
) -> None:
    for what, x in searches.email:
        if judge.status(x, 200):
            judge.that(_came(people, x), f"the contact searched by {what}", x.ids, x)


def _came(people: Outcome, x: Exchange) -> bool:
    """Whether the contact came; where there was room for one, another in its place is SEARCH-05's."""
    room_for_one = "limit=1" in x.request.url
    return people.found.id in x.ids or (room_for_one and len(x.ids) == 1)


@pytest.mark.clause("SEARCH-04")
@pytest.mark.further
def test_email_finds_all_that_share_it(creation: Outcome, judge: Judge) -> None:
    twins = {x.contact["id"] for _, x in creation.twins if has_id(x)}
    for x in creation.found:
        premise(x.ok, "the search is not answered", x)
        missing = sorted(twins - set(x.ids))
        judge.that(not missing, f"all {len(twins)} contacts with the email", x.ids, x)


@pytest.mark.clause("SEARCH-04")
def test_email_follows_an_update(whole_updates: Outcome, judge: Judge) -> None:
    _premise_updated(whole_updates, "email")
    x = whole_updates.found[3]

    judge.that(whole_updates.made.id in x.ids, "the contact by its new email", x.ids, x)


def _premise_updated(whole_updates: Outcome, name: str) -> None:
    stored = whole_updates.get.contact.get(name)
    premise(stored == whole_updates.body[name], "the update was not stored", whole_updates.get)


@pytest.mark.clause("SEARCH-04")
def test_a_restored_contact_is_found_by_its_email(quiet: Outcome, judge: Judge) -> None:
    x, back = quiet.restored[1], quiet.gone.id
    premise(quiet.restore.ok and x.ok, "the restore was refused", quiet.restore)
    premise(quiet.gone.id in quiet.before[1].ids, "it was not found before", quiet.before[1])

    judge.that(back in x.ids, "the restored contact by its email", x.ids, x)


@pytest.mark.clause("SEARCH-05")
def test_what_does_not_contain_the_text_is_not_returned(
    people: Outcome, searches: Outcome, shelf: Outcome, judge: Judge
) -> None:
    others = (people.ids | shelf.ids) - {people.found.id}
    for what, x in [*searches.name, *searches.email]:
        stray = others & set(x.ids)
        judge.that(not stray, f"no other contact for {what}", sorted(stray)[:3], x)
    for what, x in searches.misses:
        stray = (people.ids | shelf.ids) & set(x.ids)
        judge.that(not stray, f"none of the run's contacts for {what}", sorted(stray)[:3], x)


@pytest.mark.clause("SEARCH-05")
@pytest.mark.parametrize(("name", "what"), [("first_name", "name"), ("email", "email")])
def test_a_replaced_value_is_not_found(
    whole_updates: Outcome, judge: Judge, name: str, what: str
) -> None:
    _premise_updated(whole_updates, name)
    x = whole_updates.old[1 if what == "name" else 2]

    judge.that(whole_updates.made.id not in x.ids, f"nothing under the old {what}", x.ids, x)


@pytest.mark.clause("SEARCH-06")
def test_wildcards_match_nothing_but_themselves(
    people: Outcome, wildcards: Outcome, judge: Judge
) -> None:
    for text, x in [*wildcards.names, *wildcards.emails]:
        if judge.status(x, 200, because=f"for the text {text!r}"):
            stray = people.found.id in x.ids
            judge.that(not stray, f"no contact without {text!r}", "one was found", x)


@pytest.mark.clause("SEARCH-06")
def test_a_text_with_wildcards_is_found_by_itself(punctuated: Outcome, judge: Judge) -> None:
    create = punctuated.create
    premise(has_id(create), "the target takes no such names", create)
    stored = create.contact
    asked = {
        "first_name": punctuated.by_first,
        "last_name": punctuated.by_last,
        "email": punctuated.by_email,
    }

    for name, x in asked.items():
        if judge.status(x, 200):
            found = stored["id"] in x.ids
            judge.that(found, f"the contact with the {name} {stored.get(name)!r}", x.ids, x)


@pytest.mark.clause("SEARCH-07")
def test_limit_is_filled_and_never_exceeded(
    shelf: Outcome, full_house: Outcome, judge: Judge
) -> None:
    for x, wanted in ((shelf.searched, min(DEFAULT, shelf.size)), (full_house.limited, UNEVEN)):
        if judge.status(x, 200):
            actual = len(x.records)
            judge.that(actual == wanted, f"{wanted} records, as more match", actual, x)


@pytest.mark.clause("SEARCH-07")
@pytest.mark.further
def test_deleted_contacts_take_no_places(deletion: Outcome, judge: Judge) -> None:
    x, stays = deletion.searches[-1], {made.id for made in deletion.stays}
    there = stays <= set(deletion.searches[0].ids)
    if there and judge.status(x, 200):
        actual = len(x.records)
        judge.that(actual == len(stays), f"{len(stays)} records, as they still match", actual, x)


@pytest.mark.clause("SEARCH-07")
@pytest.mark.further
def test_limit_is_applied_after_both_filters(
    full_house: Outcome, people: Outcome, searches: Outcome, judge: Judge
) -> None:
    x = full_house.limited_to_one
    (_, same), (_, other) = searches.both
    meet = people.found.id in same.ids and not people.ids & set(other.ids)
    premise(meet, "name and email do not meet: SEARCH-10 tells", other)

    if judge.status(x, 200):
        expected = "the contact that matches name and email"
        judge.that(x.ids == [full_house.one.id], expected, x.ids, x)


@pytest.mark.clause("SEARCH-07")
def test_the_default_limit_is_50(full_house: Outcome, crowd: Outcome, judge: Judge) -> None:
    asked = [(full_house.search, full_house.active)]
    asked += [(crowd.default, crowd.active)] if crowd.has("default") else []

    # Where the list shows fewer, some of them were changed by what was refused.
    listed = full_house.list.at("data", "meta", "total")
    shown = listed if type(listed) is int else DEFAULT

    for x, active in asked:
        premise(x.ok, "the search is not answered", x)
        least, actual = min(DEFAULT, active, shown), len(x.records)
        wanted = f"{least}" if least == DEFAULT else f"{least} to {DEFAULT}"
        judge.that(least <= actual <= DEFAULT, f"{wanted} records by default", actual, x)


@pytest.mark.clause("SEARCH-08")
def test_a_limit_beyond_100_is_refused_or_capped(
    large_limits: Outcome, crowd: Outcome, judge: Judge
) -> None:
    for x in [*large_limits.searches, *(x for x in crowd.seen if x.operation == "search")]:
        if judge.status(x, 200, 400, because="for a limit above 100"):
            judge.that(len(x.records) <= MOST, "at most 100 records", len(x.records), x)


@pytest.mark.clause("SEARCH-08")
def test_an_odd_limit_is_refused_or_brought_back(odd_bounds: Outcome, judge: Judge) -> None:
    for x in odd_bounds.search_odd:
        if judge.status(x, 200, 400) and x.ok:
            bounded = _one_to_most(x)
            judge.that(bounded, "400, or a result of 1..100 records", len(x.records), x)


def _one_to_most(x: Exchange) -> bool:
    return 1 <= len(x.records) <= MOST


@pytest.mark.clause("SEARCH-09")
def test_a_search_without_parameters_is_answered(full_house: Outcome, judge: Judge) -> None:
    judge.status(full_house.search, 200, because="without any parameter")


@pytest.mark.clause("SEARCH-10")
def test_name_and_email_meet(people: Outcome, searches: Outcome, judge: Judge) -> None:
    (_, same), (_, other) = searches.both
    premise(same.ok and other.ok, "the search is not answered", same)

    judge.that(people.found.id in same.ids, "the contact that matches both", same.ids, same)
    stray = people.ids & set(other.ids)
    judge.that(not stray, "no contact that matches one only", sorted(stray), other)


@pytest.mark.clause("SEARCH-11")
def test_a_role_that_none_has_finds_none(
    people: Outcome, searches: Outcome, shelf: Outcome, judge: Judge
) -> None:
    for _, x in searches.role:
        if judge.status(x, 200, 400, because="for a role that no contact has"):
            stray = (people.ids | shelf.ids) & set(x.ids)
            judge.that(not stray, "none of the run's contacts", sorted(stray), x)


@pytest.mark.clause("SEARCH-12")
def test_a_deleted_contact_is_not_found(deletion: Outcome, judge: Judge) -> None:
    deletes = ((deletion.active, deletion.delete), (deletion.archived, deletion.delete_archived))
    gone = {made.id for made, x in deletes if x.ok}
    premise(gone, "the deletes were refused", deletion.delete)

    for x in deletion.searches:
        found = gone & set(x.ids)
        judge.that(not found, "no deleted contact", sorted(found), x)
