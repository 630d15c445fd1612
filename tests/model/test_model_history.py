"""A history is linearizable exactly where some order explains it; offences are small and true."""

from __future__ import annotations

import math
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from conformance.kit.history import (
    Event,
    State,
    linearizable,
    shortest_offence,
    state,
    timeline,
)

INITIAL = state({"city": "old", "zip": "old"})


def write(begin: float, end: float, **values: str) -> Event:
    return Event(0, True, state(values), begin, end, "client 1 update")


def read(begin: float, end: float, **values: str) -> Event:
    return Event(1, False, state(values), begin, end, "client 2 get")


def explained_by_brute_force(initial: State, events: list[Event]) -> bool:
    """Whether any order at all explains the events: every one is tried."""
    lost = [event for event in events if not event.answered]
    sure = [event for event in events if event.answered]
    for count in range(2 ** len(lost)):
        taken = sure + [event for n, event in enumerate(lost) if count >> n & 1]
        if any(explains(initial, order) for order in permutations(taken)):
            return True
    return False


def explains(initial: State, order: tuple[Event, ...]) -> bool:
    now = dict(initial)
    for n, event in enumerate(order):
        if any(later.returned < event.invoked for later in order[n + 1 :]):
            return False
        if event.writes:
            now |= dict(event.values)
        elif any(now[name] != value for name, value in event.values):
            return False
    return True


values = st.dictionaries(st.sampled_from(("city", "zip")), st.sampled_from("abc"), min_size=1)
ends = st.integers(1, 6)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Any few events, possible or not."""
    count = draw(st.integers(0, 5))
    events = []
    for number in range(count):
        begin, length, writes = draw(ends), draw(ends), draw(st.booleans())
        end = math.inf if writes and draw(st.integers(0, 5)) == 0 else float(begin + length)
        events.append(Event(number, writes, state(draw(values)), float(begin), end))
    return events


@st.composite
def executions(draw: st.DrawFn) -> list[Event]:
    """What an atomic contact answers: each event takes effect at one moment of its span."""
    now, events = dict(INITIAL), []
    for moment in range(draw(st.integers(0, 12))):
        begin, end = moment - draw(st.floats(0, 4)), moment + draw(st.floats(0, 4))
        if draw(st.booleans()):
            sent = draw(values)
            now |= sent
            events.append(Event(moment, True, state(sent), begin, end))
        else:
            events.append(Event(moment, False, state(now), begin, end))
    return draw(st.permutations(events))


@given(histories())
def test_the_search_agrees_with_trying_every_order(events: list[Event]) -> None:
    initial = state({"city": "a", "zip": "b"})

    assert linearizable(initial, events) == explained_by_brute_force(initial, events)


@given(executions())
def test_whatever_an_atomic_contact_answers_is_linearizable(events: list[Event]) -> None:
    assert linearizable(INITIAL, events)
    assert shortest_offence(INITIAL, events) == []


@given(histories())
def test_an_offence_is_a_part_that_no_order_explains(events: list[Event]) -> None:
    initial = state({"city": "a", "zip": "b"})

    offence = shortest_offence(initial, events)

    assert bool(offence) == (not linearizable(initial, events))
    assert len(offence) <= len(events)
    if offence:
        names = {name for event in offence for name, _ in event.values}
        part = tuple(pair for pair in initial if pair[0] in names)
        assert not explained_by_brute_force(part, offence)


def test_a_read_after_an_acknowledged_write_shows_it() -> None:
    lost = [write(0, 1, city="new"), write(0, 1, zip="new"), read(2, 3, city="old", zip="new")]

    offence = shortest_offence(INITIAL, lost)

    assert [event.values for event in offence] == [(("city", "new"),), (("city", "old"),)]


def test_a_read_beside_a_write_shows_either() -> None:
    for value in ("old", "new"):
        assert linearizable(INITIAL, [write(0, 2, city="new"), read(1, 3, city=value)])


def test_a_value_once_seen_does_not_go_back() -> None:
    history = [write(0, 9, city="new"), read(1, 2, city="new"), read(3, 4, city="old")]

    assert not linearizable(INITIAL, history)
    assert len(shortest_offence(INITIAL, history)) == 3


def test_two_reads_show_two_writes_in_one_order() -> None:
    writes = [write(0, 9, city="new"), write(0, 9, zip="new")]
    crossed = [read(1, 2, city="new", zip="old"), read(3, 4, city="old", zip="new")]

    assert not linearizable(INITIAL, writes + crossed)


def test_a_value_that_nobody_wrote_is_an_offence_by_itself() -> None:
    offence = shortest_offence(INITIAL, [write(0, 1, zip="new"), read(0, 9, city="odd")])

    assert offence == [read(0, 9, city="odd")]


def test_an_unanswered_write_may_take_effect_late_or_never() -> None:
    unanswered = write(0, math.inf, city="new")

    for value in ("old", "new"):
        assert linearizable(INITIAL, [unanswered, read(5, 6, city=value)])
    assert not linearizable(INITIAL, [unanswered, read(5, 6, city="new"), read(7, 8, city="old")])


def test_an_offence_leaves_out_what_it_does_not_need() -> None:
    noise = [write(0.1 * n, 0.1 * n + 5, zip=f"z{n}") for n in range(6)]
    noise += [read(0.1 * n, 9, city="old") for n in range(6)]
    stale = [write(10, 11, city="new"), read(12, 13, city="old")]

    assert shortest_offence(INITIAL, noise + stale) == stale


def test_sixteen_parallel_requests_are_decided() -> None:
    writes = [write(0, 9, **{f"f{n}": "new"}) for n in range(8)]
    initial = state({f"f{n}": "old" for n in range(8)})
    shown = [
        read(0, 9, **{f"f{m}": "new" if m <= n else "old" for m in range(8)}) for n in range(8)
    ]

    assert linearizable(initial, writes + shown)
    assert not linearizable(initial, writes + shown + [read(10, 11, f0="old")])


def test_a_timeline_is_a_line_for_each_event_in_order() -> None:
    events = [read(1.010, 1.014, city="old"), write(1.000, 1.008, city="new")]

    picture = timeline(events, since=1.0)

    assert picture.splitlines() == [
        "   0.0-8.0   ms |=======     | client 1 update city 'new'",
        "  10.0-14.0  ms |       =====| client 2 get: city 'old'",
    ]


def test_a_timeline_of_nothing_is_empty() -> None:
    assert timeline([], since=0.0) == ""
