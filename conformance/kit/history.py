"""Concurrent histories of one contact, and whether some order of their steps explains them. Pure.

A history is a set of events, each with the span of time in which it took effect. It is
linearizable where the events can be put in an order that respects the spans and in which every
read shows what the writes before it left (Herlihy and Wing, 1990). The search is the one of Wing
and Gong, with the states that were tried remembered, as Lowe has it.

An update counts as two events: a write of the fields that were sent, and a read of the others as
the answer shows them. A correct server may take the two apart, so nothing ties their order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeAlias

State: TypeAlias = tuple[tuple[str, object], ...]
"""The fields of a contact and their values, in the order of their names."""

SMALL = 3
"""Sub-histories of up to this many events are looked for one by one."""
BAR = 12
VALUE = 24
"""Columns of a bar, and of a value, in a timeline that fits a terminal."""


@dataclass(frozen=True)
class Event:
    """A write or a read of some fields, at some time between `invoked` and `returned`.

    Times are seconds on one clock. A write without an answer has no end: it may take effect at
    any later time, or never. `request` tells which events belong to one request, and `label` is
    what a timeline calls that request.
    """

    request: int
    writes: bool
    values: State
    invoked: float
    returned: float
    label: str = ""

    @property
    def answered(self) -> bool:
        """Whether the request was answered, so that it did take effect."""
        return not math.isinf(self.returned)


def state(values: Mapping[str, object]) -> State:
    """Return fields and values as a state."""
    return tuple(sorted(values.items()))


def linearizable(initial: State, history: Iterable[Event]) -> bool:
    """Whether some order of the events, each within its span, explains every read."""
    events = sorted(history, key=lambda event: event.invoked)
    done = sum(1 << n for n, event in enumerate(events) if event.answered)
    tried: set[tuple[int, State]] = set()
    to_try = [(0, initial)]
    while to_try:
        taken, now = to_try.pop()
        taken = _with_reads(taken, now, events)
        if taken & done == done:
            return True
        if (taken, now) in tried:
            continue
        tried.add((taken, now))
        to_try += [
            (taken | 1 << n, _written(now, events[n].values))
            for n in _possible(taken, events)
            if events[n].writes
        ]
    return False


def _possible(taken: int, events: Sequence[Event]) -> list[int]:
    """Return which events may come next: those invoked before any other pending one returned."""
    pending = [n for n in range(len(events)) if not taken >> n & 1]
    horizon = min((events[n].returned for n in pending), default=0.0)
    return [n for n in pending if events[n].invoked <= horizon]


def _with_reads(taken: int, now: State, events: Sequence[Event]) -> int:
    """Take every read that may come next and fits: doing so rules no order out."""
    while True:
        fitting = [
            n for n in _possible(taken, events) if not events[n].writes and _shows(now, events[n])
        ]
        if not fitting:
            return taken
        taken |= sum(1 << n for n in fitting)


def _shows(now: State, read: Event) -> bool:
    return set(read.values) <= set(now)


def _written(now: State, values: State) -> State:
    return state({**dict(now), **dict(values)})


def shortest_offence(initial: State, history: Iterable[Event]) -> list[Event]:
    """Return a small part of a history that no order explains either; empty where one does.

    A write is only left out where nothing in the part shows what it wrote, so that whatever no
    order explains in the part, none explains in the whole.
    """
    events = [event for event in history if event.values]
    names = sorted({name for event in events for name, _ in event.values})
    parts = [_smallest(*_about({name}, initial, events)) for name in names]
    found = [part for part in parts if part]
    if not found and not linearizable(initial, events):
        found = [_thinned(initial, events)]
    return min(found, key=len, default=[])


def _about(names: set[str], initial: State, events: Iterable[Event]) -> tuple[State, list[Event]]:
    """Return a history as far as it concerns some fields."""
    cut = [replace(e, values=tuple(pair for pair in e.values if pair[0] in names)) for e in events]
    return tuple(pair for pair in initial if pair[0] in names), [e for e in cut if e.values]


def _smallest(initial: State, events: list[Event]) -> list[Event]:
    if linearizable(initial, events):
        return []
    for size in range(1, SMALL + 1):
        for part in combinations(events, size):
            if _is_fair(part, events) and not linearizable(initial, part):
                return list(part)
    return _thinned(initial, events)


def _thinned(initial: State, events: list[Event]) -> list[Event]:
    """Leave out event after event, as long as the rest is still not linearizable."""
    part = list(events)
    # Reads first: writes that nothing shows any more can then go as well.
    for event in sorted(events, key=lambda event: (event.writes, -event.returned)):
        rest = [each for each in part if each is not event]
        if _is_fair(rest, part) and not linearizable(initial, rest):
            part = rest
    return part


def _is_fair(part: Iterable[Event], whole: Iterable[Event]) -> bool:
    """Whether no read of the part shows what a write outside it wrote."""
    kept = list(part)
    shown = {pair for event in kept if not event.writes for pair in event.values}
    left_out = {
        pair
        for event in whole
        if event.writes and not any(event is each for each in kept)
        for pair in event.values
    }
    return not shown & left_out


def timeline(events: Iterable[Event], since: float) -> str:
    """Return a picture of events, a line each: time in ms since `since`, a bar, what happened."""
    ordered = sorted(events, key=lambda event: (event.invoked, event.returned))
    if not ordered:
        return ""
    begin = ordered[0].invoked
    end = max((e.returned for e in ordered if e.answered), default=begin)
    scale = (BAR - 1) / max(end - begin, 1e-9)
    return "\n".join(
        _line(event, begin, min(end, event.returned), scale, since) for event in ordered
    )


def _line(event: Event, begin: float, end: float, scale: float, since: float) -> str:
    left, right = (int((moment - begin) * scale) for moment in (event.invoked, end))
    bar = (" " * left + "=" * (right - left + 1)).ljust(BAR)
    shown = ", ".join(f"{name} {value!r:.{VALUE}}" for name, value in event.values)
    said = f"{event.label} {shown}" if event.writes else f"{event.label}: {shown}"
    span = f"{(event.invoked - since) * 1000:6.1f}-{(end - since) * 1000:<6.1f}ms"
    return f"{span} |{bar}| {said}"
