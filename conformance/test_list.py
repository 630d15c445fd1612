"""LIST: the list's shape, defaults, bounds, filters and search."""

from __future__ import annotations

from typing import Any

import pytest

import schemas
from conformance.kit.compare import holds_in_bounds
from conformance.kit.evidence import Evidence
from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge, premise
from conformance.kit.outcome import Outcome
from conformance.scenes.common import has_id
from conformance.scenes.shelf import EVEN, PAGED, UNEVEN

DEFAULT, MOST = schemas.LIST_LIMIT_DEFAULT, schemas.LIST_LIMIT_MAX


def _meta(x: Exchange, name: str) -> Any:
    return x.at("data", "meta", name)


@pytest.mark.clause("LIST-01")
def test_a_list_has_contacts_stats_and_meta(
    shelf: Outcome, filters: Outcome, full_house: Outcome, judge: Judge
) -> None:
    answers = [*shelf.uneven, shelf.nothing, full_house.list]
    answers += [filters.asked["archived=true"], shelf.by_type["other"]]
    # PAGE-06 warns where a page past the end is refused.
    answers += [x for x in [shelf.beyond] if x.status not in (400, 404)]

    for x in answers:
        if judge.status(x, 200):
            _has_list_shape(judge, x)


def _has_list_shape(judge: Judge, x: Exchange) -> None:
    contacts = x.at("data", "contacts")
    objects = isinstance(contacts, list) and all(isinstance(c, dict) for c in contacts)
    judge.that(objects, "data.contacts, an array of contacts", type(contacts).__name__, x)
    stats = x.at("data", "stats")
    judge.that(isinstance(stats, dict), "data.stats, an object", repr(stats), x)
    for name in ("total", "page", "limit", "totalPages"):
        value = _meta(x, name)
        judge.that(holds_in_bounds(value, 0), f"data.meta.{name}, an integer", repr(value), x)
    more = _meta(x, "hasMore")
    judge.that(isinstance(more, bool), "data.meta.hasMore, a boolean", repr(more), x)


@pytest.mark.clause("LIST-02")
def test_the_default_page_is_the_first_with_25_records(
    shelf: Outcome, full_house: Outcome, judge: Judge
) -> None:
    for x in (shelf.nothing, full_house.list):
        premise(x.ok, "a list without paging parameters is not answered", x)
        judge.that(_meta(x, "page") == 1, "meta.page 1 by default", _meta(x, "page"), x)
        limit = _meta(x, "limit")
        judge.that(limit == DEFAULT, f"meta.limit {DEFAULT} by default", limit, x)
    x = full_house.list
    # A whole run has more than 25 active contacts by then; others may have more in the account.
    least = min(DEFAULT, full_house.active)
    words = f"{DEFAULT} records" if least == DEFAULT else f"{least} to {DEFAULT} records"
    judge.that(least <= len(x.records) <= DEFAULT, words, len(x.records), x)


@pytest.mark.clause("LIST-03")
def test_page_and_limit_in_range_are_honoured(shelf: Outcome, judge: Judge) -> None:
    asked = [(x, n, UNEVEN) for n, x in enumerate(shelf.uneven, start=1)]
    asked += [(shelf.even_last, 2, EVEN), (shelf.hundred, 1, MOST)]

    for x, page, limit in asked:
        if not judge.status(x, 200, because=f"for page {page}, limit {limit}"):
            continue
        judge.that(_meta(x, "page") == page, f"meta.page {page}", _meta(x, "page"), x)
        judge.that(_meta(x, "limit") == limit, f"meta.limit {limit}", _meta(x, "limit"), x)
        judge.that(len(x.records) <= limit, f"at most {limit} records", len(x.records), x)


@pytest.mark.clause("LIST-04")
def test_a_limit_beyond_100_is_refused_or_capped(
    large_limits: Outcome, crowd: Outcome, judge: Judge
) -> None:
    for x in [*large_limits.lists, *(x for x in crowd.seen if x.operation == "list")]:
        if judge.status(x, 200, 400, because="for a limit above 100") and x.ok:
            limit = _meta(x, "limit")
            judge.that(holds_in_bounds(limit, 1, MOST), "meta.limit at most 100", limit, x)
            judge.that(len(x.records) <= MOST, "at most 100 records", len(x.records), x)


def _within_bounds(judge: Judge, answers: list[Exchange]) -> None:
    for x in answers:
        if judge.status(x, 200, 400) and x.ok:
            limit, page = _meta(x, "limit"), _meta(x, "page")
            judge.that(holds_in_bounds(limit, 1, MOST), "meta.limit within 1..100", limit, x)
            judge.that(holds_in_bounds(page, 1), "meta.page 1 or more", page, x)
            most = limit if holds_in_bounds(limit, 1, MOST) else MOST
            judge.that(len(x.records) <= most, f"at most {most} records", len(x.records), x)


@pytest.mark.clause("LIST-05")
def test_a_limit_or_page_below_1_is_refused_or_brought_back(
    odd_bounds: Outcome, judge: Judge
) -> None:
    _within_bounds(judge, odd_bounds.list_low)


@pytest.mark.clause("LIST-06")
def test_a_limit_or_page_that_is_no_integer_is_refused_or_brought_back(
    odd_bounds: Outcome, judge: Judge
) -> None:
    _within_bounds(judge, odd_bounds.list_odd)


@pytest.mark.clause("LIST-07")
def test_a_new_contact_is_in_the_active_list(
    shelf: Outcome, people: Outcome, list_searches: Outcome, judge: Judge
) -> None:
    exact = dict(list_searches.exact)
    for x in exact.values():
        premise(x.ok, "the list is not answered", x)

    judge.that(
        any(people.found.id in x.ids for x in exact.values()),
        "the new contact, under one of its names or its email",
        exact["first name"].ids,
        exact["first name"],
    )
    missing = shelf.ids - {i for x in [shelf.hundred, *shelf.uneven] for i in x.ids}
    judge.that(not missing, "every contact just created", sorted(missing)[:3], shelf.hundred)


@pytest.mark.clause("LIST-07")
@pytest.mark.further
def test_a_list_made_before_a_create_is_not_answered_again(
    full_house: Outcome, judge: Judge
) -> None:
    x, new = full_house.appeared, [y for y in full_house.twins if has_id(y)]
    premise(full_house.empty.ok and x.ok, "the list is not answered", x)
    premise(new, "the contacts were not created", full_house.twins[0])

    missing = [y.contact["id"] for y in new if y.contact["id"] not in x.ids]
    judge.that(not missing, "contacts created after the same list was empty", x.ids, x)


@pytest.mark.clause("LIST-08")
def test_the_default_list_shows_only_active_contacts(filters: Outcome, judge: Judge) -> None:
    for name in ("default", "archived=false"):
        _shows(judge, filters.asked[name], filters.active, filters.archived, archived=False)


@pytest.mark.clause("LIST-08")
def test_archived_true_shows_only_archived_contacts(filters: Outcome, judge: Judge) -> None:
    _shows(judge, filters.asked["archived=true"], filters.archived, filters.active, archived=True)


def _shows(judge: Judge, x: Exchange, there: set[str], absent: set[str], *, archived: bool) -> None:
    if not judge.status(x, 200):
        return
    word = "archived" if archived else "active"
    judge.that(there <= set(x.ids), f"all {len(there)} {word} contacts", x.ids, x)
    wrong = absent & set(x.ids)
    judge.that(not wrong, f"only {word} contacts", f"{len(wrong)} others: {sorted(wrong)[:2]}", x)


@pytest.mark.clause("LIST-09")
def test_type_returns_all_contacts_of_the_type_and_no_others(shelf: Outcome, judge: Judge) -> None:
    for kind, x in [*shelf.by_type.items(), *((PAGED, x) for x in shelf.typed)]:
        if not judge.status(x, 200, because=f"for type={kind}"):
            continue
        others = sorted({str(r.get("contact_type")) for r in x.records} - {kind})
        judge.that(not others, f"only contacts of type {kind}", f"also {others}", x)
        wanted = {m.id for m in shelf.made if m.sent["contact_type"] == kind}
        seen = x.ids if kind != PAGED else [i for page in shelf.typed for i in page.ids]
        missing = wanted - set(seen)
        # Whether pages hold the rest is PAGE-04's to judge.
        right = not missing or (kind == PAGED and missing < wanted)
        judge.that(right, f"all {len(wanted)} of type {kind}", f"{len(missing)} missing", x)


@pytest.mark.clause("LIST-09")
def test_type_follows_an_update(whole_updates: Outcome, judge: Judge) -> None:
    premise(whole_updates.get.contact.get("contact_type") == "appraiser", "it was not updated")
    new, old = whole_updates.found[1:3]
    there = whole_updates.made.id in [*new.ids, *old.ids]
    premise(there, "it is found under no type: LIST-10 tells", new)

    judge.that(whole_updates.made.id in new.ids, "the contact under its new type", new.ids, new)
    judge.that(whole_updates.made.id not in old.ids, "not under its old type", old.ids, old)


@pytest.mark.clause("LIST-10")
def test_search_finds_a_contact_by_each_exact_value(
    people: Outcome, list_searches: Outcome, judge: Judge
) -> None:
    for what, x in list_searches.exact:
        if judge.status(x, 200, because=f"for a search by {what}"):
            found = people.found.id in x.ids
            judge.that(found, f"the contact searched by its exact {what}", x.ids, x)


@pytest.mark.clause("LIST-10")
def test_search_finds_a_contact_without_last_name(
    people: Outcome, list_searches: Outcome, judge: Judge
) -> None:
    x = list_searches.lone

    judge.that(people.lone.id in x.ids, "the contact without last name and email", x.ids, x)


@pytest.mark.clause("LIST-10")
@pytest.mark.further
def test_search_finds_the_second_users_contact_by_email(isolation: Outcome, judge: Judge) -> None:
    x, theirs = isolation.own, isolation.theirs.id

    if judge.status(x, 200):
        judge.that(theirs in x.ids, "the second user's contact, by its email", x.ids, x)


@pytest.mark.clause("LIST-10")
def test_search_finds_a_name_beyond_ascii(beyond_ascii: Outcome, judge: Judge) -> None:
    x, target = beyond_ascii.listed, beyond_ascii.target
    premise(target.record.get("first_name") == target.sent["first_name"], "the name was altered")

    judge.that(target.id in x.ids, f"the contact {target.sent['first_name']!r}", x.ids, x)


@pytest.mark.clause("LIST-10")
def test_search_finds_a_contact_by_its_updated_values(whole_updates: Outcome, judge: Judge) -> None:
    premise(not _stale(whole_updates), "the update was not stored", whole_updates.get)

    by_name, *by_email = whole_updates.found[:3]
    # Under which of its types it is found is LIST-09's to judge.
    typed = [i for x in by_email for i in x.ids]
    for ids, x in ((by_name.ids, by_name), (typed, by_email[0])):
        judge.that(whole_updates.made.id in ids, "the contact by its new value", ids, x)


@pytest.mark.clause("LIST-10")
@pytest.mark.further
def test_search_finds_a_restored_contact_by_its_updated_email(quiet: Outcome, judge: Judge) -> None:
    x, update = quiet.by_email, quiet.update
    premise(update.ok and x.ok, "the update was refused", update)
    shown = [r.get("email") for r in quiet.updated.records if r.get("id") == quiet.gone.id]
    premise(shown == [update.contact.get("email")], "the update is not shown", quiet.updated)

    judge.that(quiet.gone.id in x.ids, "the restored contact by its new email", x.ids, x)


@pytest.mark.clause("LIST-10")
@pytest.mark.further
def test_search_finds_an_archived_contact_without_email(filters: Outcome, judge: Judge) -> None:
    x = filters.asked["archived=true"]
    with_email, without = filters.made[3].id, filters.made[4].id
    premise(with_email in x.ids, "the archived contacts are not listed", x)

    judge.that(without in x.ids, "the contact without email as well", x.ids, x)


@pytest.mark.clause("LIST-10")
@pytest.mark.further
def test_search_finds_a_contact_by_a_last_name_updated_alone(
    single_updates: Outcome, judge: Judge
) -> None:
    x = single_updates.renamed
    for step in (s for s in single_updates.steps if s.name == "last_name"):
        premise(step.exchange.ok and step.name in single_updates.stored, "it was not stored", x)
        judge.that(step.made.id in x.ids, f"the contact {step.value!r}", x.ids, x)


def _stale(whole_updates: Outcome) -> bool:
    stored, sent = whole_updates.get.contact, whole_updates.body
    return any(stored.get(name) != sent[name] for name in ("first_name", "email"))


@pytest.mark.clause("LIST-11")
def test_search_leaves_out_what_shares_nothing_with_it(
    people: Outcome, list_searches: Outcome, shelf: Outcome, judge: Judge
) -> None:
    # Emails at one domain resemble each other, so only the searches by name are judged.
    for what, x in list_searches.exact[:3]:
        premise(x.ok, "the list is not answered", x)
        stray = {people.decoy.id, people.lone.id, *shelf.ids} & set(x.ids)
        judge.that(not stray, f"no contact unlike the {what} searched for", sorted(stray)[:3], x)
    ours = (people.ids | shelf.ids) & set(shelf.nothing.ids)
    judge.that(not ours, "no contact for a word that none has", sorted(ours)[:3], shelf.nothing)


@pytest.mark.clause("LIST-11")
def test_search_forgets_replaced_values(
    whole_updates: Outcome, people: Outcome, list_searches: Outcome, judge: Judge
) -> None:
    premise(not _stale(whole_updates), "the update was not stored", whole_updates.get)
    elsewhere = list_searches.elsewhere
    premise(people.found.id not in elsewhere.ids, "the search looks at notes", elsewhere)
    x = whole_updates.old[0]

    judge.that(whole_updates.made.id not in x.ids, "nothing under the old first name", x.ids, x)


@pytest.mark.clause("LIST-11")
def test_total_counts_the_matches_only(
    shelf: Outcome, list_searches: Outcome, judge: Judge
) -> None:
    asked = [(shelf.hundred, shelf.size), (shelf.nothing, 0)]
    whole = [x for _, x in list_searches.exact if len(x.records) < MOST]
    asked += [(x, len(x.records)) for x in whole]

    for x, matches in asked:
        premise(x.ok, "the list is not answered", x)
        total = _meta(x, "total")
        judge.that(total == matches, f"meta.total {matches}, the number of matches", total, x)


@pytest.mark.clause("LIST-11")
def test_total_counts_the_matches_of_one_state(filters: Outcome, judge: Judge) -> None:
    states = {"default": filters.active, "archived=false": filters.active}
    for name, wanted in {**states, "archived=true": filters.archived}.items():
        x = filters.asked[name]
        premise(x.ok, "the list is not answered", x)
        total, there = _meta(x, "total"), len(x.records)
        # Whether all that match are shown is LIST-08's to judge.
        judge.that(total in (there, len(wanted)), f"meta.total {len(wanted)}", total, x)


@pytest.mark.clause("LIST-12")
def test_search_ignores_case_and_finds_parts(
    people: Outcome, list_searches: Outcome, judge: Judge
) -> None:
    for what, x in list_searches.parts:
        judge.that(people.found.id in x.ids, f"the contact searched by its {what}", x.ids, x)


@pytest.mark.clause("LIST-13")
def test_search_type_and_archived_meet(filters: Outcome, judge: Judge) -> None:
    asked = {
        "email and type": ("buyer", filters.active),
        "type and archived": ("buyer", filters.archived),
        "email, type and archived": ("buyer", filters.archived),
    }
    for name, (kind, there) in asked.items():
        x = filters.asked[name]
        wanted = {i for i in there if filters.type_of[i] == kind}
        if judge.status(x, 200):
            ours = set(x.ids) & set(filters.type_of)
            judge.that(ours == wanted, f"exactly the {len(wanted)} in all filters", x.ids, x)
            total = _meta(x, "total")
            # Emails of others may resemble the one searched for, and be found beside it (rule 5).
            count = len(x.records) if name.startswith("email") else len(wanted)
            judge.that(total == count, f"meta.total {count}", total, x)


@pytest.mark.clause("LIST-13")
def test_filters_that_exclude_each_other_return_nothing(filters: Outcome, judge: Judge) -> None:
    for x in filters.crossed:
        if judge.status(x, 200):
            ours = set(x.ids) & set(filters.type_of)
            judge.that(not ours, "none of the set: one filter excludes it", sorted(ours), x)


@pytest.mark.clause("LIST-14")
def test_search_looks_at_names_and_email_only(
    people: Outcome, list_searches: Outcome, judge: Judge
) -> None:
    x = list_searches.elsewhere
    premise(x.ok, "the list is not answered", x)
    expected = "nothing for a word of company, license, address, notes and tags"
    judge.that(people.found.id not in x.ids, expected, x.ids, x)


@pytest.mark.clause("LIST-14")
@pytest.mark.further
def test_search_looks_at_names_and_email_only_after_an_update(
    whole_updates: Outcome, judge: Judge
) -> None:
    x, get = whole_updates.old[0], whole_updates.get
    premise(x.ok and get.contact.get("notes") == whole_updates.body["notes"], "not updated", get)

    judge.that(whole_updates.made.id not in x.ids, "nothing for a word of its notes", x.ids, x)


@pytest.mark.clause("LIST-15")
def test_search_takes_special_characters_as_data(
    people: Outcome, list_oddities: Outcome, shelf: Outcome, judge: Judge
) -> None:
    for text, x in list_oddities.asked:
        if not judge.status(x, 200, because=f"for the search text {text!r}"):
            continue
        if any(c.isalpha() for c in text):
            stray = (people.ids | shelf.ids) & set(x.ids)
            judge.that(not stray, f"no contact unlike {text!r}", f"{len(stray)} found", x)


@pytest.mark.clause("LIST-16")
def test_an_odd_archived_is_refused_or_read_as_a_boolean(filters: Outcome, judge: Judge) -> None:
    for value, x in filters.odd:
        if judge.status(x, 200, 400, because=f"for archived={value!r}") and x.ok:
            ours = set(x.ids) & set(filters.type_of)
            expected = "400, or exactly the active or exactly the archived contacts"
            judge.that(ours in (filters.active, filters.archived), expected, sorted(ours), x)


@pytest.mark.clause("LIST-17")
def test_numbers_in_stats_are_non_negative_integers(evidence: Evidence, judge: Judge) -> None:
    judge.absorb(evidence.judge("LIST-17"))
