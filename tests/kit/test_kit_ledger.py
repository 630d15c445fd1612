"""The ledger survives a kill; its debts bound the budget, so that cleaning up always fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kit.budget import LOSSES_COVERED, Budget, BudgetExhausted
from conformance.kit.ledger import Entry, Ledger, belongs_to, keep_unsettled, leftovers, read

HEADER = {"run": "17c5", "base_url": "http://target.example/v1"}
PAYLOAD = {"first_name": "Qkzvtmwebdfh", "last_name": "Lee", "email": "q@example.com", "tags": []}


def unsettled(entries: list[Entry]) -> list[tuple[str, tuple[str, ...], str | None, str]]:
    return [(e.account, e.words, e.id, e.state) for e in entries]


def written(directory: Path) -> tuple[Ledger, Path]:
    path = directory / "ledger.jsonl"
    return Ledger(path, HEADER), path


def test_a_ledger_that_was_killed_tells_what_is_left(tmp_path: Path) -> None:
    ledger, path = written(tmp_path)
    ledger.created(ledger.intend("first", PAYLOAD), "a")
    ledger.created(ledger.intend("second", {"first_name": "B"}), "b")
    ledger.settle(ledger.intend("first", {"first_name": "C"}), "refused")
    ledger.settle(ledger.intend("first", {"first_name": "D"}), "lost")
    ledger.intend("first", {"first_name": "E"})
    ledger.created(ledger.intend("first", {"first_name": "F"}), "f")
    ledger.gone("f")
    ledger.found("first", "g")

    found = leftovers(path)  # Before the file is closed: every line has reached it by itself.
    ledger.close()

    assert unsettled(found) == [
        ("first", ("Qkzvtmwebdfh", "Lee", "q@example.com"), "a", "live"),
        ("second", ("B",), "b", "live"),
        ("first", ("D",), None, "lost"),
        ("first", ("E",), None, "sent"),
        ("first", (), "g", "live"),
    ]


STEPS = st.lists(st.tuples(st.sampled_from(["live", "refused", "lost", "sent"]), st.booleans()))


@given(STEPS)
def test_replay_agrees_with_memory(tmp_path_factory: Any, steps: list[tuple[str, bool]]) -> None:
    ledger, path = written(tmp_path_factory.mktemp("replay"))
    for number, (fate, deleted) in enumerate(steps):
        entry = ledger.intend("first", {"first_name": f"name {number}"})
        if fate == "live":
            ledger.created(entry, f"id {number}")
        elif fate != "sent":
            ledger.settle(entry, fate)
        if deleted:
            ledger.gone(f"id {number}")

    in_memory = [e for e in ledger.entries.values() if e.state in ("sent", "live", "lost")]
    ledger.close()

    assert unsettled(leftovers(path)) == unsettled(in_memory)


@given(st.data())
def test_a_ledger_cut_anywhere_is_still_read(tmp_path_factory: Any, data: Any) -> None:
    ledger, path = written(tmp_path_factory.mktemp("cut"))
    for number in range(3):
        ledger.created(ledger.intend("first", {"first_name": "Zoë 漢"}), f"id {number}")
    ledger.close()
    content = path.read_bytes()
    length = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:length])

    whole_lines = content[:length].count(b"\n")
    assert whole_lines <= len(list(read(path))) <= whole_lines + 1
    assert len(leftovers(path)) <= 3


@pytest.mark.parametrize("line", [b"", b"[]\n", b"7\n", b"{\n", b"\xff\xfe\n", b'{"event":"x"}\n'])
def test_strange_lines_are_passed_over(line: bytes, tmp_path: Path) -> None:
    ledger, path = written(tmp_path)
    ledger.created(ledger.intend("first", PAYLOAD), "a")
    ledger.close()
    path.write_bytes(line + path.read_bytes() + line)

    assert [e.id for e in leftovers(path)] == ["a"]


def test_words_are_the_texts_by_which_a_contact_is_found_again() -> None:
    ledger = Ledger(None, {})

    assert ledger.intend("first", PAYLOAD).words == ("Qkzvtmwebdfh", "Lee", "q@example.com")
    assert ledger.intend("first", {"first_name": {"a": 1}, "email": " "}).words == ()
    assert ledger.intend("first", None).words == ()


def test_a_contact_found_again_is_known_once() -> None:
    ledger = Ledger(None, {})
    ledger.created(ledger.intend("first", PAYLOAD), "a")

    ledger.found("first", "a")

    assert len(ledger.entries) == 1
    assert ledger.knows("a")
    assert not ledger.knows("b")
    assert not ledger.knows({"$oid": "a"})


def test_a_settled_entry_is_no_debt() -> None:
    ledger = Ledger(None, {})
    debts = [ledger.debts()]
    entry = ledger.intend("first", PAYLOAD)
    debts.append(ledger.debts())
    ledger.created(entry, "a")
    debts.append(ledger.debts())
    ledger.gone("a")
    debts.append(ledger.debts())

    assert debts == [0, 1, 1, 0]


def test_a_lost_create_costs_two_searches_and_a_delete() -> None:
    ledger = Ledger(None, {})
    ledger.settle(ledger.intend("first", PAYLOAD), "lost")

    assert ledger.debts() == 3


def test_an_unsettled_ledger_is_kept_for_sweep(tmp_path: Path) -> None:
    ledger, path = written(tmp_path)
    ledger.created(ledger.intend("first", PAYLOAD), "a")
    ledger.close()

    keep_unsettled(path)

    kept = tmp_path / "ledger-17c5.jsonl"
    assert not path.exists()
    assert [e.id for e in leftovers(kept)] == ["a"]
    assert belongs_to(kept, "http://target.example/v1/")
    assert not belongs_to(kept, "http://other.example/v1")


def test_a_settled_ledger_may_be_written_over(tmp_path: Path) -> None:
    ledger, path = written(tmp_path)
    ledger.settle(ledger.intend("first", PAYLOAD), "refused")
    ledger.close()

    keep_unsettled(path)

    assert [p.name for p in tmp_path.iterdir()] == ["ledger.jsonl"]


def test_the_first_line_says_which_run_and_target(tmp_path: Path) -> None:
    ledger, path = written(tmp_path)
    ledger.close()

    assert json.loads(path.read_text()) == {"event": "run", **HEADER}
    assert not belongs_to(tmp_path / "none.jsonl", HEADER["base_url"])


def test_the_budget_counts_and_never_passes_its_bound() -> None:
    budget = Budget(3, 0, lambda: 0)
    for _ in range(3):
        budget.spend()

    with pytest.raises(BudgetExhausted, match=r"budget of 3 requests is spent \(3 sent, 0 kept"):
        budget.spend()
    with pytest.raises(BudgetExhausted):
        budget.spend(settles=True)
    assert (budget.used, budget.left()) == (3, 0)


def test_without_a_bound_nothing_is_refused() -> None:
    budget = Budget(None, 0, lambda: 1_000)
    for _ in range(1_000):
        budget.spend()

    assert budget.left() is None


OPERATIONS = st.lists(st.sampled_from(["create", "read", "delete", "refused create"]), max_size=60)


@given(OPERATIONS, st.integers(0, 30))
def test_what_was_created_can_always_be_deleted(operations: list[str], bound: int) -> None:
    """The budget's law: every create that was sent has its delete in reserve."""
    debts = 0
    budget = Budget(bound, 0, lambda: debts)

    for operation in operations:
        settles = operation == "delete" and debts > 0
        debts += operation.endswith("create")
        try:
            budget.spend(settles=settles)
        except BudgetExhausted:
            debts -= operation.endswith("create")
            assert not settles
            continue
        debts -= settles or operation == "refused create"
        assert budget.used + debts <= bound
        assert budget.left() == bound - budget.used - debts


def test_what_is_kept_back_is_for_those_who_settle() -> None:
    budget = Budget(10, 0, lambda: 0)
    budget.kept_back = 9
    budget.spend()

    with pytest.raises(BudgetExhausted):
        budget.spend()
    assert budget.left() == 0
    budget.spend(settles=True)
    assert budget.used == 2


def test_a_limited_delete_may_be_sent_again_beyond_the_bound() -> None:
    budget = Budget(1, 1000, lambda: 1)
    budget.spend(settles=True)
    with pytest.raises(BudgetExhausted):
        budget.spend(settles=True)

    budget.limited(settles=False)
    budget.limited(settles=True)

    budget.spend(settles=True)
    assert budget.used == 2
    assert budget.left() == 0


def test_lost_answers_go_beyond_the_bound_only_so_far() -> None:
    debts = 0
    budget = Budget(1, 0, lambda: debts)
    budget.spend()
    debts = 3

    budget.lost()
    assert budget.left() == 0
    for _ in range(3):
        budget.spend(settles=True)
        debts -= 1
    for _ in range(LOSSES_COVERED - 3):
        budget.lost(settles=True)
        budget.spend(settles=True)
    budget.lost(settles=True)
    with pytest.raises(BudgetExhausted):
        budget.spend(settles=True)


@given(st.lists(st.floats(0, 100), max_size=20), st.floats(0, 500))
def test_waits_never_pass_what_the_user_allows(waits: list[float], allowed: float) -> None:
    budget = Budget(None, allowed, lambda: 0)
    for seconds in waits:
        before = budget.waited
        try:
            budget.wait(seconds)
        except BudgetExhausted:
            assert budget.waited == before
    assert budget.waited <= allowed


def test_what_is_promised_to_one_is_kept_from_the_others_until_it_is_sent() -> None:
    budget = Budget(3, 0, lambda: 0)

    with budget.promising(2):
        assert budget.left() == 1
        budget.spend()
        with pytest.raises(BudgetExhausted):
            budget.spend()

    budget.spend()
    budget.spend()
    assert budget.left() == 0


def test_repeats_go_beyond_a_bound_that_is_not_the_users_own() -> None:
    lenient = Budget(1, 1000, lambda: 0, repeats_count=False)
    strict = Budget(1, 1000, lambda: 0)

    for budget in (lenient, strict):
        budget.spend()
        budget.limited(settles=False)

    lenient.spend()
    with pytest.raises(BudgetExhausted):
        strict.spend()


def test_no_more_repeats_than_a_window_has_room_for_go_beyond_the_bound() -> None:
    budget = Budget(0, 1000, lambda: 0, repeats_count=False)
    for _ in range(3 * LOSSES_COVERED):
        budget.lost()
        budget.limited(settles=False)

    assert budget.left() == LOSSES_COVERED
