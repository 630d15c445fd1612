"""The oracle agrees with every honest book, allows what the contract leaves open, and no more."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_targets import LIES, Honest, Liar, Lie

from conformance.kit import lives
from conformance.kit.model import (
    FAILURE,
    FIELDS,
    WARNING,
    Answer,
    Book,
    Call,
    Disagreement,
    observe,
    replies,
)

TOKEN = "Vwqjbdfhkzvw"
KINDS = ("buyer", "seller", "agent")
STORIES = 40
seeds = st.integers(0, 2**32)
few = settings(max_examples=20)


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - test data, not keys


def call_of(step: lives.Step, rng: random.Random) -> Call:
    values: dict[str, Any] = {}
    if step.operation == "create":
        first = "".join(rng.choices("aeimnorst", k=12))
        values = {"first_name": first, "last_name": TOKEN, "contact_type": rng.choice(KINDS)}
    elif step.operation == "update":
        tags = [str(rng.random())]
        values = rng.choice(({"tags": tags}, {"city": str(rng.random())}))
    elif step.operation == "list":
        either = rng.random() < 0.5
        last = step.who in (lives.ACTIVE, lives.ARCHIVED)
        values = {"search": TOKEN, "archived": step.who == lives.ARCHIVED if last else either}
    elif step.operation == "search":
        values = {"name": TOKEN}
    return Call(step.operation, step.who, values)


def told(target: Honest, seed: int) -> list[Disagreement]:
    """What the oracle finds wrong in one story."""
    rng = seeded(seed)
    book = Book()
    found: list[Disagreement] = []
    for step in lives.plan(rng, 66):
        call = call_of(step, rng)
        observed = observe(book, call, target.answer(call))
        book = observed.book
        found += observed.disagreements
    return found


def played(*calls: Call, book: Book | None = None) -> Book:
    """The book after calls that an honest target answers."""
    target, now = Honest(), book or Book()
    for call in calls:
        observed = observe(now, call, target.answer(call))
        assert observed.disagreements == ()
        now = observed.book
    return now


def create(who: str = "Ann", **values: Any) -> Call:
    ordinary = {"first_name": who.lower() * 4, "last_name": TOKEN, "contact_type": "buyer"}
    return Call("create", who, ordinary | values)


def record(call: Call, **changes: Any) -> dict[str, Any]:
    blank: dict[str, Any] = dict.fromkeys(FIELDS) | {"tags": [], "is_archived": False}
    return blank | dict(call.values) | changes


@few
@given(seeds)
def test_an_honest_book_never_disagrees(seed: int) -> None:
    assert told(Honest(), seed) == []


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_each_lie_is_found_in_most_stories(lie: Lie) -> None:
    caught = [seed for seed in range(STORIES) if told(Liar(lie), seed)]

    assert len(caught) >= STORIES * 0.95


@few
@given(seeds)
def test_a_call_changes_no_book_but_leads_to_another(seed: int) -> None:
    rng = seeded(seed)
    target, book = Honest(), Book()
    for step in lives.plan(rng, 66)[:30]:
        call = call_of(step, rng)
        before = (dict(book.people), {w: dict(p.fields) for w, p in book.people.items()})
        after = observe(book, call, target.answer(call)).book

        assert before == (dict(book.people), {w: dict(p.fields) for w, p in book.people.items()})
        book = after


@few
@given(seeds)
def test_the_replies_to_a_call_never_overlap(seed: int) -> None:
    rng = seeded(seed)
    target, book = Honest(), Book()
    for step in lives.plan(rng, 66):
        call = call_of(step, rng)
        statuses = [status for reply in replies(book, call) for status in reply.statuses]

        assert len(statuses) == len(set(statuses))
        book = observe(book, call, target.answer(call)).book


def test_archive_and_restore_keep_every_field() -> None:
    ann = create(city="Bakersfield", tags=["red"])

    before = played(ann)
    after = played(ann, Call("archive", "Ann"), Call("restore", "Ann"))

    assert after.people["Ann"] == before.people["Ann"]


@pytest.mark.parametrize("status", [200, 400, 404, 409])
@pytest.mark.parametrize("operation", ["archive", "restore"])
def test_doing_it_twice_is_allowed_or_refused(operation: str, status: int) -> None:
    ann = create()
    book = played(ann, *([Call("archive", "Ann")] if operation == "archive" else []))
    state = operation == "archive"

    shown = {"Ann": record(ann, is_archived=state)} if status == 200 else {}
    observed = observe(book, Call(operation, "Ann"), Answer(status, shown, len(shown)))

    assert observed.disagreements == ()
    assert observed.book.people["Ann"].archived is state


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 423])
def test_an_archived_contact_may_refuse_an_update(status: int) -> None:
    book = played(create(city="Old"), Call("archive", "Ann"))

    observed = observe(book, Call("update", "Ann", {"city": "New"}), Answer(status))

    assert observed.disagreements == ()
    assert observed.book == book


def test_an_update_of_an_archived_contact_counts_where_it_is_shown() -> None:
    ann = create(city="Old")
    book = played(ann, Call("archive", "Ann"))
    update = Call("update", "Ann", {"city": "New"})

    taken = observe(book, update, Answer(200, {"Ann": record(ann, city="New", is_archived=True)}))
    ignored = observe(book, update, Answer(200, {"Ann": record(ann, is_archived=True)}))
    undone = observe(
        taken.book, Call("restore", "Ann"), Answer(200, {"Ann": record(ann, city="Old")})
    )

    assert taken.disagreements == ignored.disagreements == ()
    assert [d.severity for d in undone.disagreements] == [FAILURE]


def test_a_field_that_archiving_changes_is_a_warning_and_then_either_value_is_right() -> None:
    ann = create(contact_type="buyer")
    book = played(ann)

    archived = record(ann, contact_status="archived", is_archived=True)
    after = observe(book, Call("archive", "Ann"), Answer(200, {"Ann": archived}))
    both = [
        observe(
            after.book, Call("get", "Ann"), Answer(200, {"Ann": archived | {"contact_status": v}})
        )
        for v in ("archived", None)
    ]

    assert [d.severity for d in after.disagreements] == [WARNING]
    assert all(seen.disagreements == () for seen in both)


def test_a_list_may_leave_a_value_out_but_not_show_an_old_one() -> None:
    ann = create(city="Old")
    book = played(ann, Call("update", "Ann", {"city": "New"}))
    listing = Call("list", "Ann", {"search": TOKEN})

    without = observe(book, listing, Answer(200, {"Ann": record(ann, city=None)}, 1, 1))
    stale = observe(book, listing, Answer(200, {"Ann": record(ann, city="Old")}, 1, 1))

    assert [d.severity for d in without.disagreements] == [WARNING]
    assert [d.severity for d in stale.disagreements] == [FAILURE]


@pytest.mark.parametrize("shown", [True, False])
def test_a_search_may_find_archived_contacts_or_not(shown: bool) -> None:
    ann = create()
    book = played(ann, Call("archive", "Ann"))
    answer = Answer(200, {"Ann": record(ann, is_archived=True)} if shown else {}, int(shown))

    assert observe(book, Call("search", "Ann", {"name": TOKEN}), answer).disagreements == ()


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("operation", ["get", "update", "archive", "delete"])
def test_a_deleted_contact_may_still_answer(operation: str, status: int) -> None:
    ann = create()
    book = played(ann, Call("delete", "Ann"))
    shown = {"Ann": record(ann)} if status == 200 else {}

    observed = observe(book, Call(operation, "Ann"), Answer(status, shown, len(shown)))

    assert observed.disagreements == ()
    assert observed.book.people["Ann"].deleted


def test_a_deleted_contact_is_never_restored_listed_or_found() -> None:
    ann = create()
    book = played(ann, Call("delete", "Ann"))
    again = {"Ann": record(ann)}

    wrong = [
        observe(book, Call("restore", "Ann"), Answer(200, again, 1)),
        observe(book, Call("list", "Ann", {"search": TOKEN}), Answer(200, again, 1, 1)),
        observe(book, Call("search", "Ann", {"name": TOKEN}), Answer(200, again, 1)),
    ]

    assert all(seen.disagreements for seen in wrong)


def test_a_missing_contact_is_told_by_name() -> None:
    book = played(create())

    observed = observe(book, Call("list", "Ann", {"search": TOKEN}), Answer(200, {}, 0, 0))

    (wrong,) = observed.disagreements
    assert (wrong.expected, wrong.actual) == ("Ann", "nobody")


def test_an_answer_about_another_contact_is_a_disagreement() -> None:
    ann, ben = create("Ann"), create("Ben")
    book = played(ann, ben)

    observed = observe(book, Call("get", "Ann"), Answer(200, {"Ben": record(ben)}, 1))

    assert observed.disagreements[0].expected == "Ann"
    assert observed.disagreements[0].actual == "Ben"


def test_nothing_is_expected_of_a_contact_that_is_not_trusted() -> None:
    ann = create()
    book = played(ann).distrusting(["Ann"])

    seen = [
        observe(book, Call("get", "Ann"), Answer(500)),
        observe(book, Call("list", "Ann", {"search": TOKEN}), Answer(200, {}, 0, 0)),
        observe(book, Call("search", "Ann", {"name": TOKEN}), Answer(200, {"Ann": record(ann)}, 1)),
    ]

    assert all(observed.disagreements == () for observed in seen)


def test_tags_are_compared_without_order_and_unset_texts_are_all_one() -> None:
    ann = create(tags=["red", "blue"])
    book = played(ann)
    shown = record(ann, tags=["blue", "red"], notes="")

    assert observe(book, Call("get", "Ann"), Answer(200, {"Ann": shown}, 1)).disagreements == ()


def test_a_server_error_is_no_answer_to_any_call() -> None:
    book = played(create())

    for call in (create("Ben"), Call("get", "Ann"), Call("list", "Ann", {"search": TOKEN})):
        assert observe(book, call, Answer(500)).disagreements


def test_people_are_replaced_not_changed() -> None:
    book = played(create())

    other = book.having("Ann", replace(book.people["Ann"], archived=True))

    assert not book.people["Ann"].archived
    assert other.people["Ann"].archived
    with pytest.raises(TypeError):
        book.people["Ben"] = book.people["Ann"]  # type: ignore[index]
