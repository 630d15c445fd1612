"""PAGE: paging arithmetic, on a set of contacts that the run owns."""

from __future__ import annotations

import math
from typing import Any

import pytest

from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge, premise
from conformance.kit.outcome import Outcome
from conformance.scenes.bounds import SOME
from conformance.scenes.common import BORROWED
from conformance.scenes.shelf import DISTURBING, EVEN, PAGED, TYPED, UNEVEN


def _meta(x: Exchange, name: str) -> Any:
    return x.at("data", "meta", name)


def _pages(shelf: Outcome) -> list[tuple[Exchange, int, int]]:
    """Return (exchange, page asked, limit asked) of every page within the set."""
    pages = [(x, n, UNEVEN) for n, x in enumerate(shelf.uneven, start=1)]
    pages += [(shelf.even_last, 2, EVEN), (shelf.hundred, 1, 100)]
    for x, _, _ in pages:
        premise(x.ok, "a page of the set is not answered", x)
    return pages


def _paged(shelf: Outcome) -> set[str]:
    """Return the ids of those that the target shows with the type that is walked through."""
    kinds = {m.id: m.record.get("contact_type", m.sent["contact_type"]) for m in shelf.made}
    return {contact_id for contact_id, kind in kinds.items() if kind == PAGED}


@pytest.mark.clause("PAGE-01")
def test_total_pages_is_the_quotient_rounded_up(shelf: Outcome, judge: Judge) -> None:
    for x, _, limit in _pages(shelf):
        total = _meta(x, "total")
        premise(isinstance(total, int), "meta.total is no integer", x)
        wanted = math.ceil(total / limit)
        actual = _meta(x, "totalPages")
        judge.that(actual == wanted, f"totalPages {wanted} = ceil({total} / {limit})", actual, x)


@pytest.mark.clause("PAGE-01")
def test_nothing_has_no_pages(shelf: Outcome, judge: Judge) -> None:
    x = shelf.nothing
    premise(x.ok and _meta(x, "total") == 0, "the empty result is not empty", x)
    pages = _meta(x, "totalPages")

    judge.that(pages in (0, 1), "totalPages 0 for total 0", pages, x)
    judge.warn(pages == 0, "totalPages 0 for total 0", pages, x)


@pytest.mark.clause("PAGE-02")
def test_has_more_until_the_last_page(shelf: Outcome, judge: Judge) -> None:
    for x, page, limit in [*_pages(shelf), (shelf.nothing, 1, 25)]:
        size = shelf.size if x is not shelf.nothing else 0
        wanted = page < math.ceil(size / limit)
        more = _meta(x, "hasMore")
        judge.that(more is wanted, f"hasMore {wanted} on page {page} at limit {limit}", more, x)


@pytest.mark.clause("PAGE-03")
def test_every_page_is_full_but_the_last(shelf: Outcome, judge: Judge) -> None:
    paged = len(_paged(shelf))
    typed = [(x, n, TYPED, paged) for n, x in enumerate(shelf.typed, start=1) if x.ok]
    for x, page, limit, size in [*((*p, shelf.size) for p in _pages(shelf)), *typed]:
        wanted = min(limit, size - (page - 1) * limit)
        judge.that(len(x.records) == wanted, f"{wanted} records on page {page}", len(x.records), x)


@pytest.mark.clause("PAGE-04")
def test_a_walk_yields_each_contact_once(shelf: Outcome, judge: Judge) -> None:
    for walk in (shelf.uneven, [shelf.hundred]):
        premise(all(x.ok for x in walk), "a page of the walk is not answered", walk[0])
        ids = [i for x in walk for i in x.ids]
        twice = sorted({str(i) for i in ids if ids.count(i) > 1})
        judge.that(not twice, "no contact twice", f"{len(twice)} twice: {twice[:2]}", walk[-1])
        missing = sorted(shelf.ids - set(ids))
        actual = f"{len(missing)} missing: {missing[:2]}"
        judge.that(not missing, "each contact of the set once", actual, walk[-1])


@pytest.mark.clause("PAGE-03")
def test_a_later_page_of_the_archived_holds_the_rest(filters: Outcome, judge: Judge) -> None:
    first, later = filters.asked["archived=true"], filters.asked["page 2, archived=true"]
    shown = first.ok and set(first.ids) == filters.archived
    premise(shown and later.ok, "the archived contacts of the set are not listed", first)

    one_of_them = len(later.ids) == 1 and set(later.ids) <= filters.archived
    judge.that(one_of_them, "one of the two archived contacts", later.ids, later)


@pytest.mark.clause("PAGE-03")
@pytest.mark.further
def test_the_largest_page_is_full(large_limits: Outcome, judge: Judge) -> None:
    x = large_limits.most
    total, limit = _meta(x, "total"), _meta(x, "limit")
    if x.ok and isinstance(total, int) and isinstance(limit, int):
        # More may have been created since they were counted, but none was deleted or archived.
        wanted, actual = min(total, limit, large_limits.active), len(x.records)
        judge.that(actual >= wanted, f"at least {wanted} records at limit {limit}", actual, x)


@pytest.mark.clause("PAGE-03")
@pytest.mark.further
def test_a_later_page_of_a_larger_limit_holds_the_rest(large_limits: Outcome, judge: Judge) -> None:
    x, whole = large_limits.later, large_limits.most
    total, then = _meta(whole, "total"), _meta(x, "total")
    if x.ok and total == len(whole.records) and isinstance(then, int):
        # This run creates meanwhile; where others changed more, it tells nothing.
        undisturbed = abs(then - total) <= DISTURBING
        wanted, actual = max(0, min(SOME, total - SOME)), len(x.records)
        right = abs(actual - wanted) <= DISTURBING or not undisturbed
        judge.that(right, f"{wanted} records on page 2 at limit {SOME}", actual, x)


@pytest.mark.clause("PAGE-04")
def test_a_walk_under_a_type_filter_yields_each_contact_once(shelf: Outcome, judge: Judge) -> None:
    one, two = shelf.typed
    premise(one.ok and two.ok, "a page under a type filter is not answered", two)
    wanted = _paged(shelf)

    ids, count = [*one.ids, *two.ids], min(len(wanted), 2 * TYPED)
    right = len(ids) == len(set(ids)) == count and set(ids) <= wanted
    judge.that(right, f"{count} of the {len(wanted)} of type {PAGED}, each once", ids, two)


@pytest.mark.clause("PAGE-05")
def test_totals_are_the_number_of_matches_on_every_page(
    shelf: Outcome, closing: Outcome, judge: Judge
) -> None:
    for x, page, _ in _pages(shelf):
        total = _meta(x, "total")
        judge.that(total == shelf.size, f"meta.total {shelf.size} on page {page}", total, x)
    paged = len(_paged(shelf))
    for page, x in enumerate(shelf.typed, start=1):
        total = _meta(x, "total")
        filtered = x.ok and all(r.get("contact_type") == PAGED for r in x.records)
        expected = f"meta.total {paged} of type {PAGED} on page {page}"
        judge.that(not filtered or total == paged, expected, total, x)
    counts = [_meta(x, "totalPages") for x in shelf.uneven]
    same = len(set(map(str, counts))) == 1
    judge.that(same, "one totalPages all along", counts, shelf.uneven[-1])
    wholes = closing.wholes if closing.cut_short() is None else []
    both = sum(len(whole.last.records) for whole in wholes)
    for whole in wholes:
        x = whole.last
        # Totals of all users, and of active and archived contacts, have clauses of their own.
        explained = whole.is_for_all or (len(wholes) > 1 and whole.total == both)
        right = len(x.records) == whole.total or explained
        judge.that(right, f"meta.total {len(x.records)}, as many as are listed", whole.total, x)


@pytest.mark.clause("PAGE-05")
def test_a_later_page_counts_what_the_first_one_does(filters: Outcome, judge: Judge) -> None:
    # The search matches active and archived contacts, which a later page may forget.
    for name, second in (("default", "page 2"), ("archived=true", "page 2, archived=true")):
        first, later = filters.asked[name], filters.asked[second]
        premise(first.ok and later.ok, "a page of the set is not answered", later)
        expected, total = _meta(first, "total"), _meta(later, "total")
        judge.that(total == expected, f"meta.total {expected}, as on the first page", total, later)


@pytest.mark.clause("PAGE-06")
def test_a_page_past_the_end_is_empty(shelf: Outcome, odd_bounds: Outcome, judge: Judge) -> None:
    for x in [shelf.beyond, *odd_bounds.far]:
        if not judge.status(x, 200, 400, 404, because="for a page past the end"):
            continue
        if x is not shelf.beyond and not x.ok:
            continue  # So large a number may be refused.
        if judge.warn(x.status == 200, "200 with no records (a refusal is a warning)", x.status, x):
            judge.that(not x.records, "no records past the end", len(x.records), x)
            more = _meta(x, "hasMore")
            judge.that(more is False, "hasMore false past the end", more, x)


@pytest.mark.clause("PAGE-08")
def test_writes_outside_the_filter_do_not_disturb_a_walk(
    full_house: Outcome, shelf: Outcome, judge: Judge
) -> None:
    walk = full_house.walk
    premise(all(x.ok for x in walk), "a page of the walk is not answered", walk[0])

    ids = [i for x in walk for i in x.ids]
    twice = sorted({str(i) for i in ids if ids.count(i) > 1})
    judge.that(not twice, "no contact twice", f"{len(twice)} twice: {twice[:2]}", walk[-1])
    # The last few of the shelf are lent to scenes that archive or delete them.
    missing = sorted({made.id for made in shelf.made[:-BORROWED]} - set(ids))
    judge.that(not missing, "each contact once", f"{len(missing)} missing", walk[-1])
    total = _meta(walk[0], "total")
    if isinstance(total, int) and total <= shelf.size:
        seen = len(set(map(str, ids)))
        judge.that(seen >= total, f"all {total} contacts of the set", f"{seen} of them", walk[-1])


@pytest.mark.clause("PAGE-07")
def test_the_same_page_twice_is_the_same(shelf: Outcome, judge: Judge) -> None:
    once, again = shelf.uneven[1], shelf.again
    premise(once.ok and again.ok, "the page is not answered", again)

    judge.that(once.ids == again.ids, "the same records in the same order", again.ids, again)


@pytest.mark.clause("PAGE-07")
def test_the_archived_contacts_twice_are_in_the_same_order(closing: Outcome, judge: Judge) -> None:
    for once, again in closing.again:
        premise(again.ok, "the list is not answered again", again)
        # Others may archive and restore meanwhile, so only what came both times is compared.
        first, second = (
            [i for i in x.ids if i in y.ids] for x, y in ((once, again), (again, once))
        )
        judge.that(first == second, "the same records in the same order", second, again)
