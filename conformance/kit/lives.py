"""Plans for LIFE-01: which operation comes next, on which contact. Pure, repeatable from a seed.

Random operations meet each ordered pair of operations on one contact only by luck. So the live
part of all lives is a walk that uses each pair exactly once (an Eulerian circuit of the complete
graph over the operations), cut into as many pieces as there are operations, each piece the life of
one contact: every operation is once the first after a create and once the last before a delete.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import NamedTuple

from conformance.kit.model import LIVE, READS

Pair = tuple[str, str]
NO_PAIRS: frozenset[Pair] = frozenset()
LAST = (*LIVE, "delete")
PAIRS = frozenset(
    {
        *product(LIVE, LIVE),
        *(("create", after) for after in LAST),
        *((before, "delete") for before in LIVE),
        *(("delete", after) for after in LAST),
    }
)
"""Every ordered pair of operations on one contact, from its create to what follows its delete."""

NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida", "Jon", "Kim", "Lou")
LOOKS = ("update", "get", "archive", "get", "restore", "get")
"""Get, change, get again, for every change: what a cache of single contacts stumbles over."""
TURNS = frozenset({("update", "restore"), ("restore", "update")})
"""Updated while archived, then restored: with which values? Restored, then updated: for good?"""
TURNING = ("archive", "update", "get", "restore", "get", "update", "get")
"""A life that takes both turns and looks after each, for plans without room for every pair."""
SURVIVORS = 3
"""Lives whose deletes come last, so that the final lists have someone to show."""
ACTIVE, ARCHIVED = "active", "archived"
"""Stand for a contact in the last lists, which are meant for all."""
DRAFTS = 40
SHORTEST = 3
"""A create, a delete, and what comes after."""
EXTRA_LENGTH = 8


class Step(NamedTuple):
    """One operation of a plan, and the contact that it is meant for."""

    operation: str
    who: str


LISTS = (Step("list", ACTIVE), Step("list", ARCHIVED), Step("list", ARCHIVED))
"""The lists at the end: before the last deletes, and the archived ones once more after them."""


@dataclass
class Coverage:
    """Which ordered pairs of operations on one contact have been performed."""

    pairs: set[tuple[str, str]] = field(default_factory=set)
    _last: dict[str, str] = field(default_factory=dict)

    def note(self, step: Step) -> None:
        """Count a step that was performed."""
        if step.who in self._last:
            self.pairs.add((self._last[step.who], step.operation))
        self._last[step.who] = step.operation

    @property
    def missing(self) -> list[tuple[str, str]]:
        """The pairs that were not performed, in order."""
        return sorted(PAIRS - self.pairs)


def plan(rng: random.Random, most: int, known: frozenset[Pair] = NO_PAIRS) -> list[Step]:
    """Return at most `most` steps that cover every pair, where that many allow it.

    Of several drafts the one is taken that holds the `TURNS`, the most pairs that are not `known`
    already, and the most kinds of change after which a contact is read again. Where there is room, more contacts live random
    lives; where there is not, lives are left out.
    """
    drafts = [_draft(rng, most) for _ in range(DRAFTS)]
    if known:
        drafts += [_woven(_seeking(rng, most, known), rng) for _ in range(DRAFTS)]
    return max(drafts, key=lambda steps: _worth(steps, known))


def _worth(steps: Sequence[Step], known: frozenset[Pair]) -> tuple[int, int, int]:
    found, coverage = rereadings(steps), Coverage()
    for step in steps:
        coverage.note(step)
    return len(found & TURNS), len(coverage.pairs | known), len(found)


def _draft(rng: random.Random, most: int) -> list[Step]:
    afterwards = rng.sample(LAST, len(LAST))
    pieces = [*_pieces(_circuit(rng), rng), []]
    lives = [
        ["create", *piece, "delete", after] for piece, after in zip(pieces, afterwards, strict=True)
    ]
    rng.shuffle(lives)
    if sum(map(len, lives)) > most - len(LISTS):
        lives.insert(0, ["create", *TURNING, "delete", rng.choice(LAST)])
    while sum(map(len, lives)) > most - len(LISTS) and lives:
        lives.pop()
    while sum(map(len, lives)) + EXTRA_LENGTH + 3 <= most - len(LISTS) and len(lives) < len(NAMES):
        more = rng.choices(LIVE, k=EXTRA_LENGTH)
        lives.append(["create", *more, "delete", rng.choice(LAST)])
    return _woven(lives, rng)


def _seeking(rng: random.Random, most: int, known: frozenset[Pair]) -> list[list[str]]:
    """Return lives that go from one pair that is not known to the next, as far as they get."""
    room = most - len(LISTS)
    lives = [["create", *TURNING, "delete", rng.choice(LAST)]]
    left = set(PAIRS - known) - set(pairwise(lives[0]))
    room -= len(lives[0])
    while room >= SHORTEST and len(lives) < len(NAMES) and left:
        life = _life_through(left, rng, room)
        lives.append(life)
        room -= len(life)
    return lives


def _life_through(left: set[Pair], rng: random.Random, most: int) -> list[str]:
    """Return one life of at most `most` operations, and take the pairs that it holds from `left`."""
    life = ["create"]
    while life[-1] != "delete":
        wanted = [op for op in LIVE if (life[-1], op) in left]
        bridges = [op for op in LIVE if any((op, after) in left for after in LAST)]
        ends = len(life) >= most - 2 or not (wanted or bridges)
        dies = (life[-1], "delete") in left and not wanted
        life.append("delete" if ends or dies else rng.choice(wanted or bridges))
        left.discard((life[-2], life[-1]))
    after = [op for op in LAST if ("delete", op) in left] or list(LAST)
    life.append(rng.choice(after))
    left.discard(("delete", life[-1]))
    return life


def _circuit(rng: random.Random) -> list[str]:
    """Return a random closed walk that uses each ordered pair of live operations once.

    Hierholzer's algorithm; the detour of `LOOKS` from get to get is taken in one piece.
    """
    changes = {"update", "archive", "restore"}
    ways = {
        one: [two for two in LIVE if {one, two} - changes != {"get"} or one == two] for one in LIVE
    }
    ways["get"].append("looks")
    for targets in ways.values():
        rng.shuffle(targets)
    stack, walk = [rng.choice(LIVE)], []
    while stack:
        way = ways["get" if stack[-1] == "looks" else stack[-1]]
        if way:
            stack.append(way.pop())
        else:
            walk.append(stack.pop())
    return [each for at in reversed(walk) for each in (LOOKS if at == "looks" else (at,))]


def _pieces(circuit: Sequence[str], rng: random.Random) -> list[list[str]]:
    """Cut a circuit so that each operation begins one piece and ends another."""
    walk = list(circuit[:-1])
    size = len(walk)
    places = {op: rng.choice([i for i, at in enumerate(walk) if at == op]) for op in LIVE}
    cuts = sorted(places.values())
    return [
        [walk[i % size] for i in range(start, end + 1)]
        for start, end in pairwise([*cuts, cuts[0] + size])
    ]


def _woven(lives: Sequence[Sequence[str]], rng: random.Random) -> list[Step]:
    """Interleave lives at random; the deaths of some come after the final lists."""
    threads = [[Step(op, who) for op in life] for life, who in zip(lives, NAMES, strict=False)]
    late = threads[:SURVIVORS]
    deaths = [thread[-2:] for thread in late]
    early = [thread[:-2] for thread in late] + threads[SURVIVORS:]
    return [*_shuffled(early, rng), *LISTS[:-1], *_shuffled(deaths, rng), LISTS[-1]]


def _shuffled(threads: Iterable[Sequence[Step]], rng: random.Random) -> list[Step]:
    left = [list(reversed(thread)) for thread in threads]
    steps = []
    while any(left):
        (thread,) = rng.choices(left, [len(thread) for thread in left])
        steps.append(thread.pop())
    return steps


def rereadings(steps: Iterable[Step]) -> set[tuple[str, str]]:
    """Return each (read, change) where a contact was read, changed once, and read so again.

    A change counts where it is one: archiving an archived contact is none. Lists and searches
    read every contact. The `TURNS` that the steps take are returned too.
    """
    found: set[tuple[str, str]] = set()
    watched: dict[str, _Watched] = {}
    for operation, who in steps:
        if operation == "create":
            watched[who] = _Watched()
        elif operation not in READS:
            found.update(watched[who].change(operation))
        else:
            seen = [watched[who]] if operation == "get" else watched.values()
            found.update(each for one in seen for each in one.read(operation))
    return found


@dataclass
class _Watched:
    """What happened to one contact: since each kind of read, and since it was restored."""

    archived: bool = False
    deleted: bool = False
    turned: tuple[str, ...] = ()
    since: dict[str, list[str]] = field(default_factory=dict)

    def read(self, operation: str) -> Iterator[tuple[str, str]]:
        changes = self.since.get(operation, [])
        if len(changes) == 1:
            yield (operation, changes[0])
        self.since[operation] = []
        # A list need not show the contact, whoever it is asked for.
        if operation == "get" and self.turned[-2:] == ("restore", "update"):
            yield ("restore", "update")

    def change(self, operation: str) -> Iterator[tuple[str, str]]:
        moves = {"archive": not self.archived, "restore": self.archived}
        if self.deleted or not moves.get(operation, True):
            return
        self.turned = (*self.turned, operation)
        if self.turned[-2:] == ("update", "restore"):
            yield ("update", "restore")
        if operation == "update" and self.archived:
            return
        self.archived = {"archive": True, "restore": False}.get(operation, self.archived)
        self.deleted = operation == "delete"
        for changes in self.since.values():
            changes.append(operation)
