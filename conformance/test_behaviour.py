"""The observed clauses: what the target chose where the reference leaves a choice.

Nothing here can fail. Each choice goes into the behaviour profile of the results.
"""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kit.exchange import Exchange
from conformance.kit.expect import Judge, premise
from conformance.kit.outcome import Outcome

ORDERS = {
    "newest first": ("created_at", True),
    "oldest first": ("created_at", False),
    "by first name": ("first_name", False),
    "by email": ("email", False),
    "last updated first": ("updated_at", True),
    "by id": ("id", False),
}


class Profile:
    """Notes behaviour for one observed clause."""

    def __init__(self, judge: Judge, behaviour: dict[str, Any]) -> None:
        """Write into the results' behaviour; each note counts as a check."""
        self._judge, self._behaviour = judge, behaviour

    def note(self, name: str, value: Any, exchange: Exchange) -> None:
        """Note one choice of the target."""
        self._behaviour[name.replace(" ", "_")] = value
        self._judge.that(True, name, value, exchange)


@pytest.fixture
def profile(judge: Judge, behaviour: dict[str, Any]) -> Profile:
    """The behaviour profile, for the clause of this test."""
    return Profile(judge, behaviour)


def _answer(x: Exchange) -> str:
    return "accepted" if x.ok else f"refused with {x.status}"


@pytest.mark.clause("LIST-18")
def test_the_order_of_the_list_and_the_keys_of_stats(shelf: Outcome, profile: Profile) -> None:
    x = shelf.hundred
    premise(x.ok and len(x.records) > 1, "the list is not answered", x)

    fitting = [name for name, (key, down) in ORDERS.items() if _ordered(x, key, down)]
    profile.note("order", fitting[0] if fitting else "another order", x)
    stats = x.at("data", "stats")
    profile.note("stats", sorted(stats) if isinstance(stats, dict) else None, x)


def _ordered(x: Exchange, key: str, down: bool) -> bool:
    values = [str(record.get(key)) for record in x.records]
    return values == sorted(values, reverse=down)


@pytest.mark.clause("LIST-18")
def test_unknown_and_repeated_parameters_of_the_list(oddities: Outcome, profile: Profile) -> None:
    seen = oddities.seen
    premise(seen, "the budget left no room for it", kind="budget")

    for name in ("unknown type", "unknown parameter"):
        if name in seen:
            count = f"{len(seen[name].records)} records" if seen[name].ok else _answer(seen[name])
            profile.note(name, count, seen[name])
    if "repeated parameter" in seen:
        x = seen["repeated parameter"]
        profile.note("repeated limit", x.at("data", "meta", "limit") if x.ok else _answer(x), x)
    typo = seen["search for a name with one letter wrong"]
    profile.note("fuzzy search finds a typo", bool(typo.records), typo)


@pytest.mark.clause("SEARCH-13")
def test_whether_archived_contacts_are_found(
    quiet: Outcome, oddities: Outcome, profile: Profile
) -> None:
    x = quiet.archived[1]
    premise(quiet.archive.ok and x.ok, "the archive was refused", quiet.archive)

    profile.note("archived in search", quiet.gone.id in x.ids, x)
    if "empty name" in oddities.seen:
        empty = oddities.seen["empty name"]
        answer = f"{len(empty.records)} records" if empty.ok else _answer(empty)
        profile.note("empty name in search", answer, empty)


@pytest.mark.clause("GET-06")
def test_what_an_upper_case_id_finds(oddities: Outcome, profile: Profile) -> None:
    premise("upper-case id" in oddities.seen, "the budget left no room for it", kind="budget")
    x = oddities.seen["upper-case id"]

    profile.note("upper-case id", "found" if x.ok else _answer(x), x)


@pytest.mark.clause("UPDATE-14")
def test_undocumented_fields_of_an_update(
    whole_updates: Outcome, oddities: Outcome, profile: Profile
) -> None:
    profile.note("unknown fields on update", _answer(whole_updates.owned), whole_updates.owned)
    for name in ("unknown type on update", "null on update", "license number on update"):
        if name in oddities.seen:
            profile.note(name, _answer(oddities.seen[name]), oddities.seen[name])


@pytest.mark.clause("CREATE-22")
def test_undocumented_fields_of_a_create(
    forged_create: Outcome, oddities: Outcome, profile: Profile
) -> None:
    _, x, _ = forged_create.tried[0]
    profile.note("unknown fields on create", _answer(x), x)
    for name in ("nulls on create", "empty texts on create", "long state on create"):
        if name in oddities.seen:
            profile.note(name, _answer(oddities.seen[name]), oddities.seen[name])
    altered = oddities.seen.get("alterable texts on create")
    if altered is not None and altered.ok:
        record = altered.contact
        profile.note("texts are trimmed", record.get("company") == "padded", altered)
        email = str(record.get("email"))
        profile.note("emails are lower-cased", email == email.lower(), altered)
        profile.note("duplicate tags are dropped", record.get("tags") == ["twice"], altered)
