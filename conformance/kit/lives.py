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
from operator import itemgetter
from typing import NamedTuple

from conformance.kit.model import LIVE, READS
from conformance.kit.successions import SUCCESSIONS, Succession, Track

Pair = tuple[str, str]
LAST = (*LIVE, "delete")
ON_ALL = ("list", "search")
ON_ONE = tuple(operation for operation in LIVE if operation not in ON_ALL)
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
TURNING = ("archive", "update", "get", "restore", "get", "update", "search", "get")
"""A life that takes both turns and looks after each, for plans without room for every pair."""
TURNINGS = (
    TURNING,
    ("archive", "update", "restore", "update", "get", "archive"),
    ("update", "restore", "archive", "update", "restore", "update", "get", "archive"),
    ("archive", "update", "restore", "update", "search", "get"),
    ("archive", "archive", "update", "restore", "restore", "update", "get"),
    ("update", "restore", "archive", "update", "restore", "update", "search"),
    ("restore", "update", "restore", "archive", "archive", "update", "restore", "update", "get"),
    ("restore", "restore", "archive", "archive", "update", "restore", "update", "get"),
)
"""The same in other words, of which some meet pairs that are rare elsewhere."""
SURVIVORS = 3
"""Lives whose deletes come last, so that the final lists have someone to show."""
ACTIVE, ARCHIVED = "active", "archived"
"""Stand for a contact in the last lists, which are meant for all."""
DRAFTS = 40
SOUGHT = 150
SOUGHT_AT_MOST = 900
NEARLY = 2
"""Pairs that the best draft may leave out for further ones to be worth their time."""
STRAYING = (0.5, 1.5, 3.0)
"""How much chance there is in the choice of a step, in halves of a pair."""
WHOLE = 66
"""Steps in which every pair finds room, one contact after another."""
EXTRA_LENGTH = 8


class Step(NamedTuple):
    """One operation of a plan, and the contact that it is meant for."""

    operation: str
    who: str


LISTS = (Step("list", ACTIVE), Step("list", ARCHIVED), Step("list", ARCHIVED))
"""The lists at the end: before the last deletes, and the archived ones once more after them."""


@dataclass
class Coverage:
    """Which ordered pairs of operations on one contact have been performed.

    The model has a word to say on every contact in each list and search, on those that must be
    absent too. So a list comes after the last operation on each of them, and before the next; that
    it was meant for another does not part the two. What follows a delete follows it for ever.
    """

    pairs: set[Pair] = field(default_factory=set)
    track: Track = field(default_factory=Track)
    _meant: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, str] = field(default_factory=dict)

    def after(self, step: Step) -> set[Pair]:
        """Return the pairs that a step would complete."""
        before = set(self._seen.values()) if step.operation in ON_ALL else set()
        before |= {last[step.who] for last in (self._meant, self._seen) if step.who in last}
        return {(each, step.operation) for each in before}

    def note(self, step: Step) -> None:
        """Count a step that was performed."""
        self.pairs |= self.after(step)
        operation, who = step
        self.track.note(who, operation)
        for each in self._seen if operation in ON_ALL else (who,):
            if self._seen.get(each) != "delete":
                self._seen[each] = operation
        if who not in (ACTIVE, ARCHIVED) and self._meant.get(who) != "delete":
            self._meant[who] = operation

    @property
    def missing(self) -> list[Pair]:
        """The pairs that were not performed, in order."""
        return sorted(PAIRS - self.pairs)


@dataclass(frozen=True)
class Known:
    """What a run performed before its lives, and need not be performed again."""

    pairs: frozenset[Pair] = frozenset()
    successions: frozenset[Succession] = frozenset()


NOTHING = Known()


def plan(rng: random.Random, most: int, known: Known = NOTHING) -> list[Step]:
    """Return at most `most` steps that cover every pair, where that many allow it.

    Of several drafts the one is taken that holds the `TURNS`, the most pairs that are not `known`
    already, and the most successions of that sort and kinds of change after which a contact is
    read again. Where there is room, more contacts live random lives; where there is not, lives
    are left out.
    """
    drafts = [_draft(rng, most) for _ in range(DRAFTS)]
    worth, best = max(((_worth(steps, known), steps) for steps in drafts), key=itemgetter(0))
    for number in range(SOUGHT_AT_MOST if known.pairs or most < WHOLE else 0):
        if number >= SOUGHT and not 0 < len(PAIRS) - worth[1] <= NEARLY:
            break
        steps = _Seeker(
            rng, most, set(PAIRS - known.pairs), set(SUCCESSIONS - known.successions)
        ).draft()
        if (found := _worth(steps, known)) > worth:
            worth, best = found, steps
    return best


def _worth(steps: Sequence[Step], known: Known) -> tuple[int, int, int]:
    found, coverage = rereadings(steps), Coverage()
    for step in steps:
        coverage.note(step)
    pairs = len(coverage.pairs | known.pairs)
    successions = len(coverage.track.successions | known.successions)
    return len(found & TURNS), pairs, successions + len(found)


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


@dataclass
class _Seeker:
    """Drafts a plan step by step, each time the one that meets most pairs not yet met."""

    rng: random.Random
    most: int
    left: set[Pair]
    changes: set[Succession | None]
    steps: list[Step] = field(default_factory=list)
    _coverage: Coverage = field(default_factory=Coverage)
    _living: list[str] = field(default_factory=list)
    _dead: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose how the first contact takes its turns, and how far to stray from the best step."""
        self._script = list(self.rng.choice(TURNINGS))[: max(0, self._room() - 2)]
        self._straying = self.rng.choice(STRAYING)

    def draft(self) -> list[Step]:
        """Return the plan."""
        if self._room() >= 2:
            self._take(Step("create", NAMES[0]))
        while (step := self._next()) is not None:
            self._take(step)
        deaths = [Step("delete", who) for who in self.rng.sample(self._living, len(self._living))]
        return [*self.steps, *LISTS[:-1], *deaths, LISTS[-1]]

    def _room(self) -> int:
        """Return how many steps are left, once the living are to die and be listed before."""
        return self.most - len(self.steps) - len(self._living) - len(LISTS)

    def _next(self) -> Step | None:
        free = self._room() - len(self._script)
        if free < 1:
            return Step(self._script[0], NAMES[0]) if self._script else None
        return max(self._candidates(free), key=self._worth, default=None)

    def _candidates(self, free: int) -> Iterator[Step]:
        fresh = len(self._living) + len(self._dead)
        if free > 1 and fresh < len(NAMES):
            yield Step("create", NAMES[fresh])
        for who in self._living:
            if who == NAMES[0] and self._script:
                yield Step(self._script[0], who)
                continue
            yield from (Step(operation, who) for operation in ON_ONE)
            if len(self._living) > 1:
                yield Step("delete", who)
        yield from (Step(operation, who) for who in self._dead for operation in (*ON_ONE, "delete"))
        if self._living:
            yield from (Step(operation, self.rng.choice(self._living)) for operation in ON_ALL)

    def _worth(self, step: Step) -> float:
        new = self._coverage.after(step) & self.left
        leads = step.operation not in ON_ALL and any(
            (step.operation, after) in self.left and (step.operation, after) not in new
            for after in LAST
        )
        changes = self._coverage.track.after(step.who, step.operation)
        worth = 2 * len(new) + leads + (changes in self.changes)
        return worth + self._straying * self.rng.random()

    def _take(self, step: Step) -> None:
        self.left -= self._coverage.after(step)
        self.changes.discard(self._coverage.track.after(step.who, step.operation))
        self._coverage.note(step)
        self.steps.append(step)
        if step.operation == "create":
            self._living.append(step.who)
        elif step.operation == "delete" and step.who in self._living:
            self._living.remove(step.who)
            self._dead.append(step.who)
        elif step.who == NAMES[0] and self._script[:1] == [step.operation]:
            del self._script[:1]


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
