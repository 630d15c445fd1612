"""After a 429 requests go out in rounds: one ahead, then as many as it says there is room for."""

from __future__ import annotations

import pytest
from kit_doubles import exchange

from conformance.kit.exchange import Exchange
from conformance.kit.pacing import EMPTY_MOST, Pace


def answer(left: int | None, reset: int = 7, status: int = 200) -> Exchange:
    known = {} if left is None else {"ratelimit-remaining": str(left)}
    return exchange("list", status, {}, headers={**known, "ratelimit-reset": str(reset)})


def admitted(pace: Pace, tried: int) -> int:
    return sum(pace.admits() for _ in range(tried))


def refused(in_flight: int = 3) -> Pace:
    """A pace after the refusal of the first of so many, the others answered as well."""
    pace = Pace()
    admitted(pace, in_flight)
    for _ in range(in_flight):
        pace.returned(answer(0, status=429))
    return pace


def test_before_a_refusal_nothing_is_held_back() -> None:
    pace = Pace()

    assert admitted(pace, 50) == 50
    assert pace.returned(answer(0)) == 0.0
    assert admitted(pace, 50) == 50


def test_after_a_refusal_one_goes_ahead_and_what_is_left_follows() -> None:
    pace = refused()

    assert admitted(pace, 8) == 1
    assert pace.returned(answer(5)) == 0.0
    assert admitted(pace, 8) == 5


def test_nobody_goes_ahead_while_others_are_in_flight() -> None:
    pace = Pace()
    admitted(pace, 3)
    pace.returned(answer(0, status=429))

    assert admitted(pace, 8) == 0
    pace.returned(answer(4))
    pace.returned(None)
    assert admitted(pace, 8) == 1


def test_a_round_that_used_everything_up_waits_for_the_reset() -> None:
    pace = refused()
    admitted(pace, 1)
    pace.returned(answer(2))
    admitted(pace, 8)

    waits = [pace.returned(answer(1)), pace.returned(answer(0))]

    assert waits == [0.0, 7.0]
    assert admitted(pace, 8) == 1


def test_a_round_that_left_something_begins_the_next_at_once() -> None:
    pace = refused()
    admitted(pace, 1)
    pace.returned(answer(2))
    admitted(pace, 8)

    waits = [pace.returned(answer(30)), pace.returned(answer(29))]

    # A bucket was filled meanwhile; 2 were left when the first went ahead.
    assert waits == [0.0, 0.0]
    assert admitted(pace, 8) == 1


@pytest.mark.parametrize("header", [None, -1])
def test_a_target_that_does_not_tell_what_is_left_is_not_paced(header: int | None) -> None:
    pace = refused()
    admitted(pace, 1)

    assert pace.returned(answer(header)) == 0.0
    assert admitted(pace, 8) == 8


def test_a_target_that_always_says_nothing_is_left_is_not_believed_for_long() -> None:
    pace = refused()
    waits = []
    for _ in range(EMPTY_MOST):
        assert admitted(pace, 8) == 1
        waits.append(pace.returned(answer(0)))

    assert waits == [7.0, 7.0, 0.0]
    assert admitted(pace, 8) == 8


def test_a_lost_answer_ends_no_round_for_good() -> None:
    pace = refused()
    admitted(pace, 1)

    assert pace.returned(None) == 0.0
    assert admitted(pace, 8) == 1
