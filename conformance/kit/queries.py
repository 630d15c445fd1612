"""Passive checks of lists and searches: what an answer must be, whatever it was asked for.

An answer shows what its own query allows and counts by its own numbers, however the filters of the
query are combined. Which contacts it must show, only a scene can know. Queries outside the documented
values, and repeated parameters, are left to the tests that send them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import schemas
from conformance.kit.compare import holds_in_bounds
from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 -]*[A-Za-z0-9])?(@[a-z0-9.-]*)?")
"""Nothing that SEARCH-06 speaks of, and ASCII: ignoring case means its letters (rule 11)."""
BOOLEANS = {"true": True, "false": False}
Query = dict[str, str]
QueryCheck = Callable[[Exchange, Query, Judge], None]


def query_of(x: Exchange) -> Query | None:
    """Return the parameters that a list or a search was sent with; None where one is repeated."""
    pairs = parse_qsl(urlsplit(x.request.url).query, keep_blank_values=True)
    return dict(pairs) if len({name for name, _ in pairs}) == len(pairs) else None


def judging(operation: str, check: QueryCheck) -> Callable[[Exchange, Judge], None]:
    """Return the check as one of any exchange: successful ones of the operation are judged."""

    def judged(x: Exchange, judge: Judge) -> None:
        if x.operation != operation or not x.ok or not _is_whole(x):
            return
        query = query_of(x)
        if query is not None:
            check(x, query, judge)

    return judged


def _is_whole(x: Exchange) -> bool:
    """Whether the answer has the form that LIST-01 and SEARCH-01 speak of."""
    if x.operation == "search":
        return isinstance(x.at("data"), list)
    return isinstance(x.at("data", "meta"), dict) and isinstance(x.at("data", "contacts"), list)


def _meta(x: Exchange, name: str) -> Any:
    return x.at("data", "meta", name)


def _asked(query: Query, name: str, default: int) -> int | None:
    """Return a number in its documented form, the default without one, None for any other text."""
    text = query.get(name)
    if text is None:
        return default
    return int(text) if _NUMBER.fullmatch(text) else None


def _page_and_limit(x: Exchange, query: Query, judge: Judge) -> None:
    page, limit = _asked(query, "page", 1), _asked(query, "limit", schemas.LIST_LIMIT_DEFAULT)
    if (
        limit is None
        or limit > schemas.LIST_LIMIT_MAX
        or query.keys().isdisjoint(("page", "limit"))
    ):
        return
    if "limit" in query:
        judge.that(_meta(x, "limit") == limit, f"meta.limit {limit}", _meta(x, "limit"), x)
        judge.that(len(x.records) <= limit, f"at most {limit} records", len(x.records), x)
    pages = _meta(x, "totalPages")
    # What page a target names past the end is PAGE-06's to judge.
    if page is not None and holds_in_bounds(pages, page):
        judge.that(_meta(x, "page") == page, f"meta.page {page}", _meta(x, "page"), x)


def _stats(x: Exchange, _query: Query, judge: Judge) -> None:
    stats = x.at("data", "stats")
    judge.that(isinstance(stats, dict), "data.stats, an object", repr(stats), x)


def _defaults(x: Exchange, query: Query, judge: Judge) -> None:
    wanted = schemas.LIST_LIMIT_DEFAULT
    if "limit" not in query:
        judge.that(_meta(x, "limit") == wanted, f"meta.limit {wanted}", _meta(x, "limit"), x)
        judge.that(len(x.records) <= wanted, f"at most {wanted} records", len(x.records), x)
    if "page" not in query:
        judge.that(_meta(x, "page") == 1, "meta.page 1", _meta(x, "page"), x)


def _cap(x: Exchange, query: Query, judge: Judge) -> None:
    limit = _asked(query, "limit", schemas.LIST_LIMIT_DEFAULT)
    if limit is None or limit <= schemas.LIST_LIMIT_MAX:
        return
    most, said = schemas.LIST_LIMIT_MAX, _meta(x, "limit")
    judge.that(holds_in_bounds(said, 1, most), f"meta.limit at most {most}", said, x)
    judge.that(len(x.records) <= most, f"at most {most} records", len(x.records), x)


def _state(x: Exchange, query: Query, judge: Judge) -> None:
    if "type" not in query:
        _in_state(x, query, judge)


def _in_state(x: Exchange, query: Query, judge: Judge) -> None:
    wanted = BOOLEANS.get(query.get("archived", "false"))
    states = [record.get("is_archived") for record in x.records]
    if wanted is not None and states:
        odd = sum(state is not wanted for state in states if isinstance(state, bool))
        word = "archived" if wanted else "active"
        judge.that(not odd, f"only {word} contacts", f"{odd} of {len(states)} are not", x)


def _type(x: Exchange, query: Query, judge: Judge) -> None:
    if "archived" not in query:
        _of_type(x, query, judge)


def _combined(x: Exchange, query: Query, judge: Judge) -> None:
    if {"archived", "type"} <= query.keys():
        _in_state(x, query, judge)
        _of_type(x, query, judge)


def _of_type(x: Exchange, query: Query, judge: Judge) -> None:
    wanted = query.get("type")
    if wanted in schemas.CONTACT_TYPES and x.records:
        others = {str(record.get("contact_type")) for record in x.records} - {wanted}
        judge.that(not others, f"only contacts of type {wanted}", f"also {sorted(others)}", x)


def _numbers(x: Exchange) -> tuple[int, int] | None:
    """Return `meta.total` and `meta.limit`; None where LIST-01 or LIST-03 has more to say."""
    total, limit = _meta(x, "total"), _meta(x, "limit")
    if holds_in_bounds(total, 0) and holds_in_bounds(limit, 1):
        return total, limit
    return None


def _quotient(x: Exchange, _query: Query, judge: Judge) -> None:
    numbers, actual = _numbers(x), _meta(x, "totalPages")
    if numbers is None:
        return
    total, limit = numbers
    wanted = math.ceil(total / limit)
    # 1 for an empty result is only warned about, by the test that asks for one.
    right = actual == wanted or (total == 0 and actual == 1)
    judge.that(right, f"totalPages {wanted} = ceil({total} / {limit})", actual, x)


def _more(x: Exchange, query: Query, judge: Judge) -> None:
    page, pages = _asked(query, "page", 1), _meta(x, "totalPages")
    if page is None or not holds_in_bounds(pages, 0) or _meta(x, "page") != page:
        return
    if page > max(pages, 1):
        return  # What is past the end is PAGE-06's to judge.
    more = _meta(x, "hasMore")
    judge.that(more is (page < pages), f"hasMore {page < pages} on page {page} of {pages}", more, x)


def _count(x: Exchange, query: Query, judge: Judge) -> None:
    limit = _asked(query, "limit", schemas.SEARCH_LIMIT_DEFAULT)
    words = [query[name] for name in ("name", "email") if name in query]
    # Others may write to an account while it is searched whole (rule 3).
    if limit is None or not any(len(word) >= LONG for word in words):
        return
    count, came = x.at("count"), len(x.records)
    if came < limit:
        judge.that(count == came, f"count {came}, as many as came", count, x)
    else:
        judge.that(holds_in_bounds(count, came), f"count {came} or more", count, x)


LONG = 5
"""Characters from which on a word is one of this run's own."""


def _substring(x: Exchange, query: Query, judge: Judge) -> None:
    if {"name", "email"} <= query.keys():
        return  # What both together find is SEARCH-10's to judge.
    for parameter, field in (("name", "full_name"), ("email", "email")):
        text = query.get(parameter, "")
        if not _PLAIN.fullmatch(text):
            continue
        odd = [r.get(field) for r in x.records if text.lower() not in str(r.get(field)).lower()]
        judge.that(not odd, f"only contacts whose {field} contains {text!r}", odd[:2], x)


def _search_cap(x: Exchange, query: Query, judge: Judge) -> None:
    limit = _asked(query, "limit", schemas.SEARCH_LIMIT_DEFAULT)
    most = schemas.SEARCH_LIMIT_MAX
    if limit is not None and limit > most:
        judge.that(len(x.records) <= most, f"at most {most} records", len(x.records), x)


def _search_limit(x: Exchange, query: Query, judge: Judge) -> None:
    limit = _asked(query, "limit", schemas.SEARCH_LIMIT_DEFAULT)
    if limit is not None and limit <= schemas.SEARCH_LIMIT_MAX:
        judge.that(len(x.records) <= limit, f"at most {limit} records", len(x.records), x)


QUERY_CHECKS = {
    "LIST-01": judging("list", _stats),
    "LIST-02": judging("list", _defaults),
    "LIST-03": judging("list", _page_and_limit),
    "LIST-04": judging("list", _cap),
    "LIST-08": judging("list", _state),
    "LIST-09": judging("list", _type),
    "LIST-13": judging("list", _combined),
    "PAGE-01": judging("list", _quotient),
    "PAGE-02": judging("list", _more),
    "SEARCH-02": judging("search", _count),
    "SEARCH-05": judging("search", _substring),
    "SEARCH-07": judging("search", _search_limit),
    "SEARCH-08": judging("search", _search_cap),
}
"""The checks by clause; each takes an exchange and the judge of its clause."""
